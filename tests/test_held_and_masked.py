"""What training says of layers inside others, of the masks of attention scores, and of optimizers that
hold others.
"""

from __future__ import annotations

from typing import Any

import pytest

from modelspec.compiler.pipeline import compile_spec

from .training_steps import failure

UNFIT = "Dimensions must be equal"
"""What TensorFlow says of a mask or of weights of another shape."""

WORDS = {"shape": [5], "dtype": "int32"}
EMBEDDED = {"Embedding": {"input_dim": 9, "output_dim": 4, "mask_zero": True, "name": "words"}}
UNMASKED = {"Conv1D": {"filters": 4, "kernel_size": 1, "name": "plain"}}
HALF_INSIDE = [
    ("LocallyConnected1D", {"filters": 2, "kernel_size": 3}),
    ("Highway", {}),
    ("MaxoutDense", {"units": 2}),
    ("LayerScale", {}),
    ("SReLU", {}),
    ("ParametricSoftplus", {}),
]


def checked(layers: list[Any], x: Any, output: str | None = None, **training: Any) -> Any:
    """The compiled spec of a small model; its loss is `mse` where none is given."""
    model: dict[str, Any] = {"inputs": {"x": x}, "layers": layers}
    if output is not None:
        model["outputs"] = output
    precision = training.pop("precision", "float32")
    return compile_spec(
        {
            "model": model,
            "training": {"loss": "mse", "batch_size": 4, **training},
            "runtime": {"precision": precision},
        }
    )


def found(result: Any) -> list[str]:
    return [one.code for one in result.diagnostics]


def scores(kind: str, query: str, value: str, **options: Any) -> list[Any]:
    sizes: dict[str, Any] = {"num_heads": 2, "key_dim": 3}
    if kind == "GroupQueryAttention":
        sizes = {"head_dim": 3, "num_query_heads": 2, "num_key_value_heads": 1}
    call = {"return_attention_scores": True, **options}
    attention = {**sizes, "from": {"query": query, "value": value}, "call": call, "name": "seen"}
    return [EMBEDDED, UNMASKED, {kind: attention}]


@pytest.mark.parametrize(
    ("held", "merge"),
    [
        ({"TimeDistributed": {"layer": {"Dense": {"units": 1, "activation": "tanh"}}}}, None),
        ({"TimeDistributed": {"Dense": {"units": 1, "activation": "tanh"}}}, None),
        ({"Bidirectional": {"layer": {"LSTM": {"units": 1}}}}, "ave"),
    ],
)
def test_the_activation_of_a_layer_inside_another_meets_the_loss(held: Any, merge: Any) -> None:
    kind, body = next(iter(held.items()))
    layer = {kind: {**body, "merge_mode": merge} if merge else body}
    result = checked([layer], [5, 3], loss="binary_crossentropy")
    assert found(result) == ["MS552"]
    assert "in `" in result.diagnostics[0].help


def test_a_sum_of_both_directions_has_an_unknown_range() -> None:
    both = {"Bidirectional": {"layer": {"LSTM": {"units": 1}}, "merge_mode": "sum"}}
    assert found(checked([both], [5, 3], loss="binary_crossentropy")) == []


def test_a_layer_inside_another_without_an_activation_gives_any_number() -> None:
    held = {"TimeDistributed": {"layer": {"Dense": 1}}}
    assert found(checked([held], [5, 3], loss="binary_crossentropy")) == ["MS515"]
    assert found(checked([held], [5, 3])) == []


@pytest.mark.parametrize("kind", ["MultiHeadAttention", "GroupQueryAttention"])
@pytest.mark.parametrize(
    ("query", "value", "options", "refused"),
    [
        ("words", "words", {}, True),
        ("words", "plain", {}, False),
        ("plain", "plain", {}, False),
        ("plain", "plain", {"use_causal_mask": True}, True),
    ],
)
@pytest.mark.tensorflow
def test_scores_come_with_the_mask_by_which_attention_attends(
    kind: str, query: str, value: str, options: dict[str, Any], refused: bool
) -> None:
    result = checked(scores(kind, query, value, **options), WORDS, "seen.scores")
    assert ("MS412" in found(result)) is refused
    said = failure(result.value)
    assert UNFIT in said if refused else not said


@pytest.mark.tensorflow
def test_a_reshape_ends_the_mask_of_scores() -> None:
    reshape = {"Reshape": {"target_shape": [2, 5, 5], "from": "seen.scores", "name": "ended"}}
    layers = [*scores("MultiHeadAttention", "words", "words"), reshape]
    result = checked(layers, WORDS, "ended")
    assert "MS412" not in found(result)
    assert not failure(result.value)


@pytest.mark.parametrize(("kind", "settings"), HALF_INSIDE)
@pytest.mark.tensorflow
def test_a_layer_of_another_dtype_runs_inside_time_distributed(
    kind: str, settings: dict[str, Any]
) -> None:
    for dtype in ("float16", "float64"):
        held = {"TimeDistributed": {"layer": {kind: {**settings, "dtype": dtype}}}}
        result = checked([held, "Flatten", {"Dense": 1}], [5, 4, 3])
        assert found(result) == []
        assert not failure(result.value), dtype


@pytest.mark.tensorflow
def test_what_has_no_kernel_in_the_dtype_around_it_is_refused() -> None:
    pooling = {"AdaptiveMaxPooling3D": {"output_size": 2, "dtype": "float32"}}
    held = {"TimeDistributed": {"layer": pooling, "dtype": "float64"}}
    result = checked([held, "Flatten", {"Dense": 1}], [2, 4, 4, 4, 3])
    assert found(result) == ["MS416"]
    assert "MaxPool3D" in failure(result.value)
    alike = checked([{"TimeDistributed": {"layer": pooling}}], [2, 4, 4, 4, 3])
    assert "MS416" not in found(alike)


@pytest.mark.parametrize("precision", ["float16", "bfloat16", "mixed_float16", "float64"])
@pytest.mark.tensorflow
def test_scaled_gradients_are_not_accumulated_in_half_precision(precision: str) -> None:
    held = {"inner_optimizer": {"SGD": {"gradient_accumulation_steps": 2}}}
    optimizer = {"LossScaleOptimizer": held}
    result = checked([{"Dense": 1}], [4], optimizer=optimizer, precision=precision)
    refused = precision in ("float16", "bfloat16")
    assert ("MS589" in found(result)) is refused
    said = failure(result.value)
    assert "AddV2" in said if refused else not said


@pytest.mark.tensorflow
def test_nor_are_those_that_keras_scales_without_a_setting() -> None:
    """As it does where a layer computes in float16 with weights in float32."""
    layers = [{"Dense": {"units": 2, "dtype": "mixed_float16"}}, {"Dense": 1}]
    optimizer = {"SGD": {"gradient_accumulation_steps": 2}}
    result = checked(layers, [4], optimizer=optimizer, precision="bfloat16")
    assert "MS589" in found(result)
    assert "AddV2" in failure(result.value)


@pytest.mark.parametrize(
    "training",
    [
        {"loss": {"CosineSimilarity": {"axis": 0}}, "class_weight": {"0": 1.0, "1": 2.0}},
        {"loss": {"CosineSimilarity": {"axis": -2}}, "class_weight": {"0": 1.0, "1": 2.0}},
        {"weighted_metrics": [{"ConcordanceCorrelation": {"axis": 0}}]},
    ],
)
@pytest.mark.tensorflow
def test_what_compares_along_the_batch_takes_no_weights(training: dict[str, Any]) -> None:
    result = checked([{"Dense": 3}], [4], **training)
    assert "MS595" in found(result)
    assert UNFIT in failure(result.value)


def test_an_overlap_sums_over_each_axis_once() -> None:
    for axis, codes in (([1, -1], ["MS590"]), ([0, 1], [])):
        loss = {"Tversky": {"axis": axis}}
        assert found(checked([{"Dense": 3}], [4], loss=loss)) == codes


def test_what_compares_along_the_batch_without_weights_is_right() -> None:
    loss = {"CosineSimilarity": {"axis": 0}}
    metrics = [{"ConcordanceCorrelation": {"axis": 0}}]
    assert found(checked([{"Dense": 3}], [4], loss=loss, metrics=metrics)) == []
    weighted = [{"ConcordanceCorrelation": {"axis": 1}}]
    assert found(checked([{"Dense": 3}], [4], weighted_metrics=weighted)) == []


def test_known_sizes_alone_show_that_a_reshape_cannot_be() -> None:
    for target, codes in (([1], ["MS406"]), ([14], []), ([7, 2], []), ([-1, 2], [])):
        result = checked([{"Reshape": target}], [None, 7])
        assert [one.code for one in result.diagnostics if one.severity == "error"] == codes
