"""The data and length of a training, as its loop takes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..data.random_inputs import RandomInput


@dataclass(frozen=True)
class Task:
    """The data and length of a training."""

    epochs: int
    steps: int
    """The number of steps per epoch."""
    batches: Callable[[int, int], Any]
    """The dataset from an epoch and a step on, with all epochs concatenated."""
    validation: Any = None
    """A dataset, or None."""
    validation_steps: int = 0
    examples: Callable[[int, int], tuple[str, ...]] = lambda epoch, step: ()
    """Sentences on the examples in a batch, by its epoch and step from 0."""
    random: Mapping[str, RandomInput] = field(default_factory=dict)
    """The inputs that are drawn at random, by name."""
    shared: Callable[[int, int], Any] | None = None
    """With several replicas: the batches of this process, as `GroupSteps` take them; the validation
    has them too.
    """
    shapes: int = 1
    """The number of shapes of the batches: 2 if the last one of an epoch is short."""
