"""The steps of a training and its validation: of one replica, or of several."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..data.random_inputs import RandomInput
from .player_steps import training_steps
from .step import TestSteps

if TYPE_CHECKING:
    import keras

    from ..distributed.replicas import Group


def steps_of(
    model: keras.Model,
    random: Mapping[str, RandomInput],
    group: Group | None,
    *,
    roll_back: bool,
    jit: bool | None = None,
) -> tuple[Any, Any]:
    """The steps of the training and of the validation. `random` are the random inputs; `jit`:
    whether XLA compiles the steps of a single replica, None: as the model is compiled.
    """
    if group is None:
        steps = training_steps(model, random, roll_back=roll_back, jit=jit)
        return steps, TestSteps(model, jit=jit)
    from ..distributed.steps import GroupSteps, GroupTest, replica_steps

    each = [replica_steps(one, random, roll_back=roll_back) for one in group.replicas]
    return GroupSteps(group, each), GroupTest(group)


def tests_of(model: keras.Model, group: Group | None) -> TestSteps:
    """The steps of a measurement; with a group each of its replicas measures its share."""
    if group is None:
        return TestSteps(model)
    from ..distributed.steps import GroupTest

    return GroupTest(group)
