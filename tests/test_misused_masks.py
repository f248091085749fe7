"""What Keras does with the masks, and the layers without a gradient, that `check` refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from modelspec.compiler.pipeline import compile_spec

from .training_steps import failure

pytestmark = pytest.mark.tensorflow

EMBEDDING = {"Embedding": {"input_dim": 10, "output_dim": 4, "mask_zero": True, "name": "marks"}}
WORDS = {"words": {"shape": [5], "dtype": "int32"}}


def errors(compiled: Any) -> list[str]:
    return [one.code for one in compiled.diagnostics if one.severity == "error"]


def trained(inputs: dict[str, Any], *layers: Any) -> Any:
    model = {"inputs": inputs, "layers": [*layers, "Flatten", {"Dense": 2}]}
    return compile_spec({"model": model, "training": {"loss": "mse"}})


@pytest.mark.parametrize(
    ("code", "inputs", "layers", "said"),
    [
        (
            "MS435",
            WORDS,
            [EMBEDDING, {"GlobalAveragePooling1D": {"data_format": "channels_first"}}],
            "broadcastable",
        ),
        (
            "MS435",
            {"x": [2, 1]},
            ["Masking", {"BatchNormalization": {"axis": 2}}],
            "index out of range",
        ),
        (
            "MS412",
            WORDS,
            [
                EMBEDDING,
                {"TimeDistributed": {"layer": {"RepeatVector": 3}, "name": "x"}},
                {"Concatenate": {"from": ["x", "x"]}},
            ],
            "Cannot broadcast",
        ),
        (
            "MS436",
            {"image": [8, 8, 3]},
            [
                {"Conv2D": {"filters": 2, "kernel_size": 1}},
                {"UpSampling2D": {"interpolation": "area"}},
            ],
            "ResizeArea",
        ),
    ],
)
def test_what_is_refused_fails(
    code: str, inputs: dict[str, Any], layers: list[Any], said: str
) -> None:
    compiled = trained(inputs, *layers)
    assert errors(compiled) == [code]
    assert said in failure(compiled.value)


def test_sequences_one_after_the_other_train_with_the_mask_of_both() -> None:
    inputs = {**WORDS, "more": {"shape": [3], "dtype": "int32"}}
    second = {"Embedding": {**EMBEDDING["Embedding"], "from": "more", "name": "others"}}
    first = {"Embedding": {**EMBEDDING["Embedding"], "from": "words"}}
    joined = {"Concatenate": {"axis": 1, "from": ["marks", "others"]}}
    model = {"inputs": inputs, "layers": [first, second, joined, {"Dense": 2}]}
    compiled = compile_spec({"model": model, "training": {"loss": "mse"}})
    assert not errors(compiled)
    assert not failure(compiled.value)


def test_keras_averages_along_the_mask_that_it_gets() -> None:
    import keras

    x = np.random.default_rng(0).normal(size=(2, 4, 4))
    steps = np.array([[True, True, False, False], [False] * 4])
    first = keras.layers.GlobalAveragePooling1D(dtype="float64")
    got = np.asarray(first(x, mask=steps))
    np.testing.assert_allclose(got[0], x[0, :2].mean(axis=0))
    assert np.isnan(got[1]).all(), "an example without steps"
    last = keras.layers.GlobalAveragePooling1D(data_format="channels_first", dtype="float64")
    got = np.asarray(last(x, mask=steps))
    np.testing.assert_allclose(got[0], x[0, :, :2].mean(axis=1), err_msg="not along axis 1")
    one = np.ones((2, 1), dtype=bool)
    np.testing.assert_allclose(np.asarray(first(x, mask=one)), x.sum(axis=1))
