"""Everything that a training's next step follows from, as tensors and plain values; and the way
back.

    model/...      weights, statistics, seeds of dropout and noise: all of `model.variables`
    optimizer/...  moments, iterations, learning rate, loss scale
    states/...     what stateful recurrent layers keep from batch to batch
    metrics/...    what the metrics of the running epoch have counted so far
    callbacks/...  arrays that callbacks keep: the best weights of `EarlyStopping`
    random/...     the generators of Python and NumPy

The order of the examples is no state: it follows from seed, epoch and step. Keras's one global seed
generator is none either, because every layer that a spec can name draws from a generator of its
own, which is among `model.variables`.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from modelspec.compiler.spec.training_section import Chosen

from ..backend.inner_names import spec_name
from ..data import RunError
from .callback_logs import extent
from .layer_states import state_variables

_COUNTED = re.compile(r"\b(seed_generator|variable)_[0-9]+\b")
Tensors = dict[str, Any]
"""Arrays by name."""


class KeptCallback:
    """A Keras callback of the spec, and which of its attributes are state."""

    def __init__(
        self, callback: Any, attributes: Sequence[str] | None, *, begins_again: bool = False
    ) -> None:
        self.callback = callback
        self.attributes = attributes
        """None: not known, so that a run with it cannot go on exactly."""
        self.begins_again = begins_again

    @property
    def name(self) -> str:
        return type(self.callback).__name__


def kept(chosen: Iterable[Chosen], callbacks: Iterable[Any]) -> list[KeptCallback]:
    """The callbacks that were made of the spec's, with what their specs say of their state."""
    found = []
    for one, callback in zip(chosen, callbacks, strict=True):
        spec = type(one.settings)
        found.append(
            KeptCallback(
                callback,
                getattr(spec, "state", None),
                begins_again=getattr(spec, "begins_again", False),
            )
        )
    return found


class State:
    """The state of a model in training and of the callbacks beside it.

    All variables must exist when it is first asked for anything.
    """

    def __init__(self, model: keras.Model, callbacks: Sequence[KeptCallback]) -> None:
        self.model = model
        self.callbacks = callbacks
        self._words: tuple[tuple[int, ...], Any] = ((), None)
        """The words of Python's generator when they were last looked at, and their array."""

    def capture(self) -> tuple[Tensors, dict[str, Any]]:
        """Copies of every tensor, and the rest as JSON's values."""
        tensors = dict(zip(self._variables, (one.numpy() for one in self._read_all()), strict=True))
        callbacks = []
        for index, one in enumerate(self.callbacks):
            values = {name: getattr(one.callback, name, None) for name in one.attributes or ()}
            callbacks.append(
                {
                    "name": one.name,
                    "known": one.attributes is not None,
                    "files": extent(one.callback),
                    "values": {
                        name: _put(value, f"callbacks/{index}/{name}", tensors)
                        for name, value in values.items()
                    },
                }
            )
        version, words, gauss = random.getstate()
        kind, numbers, *rest = np.random.get_state(legacy=True)
        if words != self._words[0]:  # a training seldom draws from it
            self._words = (words, np.array(words, "uint64"))
        tensors["random/python"] = self._words[1]
        tensors["random/numpy"] = np.array(numbers, "uint32")
        return tensors, {
            "callbacks": callbacks,
            "random": {"python": [version, gauss], "numpy": [kind, *rest]},
        }

    def restore(self, tensors: Mapping[str, Any], state: Mapping[str, Any]) -> None:
        """Back to what was captured. Raises `RunError` (MS722) where it is not this model's."""
        self._assign(self._variables, tensors)
        for one, was in zip(self.callbacks, state["callbacks"], strict=False):
            if one.name != was["name"]:
                continue  # told of as a difference of the specs
            for name in one.attributes or ():  # no others, whatever the checkpoint holds
                if name in was["values"]:
                    setattr(one.callback, name, _take(was["values"][name], tensors))
        version, gauss = state["random"]["python"]
        random.setstate((version, tuple(int(word) for word in tensors["random/python"]), gauss))
        kind, *rest = state["random"]["numpy"]
        np.random.set_state((kind, tensors["random/numpy"], *rest))

    def capture_weights(self) -> Tensors:
        """Copies of what a step changes in model and optimizer."""
        return {name: variable.numpy() for name, variable in self._weights().items()}

    def restore_weights(self, tensors: Mapping[str, Any]) -> None:
        """Model and optimizer back to what was captured; seeds, and all that counts, stay as they
        are.
        """
        self._assign(self._weights(), tensors)

    def _weights(self) -> dict[str, Any]:
        return {
            name: variable
            for name, variable in self._variables.items()
            if name.startswith(("optimizer/", "states/"))
            or (name.startswith("model/") and keras.backend.is_float_dtype(variable.dtype))
        }

    def begin_again(self, epoch: int) -> None:
        """Tell those callbacks of an epoch's begin that only note it down."""
        for one in self.callbacks:
            if one.begins_again:
                one.callback.on_epoch_begin(epoch)

    @cached_property
    def _variables(self) -> dict[str, Any]:
        groups = {
            "model": self.model.variables,
            "optimizer": self.model.optimizer.variables,
            "states": state_variables(self.model),
            "metrics": self.model.metrics_variables,
        }
        return {
            f"{group}/{index}/{_lasting(group, variable.path)}": variable
            for group, variables in groups.items()
            for index, variable in enumerate(variables)
        }

    @cached_property
    def _read_all(self) -> Any:
        """Every variable in one call: reading them one by one through Keras takes ten times as
        long.
        """
        variables = list(self._variables.values())
        return tf.function(lambda: [tf.identity(one.value) for one in variables], autograph=False)

    def _assign(self, variables: Mapping[str, Any], tensors: Mapping[str, Any]) -> None:
        for name, variable in variables.items():
            value = tensors.get(name)
            if (
                value is None
                or value.shape != tuple(variable.shape)
                or str(value.dtype) != variable.dtype
            ):
                found = "has none" if value is None else f"has {value.dtype} {list(value.shape)}"
                raise RunError.of(
                    "MS722",
                    f"the checkpoint is not one of this model: for `{spec_name(variable.path)}` "
                    f"({variable.dtype} {list(variable.shape)}) it {found}",
                )
        for name, variable in variables.items():
            variable.assign(tensors[name])


def _lasting(group: str, path: str) -> str:
    """A variable's path without what Keras counts up in a process: seed generators, optimizers,
    metrics, variables that were given no name.
    """
    return _COUNTED.sub(r"\1", path if group == "model" else path.partition("/")[2] or path)


def _put(value: Any, name: str, tensors: Tensors) -> Any:
    """A callback's value for JSON: arrays go to the tensors, numbers that JSON lacks are words."""
    if isinstance(value, np.ndarray) and value.ndim:
        tensors[name] = value
        return {"tensor": name}
    if isinstance(value, (list, tuple)):
        return {
            "list": [_put(item, f"{name}/{index}", tensors) for index, item in enumerate(value)]
        }
    return as_json(value)


def _take(value: Any, tensors: Mapping[str, Any]) -> Any:
    if isinstance(value, dict) and "tensor" in value:
        return tensors[value["tensor"]]
    if isinstance(value, dict) and "list" in value:
        return [_take(item, tensors) for item in value["list"]]
    return from_json(value)


def as_json(value: Any) -> Any:
    """A number so that JSON gives back the same one; NumPy's as Python's."""
    value = value.item() if isinstance(value, (np.generic, np.ndarray)) else value
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": str(value)}
    return value


def from_json(value: Any) -> Any:
    """What `as_json` was given."""
    return float(value["float"]) if isinstance(value, dict) and "float" in value else value
