"""Where modelspec refuses on purpose what Keras takes and could run.

Each row has a witness, a call that shows the difference; `test_layers` runs it, so a row that is no
longer needed fails. A call that Keras takes but that can run with no data at all, or that gives
another shape than Keras says, needs no row: `compare` tries it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from modelspec.catalog.layers import LAYERS
from modelspec.core.diagnostics import Fault, Path
from modelspec.core.shapes import Tensor

from .case import Case, layer_class

Kinds = tuple[str, ...] | Callable[[str], bool]


class Stricter(NamedTuple):
    """Faults with this code at this setting or call argument (None: the call as a whole), and
    why.
    """

    kinds: Kinds
    code: str
    place: str | None
    reason: str
    witness: Case

    def covers(self, case: Case, fault: Fault) -> bool:
        kind, path = _innermost(case.kind, fault.path)
        place = path[0] if path else fault.argument
        named = self.kinds(kind) if callable(self.kinds) else kind in self.kinds
        return named and (self.code, self.place) == (fault.code, place)


def _innermost(kind: str, path: Path) -> tuple[str, Path]:
    """The nested layer that a path leads into (`layer`, `Dropout`, `rate`), and the path from
    there.
    """
    for place, step in enumerate(path):
        if isinstance(step, str) and step in LAYERS:
            return _innermost(step, path[place + 1 :])
    return kind, path


def every(kind: str) -> bool:
    return True


def images(kind: str) -> bool:
    """Layers that take a batch of images; Keras lets them take a single one as well."""
    return [argument.name for argument in layer_class(kind).arguments] == ["data"]


def encoders(kind: str) -> bool:
    return "output_mode" in layer_class(kind).model_fields


def cells(kind: str) -> bool:
    return kind.endswith(("Cell", "Cells"))


def merges(kind: str) -> bool:
    return layer_class(kind).arguments[0].least == 2


def _case(
    kind: str, settings: dict[str, Any], *shapes: tuple[int | None, ...], dtype: str = "float32"
) -> Case:
    first = layer_class(kind).arguments[0]
    tensors = tuple(Tensor(shape, dtype) for shape in shapes)
    return Case(kind, settings, {first.name: tensors if first.many else tensors[0]})


def _attention(settings: dict[str, Any], shape: tuple[int | None, ...] = (None, 4, 6)) -> Case:
    steps = Tensor(shape, "float32")
    return Case("MultiHeadAttention", settings, {"query": steps, "value": steps})


def _states(count: int) -> tuple[Tensor, ...]:
    return (Tensor((None, 4), "float32"),) * count


IMAGE = (None, 9, 8, 3)
STEPS = (None, 6, 5)
MEL = {"fft_length": 64, "sequence_stride": 16, "num_mel_bins": 8}
IGNORED = "Keras does not look at it before it is needed, or not at all"
BATCH = "the batch axis would be taken for the missing one"

STRICTER: tuple[Stricter, ...] = (
    Stricter(
        every,
        "MS205",
        "dropout",
        "a fraction: Keras drops nothing below 0 and everything above 1",
        _case("Attention", {"dropout": -0.5}, (None, 4, 6), (None, 7, 6)),
    ),
    Stricter(
        every,
        "MS205",
        "recurrent_dropout",
        "a fraction, as `dropout`",
        _case("GRU", {"units": 4, "recurrent_dropout": 1.5}, STEPS),
    ),
    Stricter(
        every,
        "MS205",
        "momentum",
        "how much of a running mean is kept: outside 0 to 1 it runs away",
        _case("BatchNormalization", {"momentum": 1.5}, STEPS),
    ),
    Stricter(
        ("BatchNormalization",),
        "MS205",
        "renorm_momentum",
        "as `momentum`",
        _case("BatchNormalization", {"renorm": True, "renorm_momentum": -0.5}, STEPS),
    ),
    Stricter(
        lambda kind: kind.endswith("Normalization"),
        "MS205",
        "epsilon",
        "below 0 the root of a small variance is no number",
        _case("LayerNormalization", {"epsilon": -1e-3}, STEPS),
    ),
    Stricter(
        every,
        "MS205",
        "lora_rank",
        "Keras takes 0 for `null`",
        _case("Dense", {"units": 3, "lora_rank": 0}, (None, 5)),
    ),
    Stricter(
        every,
        "MS206",
        "activity_regularizer",
        IGNORED,
        _case("SimpleRNN", {"units": 4, "activity_regularizer": "nonsense"}, STEPS),
    ),
    Stricter(
        merges,
        "MS310",
        "inputs",
        "a list of one tensor is a slip: the layer would do nothing",
        _case("Add", {}, (None, 4, 5)),
    ),
    Stricter(images, "MS401", None, BATCH, _case("RandomFlip", {}, (None, 8, 3))),
    Stricter(
        lambda kind: kind.startswith("AdaptiveMax"),
        "MS401",
        None,
        BATCH,
        _case("AdaptiveMaxPooling2D", {"output_size": 2}, (None, 8, 4)),
    ),
    Stricter(
        lambda kind: kind.startswith("Adaptive"),
        "MS402",
        "output_size",
        "one window along an axis fails in a graph; of maxima it ends the process outside of one",
        _case("AdaptiveAveragePooling2D", {"output_size": (1, 2)}, IMAGE),
    ),
    Stricter(
        lambda kind: kind.startswith("Adaptive"),
        "MS402",
        None,
        "as one window: one entry",
        _case("AdaptiveAveragePooling1D", {"output_size": 2}, (None, 1, 4)),
    ),
    Stricter(
        ("Attention", "AdditiveAttention"),
        "MS401",
        None,
        BATCH,
        _case("AdditiveAttention", {}, (None, 4, 6), (None, 6)),
    ),
    Stricter(
        ("MultiHeadAttention", "GroupQueryAttention"),
        "MS401",
        "query",
        BATCH,
        _attention({"num_heads": 2, "key_dim": 3, "attention_axes": 1}, (None, 6)),
    ),
    Stricter(
        ("RNN", "SimpleRNN", "GRU", "LSTM"),
        "MS403",
        "mask",
        "Keras leaves out the end of a long mask",
        Case(
            "SimpleRNN",
            {"units": 4, "unroll": True},
            {
                "sequences": Tensor((None, 6, 5), "float32"),
                "mask": Tensor((None, 7), "bool"),
            },
        ),
    ),
    Stricter(
        ("GlobalAveragePooling1D",),
        "MS403",
        "mask",
        "Keras divides by the number of true values in the mask: one of size 1 gives the sum",
        Case(
            "GlobalAveragePooling1D",
            {},
            {"inputs": Tensor((None, 9, 4), "float32"), "mask": Tensor((None, 1), "bool")},
        ),
    ),
    Stricter(
        ("MultiHeadAttention",),
        "MS407",
        "attention_axes",
        "attention over the batch or the features is a slip",
        _attention({"num_heads": 2, "key_dim": 3, "attention_axes": -1}),
    ),
    Stricter(
        ("MultiHeadAttention",),
        "MS205",
        "output_shape",
        "Keras takes 0 for `null`",
        _attention({"num_heads": 2, "key_dim": 3, "output_shape": 0}),
    ),
    Stricter(
        ("Dropout", "AlphaDropout"),
        "MS403",
        "noise_shape",
        "with a rate of 0 Keras draws no noise",
        _case("Dropout", {"rate": 0.0, "noise_shape": (11,)}, STEPS),
    ),
    Stricter(
        ("Dropout", "AlphaDropout"),
        "MS403",
        "noise_shape",
        "Keras takes the batch that it is called with for all batches",
        _case("Dropout", {"rate": 0.2, "noise_shape": (2, 1, 1)}, STEPS),
    ),
    Stricter(
        ("Dropout", "AlphaDropout"),
        "MS205",
        "noise_shape",
        "as above: noise has entries",
        _case("AlphaDropout", {"rate": 0.0, "noise_shape": (0,)}, STEPS),
    ),
    Stricter(
        ("Dropout",),
        "MS404",
        None,
        "with a rate of 1 Keras gives zeros without a look at the dtype",
        _case("Dropout", {"rate": 1.0}, STEPS, dtype="int64"),
    ),
    Stricter(
        lambda kind: kind.startswith("AdaptiveMax"),
        "MS404",
        None,
        "not tried, because of the windows above",
        _case("AdaptiveMaxPooling1D", {"output_size": 2}, (None, None, 4), dtype="bool"),
    ),
    Stricter(
        lambda kind: kind.endswith("Pooling3D"),
        "MS404",
        "dtype",
        "TensorFlow has a kernel in float64 on no device (`test_dtypes`), not on a CPU alone",
        _case("AveragePooling3D", {"pool_size": 2, "dtype": "float64"}, (None, 4, 5, 6, 2)),
    ),
    Stricter(
        ("ActivityRegularization",),
        "MS404",
        None,
        "beside whole numbers Keras cuts the factors to whole numbers, and the penalty is 0",
        _case("ActivityRegularization", {"l1": 0.1}, STEPS, dtype="int32"),
    ),
    Stricter(
        ("RMSNormalization", "LayerScale"),
        "MS404",
        None,
        "Keras casts the result back to what it took: fractions are lost",
        _case("RMSNormalization", {}, STEPS, dtype="int32"),
    ),
    Stricter(
        ("CutMix", "RandomElasticTransform", "RandomErasing", "RandomGaussianBlur"),
        "MS404",
        "dtype",
        "fails in a graph, where models and transforms run",
        _case("RandomErasing", {"dtype": "float16"}, IMAGE, dtype="float16"),
    ),
    Stricter(
        encoders,
        "MS401",
        None,
        "Keras takes a batch of single numbers for one example and gives no batch axis",
        _case("CategoryEncoding", {"num_tokens": 6}, (None,), dtype="int32"),
    ),
    Stricter(
        cells,
        "MS401",
        "inputs",
        "a cell takes one step: Keras stretches more axes over each other",
        Case(
            "GRUCell",
            {"units": 4},
            {"inputs": Tensor((None, 1, 5), "float32"), "states": _states(1)},
        ),
    ),
    Stricter(
        cells,
        "MS405",
        "states",
        "the state is as wide as the cell: any other width is stretched or fails",
        Case(
            "LSTMCell",
            {"units": 4},
            {
                "inputs": Tensor((None, 5), "float32"),
                "states": (Tensor((None, None), "float32"), *_states(1)),
            },
        ),
    ),
    Stricter(
        cells,
        "MS310",
        "states",
        "as many as the cell has: Keras ignores the rest",
        Case(
            "GRUCell", {"units": 4}, {"inputs": Tensor((None, 5), "float32"), "states": _states(2)}
        ),
    ),
    Stricter(
        ("PReLU",),
        "MS205",
        "shared_axes",
        "axes count from 1: Keras takes 0 and below for others",
        _case("PReLU", {"shared_axes": 0}, (None, 5)),
    ),
    Stricter(
        ("ReversibleEmbedding",),
        "MS205",
        "reverse_dtype",
        IGNORED,
        _case(
            "ReversibleEmbedding",
            {"input_dim": 9, "output_dim": 4, "reverse_dtype": "nonsense"},
            (None, 5),
            dtype="int32",
        ),
    ),
    Stricter(
        ("ReversibleEmbedding",),
        "MS205",
        "logit_soft_cap",
        "Keras takes 0 for `null`",
        _case(
            "ReversibleEmbedding",
            {"input_dim": 9, "output_dim": 4, "logit_soft_cap": 0.0},
            (None, 5),
            dtype="int32",
        ),
    ),
    Stricter(
        ("MelSpectrogram",),
        "MS205",
        "min_freq",
        "there is no sound below 0 hertz: the result is not a number",
        _case("MelSpectrogram", {**MEL, "min_freq": -1.5}, (None, 200)),
    ),
    Stricter(
        ("MelSpectrogram",),
        "MS205",
        "max_freq",
        "as `min_freq`",
        _case("MelSpectrogram", {**MEL, "max_freq": -0.5}, (None, 200)),
    ),
    Stricter(
        ("MelSpectrogram",),
        "MS205",
        "sampling_rate",
        "no sound has 0 samples a second",
        _case("MelSpectrogram", {**MEL, "sampling_rate": 0}, (None, 200)),
    ),
    Stricter(
        ("MelSpectrogram",),
        "MS205",
        "min_power",
        "the logarithm of 0 and below is no number",
        _case("MelSpectrogram", {**MEL, "min_power": -0.5}, (None, 200)),
    ),
    Stricter(
        ("HashedCrossing",),
        "MS205",
        "num_bins",
        "there is no bin to put anything in",
        _case("HashedCrossing", {"num_bins": 0}, (None, 1), (None, 1), dtype="string"),
    ),
    Stricter(
        ("HashedCrossing",),
        "MS403",
        None,
        "one value for each example: the axis is 1",
        _case("HashedCrossing", {"num_bins": 10}, (None, None), (None, None), dtype="string"),
    ),
    Stricter(
        ("Discretization",),
        "MS205",
        "epsilon",
        "only learning the bins from data looks at it",
        _case("Discretization", {"bin_boundaries": (0.0, 1.0), "epsilon": 2.5}, (None, 1)),
    ),
    Stricter(
        ("TextVectorization",),
        "MS205",
        "ngrams",
        "a group has at least one word",
        _case(
            "TextVectorization",
            {"vocabulary": ("a", "b"), "output_mode": "multi_hot", "ngrams": -1},
            (None,),
            dtype="string",
        ),
    ),
    Stricter(
        ("RandAugment",),
        "MS205",
        "num_ops",
        "without a change nothing is augmented",
        _case("RandAugment", {"num_ops": 0}, IMAGE),
    ),
    Stricter(
        ("RandomFlip",), "MS205", "mode", IGNORED, _case("RandomFlip", {"mode": "nonsense"}, IMAGE)
    ),
    Stricter(
        images,
        "MS204",
        "value_range",
        "two numbers: Keras ignores the rest",
        _case("RandomContrast", {"factor": 0.3, "value_range": (0, 1, 2)}, IMAGE),
    ),
    Stricter(
        images,
        "MS205",
        "value_range",
        "two different numbers: Keras divides by their difference, for NaN or an exception",
        _case("AugMix", {"value_range": (1, 1)}, IMAGE),
    ),
    Stricter(
        ("RandomColorJitter",),
        "MS208",
        "data_format",
        "Keras forgets it for saturation and hue, which take the width for the channels",
        _case("RandomColorJitter", {"hue_factor": 0.1, "data_format": "channels_first"}, IMAGE),
    ),
    Stricter(
        ("MixUp", "AugMix"),
        "MS205",
        "alpha",
        "at 0 and below the result is not a number",
        _case("MixUp", {"alpha": -1.0}, IMAGE),
    ),
    Stricter(
        ("AugMix",),
        "MS205",
        "num_chains",
        "without a chain nothing is augmented",
        _case("AugMix", {"num_chains": 0}, IMAGE),
    ),
    Stricter(
        ("AugMix",),
        "MS205",
        "chain_depth",
        "below 1 Keras draws a depth of its own",
        _case("AugMix", {"chain_depth": 0}, IMAGE),
    ),
    Stricter(
        ("AugMix",),
        "MS403",
        None,
        "it fails whenever the change of colour is drawn",
        _case("AugMix", {"value_range": (0, 1), "num_chains": 1}, (None, 9, 8, 2)),
    ),
    Stricter(
        ("Rescaling",),
        "MS403",
        "scale",
        "it makes several channels of one; Keras says so inside of a `Pipeline`",
        _case("Pipeline", {"layers": ({"Rescaling": {"scale": (0.5, 2.0)}},)}, (None, 9, 8, 1)),
    ),
    Stricter(
        ("Equalization",),
        "MS205",
        "bins",
        "a histogram has bins",
        _case("Equalization", {"bins": -3}, IMAGE),
    ),
    Stricter(
        ("MaxNumBoundingBoxes",),
        "MS205",
        "max_number",
        "images alone are passed through, boxes would be lost",
        _case("MaxNumBoundingBoxes", {"max_number": 0}, IMAGE),
    ),
    Stricter(
        ("SpectralNormalization",),
        "MS404",
        None,
        "Keras casts the result back to integers",
        _case(
            "SpectralNormalization",
            {"layer": {"Embedding": {"input_dim": 7, "output_dim": 3}}},
            (None, 9),
            dtype="int32",
        ),
    ),
)


def is_stricter(case: Case, fault: Fault) -> bool:
    return any(row.covers(case, fault) for row in STRICTER)
