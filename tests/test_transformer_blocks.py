"""The library's transformer blocks: what Keras's own layers compute, causality and masks.

Their shapes and faults are in `cases/library`.
"""

from __future__ import annotations

from typing import Any

import pytest

import modelspec as ms

WIDTHS = {"num_heads": 2, "intermediate_dim": 12, "hidden_dim": 8}


def spec(entries: list[Any], **inputs: Any) -> dict[str, Any]:
    return {"model": {"inputs": inputs, "layers": entries}}


# In Keras -----------------------------------------------------------------------------------------


def encoder(first: bool, settings: dict[str, Any]) -> Any:
    """One layer of an encoder, written with Keras's own layers; weights in the order of the
    block's.
    """
    from keras import Input, Model, layers

    given = Input((5, 8))
    norms = [layers.LayerNormalization(epsilon=1e-5) for _ in range(2)]
    attention = layers.MultiHeadAttention(2, 4)
    wide, narrow = layers.Dense(12, activation=settings.get("activation", "relu")), layers.Dense(8)
    if first:
        normed = norms[0](given)
        x = given + attention(normed, normed)
        y = x + narrow(wide(norms[1](x)))
        order = [norms[0], attention, norms[1], wide, narrow]
    else:
        x = norms[0](given + attention(given, given))
        y = norms[1](x + narrow(wide(x)))
        order = [attention, norms[0], wide, narrow, norms[1]]
    model = Model(given, y)
    return model, [weight for layer in order for weight in layer.weights]


@pytest.mark.tensorflow
@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("settings", [{}, {"activation": "gelu", "dropout": 0.3}], ids=str)
def test_an_encoder_computes_what_keras_layers_compute(
    first: bool, settings: dict[str, Any]
) -> None:
    import numpy as np

    entry = {
        "TransformerEncoder": {**WIDTHS, **settings, "normalize_first": first, "name": "block"}
    }
    ours = ms.load_spec(spec([entry], x=[5, 8])).build()
    theirs, order = encoder(first, settings)
    rng = np.random.default_rng(1)
    own = [weight for weight in ours.weights if "seed" not in weight.path]
    for weight, other in zip(own, order, strict=True):
        value = rng.normal(size=weight.shape)
        weight.assign(value)
        other.assign(value)
    x = rng.normal(size=(3, 5, 8)).astype("float32")
    np.testing.assert_allclose(ours(x), theirs(x), rtol=1e-5, atol=1e-5)


@pytest.mark.tensorflow
@pytest.mark.parametrize("first", [False, True])
def test_a_decoder_never_looks_ahead_and_sees_all_of_the_memory(first: bool) -> None:
    import numpy as np

    entry = {"TransformerDecoder": {**WIDTHS, "normalize_first": first, "from": ["x", "memory"]}}
    model = ms.load_spec(spec([entry], x=[6, 8], memory=[4, 8])).build()
    rng = np.random.default_rng(2)
    x, memory = rng.normal(size=(1, 6, 8)), rng.normal(size=(1, 4, 8))
    given = np.array(model({"x": x, "memory": memory}))
    later, other = x.copy(), memory.copy()
    later[:, 4:] += 1
    other[:, 3] += 1
    changed = np.abs(np.array(model({"x": later, "memory": memory})) - given).max(axis=(0, 2))
    assert changed[:4].max() < 1e-5
    assert changed[4:].min() > 1e-3
    assert np.abs(np.array(model({"x": x, "memory": other})) - given).max(axis=(0, 2)).min() > 1e-5


@pytest.mark.tensorflow
def test_padding_changes_nothing() -> None:
    import numpy as np

    model = ms.load_spec(
        spec(
            [
                {
                    "PositionalEmbedding": {
                        "vocabulary_size": 9,
                        "sequence_length": 20,
                        "embedding_dim": 8,
                        "mask_zero": True,
                    }
                },
                {"TransformerEncoder": {**WIDTHS, "repeat": 2}},
                {"TransformerEncoder": {**WIDTHS, "normalize_first": True}},
                "GlobalAveragePooling1D",
            ],
            tokens={"shape": ["time"], "dtype": "int32"},
        )
    ).build()
    short = np.array(model(np.array([[3, 4, 5]], "int32")))
    padded = np.array(model(np.array([[3, 4, 5, 0, 0, 0]], "int32")))
    np.testing.assert_allclose(padded, short, rtol=1e-4, atol=1e-5)


@pytest.mark.tensorflow
def test_padding_of_a_memory_is_seen_by_no_layer_of_a_decoder() -> None:
    import numpy as np

    model = ms.load_spec(
        spec(
            [
                {
                    "PositionalEmbedding": {
                        "vocabulary_size": 9,
                        "sequence_length": 20,
                        "embedding_dim": 8,
                        "mask_zero": True,
                        "from": "tokens",
                        "name": "read",
                    }
                },
                {"TransformerEncoder": {**WIDTHS, "name": "memory"}},
                {"TransformerDecoder": {**WIDTHS, "from": ["x", "memory"], "name": "one"}},
                {
                    "TransformerDecoder": {
                        **WIDTHS,
                        "from": ["one", "memory"],
                        "normalize_first": True,
                    }
                },
            ],
            tokens={"shape": ["time"], "dtype": "int32"},
            x=[4, 8],
        )
    ).build()
    x = np.random.default_rng(5).normal(size=(1, 4, 8)).astype("float32")
    short = np.array(model({"tokens": np.array([[3, 4, 5]], "int32"), "x": x}))
    padded = np.array(model({"tokens": np.array([[3, 4, 5, 0, 0]], "int32"), "x": x}))
    np.testing.assert_allclose(padded, short, rtol=1e-4, atol=1e-5)


@pytest.mark.tensorflow
@pytest.mark.parametrize("width", [6, 7])
def test_sinusoidal_positions_are_those_of_the_paper(width: int) -> None:
    import numpy as np

    model = ms.load_spec(
        spec([{"SinusoidalPositions": {"max_wavelength": 1000}}], x=["time", width])
    ).build()
    place, entry = np.arange(5)[:, None], np.arange(width)
    angle = place / 1000 ** (2 * (entry // 2) / width)
    waves = np.where(entry % 2 == 0, np.sin(angle), np.cos(angle))
    x = np.random.default_rng(3).normal(size=(2, 5, width)).astype("float32")
    np.testing.assert_allclose(model(x), x + waves, rtol=1e-4, atol=1e-4)


@pytest.mark.tensorflow
def test_places_and_the_class_vector_are_learned() -> None:
    import numpy as np

    model = ms.load_spec(
        spec(
            [{"PatchEmbedding": {"image_size": 4, "patch_size": 2, "hidden_dim": 3, "name": "p"}}],
            image=[4, 4, 1],
        )
    ).build()
    token, positions = (
        model.get_layer(name).get_weights()[0] for name in ("p_class_token", "p_positions")
    )
    kernel, bias = model.get_layer("p_patches").get_weights()
    model.get_layer("p_class_token").set_weights([token + 7])
    image = np.random.default_rng(4).normal(size=(1, 4, 4, 1)).astype("float32")
    patches = [
        image[0, r : r + 2, c : c + 2].ravel() @ kernel.reshape(4, 3) + bias
        for r in (0, 2)
        for c in (0, 2)
    ]
    np.testing.assert_allclose(
        model(image)[0], np.stack([token[0] + 7, *patches]) + positions, rtol=1e-5, atol=1e-5
    )


@pytest.mark.tensorflow
@pytest.mark.parametrize("precision", ["mixed_float16", "float64"])
def test_other_precisions(precision: str) -> None:
    import numpy as np

    model = ms.load_spec(
        {
            "runtime": {"precision": precision},
            **spec(
                [
                    {
                        "PositionalEmbedding": {
                            "vocabulary_size": 9,
                            "sequence_length": 20,
                            "embedding_dim": 8,
                        }
                    },
                    "SinusoidalPositions",
                    {"TransformerEncoder": WIDTHS},
                ],
                tokens={"shape": ["time"], "dtype": "int32"},
            ),
        }
    ).build()
    assert np.isfinite(np.array(model(np.array([[3, 4, 5]], "int32")))).all()
