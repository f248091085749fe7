"""Masks that end before a layer that would use them, and layers that nothing fits to the data."""

from __future__ import annotations

import ast
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import modelspec as ms
from modelspec.catalog.layers import LAYERS
from modelspec.compiler.rules.masks import ATTENTION, INSIDE, KEEP, PROJECTED, RECURRENT, SUMS
from modelspec.core.diagnostics import Diagnostic

TOKENS = {"tokens": {"shape": [20], "dtype": "int32"}, "places": {"shape": [20], "dtype": "int32"}}
WORDS = {
    "Embedding": {
        "input_dim": 100,
        "output_dim": 16,
        "mask_zero": True,
        "from": "tokens",
        "name": "words",
    }
}
ORDER = {"Embedding": {"input_dim": 20, "output_dim": 16, "from": "places", "name": "order"}}
MASKED_ORDER = {"Embedding": {**ORDER["Embedding"], "mask_zero": True}}
MEAN = "GlobalAveragePooling1D"
LSTM = {"LSTM": {"units": 4, "name": "read"}}
STEPS = {"LSTM": {"units": 16, "return_sequences": True}}
NORM = {"RMSNormalization": {"name": "norm", "from": "words"}}
CONV = {"Conv1D": {"filters": 16, "kernel_size": 3, "from": "words", "name": "conv"}}


def attend(query: str, value: str, **more: Any) -> dict[str, Any]:
    return {
        "MultiHeadAttention": {
            "num_heads": 2,
            "key_dim": 8,
            "from": {"query": query, "value": value, **more},
            "name": "look",
        }
    }


def joined(kind: str, *names: str, **more: Any) -> dict[str, Any]:
    return {kind: {"from": list(names), "name": "both", **more}}


def found(layers: list[Any], code: str, **more: Any) -> list[Diagnostic]:
    report = ms.check({"model": {"inputs": TOKENS, "layers": layers}, **more})
    assert not [
        one
        for one in report.diagnostics
        if one.severity == "error" and one.code not in (code, "MS308")
    ]
    return [one for one in report.diagnostics if one.code == code]


ENDS = {
    "a convolution": ([WORDS, CONV, LSTM], "conv", "read"),
    "what follows a convolution": (
        [WORDS, CONV, {"MaxPooling1D": 2}, "RMSNormalization", "ReLU", LSTM],
        "conv",
        "read",
    ),
    "a normalization without masks": ([WORDS, NORM, attend("norm", "norm")], "norm", "look"),
    "a sum": (
        [WORDS, ORDER, joined("Add", "words", "order"), MEAN],
        "both",
        "global_average_pooling1d",
    ),
    "a product": ([WORDS, ORDER, joined("Multiply", "order", "words"), LSTM], "both", "read"),
    "features joined": (
        [WORDS, ORDER, joined("Concatenate", "words", "order"), LSTM],
        "both",
        "read",
    ),
    "by an axis from the front": (
        [WORDS, ORDER, joined("Concatenate", "order", "words", axis=2), LSTM],
        "both",
        "read",
    ),
    "a formula": (
        [
            WORDS,
            {"Expression": {"formula": "x * 4", "name": "f"}},
            "LayerNormalization",
            {"Bidirectional": {"layer": {"LSTM": 4}, "name": "read"}},
        ],
        "f",
        "read",
    ),
    "before a sum": ([WORDS, NORM, joined("Add", "norm", "words"), LSTM], "norm", "read"),
    "before a sum with itself": (
        [WORDS, NORM, joined("Add", "words", "norm"), LSTM],
        "norm",
        "read",
    ),
    "of what is looked at": ([WORDS, ORDER, CONV, attend("order", "conv")], "conv", "look"),
    "of value and key": ([WORDS, NORM, attend("words", "norm", key="norm")], "norm", "look"),
    "attention without weights": (
        [WORDS, NORM, {"Attention": {"from": ["words", "norm"], "name": "look"}}],
        "norm",
        "look",
    ),
    "attention has its query's": (
        [WORDS, ORDER, attend("order", "words"), joined("Add", "look", "words"), LSTM],
        "both",
        "read",
    ),
    "behind a recurrent layer": (
        [WORDS, STEPS, {"Conv1D": {"filters": 4, "kernel_size": 1, "name": "conv"}}, LSTM],
        "conv",
        "read",
    ),
}


@pytest.mark.parametrize("name", ENDS)
def test_a_mask_that_ends(name: str) -> None:
    """One warning, which names the layer after which there is no mask, and one that would have used
    it.
    """
    layers, lost, user = ENDS[name]
    (one,) = found(layers, "MS540")
    assert one.severity == "warning"
    assert (
        one.message.startswith(f"the mask of `words` ends at `{lost}`: ")
        and f"so `{user}` takes" in one.message
    )


KEPT = {
    "layers that keep it": [
        WORDS,
        {"Dropout": 0.1},
        {"Dense": 8},
        "LayerNormalization",
        {"Activation": "tanh"},
        LSTM,
    ],
    "sums of tensors that have it": [WORDS, MASKED_ORDER, joined("Add", "words", "order"), MEAN],
    "features that have it": [WORDS, MASKED_ORDER, joined("Concatenate", "words", "order"), LSTM],
    "steps joined": [WORDS, ORDER, joined("Concatenate", "words", "order", axis=1), LSTM],
    "a residual": [
        WORDS,
        attend("words", "words"),
        joined("Add", "look", "words"),
        "LayerNormalization",
        MEAN,
    ],
    "recurrent layers": [WORDS, STEPS, {"Bidirectional": {"layer": STEPS}}, LSTM],
    "nothing that would use it": [WORDS, CONV, "GlobalMaxPooling1D", {"Dense": 4}],
    "a later vector repeated": [WORDS, LSTM, {"RepeatVector": 5}, {"GRU": 4}],
    "steps that are no steps any more": [WORDS, {"Permute": [2, 1]}, {"GRU": 4}],
    "as many numbers as steps": [WORDS, {"Dense": 20}, {"Permute": [2, 1]}, {"GRU": 4}],
    "made anew": [WORDS, NORM, "Masking", LSTM],
    "a mask that is given": [
        {"Expression": {"formula": "t != 0", "from": {"t": "tokens"}, "name": "real"}},
        WORDS,
        CONV,
        {"ZeroPadding1D": 1},
        {"GlobalAveragePooling1D": {"from": {"inputs": "zero_padding1d", "mask": "real"}}},
    ],
    "a mask that is given hands itself on": [
        {"Expression": {"formula": "t != 0", "from": {"t": "tokens"}, "name": "real"}},
        WORDS,
        NORM,
        {
            "LSTM": {
                "units": 16,
                "return_sequences": True,
                "from": {"sequences": "norm", "mask": "real"},
            }
        },
        LSTM,
    ],
    "no mask": [
        {"Embedding": {"input_dim": 9, "output_dim": 4, "from": "tokens"}},
        "RMSNormalization",
        LSTM,
    ],
    "a layer that decides itself": [
        WORDS,
        {"SpectralNormalization": {"layer": {"Dense": 4}}},
        LSTM,
    ],
}


@pytest.mark.parametrize("name", KEPT)
def test_a_mask_that_comes_where_it_is_used_or_need_not(name: str) -> None:
    assert found(KEPT[name], "MS540") == []


def test_masks_pass_through_shared_models() -> None:
    """Into them and out of them; a loss inside is told once, however often the model is called."""
    keeps, ends = [{"Dense": {"units": 16}}], [{"RMSNormalization": {"name": "norm"}}, {"GRU": 16}]
    for name, inside, count in [("keeps", keeps, 0), ("ends", ends, 1)]:
        calls = [{"part": {"from": "words", "name": one}} for one in ("a", "b")]
        use = [{"GRU": {"units": 4, "from": one}} for one in ("a", "b")] if name == "keeps" else []
        end = {"Add": {"from": ["gru", "gru_1"] if use else ["a", "b"]}}
        report = ms.check(
            {
                "model": {
                    "shared": {"part": inside},
                    "inputs": {"tokens": TOKENS["tokens"]},
                    "layers": [WORDS, *calls, *use, end],
                }
            }
        )
        assert [one.code for one in report.diagnostics] == ["MS540"] * count, name
    embed = [{"Embedding": {"input_dim": 9, "output_dim": 16, "mask_zero": True}}]
    report = ms.check(
        {
            "model": {
                "shared": {"embed": embed},
                "inputs": {"tokens": TOKENS["tokens"]},
                "layers": ["embed", {"Conv1D": {"filters": 4, "kernel_size": 1}}, LSTM],
            }
        }
    )
    assert [one.code for one in report.diagnostics] == ["MS540"]


SOFTMAX = {
    "of a mask": ([WORDS, {"Dense": 5}, "Softmax"], ["MS542"]),
    "along another axis": ([WORDS, {"Dense": 1}, {"Softmax": {"axis": 1}}], ["MS542"]),
    "as an activation": ([WORDS, {"Dense": 5}, {"Activation": "softmax"}], []),
    "of a mask that ended": ([WORDS, CONV, "Softmax"], []),
    "of a vector": ([WORDS, LSTM, "Softmax"], []),
    "of a mask that may not be": ([WORDS, {"Pipeline": ["ReLU"]}, "Softmax"], []),
}


@pytest.mark.parametrize("name", SOFTMAX)
def test_a_softmax_takes_no_mask_of_steps(name: str) -> None:
    """Keras's `Softmax.call` compares the mask's axes with the last ones of the input, and
    raises.
    """
    layers, codes = SOFTMAX[name]
    assert [
        one.code
        for one in ms.check(
            {"model": {"inputs": {"tokens": TOKENS["tokens"]}, "layers": layers}}
        ).diagnostics
    ] == codes


def keras_classes() -> dict[str, ast.ClassDef]:
    """Every class below `keras.layers`, as it is written; Keras itself is not loaded."""
    spec = find_spec("keras")
    assert spec is not None and spec.origin is not None
    sources = (Path(spec.origin).parent / "src/layers").rglob("*.py")
    return {
        node.name: node
        for path in sources
        if not path.name.endswith("_test.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ClassDef)
    }


def supports_masks(name: str, classes: dict[str, ast.ClassDef]) -> bool:
    """Whether a class, or one that it is made from, says that it does, or has a rule of its own."""
    node = classes.get(name)
    if node is None or name == "Layer":
        return False
    for inner in ast.walk(node):
        if (
            isinstance(inner, ast.Assign)
            and ast.unparse(inner.targets[0]) == "self.supports_masking"
        ):
            return ast.unparse(inner.value) != "False"
        if isinstance(inner, ast.FunctionDef) and inner.name == "compute_mask":
            return True
    return any(supports_masks(ast.unparse(base).rpartition(".")[2], classes) for base in node.bases)


def test_the_layers_that_hand_masks_on_are_keras_s() -> None:
    """As its source says. `Dot` has a rule, which is that there is none, and
    `GlobalAveragePooling1D` too.
    """
    classes = keras_classes()
    others = {"Concatenate", "Embedding", "Masking", "ReversibleEmbedding"}
    ours = KEEP | SUMS | RECURRENT | ATTENTION | PROJECTED | others
    ends = {"Dot", "GlobalAveragePooling1D", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"}
    names = {"GroupQueryAttention": "GroupedQueryAttention"}
    keras = {kind for kind in LAYERS.kinds() if supports_masks(names.get(kind, kind), classes)}
    assert keras - ends - INSIDE == {kind for kind in ours if names.get(kind, kind) in classes}


LEARNED = {
    "StringLookup": ("string", {"StringLookup": {}}, "error"),
    "IntegerLookup": ("int64", {"IntegerLookup": {}}, "error"),
    "Discretization": ("float32", {"Discretization": {"num_bins": 4}}, "error"),
    "Normalization": ("float32", "Normalization", "warning"),
    "in a pipeline": ("float32", {"Pipeline": [{"Rescaling": 2.0}, "Normalization"]}, "warning"),
    "with a vocabulary": ("string", {"StringLookup": {"vocabulary": ["a", "b"]}}, None),
    "with a mean": ("float32", {"Normalization": {"mean": 0.0, "variance": 1.0}}, None),
}


@pytest.mark.parametrize("name", LEARNED)
def test_a_layer_that_nothing_fits_to_the_data(name: str) -> None:
    dtype, entry, severity = LEARNED[name]
    model = {"inputs": {"x": {"shape": [3], "dtype": dtype}}, "layers": [entry, {"Dense": 1}]}
    assert ms.check({"model": model}).diagnostics == (), "who trains it may fit it first"
    found = ms.check({"model": model, "training": {"loss": "mse"}}).diagnostics
    assert [(one.code, one.severity) for one in found] == (
        [("MS541", severity)] if severity else []
    )


def test_weights_from_a_file_hold_a_mean_and_no_vocabulary() -> None:
    for dtype, kind, codes in [
        ("float32", "Normalization", []),
        ("string", "StringLookup", ["MS541"]),
    ]:
        spec = {
            "model": {
                "inputs": {"x": {"shape": [3], "dtype": dtype}},
                "layers": [kind, {"Dense": 1}],
            },
            "training": {"loss": "mse", "weights": "start.weights.h5"},
        }
        assert [one.code for one in ms.check(spec).diagnostics] == codes
