"""The input of a model as described by its first layer: `input_shape`, `input_dim`, ...; now
`inputs` of the model.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from modelspec.catalog.layers import LAYERS
from modelspec.core.source import Entry, Mapping, Node, Scalar, Sequence, plain

from .layer_tables import INPUT_SETTINGS, KINDS, OWN_INPUT_SETTINGS, SEQUENCES
from .modernize_settings import LegacyCollector
from .text_edits import Layout, is_json, written


class _Declared(NamedTuple):
    """The description in the first layer: its current kind, its settings, and the
    resulting input.
    """

    kind: str
    body: Mapping
    keys: tuple[str, ...]
    shape: tuple[Any, ...]
    batch_size: Any = None
    dtype: Any = None


class Inputs:
    """Moves the description of the input from the first layer to `inputs`, or compares it with the
    existing `inputs`.
    """

    def __init__(self, notes: LegacyCollector) -> None:
        self.notes = notes

    def from_first_layer(self, model: Mapping) -> Mapping:
        """The model with `inputs`, if it had none and its first layer describes them."""
        declared = _declared_input(model)
        if declared is None:
            return model
        if "inputs" in model.entries:
            self._compare(declared, model.entries["inputs"].value)
            return model
        return self._moved(declared, model)

    def _compare(self, declared: _Declared, inputs: Node) -> None:
        """An error if layer and model give different sizes for the only input."""
        value = plain(inputs)
        if isinstance(value, dict) and "shape" not in value:
            value = next(iter(value.values()), None)
        shape = value.get("shape") if isinstance(value, dict) else value
        if not isinstance(shape, tuple):
            return
        if len(shape) == len(declared.shape) and all(map(_agree, shape, declared.shape)):
            return
        span = declared.body.entries[declared.keys[0]].key_span
        self.notes.error(
            "MS208",
            f"`{declared.keys[0]}` of `{declared.kind}` sets the input to"
            f" {_shown(declared.shape)}, but `inputs` sets it to {_shown(shape)}",
            span,
            help=f"remove it, or write `{written(list(declared.shape), False)}` under `inputs`",
        )

    def _moved(self, declared: _Declared, model: Mapping) -> Mapping:
        entry = declared.body.entries[declared.keys[0]]
        span = entry.value.span
        shape = Sequence(tuple(Scalar(size, span, True) for size in declared.shape), span)
        value: Node = shape
        extras = {"batch_size": declared.batch_size, "dtype": declared.dtype}
        extras = {key: item for key, item in extras.items() if item is not None}
        if extras:
            value = Mapping(
                {
                    "shape": Entry(entry.key_span, shape),
                    **{
                        key: Entry(entry.key_span, Scalar(item, span, True))
                        for key, item in extras.items()
                    },
                },
                span,
            )
        like_json = is_json(next(iter(model.entries.values())).key_span)
        plain_value: Any = (
            {"shape": list(declared.shape), **extras} if extras else list(declared.shape)
        )
        text = written(plain_value, like_json)
        edits = (
            Layout(model).insert([("inputs", text)]),
            *Layout(declared.body).remove_all(list(declared.keys)),
        )
        self.notes.warn(
            "MS221",
            f"`{declared.keys[0]}` of the first layer is now `inputs` of the model",
            entry.key_span,
            f"write `inputs: {text}` under `model`",
            None,
            edits,
        )
        return _without(
            Mapping({"inputs": Entry(entry.key_span, value), **model.entries}, model.span), declared
        )


def _without(model: Mapping, declared: _Declared) -> Mapping:
    """The model whose first layer does not describe its input."""
    entry = model.entries["layers"]
    assert isinstance(entry.value, Sequence)
    first, *rest = entry.value.items
    assert isinstance(first, Mapping)
    ((name, one),) = first.entries.items()
    body = Mapping(
        {key: value for key, value in declared.body.entries.items() if key not in declared.keys},
        declared.body.span,
    )
    first = Mapping({name: Entry(one.key_span, body)}, first.span)
    layers = Sequence((first, *rest), entry.value.span)
    return Mapping({**model.entries, "layers": Entry(entry.key_span, layers)}, model.span)


def _declared_input(model: Mapping) -> _Declared | None:
    """The description of the input in the first entry of `layers`; None if there is none, or none
    that is clear.
    """
    first = _first_layer(model)
    if first is None:
        return None
    name, body = first
    kind = KINDS[name].new if name in KINDS else LAYERS.aliases.get(name, name)
    if kind not in LAYERS or "from" in body.entries:
        return None
    own = OWN_INPUT_SETTINGS.get(kind, ())
    keys = tuple(key for key in body.entries if key in INPUT_SETTINGS and key not in own)
    values = {key: plain(body.entries[key].value) for key in keys}
    return _read(kind, body, keys, values) if keys else None


def _first_layer(model: Mapping) -> tuple[str, Mapping] | None:
    """The first entry of `layers` and its settings, if it has any."""
    entry = model.entries.get("layers")
    items = entry.value.items if entry and isinstance(entry.value, Sequence) else ()
    first = items[0] if items else None
    if not isinstance(first, Mapping) or len(first.entries) != 1:
        return None
    ((name, one),) = first.entries.items()
    return (name, one.value) if isinstance(one.value, Mapping) else None


def _read(
    kind: str, body: Mapping, keys: tuple[str, ...], values: dict[str, Any]
) -> _Declared | None:
    whole = values.get("batch_input_shape", values.get("batch_shape"))
    batch = None
    shape: Any = values.get("input_shape")
    if shape is None and isinstance(whole, tuple) and whole:
        batch, shape = whole[0], whole[1:]
    if shape is None:
        shape = _from_sizes(kind, values)
    if not isinstance(shape, tuple) or not all(_is_size(size) for size in (*shape, batch)):
        return None
    return _Declared(kind, body, keys, shape, batch, values.get("input_dtype"))


def _from_sizes(kind: str, values: dict[str, Any]) -> tuple[Any, ...] | None:
    """The shape that `input_dim` and `input_length` describe."""
    size = values.get("input_dim")
    if size is not None:
        return (values.get("input_length"), size) if kind in SEQUENCES else (size,)
    if kind == "Embedding" and "input_length" in values:
        return (values["input_length"],)
    return None


def _is_size(size: Any) -> bool:
    return size is None or (isinstance(size, int) and not isinstance(size, bool))


def _agree(size: Any, declared: Any) -> bool:
    """Whether two sizes may be equal; a name or `auto` may be any size."""
    return size is None or declared is None or isinstance(size, str) or size == declared


def _shown(shape: tuple[Any, ...]) -> str:
    return f"`{written(list(shape), False)}`"
