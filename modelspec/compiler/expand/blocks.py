"""The `blocks` section: the parameters, inputs, layers and outputs of each block."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as MappingType
from collections.abc import Sequence as Sequence_
from dataclasses import dataclass, field

from modelspec.catalog.layers import LAYERS
from modelspec.catalog.library import Rule, is_kind
from modelspec.core.diagnostics import (
    Collector,
    Fault,
    Span,
    did_you_mean,
    nearest,
    nearest_unused,
)
from modelspec.core.diagnostics.derived import Cause, Step
from modelspec.core.diagnostics.suggest import listed
from modelspec.core.sections import begun
from modelspec.core.settings import describe
from modelspec.core.source import Entry, Mapping, Node, Scalar, Sequence, Value, plain
from modelspec.core.source.offsets import place

from .block_recursion import refuse_recursion
from .expression_syntax import Misread, parse
from .identifiers import check_parameter
from .interpolation import cut_off, is_expression, split

_KEYS = (
    *("description", "parameters", "primary", "inline"),
    *("inputs", "shared", "layers", "outputs"),
)
_NO_LAYERS = "add `layers:` with a list of layers"
INPUT = "input"
"""The default name of the input of a block."""


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
    """Whether its entries are named as if written at its use: `conv2d_7`, not `block_2_conv2d`."""
    extra: tuple[str, ...] = ()
    """Settings of a library model, in addition to the parameters."""
    sized: frozenset[str] = frozenset()
    """The inputs whose sizes its expressions use."""
    shared: Mapping | None = None
    """Layers and models that the entries of one use call, by name."""
    rules: MappingType[str, Rule] = field(default_factory=dict)
    """Allowed values of parameters, if their defaults do not determine them."""

    @property
    def noun(self) -> str:
        """The word for its parameters in messages."""
        return "setting" if self.extra else "parameter"

    def __str__(self) -> str:
        return f"`{self.name}`" if self.extra else f"block `{self.name}`"

    def cause(self, use: Span) -> Cause:
        """The step of the layers of one use of it."""
        step: Step = "library" if self.extra else "block"
        return Cause(f"in {self}, used here", use, step, self.name)

    @property
    def content(self) -> Node:
        """All that it may call: its layers and its shared definitions."""
        if self.shared is None:
            return self.layers
        every = (self.layers, *(entry.value for entry in self.shared.entries.values()))
        return Sequence(every, self.layers.span)

    def required(self) -> list[str]:
        return (
            []
            if self.extra
            else [name for name, entry in self.parameters.items() if is_null(entry.value)]
        )


def is_null(node: Node) -> bool:
    return isinstance(node, Scalar) and node.value is None


def read_blocks(root: Mapping, collector: Collector) -> dict[str, Block | None]:
    """Every block by its name; None for an invalid one. Recursion and malformed expressions are
    reported here.
    """
    entry = root.entries.get("blocks")
    if entry is None or is_null(entry.value):
        return {}
    if not isinstance(entry.value, Mapping):
        collector.report(
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
            _read(name, item, collector) if _check_name(name, item.key_span, collector) else None
        )
    layers = {name: block.content if block else None for name, block in found.items()}
    for name in refuse_recursion(layers, collector):
        found[name] = None
    return found


def _check_name(name: str, span: Span, collector: Collector) -> bool:
    if name in LAYERS or name in LAYERS.refused:
        collector.report(
            Fault(
                "MS306",
                f"`{name}` is the name of a layer, and cannot be the name of a block",
                help=f"rename it, e.g. `{name.lower()}_block`",
            ),
            span,
        )
        return False
    if is_kind(name) and not span.source.shipped:
        collector.report(
            Fault(
                "MS306",
                f"`{name}` is a kind of the library, and cannot be the name of a block",
                help=f"rename it, e.g. `my_{name}`",
            ),
            span,
        )
        return False
    return check_parameter(name, span, collector)


def _read(name: str, entry: Entry, collector: Collector) -> Block | None:
    node = entry.value
    if isinstance(node, Sequence):
        node = Mapping({"layers": Entry(node.span, node)}, node.span)
    if not isinstance(node, Mapping):
        collector.report(
            Fault(
                "MS204",
                f"block `{name}` must be a mapping with `layers`, or a list of layers, found "
                f"{describe(plain(node))}",
            ),
            node.span,
        )
        return None
    reader = _Reader(name, node, collector)
    reader.unknown_keys()
    if "layers" not in reader.node.entries:
        fault = Fault("MS315", f"block `{name}` requires `layers`", help=_NO_LAYERS)
        collector.report(fault, entry.key_span)
        return None
    return reader.block(entry.key_span)


@dataclass
class _Reader:
    """Reads one block."""

    name: str
    node: Mapping
    collector: Collector
    broken: bool = False

    def block(self, span: Span) -> Block | None:
        """The block; None, with every error reported, if it is invalid."""
        layers, outputs = self.node.entries["layers"].value, self.value("outputs")
        self.read_expressions(layers)
        if outputs is not None:
            self.read_expressions(outputs)
        parameters = self.parameters()
        primary, inputs, inline = self.primary(parameters), self.inputs(), self.inline()
        shared = self.shared()
        every = (layers, outputs, shared, *(entry.value for entry in parameters.values()))
        used = {name for node in every if node is not None for name in _names_used(node)}
        block = Block(
            self.name,
            span,
            layers,
            parameters,
            primary,
            inputs,
            outputs,
            inline,
            sized=frozenset(inputs) & used - parameters.keys(),
            shared=shared,
        )
        return None if self.broken else block

    def value(self, key: str) -> Node | None:
        """The value of a key; None for `null`."""
        entry = self.node.entries.get(key)
        return None if entry is None or is_null(entry.value) else entry.value

    def wrong(self, fault: Fault, span: Span) -> None:
        self.broken = True
        self.collector.report(fault, span)

    def unknown_keys(self) -> None:
        """Report unknown keys, and read misspelled ones as they were meant."""
        entries = {key: entry for key, entry in self.node.entries.items() if key in _KEYS}
        for key, entry in self.node.entries.items():
            if key in _KEYS:
                continue
            near = nearest_unused(key, _KEYS, entries) or begun(key, entry.key_span, _KEYS, entries)
            message = f"block `{self.name}` has no key `{key}`"
            help = did_you_mean(near, f"the keys are {listed(_KEYS)}")
            fault = Fault("MS201", message, suggestion=near, help=help)
            self.collector.report(fault, entry.key_span)
            if near is not None:
                entries.setdefault(near, entry)
        self.node = Mapping(entries, self.node.span)

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
            if not check_parameter(name, item.key_span, self.collector):
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

    def shared(self) -> Mapping | None:
        node = self.value("shared")
        if node is None:
            return None
        self.read_expressions(node)
        if isinstance(node, Mapping):
            return node
        self.wrong(
            Fault(
                "MS204",
                f"`shared` must be a mapping of names to layers, found {describe(plain(node))}",
                help="e.g. `shared: {encoder: [{Dense: 8}]}`",
            ),
            node.span,
        )
        return None

    def inputs(self) -> tuple[str, ...]:
        node = self.value("inputs")
        if node is None:
            return (INPUT,)
        names: list[str] = []
        for item in node.items if isinstance(node, Sequence) else (node,):
            name = plain(item)
            if not _is_input_name(name):
                self.wrong(
                    Fault(
                        "MS204",
                        f"`inputs` of a block must be a list of names, found {describe(name)}",
                        help="e.g. `inputs: [a, b]`; each use determines their shapes",
                    ),
                    item.span,
                )
            elif name in names:
                self.wrong(Fault("MS304", f"`{name}` is defined twice"), item.span)
            else:
                names.append(str(name))
        return tuple(names) or (INPUT,)

    def read_expressions(self, node: Node, later: Sequence_[str] = ()) -> None:
        """Report malformed expressions, even in an unused block, and names that are defined
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
                                    help="a default may use only the parameters above it",
                                ),
                                place(scalar, start + name.start, start + name.end),
                            )
                    start = 0
            except Misread as misread:
                fault = cut_off(scalar, misread.fault)
                self.collector.report(
                    fault, place(scalar, start + misread.start, start + misread.end)
                )


def _is_input_name(name: Value) -> bool:
    return isinstance(name, str) and name != "" and "." not in name and "$" not in name


def _names_used(node: Node) -> Iterator[str]:
    """Every name in the expressions of a value; malformed ones are reported elsewhere."""
    for scalar in _texts(node):
        try:
            for part in split(str(scalar.value)):
                if part.expression:
                    yield from (name.text for name in parse(part.text).names)
        except Misread:
            continue


def _texts(node: Node) -> Iterator[Scalar]:
    """Every string that contains a `$`."""
    if isinstance(node, Sequence):
        for item in node.items:
            yield from _texts(item)
    elif isinstance(node, Mapping):
        for entry in node.entries.values():
            yield from _texts(entry.value)
    elif is_expression(node):
        yield node
