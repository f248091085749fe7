"""Builds a model for each device of this process, with equal weights and random numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from ..backend.process_state import generator

if TYPE_CHECKING:
    from collections.abc import Callable

    import keras

    from modelspec.compiler.infer import TypedGraph
    from modelspec.compiler.spec.training_section import Training

    from ..backend.stage_model import StageModel


class Stages(Protocol):
    """Prepares a model, or several, for the stages of a training."""

    def enter(
        self, graph: TypedGraph, training: Training, jit: bool | str, *, keep: bool = False
    ) -> None:
        """As of `StageModel`."""


class StagesOfReplicas:
    """Prepares the models of all replicas of this process for a stage."""

    def __init__(self, each: Sequence[StageModel]) -> None:
        self._each = each

    def enter(
        self, graph: TypedGraph, training: Training, jit: bool | str, *, keep: bool = False
    ) -> None:
        """As of `StageModel`, for each model."""
        for one in self._each:
            one.enter(graph, training, jit, keep=keep)


def built_on(
    devices: Sequence[str | None], build: Callable[[int], keras.Model]
) -> list[keras.Model]:
    """A model on each device. `build` gets the number of the device. The generator of seeds is
    afterwards in the state after the first model, as without further devices.
    """
    import tensorflow as tf

    before = generator().getstate()
    models: list[Any] = []
    after = before
    for number, device in enumerate(devices):
        generator().setstate(before)
        with tf.device(device):
            models.append(build(number))
        after = after if number else generator().getstate()
    generator().setstate(after)
    return models
