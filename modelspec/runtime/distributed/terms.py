"""Terms of an objective with several replicas: over the tensors of the global batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import tensorflow as tf

from modelspec.compiler.infer.objective_terms import ResolvedTerm, gradient_depth

from ..backend.objective import Pass, Targets

_APART: Final = 0x9E3779B9
"""Separates the random numbers of replicas; it is odd, so that no two of them are equal."""


def is_gathered(term: ResolvedTerm) -> bool:
    """Whether a term is computed over the tensors of the global batch."""
    return not gradient_depth(term.term.formula.root)


class Gathered:
    """The tensors and targets that terms read, for the global batch."""

    def __init__(self, gather: Callable[[Any], Any], found: Pass, given: Targets) -> None:
        tensors = {key: gather(one) for key, one in found.tensors.items()}
        self.found = Pass(found.outputs, tensors, found.tapes)
        self.by_name = {name: gather(one) for name, one in given.by_name.items()}
        self.weights = None if given.weights is None else gather(given.weights)


@contextmanager
def shifted(objective: Any, number: int, *, training: bool) -> Iterator[None]:
    """Inside this context, a replica draws other random numbers in terms than the first one."""
    state = objective.state(training=training) if number else None
    if state is not None:
        shift(state, number)
    yield
    if state is not None:
        shift(state, -number)


def shift(seed: Any, number: int) -> None:
    """Change the state of a seed generator by the number of a replica. It is undone by the negative
    number.
    """
    by = tf.constant([(number * _APART) % 2**32, 0], tf.int64)
    moved = (tf.cast(seed.value, tf.int64) + by) % 2**32
    seed.assign(tf.cast(moved, seed.dtype))
