"""What can be written at the cursor: keys and words of the language, and names of the spec."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

from modelspec.compiler.infer.typed_graph import TypedCall
from modelspec.core.shapes import show
from modelspec.core.source import Mapping, Node, find, plain

from .analysis import Analysis
from .completion_data import columns, monitored, paths
from .cursor import Cursor, cursor_at
from .grammar import LAYER, Grammar, grammar_of
from .schema_walk import Allowed
from .scopes import BLOCK_INPUT, BY_OUTPUT, blocks, model_around, shared, tensors, variables

Kind = Literal[
    "key", "value", "layer", "tensor", "variable", "block", "path", "metric", "column", "function"
]
_LONG: Final = 60


class Suggested(NamedTuple):
    """A text that can be written at the cursor."""

    label: str
    text: str
    """Replaces the characters from `start` up to `end`."""
    kind: Kind
    detail: str = ""
    documentation: str = ""
    """Markdown."""
    start: int = 0
    end: int = 0
    rank: int = 5
    """A lower one is listed first."""


def completions(analysis: Analysis, offset: int) -> list[Suggested]:
    """What can be written at an offset of the text; nothing in a comment."""
    cursor = cursor_at(analysis.lines, analysis.name, offset)
    if cursor is None:
        return []
    root = analysis.document.root if analysis.document is not None else None
    if (start := _in_expression(analysis.text, cursor, offset)) is not None:
        return [] if root is None else list(_of_expression(root, cursor, start, offset))
    with analysis.context.plugins.active():
        grammar = grammar_of(analysis.context.plugins)
        found = list(_names(analysis, grammar, root, cursor))
        found += _of_grammar(grammar, root, cursor)
    whole = {(one.label, one.text): one for one in reversed(found)}
    return [
        one._replace(start=cursor.start, end=cursor.end) for one in reversed(list(whole.values()))
    ]


# Expressions --------------------------------------------------------------------------------------


def _in_expression(text: str, cursor: Cursor, offset: int) -> int | None:
    """Where the name of a value starts that is being written in an expression; None elsewhere."""
    start = offset
    while start > 0 and (text[start - 1].isalnum() or text[start - 1] == "_"):
        start -= 1
    if text[start - 1 : start] == "$":
        return start
    line = text[text.rfind("\n", 0, offset) + 1 : start]
    opened = line.rfind("$(")
    if opened < 0 or text[start - 1 : start] == ".":
        return None
    inside = line[opened:]
    return start if inside.count("(") > inside.count(")") else None


def _of_expression(root: Mapping, cursor: Cursor, start: int, offset: int) -> Iterator[Suggested]:
    from modelspec.compiler.expand.expression_functions import FUNCTIONS

    for name, one in variables(root, cursor.path).items():
        yield Suggested(name, name, "variable", _shown(one.value), "", start, offset, 0)
    for name, function in FUNCTIONS.items():
        yield Suggested(name, name, "function", "function", function.words, start, offset, 1)


def _shown(node: Node) -> str:
    text = str(plain(node))
    return text if len(text) <= _LONG else f"{text[: _LONG - 3]}..."


# Keys and words -----------------------------------------------------------------------------------


def _of_grammar(grammar: Grammar, root: Node | None, cursor: Cursor) -> Iterator[Suggested]:
    siblings = tuple(one for one in cursor.siblings if one)
    found = grammar.allowed(cursor.path, siblings)
    words = {one.text for one in found if not one.is_key}
    is_layer = grammar.is_a(cursor.path, LAYER)
    for one in found:
        kind: Kind = "key" if one.is_key else "value"
        if is_layer and one.text[:1].isupper():
            kind = "layer"
        if not one.is_key:
            if cursor.expected != "key":
                text = _quoted(one.text, cursor)
                yield Suggested(one.text, text, kind, "", one.description, rank=4)
        elif cursor.expected != "value":
            if one.text not in cursor.siblings:
                yield _key(one, kind, cursor)
        elif one.is_kind and one.text not in words:
            yield _flow(one, kind, cursor)


def _key(one: Allowed, kind: Kind, cursor: Cursor) -> Suggested:
    is_needed = one.required and kind == "key" and bool(cursor.siblings)
    text = _with_colon(one.text, cursor)
    detail = "required" if is_needed else ""
    return Suggested(one.text, text, kind, detail, one.description, rank=2 if is_needed else 5)


def _flow(one: Allowed, kind: Kind, cursor: Cursor) -> Suggested:
    """A name with settings where only a value on the same line fits."""
    text = one.text if cursor.quoted else f"{{{_with_colon(one.text, cursor)}}}"
    return Suggested(one.text, text, kind, "with settings", one.description, rank=6)


def _with_colon(text: str, cursor: Cursor) -> str:
    if cursor.quoted:
        return text
    return f'"{text}": ' if cursor.in_json else f"{text}: "


def _quoted(text: str, cursor: Cursor) -> str:
    plain_word = text in ("true", "false", "null")
    return f'"{text}"' if cursor.in_json and not cursor.quoted and not plain_word else text


# Names of the spec --------------------------------------------------------------------------------


def _names(
    analysis: Analysis, grammar: Grammar, root: Node | None, cursor: Cursor
) -> Iterator[Suggested]:
    if root is None:
        return
    path = cursor.path
    in_model = path[:1] in (("model",), ("blocks",)) and not cursor.siblings
    if in_model and cursor.expected != "value" and grammar.is_a(path, LAYER):
        for one in blocks(root):
            detail = f"block {_parameters_of(one.value)}".rstrip()
            yield Suggested(one.name, _with_colon(one.name, cursor), "block", detail, rank=1)
        for name in shared(root, path):
            yield Suggested(name, _quoted(name, cursor), "block", "shared", rank=1)
    if cursor.expected != "key":
        yield from _values(analysis, grammar, root, cursor)
    if cursor.expected != "value":
        yield from _parameters(root, cursor)
        for name, detail in (*_of_model(analysis, root, path), *_arguments(root, path)):
            if name not in cursor.siblings:
                yield Suggested(name, _with_colon(name, cursor), "tensor", detail, rank=1)


def _parameters_of(block: Node) -> str:
    """The parameters of a block with their defaults: `(units, rate=0.1)`."""
    found = find(block, ("parameters",))
    entries = found.entries.items() if isinstance(found, Mapping) else ()
    values = [(name, plain(entry.value)) for name, entry in entries]
    shown = ", ".join(name if value is None else f"{name}={value}" for name, value in values)
    return f"({shown})" if shown else ""


def _values(
    analysis: Analysis, grammar: Grammar, root: Node, cursor: Cursor
) -> Iterator[Suggested]:
    path = cursor.path
    key = next((step for step in reversed(path) if isinstance(step, str)), "")
    if key == "from" or "from" in path[-2:] or ("outputs" in path[-2:] and path[0] != "training"):
        for name, detail in _tensors(analysis, root, cursor):
            yield Suggested(name, _quoted(name, cursor), "tensor", detail, rank=1)
    elif key == "monitor":
        for name in monitored(analysis):
            yield Suggested(name, _quoted(name, cursor), "metric", "logged by the run", rank=1)
    elif path[:1] == ("data",) and (names := columns(analysis, grammar, path)):
        for name in names:
            yield Suggested(name, _quoted(name, cursor), "column", "column of the data", rank=1)
    elif grammar.is_path(path) or (isinstance(path[-1], int) and grammar.is_path(path[:-1])):
        for name in paths(analysis, cursor.word):
            yield Suggested(name, _quoted(name, cursor), "path", "", rank=1)
    elif path[:2] == ("training", "freeze"):
        for name, detail in _tensors(analysis, root, cursor):
            yield Suggested(name, _quoted(name, cursor), "layer", detail, rank=1)


def _tensors(analysis: Analysis, root: Node, cursor: Cursor) -> Iterator[tuple[str, str]]:
    """The tensors that an entry can take: those of its model before it, with their shapes."""
    around = model_around(root, cursor.path)
    graph = analysis.graph
    if (around is None or around == ("model",)) and graph is not None:
        for name, tensor in graph.inputs.items():
            yield name, f"input {show(tensor.shape)}"
        for call in graph.layers:
            if around is None or _is_before(analysis, call, cursor):
                yield from _outputs(call)
    if around is None:
        return
    node = find(root, around)
    if isinstance(node, Mapping) and "inputs" not in node.entries:
        yield BLOCK_INPUT, "input"
    for one in tensors(node):
        if one.span.start < cursor.start or not analysis.is_here(one.span):
            yield one.name, ""


def _outputs(call: TypedCall) -> Iterator[tuple[str, str]]:
    shapes = [f"{call.kind} {show(one.shape)}" for one in call.outputs]
    if len(shapes) == 1:
        yield call.name, shapes[0]
        return
    names = call.output_names or tuple(map(str, range(len(shapes))))
    for name, shape in zip(names, shapes, strict=True):
        yield f"{call.name}.{name}", shape


def _is_before(analysis: Analysis, call: TypedCall, cursor: Cursor) -> bool:
    span = call.call.use.kind_span
    return not analysis.is_here(span) or span.start < cursor.start


def _parameters(root: Node, cursor: Cursor) -> Iterator[Suggested]:
    """The parameters of a block, in a call of it."""
    if not cursor.path or not isinstance(cursor.path[-1], str):
        return
    for one in blocks(root):
        if one.name == cursor.path[-1] and "layers" in cursor.path:
            found = find(one.value, ("parameters",))
            for name, entry in found.entries.items() if isinstance(found, Mapping) else ():
                if name not in cursor.siblings:
                    text = _with_colon(name, cursor)
                    yield Suggested(name, text, "key", _shown(entry.value), rank=1)
            for name in ("name", "from"):
                yield Suggested(name, _with_colon(name, cursor), "key", rank=3)


def _of_model(
    analysis: Analysis, root: Node, path: tuple[str | int, ...]
) -> Iterator[tuple[str, str]]:
    """The keys that are names of the inputs or outputs of the model, or of variables."""
    graph = analysis.graph
    if graph is not None and path == ("data", "inputs"):
        yield from ((name, show(one.shape)) for name, one in graph.inputs.items())
    elif graph is not None and (path == ("data", "targets") or path[1:] in _OF_OUTPUTS):
        yield from ((name, show(one.shape)) for name, one in graph.outputs.items())
    elif path == ("model", "outputs"):
        yield from ((one.name, "") for one in tensors(find(root, ("model",))))


def _arguments(root: Node, path: tuple[str | int, ...]) -> Iterator[tuple[str, str]]:
    """The inputs of a shared model or a block, in the `from` of a call of it."""
    if path[-1:] != ("from",):
        return
    kind = path[-2] if len(path) > 1 else ""
    called = {**{one.name: one for one in blocks(root)}, **shared(root, path)}.get(str(kind))
    if called is not None and isinstance(called.value, Mapping):
        inputs = called.value.entries.get("inputs")
        for one in tensors(Mapping({"inputs": inputs}, called.span)) if inputs else ():
            yield one.name, f"input of {kind}"


_OF_OUTPUTS: Final = tuple((key,) for key in BY_OUTPUT)
