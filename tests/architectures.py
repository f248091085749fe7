"""Keras's architectures and modelspec's, built side by side: the table of what is compared, and
how. Of static rows Keras's side is a record, so that a test does not build 40 large models:
`python -m tests.tools.record_architectures` writes it, and `MODELSPEC_ARCHITECTURES=whole` builds
the models themselves.

A row names a kind, which is a file of `modelspec/catalog/library` and a function of
`keras.applications`, and settings that both take. `check_row` builds the two and compares layers,
names, weights and parameters; where the row says `outputs`, both models then get the same drawn
weights and must give the same on drawn images.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from hashlib import sha256
from math import prod
from pathlib import Path
from typing import Any

import modelspec as ms
from modelspec.core.registry import snake_case
from modelspec.core.shapes import erase

LIBRARY = Path(ms.__file__).parent / "catalog" / "library"
RECORDS: dict[str, dict[str, Any]] = json.loads(
    Path(__file__).with_name("architectures.json").read_text("utf-8")
)
"""Keras's side of every static row, and the version of Keras."""
WHOLE = os.environ.get("MODELSPEC_ARCHITECTURES") == "whole"
"""Whether all there is to compare is compared: every setting of every architecture, and outputs in
full depth.
"""

TOLERANCE = 1e-5
"""How far outputs may be apart, in parts of the largest of them: sums in another order, nothing
else.
"""

OTHER_CLASSES = {
    "InceptionResNetV2": {
        "CustomScaleLayer": "Functional"
    },  # no layer of Keras: an `Expression` here
    "MobileNetV3": {
        "ReLU": "Activation"
    },  # `relu6(x + 3) / 6`, its sum and quotient no layers: `hard_sigmoid` here
    "ConvNeXt": {
        "Sequential": "Pipeline",
        "Activation": "Add",
    },  # `identity`, and a sum that is no layer: `Add` here
}
"""Classes in Keras's applications, and what says the same here, by the beginning of a kind."""

OTHER_NAMES = ("MobileNetV3", "NASNet")
"""Kinds whose layers without a name, which Keras counts through the whole model, are called by
their blocks here.
"""


@dataclass(frozen=True)
class Row:
    """One comparison: how deep it goes is how long it takes."""

    kind: str
    settings: dict[str, Any] = field(default_factory=dict)
    """Settings by Keras's names; what is left out keeps the default, which is Keras's own (but
    `weights=None`).
    """
    outputs: bool = False
    """Whether outputs are compared too. Give such a row a small `input_shape`: all weights are
    drawn for it.
    """
    built: bool = True
    """Whether ours is built; if not, what is known of it without a framework is compared with
    Keras's model.
    """

    def __str__(self) -> str:
        shown = "-".join(f"{name}={value}" for name, value in self.settings.items()).replace(
            " ", ""
        )
        how = "-outputs" if self.outputs else "" if self.built else "-static"
        return f"{self.kind}{'-' + shown if shown else ''}{how}"


def outputs(kind: str, **small: Any) -> Row:
    """Outputs of a classifier of ten classes. `small` makes the comparison cheap, and is one:
    `input_shape`.
    """
    return Row(kind, {"classes": 10, "classifier_activation": None, **small}, outputs=True)


def static(kind: str, **settings: Any) -> Row:
    """A deeper or wider sister of one that other rows compare in full."""
    return Row(kind, settings, built=False)


def headless(kind: str, pooling: str | None, **small: Any) -> Row:
    """The architecture as the first part of another model; a row of outputs compares the rest."""
    return static(kind, include_top=False, pooling=pooling, **small)


ROWS: tuple[Row, ...] = (
    outputs("VGG16", input_shape=[32, 32, 3]),
    headless("VGG16", "max", input_shape=[32, 40, 3]),
    static("VGG16"),
    static("VGG19"),
    outputs("ResNet50", input_shape=[32, 48, 3]),
    headless("ResNet50", "avg", input_shape=[32, 48, 3]),
    static("ResNet50"),
    static("ResNet101"),
    static("ResNet152"),
    outputs("ResNet50V2", input_shape=[32, 48, 1]),
    headless("ResNet50V2", "avg", input_shape=[32, 48, 3]),
    static("ResNet101V2"),
    static("ResNet152V2"),
    outputs("InceptionV3", input_shape=[75, 80, 3]),
    static("InceptionResNetV2"),
    outputs("Xception", input_shape=[71, 80, 3]),
    headless("Xception", "avg", input_shape=[80, 71, 3]),
    static("Xception"),
    outputs("DenseNet121", input_shape=[32, 32, 3]),
    headless("DenseNet121", "max", input_shape=[32, 48, 3]),
    static("DenseNet169"),
    static("DenseNet201"),
    outputs("MobileNet", input_shape=[33, 40, 3], alpha=0.25, depth_multiplier=2),
    headless("MobileNet", "avg", input_shape=[33, 40, 3]),
    headless("MobileNet", "max", input_shape=[33, 40, 3]),
    static("MobileNet"),
    outputs("MobileNetV2", input_shape=[33, 64, 3], alpha=0.35),
    headless("MobileNetV2", "max", input_shape=[64, 33, 1], alpha=1.3),
    static("MobileNetV2"),
    outputs("MobileNetV3Small", input_shape=[33, 64, 3]),
    outputs(
        "MobileNetV3Small",
        input_shape=[64, 33, 1],
        alpha=0.75,
        minimalistic=True,
        include_preprocessing=False,
    ),
    headless("MobileNetV3Small", "avg"),
    static("MobileNetV3Large"),
    static("MobileNetV3Large", alpha=1.25, minimalistic=True, dropout_rate=0.0),
    outputs("EfficientNetB0", input_shape=[33, 64, 3]),
    headless("EfficientNetB0", "max", input_shape=[33, 33, 3]),
    *(static(f"EfficientNetB{n}") for n in range(1, 8)),
    outputs("EfficientNetV2B0", input_shape=[33, 64, 3]),
    headless("EfficientNetV2B0", "avg", input_shape=[33, 33, 1]),
    static("EfficientNetV2S", include_preprocessing=False),
    *(static(f"EfficientNetV2{name}") for name in ("B1", "B2", "B3", "S", "M", "L")),
    outputs("ConvNeXtTiny", input_shape=[33, 64, 3]),
    headless("ConvNeXtTiny", None, input_shape=[None, None, 3], include_preprocessing=False),
    *(static(f"ConvNeXt{size}") for size in ("Small", "Base", "Large", "XLarge")),
    outputs("NASNetMobile", input_shape=[33, 64, 3]),
    static("NASNetLarge"),
)
"""What every run compares: all of one of each family, of its sisters what differs."""

SMALL = {"InceptionV3": 75, "InceptionResNetV2": 75, "Xception": 71}
"""The smallest image that Keras takes, where it is not 32 pixels wide."""


def whole() -> tuple[Row, ...]:
    """Every setting of every architecture, and each at its own size, with outputs.

    Without a softmax, though: of signals that are sums of many it makes one 1 and the others 0, for
    all images alike.
    """
    found: list[Row] = []
    for kind in dict.fromkeys(row.kind for row in ROWS):
        size = SMALL.get(kind, 32)
        small = {"input_shape": [size, size + 8, 3]}
        found += [
            Row(kind),
            Row(kind, {"classifier_activation": None}, outputs=True),
            outputs(kind, **small),
        ]
        found += [
            replace(headless(kind, pooling, **small), outputs=True)
            for pooling in (None, "avg", "max")
        ]
    return tuple(found)


def check_recorded(row: Row) -> None:
    """Compare what is known of a static row without a framework with the record of Keras's
    model.
    """
    spec = spec_of(row)
    theirs = RECORDS[str(row)]
    assert spec.name == theirs["name"]
    assert spec.graph.parameters == theirs["parameters"]
    assert spec.graph.trainable_parameters == theirs["trainable_parameters"]
    assert len(spec.graph.layers) == theirs["layers"]
    assert digest(_inferred(spec, _recorded_names(row, spec.graph.layers))) == theirs["digest"]


def record_of(row: Row) -> dict[str, Any]:
    """The record of Keras's model: its name and counts, and a digest of the names, shapes and
    shapes of weights of all layers.
    """
    _count_anew()
    with _undrawn():
        theirs = theirs_of(row)
    made = _made(theirs, _recorded_names(row, theirs.layers))
    return {
        "name": theirs.name.replace(".", ""),
        "parameters": theirs.count_params(),
        "trainable_parameters": sum(prod(weight.shape) for weight in theirs.trainable_weights),
        "layers": len(made),
        "digest": digest(made),
    }


def _recorded_names(row: Row, layers: Iterable[Any]) -> set[str]:
    """No names where Keras's and ours differ: rows that are built compare the others."""
    return set() if row.kind.startswith(OTHER_NAMES) else {layer.name for layer in layers}


def digest(found: list[tuple[Any, ...]]) -> str:
    """Equal for equal layers, whatever sequences their shapes are."""
    return sha256(json.dumps(found).encode()).hexdigest()


def spec_of(row: Row) -> ms.Spec:
    """Our architecture with the settings of the row."""
    spec = ms.load_spec(
        LIBRARY / f"{row.kind}.yaml",
        {f"vars.{name}": value for name, value in row.settings.items()},
    )
    assert not spec.diagnostics, "\n".join(map(str, spec.diagnostics))
    return spec


def check_row(row: Row) -> float | None:
    """Compare the two models of a row. The largest distance of their outputs, where the row
    compares them.
    """
    spec = spec_of(row)
    _count_anew()
    with nullcontext() if row.outputs else _undrawn():
        theirs = theirs_of(row)
        ours = spec.build() if row.built else None
    named = {
        layer.name
        for layer in theirs.layers
        if not (row.kind.startswith(OTHER_NAMES) and _is_unnamed(layer))
    }
    assert spec.name == theirs.name.replace(
        ".", ""
    )  # `mobilenet_1.00_224`: no name has a dot in it here
    assert _inferred(spec, named) == _made(theirs, named)
    assert spec.graph.parameters == theirs.count_params()
    assert spec.graph.trainable_parameters == sum(
        prod(weight.shape) for weight in theirs.trainable_weights
    )
    if ours is None:
        return None
    assert _weights(ours) == _weights(theirs)
    others = next(
        (others for kind, others in OTHER_CLASSES.items() if row.kind.startswith(kind)), {}
    )
    for our, their in zip(_layers(ours, named), _layers(theirs, named), strict=True):
        assert our == their or our[:3] == (their[0], others.get(their[1]), their[2])
    assert ours.output_shape == theirs.output_shape
    return _distance(ours, theirs) if row.outputs else None


def theirs_of(row: Row) -> Any:
    """Keras's model."""
    import keras

    settings = {"weights": None, **row.settings}
    if "input_shape" in settings:
        settings["input_shape"] = tuple(settings["input_shape"])
    return getattr(keras.applications, row.kind)(**settings)


def _count_anew() -> None:
    """Keras counts layers without a name as in a fresh session. Not inside `_undrawn`, which would
    end then.
    """
    import keras

    keras.utils.clear_session(free_memory=False)


@contextmanager
def _undrawn() -> Iterator[None]:
    """Weights have a shape and a place here, and no values: Keras draws them where they are first
    needed.

    They never are where nothing runs, so a model of 100 million weights costs no more than a small
    one.
    """
    import keras

    with keras.StatelessScope(initialize_variables=False):
        yield
    keras.utils.clear_session(free_memory=False)  # which forgets what is to be drawn


def _is_unnamed(layer: Any) -> bool:
    """Whether Keras's code leaves the name to Keras, which counts: `re_lu_7`."""
    return re.fullmatch(rf"{snake_case(type(layer).__name__)}(_\d+)?", layer.name) is not None


def _inferred(spec: ms.Spec, named: set[str]) -> list[tuple[Any, ...]]:
    """What is known of every layer without a framework: its name, its shape, and those of its
    weights.
    """
    return _sorted(
        (
            one.name if one.name in named else "",
            erase(one.outputs[0].shape),
            [erase(weight.shape) for weight in one.weights],
        )
        for one in spec.graph.layers
    )


def _made(model: Any, named: set[str]) -> list[tuple[Any, ...]]:
    """The same of the layers that Keras made."""
    return _sorted(
        (
            layer.name if layer.name in named else "",
            layer.output.shape,
            [tuple(weight.shape) for weight in layer.weights],
        )
        for layer in model.layers
        if type(layer).__name__ != "InputLayer"
    )


def _sorted(found: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return sorted(found, key=str)


def _weights(model: Any) -> list[tuple[str, tuple[int, ...], bool]]:
    """Every weight in order: `conv1_conv/kernel`, its shape, and whether it is trained.

    NASNet has scopes around its layers, and the one weight of ConvNeXt's `LayerScale` has no name.
    """
    return [
        (
            re.sub(r"variable(_\d+)?$", "gamma", "/".join(weight.path.split("/")[-2:])),
            tuple(weight.shape),
            weight.trainable,
        )
        for weight in model.weights
    ]


def _layers(model: Any, named: set[str]) -> list[tuple[str, str, Any, Any]]:
    """Every layer in order: name, class, shape and settings. The input's name is the spec's own."""
    named = named - {"input_layer"}
    return [
        (
            layer.name if layer.name in named else "",
            type(layer).__name__,
            layer.output.shape,
            _settings(layer),
        )
        for layer in model.layers
    ]


def _settings(layer: Any) -> dict[str, Any]:
    """All settings, those too that show neither in shapes nor in outputs, like the momentum of a
    normalization.
    """
    found = {
        name: value
        for name, value in layer.get_config().items()
        if name not in ("name", "projection_dim")
    }
    axis = found.get("axis")
    axis = axis[0] if isinstance(axis, (list, tuple)) else axis
    if isinstance(axis, int):
        found["axis"] = axis % len(layer.output.shape)
    for name, value in found.items():
        if (
            isinstance(value, dict)
            and value.get("class_name") == "Constant"
            and value["config"] == {"value": 0.0}
        ):
            found[name] = {**value, "class_name": "Zeros", "config": {}}
    if set(found.get("kernel_size", ())) == {1}:
        del found["padding"]  # a window of one place never reaches over the edge
    return found


def _distance(ours: Any, theirs: Any) -> float:
    """Give both the same weights, run both on the same images; asserts that outputs are as good as
    equal.
    """
    import numpy as np

    random = np.random.default_rng(0)
    alone = {
        id(layer.kernel) for layer in theirs.layers if type(layer).__name__ == "DepthwiseConv2D"
    }
    drawn = [_values(weight, random, id(weight) in alone) for weight in theirs.weights]
    ours.set_weights(drawn)
    theirs.set_weights(drawn)
    images = random.random((2, *theirs.input_shape[1:]), dtype=np.float32)
    found, expected = (np.asarray(model(images, training=False)) for model in (ours, theirs))
    assert np.isfinite(expected).all()
    assert expected.std(axis=0).max() > 0, "the outputs must depend on the images"
    distance = float(np.abs(found - expected).max())
    assert distance <= TOLERANCE * float(np.abs(expected).max())
    return distance


def _values(weight: Any, random: Any, depthwise: bool) -> Any:
    """Values that keep signals at about their size, and are no two alike: a weight in the wrong
    place shows.
    """
    import numpy as np

    if weight.name == "count":
        return np.zeros((), "int64")
    if weight.name in ("gamma", "variable", "moving_variance", "variance"):
        return random.uniform(0.5, 1.5, weight.shape).astype("float32")
    if weight.name in ("beta", "moving_mean", "mean", "bias"):
        return random.normal(0, 0.1, weight.shape).astype("float32")
    fan_in = prod(
        weight.shape[:2] if depthwise or "depthwise" in weight.name else weight.shape[:-1]
    )
    return random.standard_normal(weight.shape, dtype=np.float32) * np.float32(
        np.sqrt(2 / max(fan_in, 1))
    )
