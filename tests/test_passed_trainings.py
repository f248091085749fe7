"""Trainings that Keras alone cannot run, or refuses in its own words, and that are right here: their
numbers; and what optimizers divide by.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from modelspec.catalog.components import METRICS, OPTIMIZERS
from modelspec.catalog.components.optimizer import Gradient
from modelspec.compiler.pipeline import compile_spec
from modelspec.core.dtypes import rounded
from modelspec.core.settings import Context
from modelspec.core.shapes import Tensor

from .oracle.case import layer_class
from .training_draws import METRIC_SETTINGS, kinds
from .training_steps import failure

pytestmark = pytest.mark.tensorflow

WORDS = {"shape": [3], "dtype": "int32"}
TABLE = {"Embedding": {"input_dim": 5, "output_dim": 2, "name": "table"}}


def fitted(optimizer: Any, factor: float | None) -> tuple[Any, Any]:
    """The table before and after one step on the first two words."""
    import tensorflow as tf

    from modelspec.runtime.backend import build
    from modelspec.runtime.run.step import TrainingSteps

    settings = {"learning_rate": 0.5} | ({"loss_scale_factor": factor} if factor else {})
    spec = {
        "model": {"inputs": {"x": WORDS}, "layers": [TABLE, "Flatten", {"Dense": 1}]},
        "training": {"loss": "mse", "batch_size": 4, "optimizer": {optimizer: settings}},
    }
    compiled: Any = compile_spec(spec).value
    model = build(compiled)
    rng = np.random.default_rng(0)
    for variable in model.trainable_variables:
        variable.assign(rng.normal(size=variable.shape))
    rows = tf.constant(rng.integers(0, 2, (4, 3))), tf.constant(rng.normal(size=(4, 1)), "float32")
    data = iter(tf.data.Dataset.from_tensors(rows).repeat())
    before = model.trainable_variables[0].numpy()
    TrainingSteps(model, roll_back=False)(data, 1)
    return before, model.trainable_variables[0].numpy()


def test_a_scaled_loss_trains_a_table_as_one_that_is_not_scaled() -> None:
    """A factor that is a power of 2 changes no digit of what a step gives."""
    np.testing.assert_allclose(fitted("SGD", 4.0)[1], fitted("SGD", None)[1], rtol=1e-6)


def test_the_first_step_of_adam_is_the_learning_rate_for_each_row_that_is_looked_up() -> None:
    before, after = fitted("Adam", 4.0)
    steps = np.abs(after - before)
    np.testing.assert_allclose(steps, [[0.5] * 2] * 2 + [[0] * 2] * 3, rtol=1e-4)


def update(name: str, settings: dict[str, Any], outputs: Any, targets: Any) -> float:
    """The metric of an output without a loss."""
    import keras
    import tensorflow as tf

    from modelspec.runtime.run.measured_output import MeasuredOutput

    metric = getattr(keras.metrics, name)(**settings)
    MeasuredOutput(tf.constant(targets), tf.constant(outputs), None, None, (metric,), ()).update(
        metric, None
    )
    return float(np.mean(metric.result()))


@pytest.mark.parametrize("dtype", ["int32", "uint8", "bool"])
@pytest.mark.parametrize("name", [one for one in kinds(METRICS) if "IoU" not in one])
def test_a_metric_of_whole_numbers_is_that_of_the_same_fractions(name: str, dtype: str) -> None:
    rng = np.random.default_rng(1)
    outputs = rng.integers(0, 2, (6, 3)).astype(dtype)
    settings = METRIC_SETTINGS.get(name, {})
    targets: Any = np.eye(3)[rng.integers(0, 3, 6)].astype("float32")
    if METRICS.find(name).targets == "indices":  # type: ignore[union-attr]
        targets = targets.argmax(-1)
    whole = update(name, settings, outputs, targets)
    assert whole == pytest.approx(update(name, settings, outputs.astype("float32"), targets))


@pytest.mark.parametrize("name", kinds(OPTIMIZERS))
def test_an_optimizer_says_what_keeps_it_from_dividing_0_by_0(name: str) -> None:
    """What never had a gradient is no number after a step where that setting is 0."""
    import keras

    declared = OPTIMIZERS.find(name)
    assert declared is not None and issubclass(declared, Gradient)
    written: Any = {"initial_accumulator_value": 0.0} if name == "Adagrad" else {}
    settings = declared.from_body(written or None, Context())
    setting = settings.divides_by("other/weight", Tensor((4,), "float32"))
    for zero in ({}, {setting: 0.0}) if setting else ({},):
        weight = keras.Variable(np.ones(4, "float32"), name="weight")
        optimizer = getattr(keras.optimizers, name)(**{**written, **zero})
        optimizer.apply([keras.ops.convert_to_tensor([1.0, 1.0, 0.0, 0.0])], [weight])
        assert np.isnan(weight.numpy()[2:]).tolist() == [bool(zero)] * 2


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("name", kinds(OPTIMIZERS))
def test_an_optimizer_knows_in_which_dtypes_it_divides_0_by_0(name: str, dtype: str) -> None:
    import keras

    weight = keras.Variable(np.ones(4), dtype=dtype, name="weight")
    optimizer = getattr(keras.optimizers, name)()
    optimizer.apply([keras.ops.convert_to_tensor([1.0, 1.0, 0.0, 0.0], dtype)], [weight])
    after = keras.ops.convert_to_numpy(keras.ops.cast(weight, "float32"))
    declared: Any = OPTIMIZERS.find(name)
    settings = declared.from_body(None, Context())
    found = settings.zero_by_zero("other/weight", Tensor((4,), dtype))
    assert np.isnan(after[2:]).tolist() == [found is not None or _fails(settings, dtype)] * 2


def _fails(settings: Gradient, dtype: str) -> bool:
    """Whether a setting is rounded to 1, so that no weight is finite after the first step."""
    outcomes = settings.rounded_to_one.items()
    lost = (name for name, outcome in outcomes if outcome == "fails")
    return any(rounded(getattr(settings, name), dtype) == 1 for name in lost)


@pytest.mark.parametrize(
    "layer",
    [
        {"SpatialDropout1D": 0.5},
        {"Pipeline": [{"Dense": 3}]},
        {"Discretization": {"bin_boundaries": [0.5]}},
    ],
)
def test_a_layer_whose_constructor_takes_no_trainable_is_frozen_all_the_same(layer: Any) -> None:
    kind, body = next(iter(layer.items()))
    named = body if isinstance(body, dict) else {"layers" if kind == "Pipeline" else "rate": body}
    layers = [{kind: {**named, "name": "held"}}, {"Dense": 1}]
    spec = {
        "model": {"inputs": {"x": [4, 3]}, "layers": layers},
        "training": {"loss": "mse", "freeze": ["held"], "batch_size": 4},
    }
    result = compile_spec(spec)
    assert not [one for one in result.diagnostics if one.severity == "error"]
    assert not failure(result.value)


def test_what_a_constructor_takes_is_what_keras_says() -> None:
    """A layer says so where Keras refuses `trainable`."""
    import keras

    for kind in ("SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "Dropout", "Dense"):
        settings = {"units": 1} if kind == "Dense" else {"rate": 0.5}
        try:
            getattr(keras.layers, kind)(**settings, trainable=False)
        except TypeError:
            taken = False
        else:
            taken = True
        assert layer_class(kind).constructed_trainable == taken, kind
