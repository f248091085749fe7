"""Captures and restores everything that the next training step depends on, as tensors and plain
values.

    model/...      weights, statistics, seeds of dropout and noise: all of `model.variables`
    optimizer/...  moments, iterations, learning rate, loss scale
    states/...     what stateful recurrent layers keep from batch to batch
    metrics/...    what the metrics of the running epoch have counted so far
    callbacks/...  arrays that callbacks keep: the best weights of `EarlyStopping`
    objective/...  the random numbers of its terms
    random/...     the generator that layers without a seed draw theirs from

The order of the examples is not part of the state: it is derived from seed, epoch and step. Keras's
global seed generator is not either, because every layer of a spec has its own generator, which is
in `model.variables`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from modelspec.compiler.spec.training_section import Chosen

from ..backend.attached_objective import attached
from ..backend.inner_names import spec_name
from ..backend.process_state import generator
from ..data import RunError
from .callback_logs import extent
from .layer_states import state_variables

_COUNTED = re.compile(r"\b(seed_generator|variable)_[0-9]+\b")
Tensors = dict[str, Any]
"""Arrays by name."""


class KeptCallback:
    """A Keras callback of the spec, and its attributes that are state."""

    def __init__(
        self,
        callback: Any,
        attributes: Sequence[str] | None,
        *,
        begins_again: bool = False,
        first_epoch: int = 0,
    ) -> None:
        self.callback = callback
        self.attributes = attributes
        """None: unknown, so a run with it cannot be resumed exactly."""
        self.begins_again = begins_again
        self.first_epoch = first_epoch
        """The epoch of the run from which it counts."""

    @property
    def name(self) -> str:
        return type(self.callback).__name__


def kept(
    chosen: Iterable[Chosen], callbacks: Iterable[Any], first_epoch: int = 0
) -> list[KeptCallback]:
    """The Keras callbacks of the spec, with the declaration of their state."""
    found = []
    for one, callback in zip(chosen, callbacks, strict=True):
        spec = type(one.settings)
        found.append(
            KeptCallback(
                callback,
                getattr(spec, "state", None),
                begins_again=getattr(spec, "begins_again", False),
                first_epoch=first_epoch,
            )
        )
    return found


class State:
    """The state of a model in training and of the callbacks beside it.

    All variables must exist before its first use.
    """

    def __init__(self, model: keras.Model, callbacks: Sequence[KeptCallback]) -> None:
        self.model = model
        self.callbacks = callbacks
        self._words: tuple[tuple[int, ...], Any] = ((), None)
        """The last known words of the generator, and their array."""

    def capture(self) -> tuple[Tensors, dict[str, Any]]:
        """Copies of all tensors, and the rest as JSON values."""
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
        version, words, gauss = generator().getstate()
        if words != self._words[0]:  # a training rarely draws from it
            self._words = (words, np.array(words, "uint64"))
        tensors["random/python"] = self._words[1]
        return tensors, {
            "callbacks": callbacks,
            "random": {"python": [version, gauss]},
        }

    def restore(self, tensors: Mapping[str, Any], state: Mapping[str, Any]) -> None:
        """Restores a captured state. Raises `RunError` (MS722) if it belongs to another model."""
        self._assign(self._variables, tensors)
        for one, was in zip(self.callbacks, state["callbacks"], strict=False):
            if one.name != was["name"]:
                continue  # reported as a difference of the specs
            for name in one.attributes or ():  # no others, whatever the checkpoint contains
                if name in was["values"]:
                    setattr(one.callback, name, _take(was["values"][name], tensors))
        version, gauss = state["random"]["python"]
        words = tuple(int(word) for word in tensors["random/python"])
        generator().setstate((version, words, gauss))

    def capture_weights(self) -> Tensors:
        """Copies of the variables of model and optimizer that a step changes."""
        return {name: variable.numpy() for name, variable in self._weights().items()}

    def restore_weights(self, tensors: Mapping[str, Any]) -> None:
        """Restores model and optimizer; seeds and counters are not changed."""
        self._assign(self._weights(), tensors)

    def _weights(self) -> dict[str, Any]:
        return {
            name: variable
            for name, variable in self._variables.items()
            if name.startswith(("optimizer/", "states/"))
            or (name.startswith("model/") and keras.backend.is_float_dtype(variable.dtype))
        }

    def begin_again(self, epoch: int) -> None:
        """Call `on_epoch_begin` of callbacks that only record the epoch."""
        for one in self.callbacks:
            if one.begins_again:
                one.callback.on_epoch_begin(epoch - one.first_epoch)

    @cached_property
    def _variables(self) -> dict[str, Any]:
        objective = attached(self.model)
        groups = {
            "model": self.model.variables,
            "optimizer": self.model.optimizer.variables,
            "states": state_variables(self.model),
            "metrics": self.model.metrics_variables,
            "objective": objective.variables if objective is not None else [],
        }
        return {
            f"{group}/{index}/{_lasting(group, variable.path)}": variable
            for group, variables in groups.items()
            for index, variable in enumerate(variables)
        }

    @cached_property
    def _read_all(self) -> Any:
        """Copies all variables in one call: reading them one by one through Keras takes ten times
        as long, and a function that first looks for its trace twice as long.
        """
        variables = list(self._variables.values())
        read = tf.function(lambda: [tf.identity(one.value) for one in variables], autograph=False)
        return read.get_concrete_function()

    def _assign(self, variables: Mapping[str, Any], tensors: Mapping[str, Any]) -> None:
        by_place = {_place(name): value for name, value in tensors.items()}
        for name, variable in variables.items():
            value = by_place.get(_place(name))
            if (
                value is None
                or value.shape != tuple(variable.shape)
                or str(value.dtype) != variable.dtype
            ):
                found = "has none" if value is None else f"has {value.dtype} {list(value.shape)}"
                raise RunError.of(
                    "MS722",
                    "the checkpoint does not belong to this model: for"
                    f" `{spec_name(variable.path)}` ({variable.dtype} {list(variable.shape)}) it"
                    f" {found}",
                )
        for name, variable in variables.items():
            variable.assign(by_place[_place(name)])


def _place(name: str) -> str:
    """`model/3` of `model/3/hidden/kernel`: the position in the graph. The rest of a name may
    contain counters of Keras, which differ in a process that has built models before.
    """
    return "/".join(name.split("/", 2)[:2])


def _lasting(group: str, path: str) -> str:
    """A variable's path without the counters of Keras: of seed generators, optimizers, metrics, and
    unnamed variables.
    """
    return _COUNTED.sub(r"\1", path if group == "model" else path.partition("/")[2] or path)


def _put(value: Any, name: str, tensors: Tensors) -> Any:
    """A callback's value for JSON: arrays are moved to the tensors, numbers that JSON does not have
    become strings.
    """
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
    """A number that JSON restores exactly; NumPy numbers are converted to Python."""
    value = value.item() if isinstance(value, (np.generic, np.ndarray)) else value
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": str(value)}
    return value


def from_json(value: Any) -> Any:
    """The inverse of `as_json`."""
    return float(value["float"]) if isinstance(value, dict) and "float" in value else value
