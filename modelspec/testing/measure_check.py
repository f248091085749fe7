"""Compares the declarations of losses and metrics with their Keras classes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from modelspec.catalog.components.loss import Loss
from modelspec.catalog.components.metric import Metric
from modelspec.core.settings import Context, Settings

from .drawn_settings import Case, cases, compare, keras_object
from .drawn_targets import Pair, need_examples, pairs, perfect

_CLOSE: Final = 1e-4
"""The relative difference that rounding in float32 explains."""


def check_loss(
    loss: type[Loss],
    *,
    settings: Sequence[Case] = (),
    examples: Sequence[Pair] = (),
    draws: int = 10,
    seed: int = 0,
) -> None:
    """Compare the declaration of a loss with its Keras class, for `settings` (or the defaults) and
    `draws` variations of them:

    - the constructor takes every setting, `reduction` and `dtype`, and `get_config` returns them;
    - the losses of the examples of a batch have the inferred shape, and are finite; their mean is
      the loss of the batch, also with sample weights; they are at least 0 if `at_least_0` is set;
    - the loss has a gradient, which is finite.

    `examples` are pairs of arrays `(y_true, y_pred)` with the batch axis first; by default they are
    drawn for what the loss `takes`. Loads TensorFlow. Raises `AssertionError` with the differences,
    and `ValueError` for a loss that requires settings or examples.
    """
    need_examples(loss.kind(), loss.targets, examples)
    known = cases(loss, settings, draws, seed)

    def check(made: Settings, found: Any) -> Iterator[str]:
        assert isinstance(made, Loss)
        for pair in examples or pairs(made, made.targets, seed):
            yield from _of_loss(made, found, pair)

    compare(loss, known, check)


def _of_loss(settings: Loss, made: Any, pair: Pair) -> Iterator[str]:
    import numpy as np

    y_true, y_pred = pair
    each = np.asarray(keras_object(settings, reduction="none")(y_true, y_pred))
    inferred = settings.values(y_pred.shape)
    if inferred is not None and each.shape != inferred:
        yield f"losses of a batch {y_pred.shape}: {each.shape}, inferred {inferred}"
        return
    if not np.isfinite(each).all():
        yield f"losses of a batch {y_pred.shape} are not finite: {each!r}"
        return
    if settings.at_least_0 and (each < -_CLOSE).any():
        yield f"`at_least_0` is set, but a loss is {each.min()}"
    yield from _reduced(settings, made, pair, each)
    yield from _gradient(made, pair)


def _reduced(settings: Loss, made: Any, pair: Pair, each: Any) -> Iterator[str]:
    import numpy as np

    y_true, y_pred = pair
    keras_object(settings, dtype="float32")  # the constructor takes it
    if getattr(settings, "reduction", None) != "sum_over_batch_size" or each.ndim == 0:
        return
    weights = np.linspace(0, 1, len(y_pred), dtype="float32").reshape(
        (-1,) + (1,) * (each.ndim - 1)
    )
    for what, given in (("", None), (" with sample weights", weights)):
        value = float(made(y_true, y_pred, sample_weight=given))
        wanted = float(np.mean(each if given is None else each * given))
        if not np.isclose(value, wanted, rtol=_CLOSE, atol=_CLOSE):
            yield f"loss of a batch{what}: {value}, the mean of its examples is {wanted}"


def _gradient(made: Any, pair: Pair) -> Iterator[str]:
    import numpy as np
    import tensorflow as tf

    y_true, y_pred = pair
    outputs = tf.Variable(y_pred)
    with tf.GradientTape() as tape:
        value = made(y_true, outputs)
    found = tape.gradient(value, outputs)
    if found is None:
        yield "the loss has no gradient, so that it trains nothing"
    elif not np.isfinite(found.numpy()).all():
        yield f"the gradient is not finite: {found.numpy()!r}"


def check_metric(
    metric: type[Metric],
    *,
    settings: Sequence[Case] = (),
    examples: Sequence[Pair] = (),
    draws: int = 10,
    seed: int = 0,
) -> None:
    """Compare the declaration of a metric with its Keras class, as `check_loss` does:

    - the constructor takes every setting and `dtype`, and `get_config` returns them;
    - the result is one finite number in `lies_in`, the same after `reset_state`, the same for one
      batch as for two, and the same with sample weights of 1;
    - perfect predictions are at least as good, by `direction`, as others.

    Loads TensorFlow. Raises `AssertionError` with the differences, and `ValueError` for a metric
    that requires settings or examples.
    """
    need_examples(metric.kind(), metric.targets, examples)
    known = cases(metric, settings, draws, seed)
    written = [metric.build(one, Context()) for one in known[: max(1, len(settings))]]

    def check(made: Settings, found: Any) -> Iterator[str]:
        assert isinstance(made, Metric)
        keras_object(made, dtype="float32")  # the constructor takes it
        for pair in examples or pairs(made, made.takes, seed):
            yield from _of_metric(made, found, pair)
            if made in written:  # with other settings, equal predictions may not be the best
                yield from _of_direction(made, found, pair)

    compare(metric, known, check)


def _of_metric(settings: Metric, made: Any, pair: Pair) -> Iterator[str]:
    import numpy as np

    y_true, y_pred = pair
    value = _measured(made, [pair])
    if value.size != (settings.numbers(y_pred.shape[-1]) or 1) or not np.isfinite(value).all():
        yield f"the result is not one finite number: {value!r}"
        return
    half = len(y_pred) // 2
    halves = [(y_true[:half], y_pred[:half]), (y_true[half:], y_pred[half:])]
    ones = np.ones(len(y_pred), "float32")
    for what, again in (
        ("after `reset_state`", _measured(made, [pair])),
        ("in two batches", _measured(made, halves)),
        ("with sample weights of 1", _measured(made, [(*pair, ones)])),
    ):
        if not np.allclose(value, again, rtol=_CLOSE, atol=_CLOSE):
            yield f"result: {value}, {what}: {again}"
    low, high = settings.lies_in
    below = low is not None and (value < low - _CLOSE).any()
    if below or (high is not None and (value > high + _CLOSE).any()):
        yield f"result: {value}, outside of `lies_in` {settings.lies_in}"


def _of_direction(settings: Metric, made: Any, pair: Pair) -> Iterator[str]:
    best = perfect(settings.takes, pair)
    if best is None or settings.direction is None:
        return
    sign = 1 if settings.direction == "up" else -1
    ideal, value = _measured(made, [best]), _measured(made, [pair])
    if not (sign * ideal >= sign * value - _CLOSE).all():
        yield (
            f"`direction` is {settings.direction}, but perfect predictions give {ideal}, others"
            f" {value}"
        )


def _measured(made: Any, batches: Sequence[Any]) -> Any:
    import numpy as np

    made.reset_state()
    for batch in batches:
        made.update_state(*batch)
    return np.asarray(made.result())
