"""What a description meant in the version of Keras that wrote it, in terms of Keras 3: settings
that are absent get the default of that version, and functions that compute something else under the
same name get the name of what they computed.

Sources: the code of Keras at the tags 1.0.0 to 2.3.1 and v2.6.0 to v3.13.0, and the documentation
of TensorFlow.js.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from .architecture import Unreadable
from .writers import Writer

HARD_SIGMOID: Final = "hard_sigmoid_keras2"
"""The activation of the language that computes `clip(0.2 * x + 0.5, 0, 1)`."""
_FIRST, _SECOND, _THIRD = (1, 0, 0), (2, 0, 0), (3,)
_CELLS = ("GRU", "GRUCell")
_GATED = ("LSTM", "LSTMCell", *_CELLS)
_CONVOLVED = ("ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D")
_NORMALIZED = ("BatchNormalization",)


class Default(NamedTuple):
    """The value that the absence of a setting meant in some versions."""

    kinds: tuple[str, ...]
    setting: str
    value: Any
    first: tuple[int, ...]
    end: tuple[int, ...]
    """The first version with another default."""
    other_names: tuple[str, ...] = ()
    """Earlier names of the setting."""
    in_tensorflow: bool = True
    """Whether `tf.keras` had the same default in versions of this range."""


DEFAULTS: Final = (
    Default(_CELLS, "reset_after", False, _FIRST, _THIRD),
    Default(
        _GATED,
        "recurrent_activation",
        "hard_sigmoid",
        _FIRST,
        (2, 3, 0),
        ("inner_activation",),
        in_tensorflow=False,
    ),
    Default(
        _CONVOLVED, "recurrent_activation", "hard_sigmoid", _FIRST, _THIRD, ("inner_activation",)
    ),
    Default(_NORMALIZED, "epsilon", 1e-6, _FIRST, (1, 0, 6)),
    Default(_NORMALIZED, "momentum", 0.9, _FIRST, (1, 0, 6)),
    Default(_NORMALIZED, "epsilon", 1e-5, (1, 0, 6), (1, 2, 0)),
)
"""Defaults that changed before Keras 3. For every other setting the default of a layer is still the
one with which files were written, or every version writes the setting.
"""


class Meaning(NamedTuple):
    """The current equivalent of a value of some settings in some versions."""

    settings: tuple[str, ...]
    word: str
    now: Any
    first: tuple[int, ...]
    end: tuple[int, ...]


MEANINGS: Final = (
    Meaning(
        ("activation", "recurrent_activation", "inner_activation"),
        "hard_sigmoid",
        HARD_SIGMOID,
        _FIRST,
        _THIRD,
    ),
    Meaning(
        ("init", "inner_init"),
        "orthogonal",
        {"class_name": "Orthogonal", "config": {"gain": 1.1}},
        _FIRST,
        _SECOND,
    ),
)
_NOT_WRITTEN: Final = tuple(
    f"{name}{rank}D" for name in ("ZeroPadding", "UpSampling", "Cropping") for rank in (2, 3)
)
"""Layers whose `dim_ordering` no Keras 1 wrote."""
_ORDERINGS: Final = ("th", "tf")
_INDICES: Final = ("Discretization", "Hashing", "IntegerLookup", "StringLookup")
"""Layers whose `dtype` was only that of their output, if that is indices."""
_BILINEAR_BEFORE: Final = (2, 4)
_STRETCHED: Final = {"RandomHeight": "height", "RandomWidth": "width"}
"""Layers that change one size of images in training, and what they change."""


def as_of_now(value: Any, writer: Writer, lost: list[str]) -> Any:
    """The description in the terms of Keras 3, as a copy; that of Keras 3 itself is returned as it
    is. A sentence for each setting that has no equivalent is added to `lost`. Raises `Unreadable`
    for a layer that nothing computes any more.
    """
    if writer.is_current:
        return value
    rewriting = _Rewriting(writer, _ordering(value))
    found = rewriting.of(value)
    lost.extend(rewriting.lost)
    return found


class _Rewriting:
    """Rewrites the description of one model. `ordering` is the order of axes of its images."""

    def __init__(self, writer: Writer, ordering: str | None) -> None:
        self.writer = writer
        self.ordering = ordering
        self.lost: list[str] = []

    def of(self, value: Any) -> Any:
        """Any part of a description."""
        if isinstance(value, list):
            return [self.of(one) for one in value]
        if not isinstance(value, dict):
            return value
        found = {key: self.of(one) for key, one in value.items()}
        kind, config = found.get("class_name"), found.get("config")
        if not isinstance(kind, str) or not isinstance(config, dict):
            return found
        found["config"] = self._layer(kind, config)
        if kind in _STRETCHED:
            return self._unchanged(found)
        return _cropped(found) if kind == "RandomCrop" else found

    def _layer(self, kind: str, config: dict[str, Any]) -> dict[str, Any]:
        """The settings of one layer or component."""
        found = {**self._defaults(kind, config), **config}
        for setting in [key for key in found if isinstance(key, str)]:
            found[setting] = self._meaning(setting, found[setting])
        if kind in _INDICES and found.get("output_mode", "int") == "int":
            found.pop("dtype", None)
        if kind == "Embedding":
            self._embedding(found)
        if kind in _NOT_WRITTEN and self.writer.version < _SECOND:
            self._add_ordering(found)
        if kind == "UpSampling2D" and found.get("interpolation") == "bilinear":
            self._check_bilinear(str(found.get("name", kind)))
        return found

    def _defaults(self, kind: str, config: Mapping[str, Any]) -> dict[str, Any]:
        return {
            one.setting: one.value
            for one in DEFAULTS
            if kind in one.kinds
            and self.writer.is_between(one.first, one.end)
            and (one.in_tensorflow or not self.writer.is_tensorflow)
            and not any(name in config for name in one.other_names)
        }

    def _meaning(self, setting: str, value: Any) -> Any:
        if setting.endswith(("_regularizer", "_constraint")):
            return _component(value)
        for one in MEANINGS:
            if setting in one.settings and self.writer.is_between(one.first, one.end):
                value = one.now if _word(value) == one.word else value
        return value

    def _embedding(self, config: dict[str, Any]) -> None:
        """Removes the dtype of the indices, which some versions wrote, and the dropout of words."""
        if str(config.get("dtype")).startswith(("int", "uint")):
            del config["dtype"]
        if self.writer.version >= _SECOND or "dropout" not in config:
            return
        rate = config.pop("dropout")
        if rate:
            self.lost.append(
                f"in training, `{str(config.get('name', 'Embedding'))[:60]}` dropped whole words"
                f" (`dropout: {rate}`), which no layer of Keras 3 does"
            )

    def _unchanged(self, layer: dict[str, Any]) -> dict[str, Any]:
        """The layer as it was outside of training, where it returned its input."""
        kind, config = layer["class_name"], layer["config"]
        name = str(config.get("name", kind))
        self.lost.append(
            f"in training, `{name[:60]}` changed the {_STRETCHED[kind]} of images"
            f" (`factor: {str(config.get('factor'))[:60]}`), which no layer of Keras 3 does"
        )
        kept = {key: config[key] for key in ("name", "batch_input_shape") if key in config}
        return {**layer, "class_name": "Identity", "config": kept}

    def _add_ordering(self, config: dict[str, Any]) -> None:
        """The order of axes that the layers around a layer have."""
        if self.ordering is not None:
            config.setdefault("dim_ordering", self.ordering)

    def _check_bilinear(self, name: str) -> None:
        writer = self.writer
        if writer.is_script or (not writer.is_tensorflow and writer.version < _BILINEAR_BEFORE):
            who = "TensorFlow.js" if writer.is_script else "this version of Keras"
            raise Unreadable(
                f"`{name[:60]}` is bilinear upsampling, for which {who} took other positions than"
                " Keras 3: no layer gives the same numbers"
            )


def _cropped(layer: dict[str, Any]) -> dict[str, Any]:
    """A `RandomCrop`, which outside of training also resized images and cut them in the middle:
    Keras 3 returns them unchanged. Images of the right size are the same after `Resizing`.
    """
    config = layer["config"]
    size = {key: config[key] for key in ("height", "width") if key in config}
    name = str(layer.get("name") or config.get("name") or "random_crop")
    inner = {key: one for key, one in config.items() if key not in ("name", "batch_input_shape")}
    resizing = {**size, "crop_to_aspect_ratio": True}
    steps = [
        {"class_name": "RandomCrop", "config": inner},
        {"class_name": "Resizing", "config": resizing},
    ]
    outer = {key: config[key] for key in ("batch_input_shape",) if key in config}
    return {**layer, "class_name": "Pipeline", "config": {**outer, "name": name, "layers": steps}}


def _word(value: Any) -> Any:
    """The name of a function, also in its serialized form."""
    if isinstance(value, dict) and value.get("class_name") == "function":
        return value.get("config")
    return value


def _component(value: Any) -> Any:
    """A regularizer or constraint as Keras 2 wrote it; Keras 1 wrote `{name: X, ...}`."""
    if (
        not isinstance(value, dict)
        or "class_name" in value
        or not isinstance(value.get("name"), str)
    ):
        return value
    config = {_SETTINGS.get(key, key): one for key, one in value.items() if key != "name"}
    return {"class_name": _CLASSES.get(value["name"], value["name"]), "config": config}


_SETTINGS: Final = {"low": "min_value", "high": "max_value"}
"""Names of settings of `MinMaxNorm` in Keras 1."""
_CLASSES: Final = {"L1L2Regularizer": "L1L2"}


def _ordering(value: Any) -> str | None:
    """The only order of axes that the layers of a model name, if there is exactly one."""
    found = {one for one in _orderings(value) if one in _ORDERINGS}
    return found.pop() if len(found) == 1 else None


def _orderings(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        given = value.get("dim_ordering")
        if isinstance(given, str):
            yield given
        for one in value.values():
            yield from _orderings(one)
    elif isinstance(value, list):
        for one in value:
            yield from _orderings(one)
