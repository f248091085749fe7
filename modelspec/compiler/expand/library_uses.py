"""Uses of library models: each becomes a sub-model with its own weights."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from modelspec.catalog import library
from modelspec.core.diagnostics.derived import Cause
from modelspec.core.source import (
    Entry,
    Mapping,
    Node,
    Scalar,
    Sequence,
    mentions,
    plain,
    walk,
)

from ..graph import ANY_INPUT
from ..spec.initial_weights import IMAGENET
from .block_arguments import bind, force
from .blocks import is_null
from .expand_model import ModelExpander, declared_inputs, shared_names, with_made
from .flatten import Flattener
from .identifiers import RESERVED
from .interpolation import is_expression
from .items import Call, LibraryUse
from .library_ends import Ends
from .library_kinds import OWN, SHAPE, Kind
from .limits import DEPTH, TooMuch, too_deep
from .scope import Binding, Scope
from .tensor_scope import Tensor
from .values import Values, in_error


def instantiate(kind: Kind, call: Call, values: Values, level: int) -> LibraryUse | None:
    """A library model as one entry sets it; None, with every error reported, if the entry is
    invalid.
    """
    if level > DEPTH:
        raise TooMuch(too_deep(), call.span)
    values.collector.extend(kind.faults)
    call = _without_null_shape(call, values)
    settings: dict[str, Binding] = {}
    message = f"in `{kind.name}` of the library, used here"
    cause = Cause(message, call.span, "library", kind.name)
    inner = Scope(settings, None, call.scope.frame.within(cause))
    own = _own_settings(call, values)
    if not _bind(kind, call, values, inner, settings, own):
        return None
    expander = ModelExpander(values, kind.blocks, inner, instantiate, level + 1)
    ends = Ends(kind.name, own.get("until"), own.get("taps"), values.collector)
    node = _Submodel(kind, expander).node(_gives_shape(kind, call), ends)
    if ends.broken:
        return None
    node = Mapping({**node.entries, **_ending(kind, own, settings)}, node.span)
    return LibraryUse(_bare_call(call), node, _base(kind, values, inner))


def _settings_of(call: Call) -> dict[str, Entry]:
    return call.body.entries if isinstance(call.body, Mapping) else {}


def _own_settings(call: Call, values: Values) -> dict[str, Entry]:
    """The settings that every library model supports, as far as the use sets them."""
    written = {key: entry for key, entry in _settings_of(call).items() if key in OWN}
    return {
        key: Entry(
            call.scope.frame.place(written[key].key_span),
            values.node(written[key].value, call.scope),
        )
        for key in OWN
        if key in written
    }


def _bind(
    kind: Kind,
    call: Call,
    values: Values,
    inner: Scope,
    settings: dict[str, Binding],
    own: dict[str, Entry],
) -> bool:
    """Put the settings into `settings`, the names in scope inside the model. False, with every
    error reported, if one is invalid.
    """
    is_right = bind(call, kind.block, values, inner, settings)
    settings |= {
        key: Binding(key, None, entry.value) for key, entry in own.items() if key in settings
    }
    if not is_right:
        return False
    force(settings)
    return not any(in_error(entry.value) for entry in own.values()) and all(
        binding.node is not None for binding in settings.values()
    )


def _bare_call(call: Call) -> Call:
    """The call without the settings of the model."""
    rest = {key: entry for key, entry in _settings_of(call).items() if key in RESERVED}
    return replace(call, body=Mapping(rest, call.span) if rest else None)


def _gives_shape(kind: Kind, call: Call) -> bool:
    """Whether the use sets the shape of its input, by name or as the primary setting."""
    is_primary = kind.block.primary == SHAPE and isinstance(call.body, Sequence)
    return is_primary or SHAPE in _settings_of(call)


def _without_null_shape(call: Call, values: Values) -> Call:
    """The same without an `input_shape: null`, which takes the shape from the call."""
    if not isinstance(call.body, Mapping) or SHAPE not in call.body.entries:
        return call
    if not is_null(values.node(call.body.entries[SHAPE].value, call.scope)):
        return call
    entries = {key: entry for key, entry in call.body.entries.items() if key != SHAPE}
    return replace(call, body=Mapping(entries, call.body.span))


def _base(kind: Kind, values: Values, inner: Scope) -> str:
    """The default name of an entry, as Keras names the model: `resnet50`."""
    entry = kind.root.entries.get("name")
    value = plain(values.node(entry.value, inner)) if entry else None
    return value if isinstance(value, str) and not library.is_kind(value) else kind.name.lower()


def _ending(kind: Kind, own: dict[str, Entry], settings: dict[str, Binding]) -> dict[str, Entry]:
    """`trainable` and `weights` of the sub-model; pretrained weights of Keras are written as a kind
    with its settings.
    """
    found = {"trainable": own["trainable"]} if "trainable" in own else {}
    weights = own.get("weights")
    if weights is None or is_null(weights.value):
        return found
    value = weights.value
    if plain(value) == IMAGENET:
        span = value.span
        written = {
            name: Entry(span, binding.node)
            for name, binding in settings.items()
            if binding.node is not None and name not in OWN
        }
        of_kind = Mapping({kind.name: Entry(span, Mapping(written, span))}, span)
        value = Mapping({IMAGENET: Entry(span, of_kind)}, span)
    return {**found, "weights": Entry(weights.key_span, value)}


@dataclass(frozen=True)
class _Submodel:
    """The model of a kind as a sub-model."""

    kind: Kind
    expander: ModelExpander

    @property
    def model(self) -> Mapping:
        assert self.kind.model is not None
        return self.kind.model

    def node(self, has_shape: bool, ends: Ends) -> Mapping:
        """The sub-model, with the layers that its `ends` require. `has_shape`: whether the use sets
        the shape of its input.
        """
        visible = shared_names(self.model)
        span = self.model.entries["layers"].key_span
        inputs = self._inputs(has_shape)
        shared = self._shared(visible)
        flattener = Flattener(self.expander.values, visible, *declared_inputs(inputs, False))
        if inputs is None and self.kind.input and self.kind.input != ANY_INPUT:
            flattener.scope.define(self.kind.input, Tensor(ANY_INPUT), None)
        layers = self.expander.layers(self.model.entries["layers"].value, flattener)
        outputs = self.model.entries.get("outputs")
        kept = ends.cut(flattener, layers)
        if kept is not None:
            layers, outputs = kept, None
        entries = {
            "shared": shared and self._called(shared, None if kept is None else layers),
            "inputs": inputs,
            "layers": Entry(span, layers),
            "outputs": ends.outputs or self.expander.outputs(outputs, flattener, span),
        }
        written = {key: entry for key, entry in entries.items() if entry is not None}
        place = self.expander.scope.frame.place
        return Mapping(with_made(written, flattener.flat.made, span), place(self.model.span))

    def _inputs(self, has_shape: bool) -> Entry | None:
        """The inputs that the sub-model declares; None if the call determines the type of its
        input.

        If the use does not set the shape, sizes that nothing depends on are taken from the call.
        """
        entry = self.model.entries["inputs"]
        name = self.kind.input
        used = None if has_shape or name is None else _sizes_used(self.kind.root)
        if used == set():
            return None
        node = self.expander.values.node(entry.value, self.expander.scope)
        if used is not None and name is not None and isinstance(node, Mapping):
            node = _with_sizes(node, name, used)
        return Entry(entry.key_span, node)

    def _shared(self, visible: frozenset[str]) -> Entry | None:
        shared = self.model.entries.get("shared")
        if shared is None:
            return None
        assert isinstance(shared.value, Mapping)
        return Entry(shared.key_span, self.expander.shared(shared.value, visible))

    def _called(self, shared: Entry, layers: Node | None) -> Entry:
        """The shared definitions that the layers call; all of them if no layers are given."""
        assert isinstance(shared.value, Mapping)
        called = {
            name: entry
            for name, entry in shared.value.entries.items()
            if layers is None or mentions(layers, {name})
        }
        return Entry(shared.key_span, Mapping(called, self.model.span))


# Sizes of the input -------------------------------------------------------------------------------


def _with_sizes(inputs: Mapping, name: str, used: set[str]) -> Mapping:
    """The inputs, with only those sizes of the shape that something depends on."""
    entry = inputs.entries[name]
    shape = entry.value
    assert isinstance(shape, Sequence)
    count = len(shape.items)
    sizes = tuple(
        size if {str(index), str(index - count)} & used else Scalar(None, size.span)
        for index, size in enumerate(shape.items)
    )
    return Mapping({name: Entry(entry.key_span, Sequence(sizes, shape.span))}, inputs.span)


def _sizes_used(root: Mapping) -> set[str] | None:
    """The indices of the sizes that more than the input depends on; None if something depends on
    the shape as a whole.
    """
    found: set[str] = set()
    for node in (node for part in _parts(root) for node in walk(part) if is_expression(node)):
        uses = re.findall(rf"\b{SHAPE}\b(?:\[(-?\d+)\])?", str(plain(node)))
        if "" in uses:
            return None
        found.update(uses)
    return found


def _parts(root: Mapping) -> Iterator[Node]:
    """The uses of the names of the file, except in the inputs of its model."""
    for section in ("vars", "blocks", "model"):
        entry = root.entries.get(section)
        if entry is not None and isinstance(entry.value, Mapping):
            yield from (
                one.value
                for key, one in entry.value.entries.items()
                if (section, key) != ("model", "inputs")
            )
