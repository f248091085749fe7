"""Kinds of the library in a spec: a model becomes a sub-model with weights of its own at every use,
a block a block.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Final

from modelspec.catalog import library
from modelspec.core.diagnostics import Diagnostic
from modelspec.core.diagnostics.derived import Cause
from modelspec.core.settings import Context
from modelspec.core.source import Entry, Mapping, Node, Scalar, Sequence, plain, walk

from .block_arguments import bind, force
from .blocks import Block, is_null, read_blocks
from .extends import extend
from .identifiers import RESERVED
from .items import Call, Made
from .limits import DEPTH, TooMuch, too_deep
from .notebook import Notebook
from .scope import Binding, Scope
from .values import Values, in_error

if TYPE_CHECKING:
    from .expand_model import Models

OWN: Final[tuple[str, ...]] = ("weights", "trainable", "until")
"""Settings of every model of the library, beside those that its file has.

A file whose layers depend on one has it among its `vars` too, which are then what the use says.
"""
SHAPE: Final = "input_shape"
IMAGENET: Final = "imagenet"


@dataclass(frozen=True)
class Kind:
    """A kind of the library, read and merged with what its file extends."""

    name: str
    root: Mapping
    block: Block
    """The kind itself: the block, or the model as a block whose parameters are its settings."""
    blocks: dict[str, Block | None]
    """All that its file has."""
    faults: tuple[Diagnostic, ...]

    @property
    def model(self) -> Mapping | None:
        """None where the kind is a block."""
        entry = self.root.entries.get("model")
        return entry.value if entry is not None and isinstance(entry.value, Mapping) else None

    @property
    def description(self) -> str:
        """What the file says about it."""
        body: Mapping = self.root
        if self.model is None:
            assert isinstance(self.root.entries["blocks"].value, Mapping)
            own = self.root.entries["blocks"].value.entries[self.name].value
            body = own if isinstance(own, Mapping) and "description" in own.entries else self.root
        entry = body.entries.get("description")
        return str(plain(entry.value)) if entry else ""

    @property
    def settings(self) -> dict[str, Entry]:
        """The settings of its own, with their defaults."""
        return self.block.parameters

    @property
    def input(self) -> str | None:
        """The name of its one input, where `input_shape` is its shape."""
        entry = self.model.entries.get("inputs") if self.model else None
        if SHAPE not in self.settings or entry is None or not isinstance(entry.value, Mapping):
            return None
        names = list(entry.value.entries)
        return names[0] if len(names) == 1 else None


@cache
def load(name: str) -> Kind:
    """A kind of the library, by its name."""
    notebook = Notebook()
    document = library.read_kind(name)
    notebook.found.extend(document.diagnostics)
    assert document.value is not None, notebook.found
    root = extend(
        document.value.root, Context(folder=library.FOLDER, project=library.FOLDER), notebook
    )
    blocks = read_blocks(root, notebook)
    found = blocks.get(name) if "model" not in root.entries else _as_block(name, root)
    assert found is not None, notebook.found
    return Kind(name, root, found, blocks, tuple(notebook.found))


def _as_block(name: str, root: Mapping) -> Block:
    """The model as if it were a block: `vars` are its parameters, the first of them the primary
    one.
    """
    entry = root.entries.get("vars")
    settings = entry.value.entries if entry and isinstance(entry.value, Mapping) else {}
    return Block(
        name,
        root.span._replace(end=root.span.start),
        Sequence((), root.span),
        settings,
        next(iter(settings), None),
        extra=OWN,
        rules=library.RULES,
    )


def _sizes_used(root: Mapping) -> set[str] | None:
    """The indices of the sizes from which more than the input follows; None where something follows
    from the shape as a whole.
    """
    found: set[str] = set()
    for part in _parts(root):
        for node in walk(part):
            if isinstance(node, Scalar) and isinstance(node.value, str) and "$" in node.value:
                uses = re.findall(rf"\b{SHAPE}\b(?:\[(-?\d+)\])?", node.value)
                if "" in uses:
                    return None
                found.update(uses)
    return found


def _parts(root: Mapping) -> Iterator[Node]:
    for section in ("vars", "blocks", "model"):
        entry = root.entries.get(section)
        if entry is not None and isinstance(entry.value, Mapping):
            yield from (
                one.value
                for key, one in entry.value.entries.items()
                if (section, key) != ("model", "inputs")
            )


# Uses ---------------------------------------------------------------------------------------------


def make(kind: Kind, call: Call, values: Values, level: int) -> Made | None:
    """A model of the library as one entry sets it; None, with every fault reported, where that is
    in error.
    """
    from .expand_model import Models

    if level > DEPTH:
        raise TooMuch(too_deep(), call.span)
    values.notebook.found.extend(kind.faults)
    call = _with_shape(call, values)
    bound: dict[str, Binding] = {}
    inner = Scope(
        bound,
        None,
        call.scope.frame.within(Cause(f"in `{kind.name}` of the library, used here", call.span)),
    )
    right = bind(call, kind.block, values, inner, bound)
    body = call.body.entries if isinstance(call.body, Mapping) else {}
    own = {
        key: Entry(
            call.scope.frame.place(body[key].key_span), values.node(body[key].value, call.scope)
        )
        for key in OWN
        if key in body
    }
    bound |= {key: Binding(key, None, entry.value) for key, entry in own.items() if key in bound}
    if right:
        force(bound)
    right = right and not any(in_error(entry.value) for entry in own.values())
    if not right or any(binding.node is None for binding in bound.values()):
        return None
    models = Models(values, kind.blocks, inner, level + 1)
    short = kind.block.primary == SHAPE and isinstance(call.body, Sequence)
    node = models.imported(kind, *_inputs(kind, SHAPE in body or short, models), own.get("until"))
    rest = {key: entry for key, entry in body.items() if key in RESERVED}
    call = replace(call, body=Mapping(rest, call.span) if rest else None)
    return Made(
        call,
        Mapping({**node.entries, **_ending(kind, own, bound)}, node.span),
        _base(kind, values, inner),
    )


def _inputs(kind: Kind, given: bool, models: Models) -> tuple[Entry | None, str | None]:
    """The inputs that the sub-model declares; or the one that it does not, whose type the call
    decides.

    Sizes that nothing else follows from are left to the call where the use does not say them.
    """
    assert kind.model is not None
    entry = kind.model.entries["inputs"]
    name = kind.input
    used = None if given or name is None else _sizes_used(kind.root)
    if used == set():
        return None, name
    node = models.values.node(entry.value, models.scope)
    if used is not None and name is not None and isinstance(node, Mapping):
        shape = node.entries[name].value
        assert isinstance(shape, Sequence)
        count = len(shape.items)
        sizes = tuple(
            one if {str(at), str(at - count)} & used else Scalar(None, one.span)
            for at, one in enumerate(shape.items)
        )
        node = Mapping(
            {name: Entry(node.entries[name].key_span, Sequence(sizes, shape.span))}, node.span
        )
    return Entry(entry.key_span, node), None


def _with_shape(call: Call, values: Values) -> Call:
    """The same without an `input_shape: null`, which leaves the shape to the call."""
    if not isinstance(call.body, Mapping) or SHAPE not in call.body.entries:
        return call
    if not is_null(values.node(call.body.entries[SHAPE].value, call.scope)):
        return call
    entries = {key: entry for key, entry in call.body.entries.items() if key != SHAPE}
    return replace(call, body=Mapping(entries, call.body.span))


def _base(kind: Kind, values: Values, inner: Scope) -> str:
    """What an entry without a name is called, as Keras calls the model: `resnet50`."""
    entry = kind.root.entries.get("name")
    value = plain(values.node(entry.value, inner)) if entry else None
    return value if isinstance(value, str) and not library.is_kind(value) else kind.name.lower()


def _ending(kind: Kind, own: dict[str, Entry], bound: dict[str, Binding]) -> dict[str, Entry]:
    """`trainable` and `weights` of the sub-model; weights that Keras has are those of a kind with
    its settings.
    """
    found = {"trainable": own["trainable"]} if "trainable" in own else {}
    weights = own.get("weights")
    if weights is None or is_null(weights.value):
        return found
    value = weights.value
    if plain(value) == IMAGENET:
        span = value.span
        settings = {
            name: Entry(span, binding.node)
            for name, binding in bound.items()
            if binding.node is not None and name not in OWN
        }
        of_kind = Mapping({kind.name: Entry(span, Mapping(settings, span))}, span)
        value = Mapping({IMAGENET: Entry(span, of_kind)}, span)
    return {**found, "weights": Entry(weights.key_span, value)}
