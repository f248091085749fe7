"""Every place of a spec, and of the files that it extends, where a name is defined or used."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple, TypeAlias

from modelspec.compiler.expand.expression_syntax import Misread, parse
from modelspec.compiler.expand.interpolation import is_expression, split
from modelspec.core.diagnostics import Source, Span
from modelspec.core.diagnostics.derived import origin_of
from modelspec.core.source import Entry, Mapping, Node, Scalar, Sequence, find, read_text, walk
from modelspec.core.source.offsets import place

from .analysis import Analysis
from .scopes import BY_OUTPUT, Path, blocks, model_around, shared, tensors, variables

Symbol: TypeAlias = "tuple[str | int, ...]"
"""What a name means: its kind, where it is valid, and the name."""

_FIRST_OF_ENTRY: Final = ("layers", "do", "else", "branches")
_WRAPPED: Final = ("layer", "forward_layer", "backward_layer", "cell", "cells", "layers")
_OF_VARS: Final = "vars."
_FORMULAS: Final = ("formula", "result", "mask")
_WORD: Final = re.compile(r"(?<![\w.'\"])[^\W\d]\w*(?![\w(.'\"])")
"""A name in a formula: no function, and no part of another name."""
_TARGET: Final = "target."
"""What a formula begins the name of a target with."""


class Place(NamedTuple):
    """A place where a name is written."""

    symbol: Symbol
    span: Span
    """The characters of the name, without quotes."""
    defines: bool = False


def places(analysis: Analysis) -> list[Place]:
    """All places, those of the text first; each once."""
    if analysis.document is None:
        return []
    roots = [analysis.document.root, *_extended(analysis)]
    known = _Known(roots)
    found = [one for root in roots for one in _Walk(root, known).places()]
    return list({(one.symbol, one.span.file, one.span.start): one for one in found}.values())


def _extended(analysis: Analysis) -> list[Mapping]:
    """The files that the spec extends, as written; also those of the library."""
    compiled = analysis.compiled
    if compiled is None:
        return []
    found: dict[str, Source] = {}
    for node in walk(compiled.file.document.root):
        source = origin_of(node.span).source
        if source.name != analysis.name and not source.by_user:
            found.setdefault(source.name, source)
    texts = (read_text(one.text, one.name, folder=one.folder) for one in found.values())
    return [one.value.root for one in texts if one.value is not None]


class _Known:
    """The names that the files define together, in which a base and the file that extends it
    complement each other.
    """

    def __init__(self, roots: list[Mapping]) -> None:
        self.roots = roots
        self.blocks = {one.name for root in roots for one in blocks(root)}
        self.public = {name for root in roots for name in _keys(find(root, ("model", "outputs")))}
        self.shared = {name for root in roots for name in shared(root, ("model",))}

    def kind(self, path: Path, name: str) -> Symbol | None:
        """What a kind of an entry means; None for a layer."""
        for root in self.roots:
            if name in shared(root, path):
                return ("shared", name)
        return ("block", name) if name in self.blocks else None

    def value(self, root: Mapping, path: Path, name: str) -> Symbol | None:
        """What a name in an expression means."""
        own = variables(root, path).get(name)
        if own is not None and not _is_below(own.span, find(root, ("vars",))):
            of_block = path[:1] == ("blocks",) and len(path) > 1
            parameters = find(root, (*path[:2], "parameters")) if of_block else None
            if _is_below(own.span, parameters):
                return ("parameter", path[1], name)
            return ("loop", own.span.file, own.span.start, name)
        for one in self.roots:
            if name in variables(one, ()):
                return ("variable", name)
        return None

    def output(self, name: str) -> Symbol:
        """What the name of an output of the model means: it may be that of its tensor."""
        return ("output", name) if name in self.public else ("tensor", "model", name)

    def layer(self, name: str) -> Symbol:
        """What the name of a layer of the model means in `freeze`."""
        return ("shared", name) if name in self.shared else ("tensor", "model", name)


class _Walk:
    """The places in one file."""

    def __init__(self, root: Mapping, known: _Known) -> None:
        self.root = root
        self.known = known

    def places(self) -> Iterator[Place]:
        yield from self._values()
        yield from self._definitions()
        stack: list[tuple[Node, Path]] = [(self.root, ())]
        while stack:
            node, path = stack.pop()
            if isinstance(node, Sequence):
                stack.extend((one, (*path, at)) for at, one in enumerate(node.items))
            elif isinstance(node, Mapping):
                yield from self._in_mapping(node, path)
                stack.extend((entry.value, (*path, key)) for key, entry in node.entries.items())
            else:
                yield from self._in_scalar(node, path)

    def _values(self) -> Iterator[Place]:
        """Where variables, parameters and blocks are defined."""
        for name, one in variables(self.root, ()).items():
            yield Place(("variable", name), _bare(one.span), True)
        for block in blocks(self.root):
            yield Place(("block", block.name), _bare(block.span), True)
            for name, span in _keys(find(block.value, ("parameters",))).items():
                yield Place(("parameter", block.name, name), _bare(span), True)
            primary = find(block.value, ("primary",))
            if isinstance(primary, Scalar) and isinstance(primary.value, str):
                yield Place(("parameter", block.name, primary.value), _bare(primary.span))

    def _definitions(self) -> Iterator[Place]:
        """Where tensors are defined: in the model, and in every block and shared model."""
        for path in _models(self.root):
            for one in tensors(find(self.root, path)):
                if "$" not in one.name:
                    yield Place(_tensor(path, one.name), _bare(one.span), True)

    def _in_mapping(self, node: Mapping, path: Path) -> Iterator[Place]:
        for key, entry in node.entries.items():
            if "$" in key:
                yield from self._in_expression(Scalar(key, entry.key_span), path)
            elif path:
                yield from self._of_key(key, entry, path)
        loop = node.entries.get("for")
        for name, span in _keys(loop.value if loop is not None else None).items():
            yield Place(("loop", span.file, span.start, name), _bare(span), True)

    def _of_key(self, key: str, entry: Entry, path: Path) -> Iterator[Place]:
        last, span = path[-1], _bare(entry.key_span)
        if last == "shared":
            yield Place(("shared", key), span, True)
        elif path in (("data", "inputs"), ("generate", "inputs")):
            yield Place(("tensor", "model", key), span)
        elif path == ("model", "outputs"):
            yield Place(("output", key), span, True)
        elif path == ("data", "targets") or (path[0] == "training" and last in BY_OUTPUT):
            yield Place(self.known.output(key), span)
        elif path[0] == "sweep" and key.startswith(_OF_VARS):
            start = span.start + len(_OF_VARS)
            name = key.removeprefix(_OF_VARS).partition(".")[0]
            yield Place(("variable", name), span._replace(start=start, end=start + len(name)))
        elif self._is_entry(path) and (kind := self.known.kind(path, key)) is not None:
            yield Place(kind, span)
            yield from self._arguments(kind, entry.value)

    def _arguments(self, kind: Symbol, node: Node) -> Iterator[Place]:
        """The parameters in a call of a block."""
        if kind[0] == "block":
            defined = {
                name
                for root in self.known.roots
                for name in _keys(find(root, ("blocks", str(kind[1]), "parameters")))
            }
            for name, span in _keys(node).items():
                if name in defined:
                    yield Place(("parameter", kind[1], name), _bare(span))

    def _in_scalar(self, node: Scalar, path: Path) -> Iterator[Place]:
        if not isinstance(node.value, str):
            return
        if is_expression(node):
            yield from self._in_expression(node, path)
        elif "from" in path[-3:] or _is_output(path):
            yield from self._of_tensor(node, node.value, path)
        elif "freeze" in path[-2:] and path[0] == "training":
            name = node.value.partition("/")[0]
            yield Place(self.known.layer(name), place(node, 0, len(name)))
        elif path[:2] == ("data", "augment") and "on" in path[-2:]:
            yield Place(("tensor", "model", node.value), _bare(node.span))
        elif path[0] in ("training", "generate") and path[-1] in _FORMULAS:
            yield from self._in_formula(node, node.value, path)
        elif self._is_entry(path) and (kind := self.known.kind(path, node.value)) is not None:
            yield Place(kind, _bare(node.span))

    def _in_formula(self, node: Scalar, text: str, path: Path) -> Iterator[Place]:
        """The outputs of the model in a formula without `from`."""
        if isinstance(find(self.root, (*path[:-1], "from")), Mapping):
            return  # its names are those of `from`
        for match in _WORD.finditer(text):
            yield Place(self.known.output(match[0]), place(node, match.start(), match.end()))

    def _of_tensor(self, node: Scalar, text: str, path: Path) -> Iterator[Place]:
        """The name in the reference to a tensor: `name`, `name.output`, `target.name`."""
        if path[0] not in ("model", "blocks") and text.startswith(_TARGET):
            start, end = len(_TARGET), len(text)
            yield Place(self.known.output(text[start:]), place(node, start, end))
            return
        around = model_around(self.root, path) or ("model",)
        name = text.partition(".")[0]
        yield Place(_tensor(around, name), place(node, 0, len(name)))

    def _in_expression(self, node: Scalar, path: Path) -> Iterator[Place]:
        assert isinstance(node.value, str)
        written = node.span.text
        is_folded = "\n" in written and written[:1] not in ("'", '"')
        text = Scalar(written, node.span) if is_folded else node
        try:
            for part in split(str(text.value)):
                for name in parse(part.text).names if part.expression else ():
                    symbol = self.known.value(self.root, path, name.text)
                    if symbol is not None:
                        start, end = part.start + name.start, part.start + name.end
                        yield Place(symbol, place(text, start, end))
        except Misread:
            return

    def _is_entry(self, path: Path) -> bool:
        """Whether a value at a path is an entry of `layers`, or a wrapped layer."""
        if path[:1] not in (("model",), ("blocks",), ("data",)) or not path:
            return False
        if isinstance(path[-1], int):
            return any(step in _FIRST_OF_ENTRY for step in path) or "shared" in path[-3:-1]
        wrapper = str(path[-1])
        return wrapper in _WRAPPED or "shared" in path[-2:-1] or _wraps(wrapper)


def _wraps(kind: str) -> bool:
    """Whether the only value of a layer of this kind is another layer: `TimeDistributed: enc`."""
    from modelspec.catalog.layers import LAYERS

    found = LAYERS.find(kind)
    return found is not None and found.primary() in _WRAPPED


def _models(root: Node) -> Iterator[Path]:
    """The paths of the model, its shared models, and the blocks."""
    stack: list[Path] = [("model",), *(("blocks", one.name) for one in blocks(root))]
    while stack:
        path = stack.pop()
        if isinstance(find(root, path), Mapping):
            yield path
            inner = find(root, (*path, "shared"))
            stack.extend((*path, "shared", name) for name in _keys(inner))


def _tensor(path: Path, name: str) -> Symbol:
    return ("tensor", *path, name)


def _is_output(path: Path) -> bool:
    """Whether a string at a path is a tensor that a model returns."""
    at = next((size for size in (1, 2) if path[-size:][:1] == ("outputs",)), None)
    return at is not None and path[:1] in (("model",), ("blocks",))


def _keys(node: Node | None) -> dict[str, Span]:
    if not isinstance(node, Mapping):
        return {}
    return {name: entry.key_span for name, entry in node.entries.items()}


def _is_below(span: Span, node: Node | None) -> bool:
    """Whether a place is in the text of a node."""
    if node is None or node.span.file != span.file:
        return False
    return any(one == span for one in _keys(node).values())


def _bare(span: Span) -> Span:
    """The place without quotes around it."""
    text = span.text
    if len(text) > 1 and text[0] in "'\"" and text[-1] == text[0]:
        return span._replace(start=span.start + 1, end=span.end - 1)
    return span
