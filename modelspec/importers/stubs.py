"""The custom layers of a model as layers of a plugin that is still to be written: their settings,
weights, and the shapes that the file shows.

Everything in a file is data: names become identifiers, settings plain values, and anything else is
left out. The classes made here are those of the written plugin (`stub_text`), so that the spec is
checked before it is written.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from modelspec.catalog.layers import LAYERS
from modelspec.catalog.layers.plugin_layer import is_taken

from .architecture import Architecture, LayerDef, Unreadable
from .layer_kinds import is_custom
from .operations import Chains
from .stub_shapes import Sizes, shape_table
from .value_forms import settings

_LONGEST_NAME = 60
_MOST_CLASSES = 200
_MOST_SETTINGS = 64
_MOST_ITEMS = 64
_LONGEST_TEXT = 200
_MOST_OUTPUTS = 64
_MOST_WEIGHTS = 64
_USED = frozenset({"ClassVar", "NotImplementedError", "None", "True", "False", "tuple", "list"})
"""Names that the written modules use themselves."""

_LAST_AXIS = ("units", "output_dim", "num_outputs")
"""Settings that usually are the size of the last axis of the output."""

Stored = Mapping[str, Sequence[tuple[str, tuple[int, ...]]]]
"""Names and shapes of the arrays of a layer in a file, by the name of the layer."""


@dataclass(frozen=True)
class Stub:
    """A layer class of the authors of a model."""

    kind: str
    """Its name in the spec and in the plugin."""
    given: str
    """Its name in the file."""
    layers: tuple[str, ...]
    settings: Mapping[str, Any]
    """Plain values: those of its first layer."""
    left_out: tuple[str, ...]
    """Names of settings whose values are not plain."""
    weights: tuple[tuple[str, tuple[int, ...]], ...]
    """Names and shapes of the weights, if all of its layers have the same."""
    other_weights: bool
    """Whether its layers have weights of several shapes."""
    shapes: Mapping[tuple[Sizes, ...], Sizes]
    """The shape of the output by the shapes of the inputs, without the batch axis, as far as the
    file contains them; empty if it is always that of the first input.
    """
    last_axis: str = ""
    """The setting that may be the size of the last axis of the output, if the file contains no
    shapes.
    """
    outputs: int = 1
    """The number of its outputs that the model uses."""


@dataclass(frozen=True)
class Stubs:
    """A model whose custom layers are those of a plugin."""

    model: Architecture
    found: tuple[Stub, ...]


def with_stubs(model: Architecture, value: Any, stored: Stored | None = None) -> Stubs:
    """The model with a plugin class for each custom class. `value` is its configuration; `stored`
    are the weights in its file. Raises `Unreadable` if it has too many custom classes.
    """
    groups: dict[object, list[LayerDef]] = {}
    for layer in _custom(model):
        groups.setdefault(_class_of(layer), []).append(layer)
    if len(groups) > _MOST_CLASSES:
        raise Unreadable(
            f"the model has {len(groups):,} custom classes; at most {_MOST_CLASSES:,} become stubs"
        )
    shapes, outputs = shape_table(value), _outputs(model)
    stubs: dict[object, Stub] = {}
    for key, layers in groups.items():
        names = {stub.kind for stub in stubs.values()}
        stub = _stub(_kind(layers[0], names), layers, stored or {}, shapes)
        count = max(outputs.get(layer.name, 1) for layer in layers)
        stubs[key] = replace(stub, outputs=count)
    return Stubs(_rewritten(model, stubs), tuple(stubs.values()))


def _outputs(model: Architecture) -> dict[str, int]:
    """The number of outputs of each layer that are used, in a model and in the models in it. Raises
    `Unreadable` for a layer with very many.
    """
    found: dict[str, int] = {}
    for layer in model.layers.values():
        found.update(_outputs(layer.inside) if layer.inside is not None else {})
    ends = model.outputs.values() if isinstance(model.outputs, Mapping) else model.outputs
    for source in (*ends, *(one for call in model.calls for one in call.sources())):
        found[source.layer] = max(found.get(source.layer, 1), source.output + 1)
        if source.output >= _MOST_OUTPUTS:
            raise Unreadable(f"`{source.layer[:60]}` has more than {_MOST_OUTPUTS} outputs")
    return found


def _custom(model: Architecture) -> Iterator[LayerDef]:
    """The custom layers of a model and of the models in it."""
    operations = Chains(model).operations
    for name, layer in model.layers.items():
        if layer.inside is not None:
            yield from _custom(layer.inside)
        elif name not in operations and (layer.kind == "Lambda" or is_custom(layer)):
            yield layer


def _class_of(layer: LayerDef) -> object:
    """Equal for layers of one class. Each `Lambda` with other code is a class of its own."""
    if layer.kind == "Lambda":
        own = {key: value for key, value in layer.config.items() if key != "name"}
        return "Lambda", repr(own)
    return layer.module, layer.kind


def _kind(layer: LayerDef, names: set[str]) -> str:
    """A name for a class that is a new identifier."""
    text = f"Lambda_{layer.name}" if layer.kind == "Lambda" else layer.kind
    text = re.sub(r"[^A-Za-z0-9_]+", "_", text)[:_LONGEST_NAME].strip("_")
    if not text or not text[0].isalpha() or _is_used(text):
        text = f"Custom{text[:1].upper()}{text[1:]}"
    number, kind = 1, text
    while kind in names or _is_used(kind):
        number, kind = number + 1, f"{text}_{number + 1}"
    return kind


def _is_used(name: str) -> bool:
    is_layer = any(name in known for known in (LAYERS, LAYERS.aliases, LAYERS.refused))
    return is_layer or keyword.iskeyword(name) or keyword.issoftkeyword(name) or name in _USED


# Settings -----------------------------------------------------------------------------------------


def _stub(
    kind: str,
    layers: Sequence[LayerDef],
    stored: Stored,
    shapes: Mapping[str, tuple[tuple[Sizes, ...], Sizes]],
) -> Stub:
    values = [_plain_settings(layer) for layer in layers]
    names = list(dict.fromkeys(name for one in values for name in one))
    names = [name for name in names if _are_of_one_type(name, values)][:_MOST_SETTINGS]
    left = dict.fromkeys(
        name
        for layer in layers
        for name, value in layer.config.items()
        if value is not None and _is_setting(name)
    )
    arrays = [tuple(stored.get(layer.name, ()))[:_MOST_WEIGHTS] for layer in layers]
    is_same = all(_sizes_of(one) == _sizes_of(arrays[0]) for one in arrays)
    known = {shapes[layer.name] for layer in layers if layer.name in shapes}
    table = dict(known) if len(dict(known)) == len(known) else {}
    is_first = all(taken and taken[0] == given for taken, given in table.items())
    last = next((name for name in names if name in _LAST_AXIS and not known), "")
    return Stub(
        kind,
        layers[0].kind[:_LONGEST_NAME],
        tuple(layer.name for layer in layers),
        {name: next(one[name] for one in values if name in one) for name in names},
        tuple(name for name in left if name not in names),
        _with_names(arrays[0]) if is_same else (),
        not is_same,
        {} if is_first else table,
        last,
    )


def _plain_settings(layer: LayerDef) -> dict[str, Any]:
    """The settings of a layer that a plugin can have. Those of a `Lambda` describe its code."""
    if layer.kind == "Lambda":
        return {}
    found = {}
    for name, value in layer.config.items():
        if not _is_setting(name) or not _is_name(name) or is_taken(name):
            continue
        try:
            plain = settings({name: value}).get(name)
        except (Unreadable, ValueError, TypeError):
            continue
        if _is_plain(plain):
            found[name] = plain
    return found


def _is_setting(name: str) -> bool:
    """Whether a key of a configuration is a setting of the class itself."""
    return name not in ("name", "trainable", "dtype") and bool(settings({name: 1}))


def _is_name(text: str) -> bool:
    is_short = len(text) <= _LONGEST_NAME and text.isascii() and not text.startswith("_")
    return is_short and text.isidentifier() and not keyword.iskeyword(text)


def _is_plain(value: Any) -> bool:
    if isinstance(value, list):
        return (
            0 < len(value) <= _MOST_ITEMS
            and len({type(one) for one in value}) == 1
            and all(_is_plain(one) and not isinstance(one, list) for one in value)
        )
    if isinstance(value, str):
        return len(value) <= _LONGEST_TEXT and "$" not in value
    if isinstance(value, float):
        return abs(value) < 1e300
    return isinstance(value, (bool, int)) and abs(value) < 2**63


def _are_of_one_type(name: str, values: Sequence[Mapping[str, Any]]) -> bool:
    return len({annotation(one[name]) for one in values if name in one}) == 1


def annotation(value: Any) -> str:
    """The type of a setting with this value, as in a plugin."""
    if isinstance(value, list):
        return f"tuple[{type(value[0]).__name__}, ...]"
    return type(value).__name__


# Weights ------------------------------------------------------------------------------------------


def _sizes_of(arrays: Sequence[tuple[str, tuple[int, ...]]]) -> list[tuple[int, ...]]:
    return [shape for _, shape in arrays]


def _with_names(
    arrays: Sequence[tuple[str, tuple[int, ...]]],
) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """The weights, each with a name that is a new identifier: `kernel` for `a/kernel:0`."""
    found: dict[str, tuple[int, ...]] = {}
    for place, (path, shape) in enumerate(arrays):
        text = re.sub(r"[^A-Za-z0-9_]+", "_", path.rpartition("/")[2].partition(":")[0])
        name = text if _is_name(text) and not is_taken(text) else f"weight_{place}"
        while name in found:
            name = f"{name}_{place}"
        found[name] = shape
    return tuple(found.items())


# The model ----------------------------------------------------------------------------------------


def _rewritten(model: Architecture, stubs: Mapping[object, Stub]) -> Architecture:
    """The model with the classes of the plugin, and only the settings that they have."""
    operations = Chains(model).operations
    layers = {}
    for name, layer in model.layers.items():
        stub = None if name in operations else stubs.get(_class_of(layer))
        if layer.inside is not None:
            layer = replace(layer, inside=_rewritten(layer.inside, stubs))
        elif stub is not None:
            layer = _of_plugin(layer, stub)
        layers[name] = layer
    return replace(model, layers=layers)


def _of_plugin(layer: LayerDef, stub: Stub) -> LayerDef:
    own = _plain_settings(layer)
    general = {key: layer.config[key] for key in ("trainable", "dtype") if key in layer.config}
    config = {**{key: own[key] for key in stub.settings if key in own}, **general}
    return replace(layer, kind=stub.kind, module="", config=config)
