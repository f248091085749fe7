"""Decides during the first epoch of a training with `jit: auto` whether XLA compiles its steps.

XLA wins back its compilation only in a long training, and not with every model: on a processor it
is often slower than TensorFlow's own kernels. So nothing is measured while the remaining steps are
too few, and a measurement takes at most a small share of the time that they take.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from modelspec.core.quiet_warnings import ignoring

from ..backend.tensorflow_state import is_deterministic
from ..history.execution import (
    DETERMINISTIC,
    LAYERS,
    LENGTHS,
    MEASURED,
    NOT_FINITE,
    REFUSED,
    REPLICAS,
    SHORT,
)
from .player_steps import training_steps
from .xla_choices import Choice, Choices
from .xla_measurement import ROUNDS, Measured, NotMeasured, Place, measured

if TYPE_CHECKING:
    import keras

    from .training_loop import Fitting

_SHARE: Final = 0.05
"""The largest share of the time of the remaining steps that a measurement may be expected to take.
"""
_COMPILING: Final = 0.008
"""Seconds in which XLA compiles an operation of a step, at most (benchmarks/training.py)."""
_LEAST: Final = 2.0
"""Seconds of any measurement, at least."""


class XlaSwitch:
    """The choice of one training, and the step from which it holds."""

    def __init__(self, fitting: Fitting, choices: Choices, *, alone: bool) -> None:
        """`alone`: the training has a single replica."""
        self._fitting, self._choices, self._alone = fitting, choices, alone
        origin, task = fitting.origin, fitting.task
        self._planned = origin.position + task.epochs * task.steps
        self._choice = choices.of(origin.stage, self._planned)
        reason = self._reason() if choices.auto else None
        if reason is not None:
            self._choose(reason, write=False)
        self._on = False
        """Whether XLA was chosen and compiles the steps."""

    @property
    def first(self) -> bool | None:
        """Whether XLA compiles the first steps; None: as the model is compiled."""
        return False if self._choices.auto else None

    def within(self, position: int) -> int | None:
        """The number of steps until a recorded choice holds; None if it does or there is none."""
        choice = self._choice
        left = choice.step - position if choice is not None and choice.xla else 0
        return left if left > 0 else None

    def heed(self, iterator: Any) -> None:
        """Choose, or change to the chosen steps, if it is time to. Called between two calls."""
        fitting = self._fitting
        if not self._choices.auto or self._on:
            return
        if self._choice is None:
            if fitting.pace.each is None:
                return
            self._decide(iterator, fitting.pace.each)
        elif self._choice.xla and fitting.position >= self._choice.step:
            self._take(self._steps())
            fitting.training.make_variables(iterator)

    def as_json(self, *, xla: bool) -> dict[str, Any]:
        """For the manifest; `xla`: whether the model is compiled with it."""
        if not self._choices.auto:
            return {"xla": xla and self._alone}
        return {"xla": self._on, "jit": self._choices.as_json()}

    def _reason(self) -> str | None:
        """Why the spec excludes XLA, if it does."""
        if is_deterministic():
            return DETERMINISTIC
        if not self._alone:
            return REPLICAS
        return None if _supports_xla(self._fitting.model) else LAYERS

    def _decide(self, iterator: Any, each: float) -> None:
        """`each` are the seconds of a step."""
        if _has_several_lengths(iterator.element_spec):
            self._choose(LENGTHS)
            return
        left, place = self._planned - self._fitting.position, self._place()
        if place.first > 1 + 2 * ROUNDS * place.calls:
            return  # near the end of a long epoch: the next one begins with enough full batches
        if not self._pays(iterator, each, left, place):
            self._choose(SHORT)
            return
        try:
            found, steps = self._measured(place)
        except NotMeasured as error:
            self._choose(REFUSED if error.finite else NOT_FINITE)
            return
        if self._choose(MEASURED, found, left).xla:
            self._take(steps)

    def _pays(self, iterator: Any, each: float, left: int, place: Place) -> bool:
        """Whether so many remaining steps pay for a measurement."""
        affordable, steps = _SHARE * each * left, place.first + 2 * ROUNDS * place.calls
        if steps > left or affordable < _LEAST:  # first, because counting takes time
            return False
        operations = self._fitting.training.operations(iterator)
        return bool(affordable >= max(_LEAST, _COMPILING * operations) + each * steps)

    def _place(self) -> Place:
        """The next steps; in their first call XLA compiles the shapes of all that follow."""
        fitting, task = self._fitting, self._fitting.task
        calls = max(1, min(fitting.pace.count, task.steps))
        whole = task.steps - (task.shapes - 1) - fitting.step
        first = 1 if 1 + 2 * ROUNDS * calls <= whole or task.shapes == 1 else task.steps
        return Place(fitting.epoch, fitting.position, calls, first)

    def _measured(self, place: Place) -> tuple[Measured, Any]:
        fitting = self._fitting

        def batches() -> Any:
            return fitting.task.batches(fitting.epoch, fitting.step)

        return measured(fitting.state, fitting.training, self._steps, batches, place)

    def _steps(self) -> Any:
        """Training steps with XLA."""
        fitting = self._fitting
        roll_back = fitting.training.rolls_back
        return training_steps(fitting.model, fitting.task.random, roll_back=roll_back, jit=True)

    def _take(self, steps: Any) -> None:
        self._on = True
        self._fitting.pace.keep_gain()
        self._fitting.training = steps

    def _choose(
        self, why: str, found: Measured | None = None, left: int = 0, *, write: bool = True
    ) -> Choice:
        fitting = self._fitting
        self._choice = Choice(
            fitting.origin.stage,
            fitting.position,
            self._planned,
            why,
            found is not None and found.pays(left, fitting.task.shapes),
            *(() if found is None else (float(f"{one:.4g}") for one in found)),
        )
        self._choices.make(self._choice, write=write)
        return self._choice


def _has_several_lengths(batch: Any) -> bool:
    """Whether an axis of the batches has no fixed size, besides that of the examples."""
    import tensorflow as tf

    shapes = [one.shape for one in tf.nest.flatten(batch)]
    return any(one.rank is None or None in one.as_list()[1:] for one in shapes)


def _supports_xla(model: keras.Model) -> bool:
    """Keras's answer, which it gives when a model is to be compiled with XLA."""
    before = model.jit_compile
    try:
        with ignoring(UserWarning):
            model.jit_compile = True
        return bool(model.jit_compile)
    finally:
        model.jit_compile = before
