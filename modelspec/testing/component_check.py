"""Compares the declarations of activations, initializers, regularizers, constraints, optimizers,
schedules and callbacks with their Keras classes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from modelspec.catalog.components.callbacks import Callback
from modelspec.catalog.components.optimizer import Gradient
from modelspec.catalog.components.plugin_kinds import KINDS
from modelspec.core.settings import Settings
from modelspec.core.shapes import Tensor

from .drawn_settings import Case, cases, compare, keras_object

_DTYPES: Final = ("float32", "float16")
_STEPS: Final = (0, 1, 7, 1000)


def check_component(
    component: type[Settings],
    *,
    settings: Sequence[Case] = (),
    shapes: Sequence[tuple[int, ...]] = ((4, 3),),
    draws: int = 10,
    seed: int = 0,
) -> None:
    """Compare the declaration of a component with its Keras class, for `settings` (or the
    defaults) and `draws` variations of them. The constructor takes every setting, and `get_config`
    returns them. Further, by the kind:

    - activation, constraint: keeps the shape and the dtype, and gives finite numbers;
    - initializer: gives values of the wanted shape and dtype;
    - regularizer: gives one finite number;
    - optimizer: changes weights to finite values, keeps as many tensors as `means` declares, and
      continues equally from its saved variables;
    - schedule: gives one finite rate of at least 0 at each step;
    - callback: can be called during a training, and has the attributes that `state` names.

    `shapes` are the shapes of weights and of the arguments of activations. Loads TensorFlow. Raises
    `AssertionError` with the differences, and `ValueError` for a class that requires settings, or
    is none of these kinds.
    """
    kind = next((noun for noun, one in KINDS.items() if issubclass(component, one.settings)), None)
    if kind is None:
        raise ValueError(
            f"`{component.__name__}` is none of {', '.join(KINDS)}: for the others see"
            " `check_layer`, `check_loss` and `check_metric`"
        )

    def check(made: Settings, found: Any) -> Iterator[str]:
        for shape in shapes:
            yield from _CHECKS[kind](made, found, shape)

    compare(component, cases(component, settings, draws, seed), check)


Shape = tuple[int, ...]


def _numbers(shape: Shape, dtype: str = "float32") -> Any:
    import keras
    import numpy as np

    values = np.random.default_rng(0).normal(size=shape)
    return keras.ops.convert_to_tensor(values.astype(dtype))


def _same_type(settings: Settings, made: Any, shape: Shape) -> Iterator[str]:
    for dtype in _DTYPES:
        yield from _wrong(made(_numbers(shape, dtype)), shape, dtype)


def _initializer(settings: Settings, made: Any, shape: Shape) -> Iterator[str]:
    for dtype in _DTYPES:
        yield from _wrong(made(shape, dtype=dtype), shape, dtype)


def _wrong(found: Any, shape: Shape, dtype: str) -> Iterator[str]:
    import keras
    import numpy as np

    values = np.asarray(found)
    of = keras.backend.standardize_dtype(values.dtype)
    if values.shape != shape or of != dtype:
        yield f"gives {of} {values.shape}, expected {dtype} {shape}"
    elif not np.isfinite(values).all():
        yield f"gives numbers that are not finite, for {dtype} {shape}"


def _regularizer(settings: Settings, made: Any, shape: Shape) -> Iterator[str]:
    yield from _wrong(made(_numbers(shape)), (), "float32")


def _schedule(settings: Settings, made: Any, shape: Shape) -> Iterator[str]:
    import keras

    for step in _STEPS:
        rate = made(keras.ops.convert_to_tensor(step, "int64"))
        yield from _wrong(keras.ops.cast(rate, "float32"), (), "float32")
        if float(rate) < 0:
            yield f"the rate of step {step} is {float(rate)}"


def _optimizer(settings: Settings, made: Any, shape: Shape) -> Iterator[str]:
    import keras
    import numpy as np

    assert isinstance(settings, Gradient)
    first = keras.Variable(_numbers(shape))
    before = np.asarray(first)
    made.build([first])
    kept = sum(tuple(one.shape) == shape for one in made.variables)
    declared = len(settings.slots("weight", Tensor(shape, "float32")))
    if kept != declared:
        yield f"it keeps {kept} tensors for a weight, `means` and its settings declare {declared}"
    made.apply([_numbers(shape)], [first])
    made.apply([_numbers(shape)], [first])
    yield from _wrong(first, shape, "float32")
    if np.array_equal(before, np.asarray(first)):
        yield "two steps do not change a weight"
    again, second = keras_object(settings), keras.Variable(first)
    again.build([second])
    for one, saved in zip(again.variables, made.variables, strict=True):
        one.assign(saved)
    for optimizer, weight in ((made, first), (again, second)):
        optimizer.apply([_numbers(shape)], [weight])
    if not np.array_equal(np.asarray(first), np.asarray(second)):
        yield "it continues differently from its saved variables: a part of its state is none"


def _callback(settings: Settings, made: Any, shape: Shape) -> Iterator[str]:
    assert isinstance(settings, Callback)
    _call_hooks(made)
    for name in settings.state or ():
        if not hasattr(made, name):
            yield f"`state` names `{name}`, which is not an attribute of the callback"


def _call_hooks(made: Any) -> None:
    """Calls a callback as a training of two epochs with one batch each does."""
    import keras

    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile(optimizer="sgd", loss="mse")
    logs = {"loss": 0.5}
    made.set_params({"verbose": 0, "epochs": 2, "steps": 1})
    made.set_model(model)
    made.on_train_begin()
    for epoch in range(2):
        made.on_epoch_begin(epoch)
        made.on_train_batch_begin(0)
        made.on_train_batch_end(0, dict(logs))
        made.on_test_begin()
        made.on_test_batch_begin(0)
        made.on_test_batch_end(0, dict(logs))
        made.on_test_end(dict(logs))
        made.on_epoch_end(epoch, {**logs, "val_loss": 0.5})
    made.on_train_end({**logs, "val_loss": 0.5})


_CHECKS: Final[Mapping[str, Callable[[Settings, Any, Shape], Iterator[str]]]] = {
    "activation": _same_type,
    "initializer": _initializer,
    "regularizer": _regularizer,
    "constraint": _same_type,
    "optimizer": _optimizer,
    "schedule": _schedule,
    "callback": _callback,
}
