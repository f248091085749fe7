"""What a first layer said of a model's input: `input_shape`, `input_dim`, ...; today `inputs` of
the model.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from modelspec.catalog.layers import LAYERS
from modelspec.core.source import Entry, Mapping, Node, Scalar, Sequence, plain

from .layer_tables import INPUT_SETTINGS, KINDS, OWN_INPUT_SETTINGS, SEQUENCES
from .modernize_settings import LegacyCollector
from .text_edits import Layout, is_json, written


class _Said(NamedTuple):
    """What the first layer says: its kind of today, its settings, and what they make of the
    input.
    """

    kind: str
    body: Mapping
    keys: tuple[str, ...]
    shape: tuple[Any, ...]
    batch_size: Any = None
    dtype: Any = None


class Inputs:
    """Moves what a first layer says of the input to where it stands today, or compares it with what
    stands there.
    """

    def __init__(self, notes: LegacyCollector) -> None:
        self.notes = notes

    def from_first_layer(self, model: Mapping) -> Mapping:
        """The model with `inputs`, where it had none and its first layer tells them."""
        said = _said(model)
        if said is None:
            return model
        if "inputs" in model.entries:
            self._compare(said, model.entries["inputs"].value)
            return model
        return self._moved(said, model)

    def _compare(self, said: _Said, inputs: Node) -> None:
        """An error where layer and model name different sizes for the one input that there is."""
        value = plain(inputs)
        if isinstance(value, dict) and "shape" not in value:
            value = next(iter(value.values()), None)
        shape = value.get("shape") if isinstance(value, dict) else value
        if not isinstance(shape, tuple):
            return
        if len(shape) == len(said.shape) and all(map(_agree, shape, said.shape)):
            return
        span = said.body.entries[said.keys[0]].key_span
        self.notes.error(
            "MS208",
            f"`{said.keys[0]}` of `{said.kind}` says that the input is {_shown(said.shape)}, "
            f"but `inputs` says {_shown(shape)}",
            span,
            help=f"remove it, or write `{written(list(said.shape), False)}` under `inputs`",
        )

    def _moved(self, said: _Said, model: Mapping) -> Mapping:
        entry = said.body.entries[said.keys[0]]
        span = entry.value.span
        shape = Sequence(tuple(Scalar(size, span, True) for size in said.shape), span)
        value: Node = shape
        extras = {"batch_size": said.batch_size, "dtype": said.dtype}
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
        plain_value: Any = {"shape": list(said.shape), **extras} if extras else list(said.shape)
        text = written(plain_value, like_json)
        edits = (
            Layout(model).insert([("inputs", text)]),
            *Layout(said.body).remove_all(list(said.keys)),
        )
        self.notes.warn(
            "MS221",
            f"`{said.keys[0]}` of the first layer is `inputs` of the model today",
            entry.key_span,
            f"write `inputs: {text}` under `model`",
            None,
            edits,
        )
        return _without(
            Mapping({"inputs": Entry(entry.key_span, value), **model.entries}, model.span), said
        )


def _without(model: Mapping, said: _Said) -> Mapping:
    """The model whose first layer says nothing of its input."""
    entry = model.entries["layers"]
    assert isinstance(entry.value, Sequence)
    first, *rest = entry.value.items
    assert isinstance(first, Mapping)
    ((name, one),) = first.entries.items()
    body = Mapping(
        {key: value for key, value in said.body.entries.items() if key not in said.keys},
        said.body.span,
    )
    first = Mapping({name: Entry(one.key_span, body)}, first.span)
    layers = Sequence((first, *rest), entry.value.span)
    return Mapping({**model.entries, "layers": Entry(entry.key_span, layers)}, model.span)


def _said(model: Mapping) -> _Said | None:
    """What the first entry of `layers` says of the model's input; None where it says nothing, or
    nothing clear.
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
    """The first entry of `layers` and its settings, where it has any."""
    entry = model.entries.get("layers")
    items = entry.value.items if entry and isinstance(entry.value, Sequence) else ()
    first = items[0] if items else None
    if not isinstance(first, Mapping) or len(first.entries) != 1:
        return None
    ((name, one),) = first.entries.items()
    return (name, one.value) if isinstance(one.value, Mapping) else None


def _read(kind: str, body: Mapping, keys: tuple[str, ...], values: dict[str, Any]) -> _Said | None:
    whole = values.get("batch_input_shape", values.get("batch_shape"))
    batch = None
    shape: Any = values.get("input_shape")
    if shape is None and isinstance(whole, tuple) and whole:
        batch, shape = whole[0], whole[1:]
    if shape is None:
        shape = _from_sizes(kind, values)
    if not isinstance(shape, tuple) or not all(_is_size(size) for size in (*shape, batch)):
        return None
    return _Said(kind, body, keys, shape, batch, values.get("input_dtype"))


def _from_sizes(kind: str, values: dict[str, Any]) -> tuple[Any, ...] | None:
    """The shape that `input_dim` and `input_length` say."""
    size = values.get("input_dim")
    if size is not None:
        return (values.get("input_length"), size) if kind in SEQUENCES else (size,)
    if kind == "Embedding" and "input_length" in values:
        return (values["input_length"],)
    return None


def _is_size(size: Any) -> bool:
    return size is None or (isinstance(size, int) and not isinstance(size, bool))


def _agree(size: Any, said: Any) -> bool:
    """Whether two sizes may be the same; a name or `auto` may be anything."""
    return size is None or said is None or isinstance(size, str) or size == said


def _shown(shape: tuple[Any, ...]) -> str:
    return f"`{written(list(shape), False)}`"
