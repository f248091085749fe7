"""The `blocks` section: what each block takes, and what stands in it."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as MappingType
from collections.abc import Sequence as Sequence_
from dataclasses import dataclass, field

from modelspec.catalog.layers import LAYERS
from modelspec.catalog.library import Rule, is_kind
from modelspec.core.diagnostics import Fault, Span, nearest
from modelspec.core.diagnostics.suggest import listed
from modelspec.core.settings import describe
from modelspec.core.source import Entry, Mapping, Node, Scalar, Sequence, plain
from modelspec.core.source.offsets import place

from .expression_syntax import Misread, parse
from .identifiers import check_parameter
from .interpolation import cut_off, split
from .notebook import Notebook

_KEYS = ("description", "parameters", "primary", "inline", "inputs", "layers", "outputs")
INPUT = "input"
"""The name of a block's input where it names none."""


@dataclass(frozen=True)
class Block:
    """A block as written."""

    name: str
    span: Span
    layers: Node
    parameters: dict[str, Entry] = field(default_factory=dict)
    """Their defaults; null: required."""
    primary: str | None = None
    inputs: tuple[str, ...] = (INPUT,)
    outputs: Node | None = None
    inline: bool = False
    """Whether its entries are called as those around its use are: `conv2d_7`, not
    `block_2_conv2d`.
    """
    extra: tuple[str, ...] = ()
    """Settings beside the parameters, of a model of the library."""
    rules: MappingType[str, Rule] = field(default_factory=dict)
    """What parameters may be, where their defaults do not say it."""

    @property
    def noun(self) -> str:
        """What messages call its parameters."""
        return "setting" if self.extra else "parameter"

    def __str__(self) -> str:
        return f"`{self.name}`" if self.extra else f"block `{self.name}`"

    def required(self) -> list[str]:
        return (
            []
            if self.extra
            else [name for name, entry in self.parameters.items() if is_null(entry.value)]
        )


def is_null(node: Node) -> bool:
    return isinstance(node, Scalar) and node.value is None


def read_blocks(root: Mapping, notebook: Notebook) -> dict[str, Block | None]:
    """Every block by its name; None for one that is in error. Recursion and unreadable expressions
    are found here.
    """
    entry = root.entries.get("blocks")
    if entry is None or is_null(entry.value):
        return {}
    if not isinstance(entry.value, Mapping):
        notebook.report(
            Fault(
                "MS204",
                "`blocks` must be a mapping of names to blocks, found "
                f"{describe(plain(entry.value))}",
            ),
            entry.value.span,
        )
        return {}
    found: dict[str, Block | None] = {}
    for name, item in entry.value.entries.items():
        found[name] = (
            _read(name, item, notebook) if _check_name(name, item.key_span, notebook) else None
        )
    _refuse_recursion(found, notebook)
    return found


def _check_name(name: str, span: Span, notebook: Notebook) -> bool:
    if name in LAYERS or name in LAYERS.refused:
        notebook.report(
            Fault(
                "MS306",
                f"`{name}` is the name of a layer, and cannot name a block",
                help=f"call it something else, e.g. `{name.lower()}_block`",
            ),
            span,
        )
        return False
    if is_kind(name) and not span.source.shipped:
        notebook.report(
            Fault(
                "MS306",
                f"`{name}` is a kind of the library, and cannot name a block",
                help=f"call it something else, e.g. `my_{name}`",
            ),
            span,
        )
        return False
    return check_parameter(name, span, notebook)


def _read(name: str, entry: Entry, notebook: Notebook) -> Block | None:
    node = entry.value
    if isinstance(node, Sequence):
        node = Mapping({"layers": Entry(node.span, node)}, node.span)
    if not isinstance(node, Mapping):
        notebook.report(
            Fault(
                "MS204",
                f"block `{name}` must be a mapping with `layers`, or a list of layers, found "
                f"{describe(plain(node))}",
            ),
            node.span,
        )
        return None
    reader = _Reader(name, node, notebook)
    reader.unknown_keys()
    layers = node.entries.get("layers")
    if layers is None:
        if not any(nearest(key, ("layers",)) for key in node.entries if key not in _KEYS):
            help = "add `layers:` with a list of layers"
            notebook.report(
                Fault("MS315", f"block `{name}` needs `layers`", help=help), entry.key_span
            )
        return None
    for key in ("layers", "outputs"):
        if key in node.entries:
            reader.read_expressions(node.entries[key].value)
    parameters = reader.parameters()
    outputs = node.entries.get("outputs")
    block = Block(
        name,
        entry.key_span,
        layers.value,
        parameters,
        reader.primary(parameters),
        reader.inputs(),
        outputs.value if outputs and not is_null(outputs.value) else None,
        reader.inline(),
    )
    return None if reader.broken else block


@dataclass
class _Reader:
    """Reads one block."""

    name: str
    node: Mapping
    notebook: Notebook
    broken: bool = False

    def wrong(self, fault: Fault, span: Span) -> None:
        self.broken = True
        self.notebook.report(fault, span)

    def unknown_keys(self) -> None:
        for key, entry in self.node.entries.items():
            if key not in _KEYS:
                near = nearest(key, [k for k in _KEYS if k not in self.node.entries]) or nearest(
                    key, _KEYS
                )
                self.wrong(
                    Fault(
                        "MS201",
                        f"block `{self.name}` has no key `{key}`",
                        suggestion=near,
                        help=f"did you mean `{near}`?" if near else f"its keys are {listed(_KEYS)}",
                    ),
                    entry.key_span,
                )

    def parameters(self) -> dict[str, Entry]:
        entry = self.node.entries.get("parameters")
        if entry is None or is_null(entry.value):
            return {}
        if not isinstance(entry.value, Mapping):
            self.wrong(
                Fault(
                    "MS204",
                    "`parameters` must be a mapping of names to defaults, found "
                    f"{describe(plain(entry.value))}",
                    help="e.g. `parameters: {filters: null, stride: 1}` (`null`: required)",
                ),
                entry.value.span,
            )
            return {}
        names = list(entry.value.entries)
        for position, (name, item) in enumerate(entry.value.entries.items()):
            if not check_parameter(name, item.key_span, self.notebook):
                self.broken = True
            self.read_expressions(item.value, names[position:])
        return entry.value.entries

    def primary(self, parameters: dict[str, Entry]) -> str | None:
        entry = self.node.entries.get("primary")
        if entry is None or is_null(entry.value):
            return None
        value = plain(entry.value)
        if isinstance(value, str) and value in parameters:
            return value
        if self.broken and not parameters:  # they are there under a misspelt key, which is told
            return None
        near = nearest(value, parameters) if isinstance(value, str) else None
        self.wrong(
            Fault(
                "MS205",
                f"`primary` must be the name of a parameter, found {describe(value)}",
                suggestion=near,
                help=f"did you mean `{near}`?" if near else None,
            ),
            entry.value.span,
        )
        return None

    def inline(self) -> bool:
        entry = self.node.entries.get("inline")
        value = plain(entry.value) if entry else False
        if entry and not isinstance(value, bool):
            self.wrong(
                Fault("MS204", f"`inline` must be `true` or `false`, found {describe(value)}"),
                entry.value.span,
            )
        return value is True

    def inputs(self) -> tuple[str, ...]:
        entry = self.node.entries.get("inputs")
        if entry is None or is_null(entry.value):
            return (INPUT,)
        items = entry.value.items if isinstance(entry.value, Sequence) else (entry.value,)
        names: list[str] = []
        for item in items:
            name = plain(item)
            if not isinstance(name, str) or not name or "." in name or "$" in name:
                self.wrong(
                    Fault(
                        "MS204",
                        f"`inputs` of a block must be a list of names, found {describe(name)}",
                        help=(
                            "e.g. `inputs: [a, b]`; their shapes come from what the block is called"
                            " with"
                        ),
                    ),
                    item.span,
                )
            elif name in names:
                self.wrong(Fault("MS304", f"`{name}` is defined twice"), item.span)
            else:
                names.append(name)
        return tuple(names) or (INPUT,)

    def read_expressions(self, node: Node, later: Sequence_[str] = ()) -> None:
        """Report what cannot be read, also in a block that nothing uses, and names that are defined
        `later`.
        """
        for scalar in _texts(node):
            assert isinstance(scalar.value, str)
            start = 0
            try:
                for part in split(scalar.value):
                    if not part.expression:
                        continue
                    start = part.start
                    for name in parse(part.text).names if later or not part.bare else ():
                        if name.text in later:
                            self.wrong(
                                Fault(
                                    "MS121",
                                    f"`{name.text}` is used before it is defined",
                                    help="a default may use the parameters above it",
                                ),
                                place(scalar, start + name.start, start + name.end),
                            )
                    start = 0
            except Misread as misread:
                fault = cut_off(scalar, misread.fault)
                self.notebook.report(
                    fault, place(scalar, start + misread.start, start + misread.end)
                )


def _texts(node: Node) -> Iterator[Scalar]:
    """Every text with a `$` in it."""
    if isinstance(node, Sequence):
        for item in node.items:
            yield from _texts(item)
    elif isinstance(node, Mapping):
        for entry in node.entries.values():
            yield from _texts(entry.value)
    elif isinstance(node.value, str) and "$" in node.value:
        yield node


# Blocks in blocks ---------------------------------------------------------------------------------


def _refuse_recursion(blocks: dict[str, Block | None], notebook: Notebook) -> None:
    """A block that uses itself, directly or through others, is in error: also where a `when` would
    end it.
    """
    uses = {
        name: list(_uses(block.layers, blocks)) if block else [] for name, block in blocks.items()
    }
    finished: set[str] = set()
    for name in blocks:
        _follow(name, uses, finished, blocks, notebook)


def _follow(
    start: str,
    uses: dict[str, list[tuple[str, Span]]],
    finished: set[str],
    blocks: dict[str, Block | None],
    notebook: Notebook,
) -> None:
    """Go along the uses, depth first, with a list in place of calls."""
    if start in finished:
        return
    path, left = [start], [iter(uses[start])]
    while path:
        step = next(left[-1], None)
        if step is None:
            finished.add(path.pop())
            left.pop()
            continue
        name, span = step
        if name in path:
            _report_circle([*path[path.index(name) :], name], span, notebook)
            for one in path[path.index(name) :]:
                blocks[one] = None
        elif name not in finished:
            path.append(name)
            left.append(iter(uses[name]))


def _report_circle(circle: list[str], span: Span, notebook: Notebook) -> None:
    if len(circle) == 2:
        message = f"block `{circle[0]}` uses itself"
    else:
        message = f"block `{circle[0]}` uses itself, by way of {listed(circle[1:-1])}"
    notebook.report(
        Fault("MS131", message, help="use `repeat` or `for` to write layers several times"), span
    )


def _uses(node: Node, blocks: dict[str, Block | None]) -> Iterator[tuple[str, Span]]:
    """Every kind in a list of layers (and in the lists inside it) that is a block, and where it
    stands.
    """
    if isinstance(node, Scalar):
        if isinstance(node.value, str) and node.value in blocks:
            yield node.value, node.span
    elif isinstance(node, Sequence):
        for item in node.items:
            yield from _uses(item, blocks)
    else:
        for key, entry in node.entries.items():
            if key in blocks and len(node.entries) == 1:
                yield key, entry.key_span
            elif key in ("do", "else", "branches", "join"):
                yield from _uses(entry.value, blocks)
