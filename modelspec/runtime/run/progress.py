"""The progress of a training in lines of text: a line for each epoch, or a line with a bar every
few seconds. `bars.py` has the bars that are redrawn in place.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from ..history.formatting import duration, number
from .events import BegunStage, Epoch, Logs, Plan, Watcher

if TYPE_CHECKING:
    from modelspec.core.diagnostics import Diagnostic

    from ..history.ending import Ending

_APART: Final = 10.0
"""Seconds between two lines with a bar."""
_WIDTH: Final = 20
"""The width of a bar in characters."""


@dataclass(frozen=True)
class Shown:
    """The output of the progress."""

    write: Callable[[str], None]
    """Prints a line."""
    warn: Callable[[tuple[Diagnostic, ...]], None]


def numbers(values: Mapping[str, float]) -> str:
    """`loss 0.1234  accuracy 0.9641`."""
    return "  ".join(f"{name} {number(value)}" for name, value in values.items())


def parts(plan: Plan) -> str:
    """`examples: 1,258 to train on (300 in each epoch), 359 to test on`."""
    words = {"train": "train on", "validation": "validate on", "test": "test on"}
    if plan.drawn is not None:
        words["train"] += f" ({plan.drawn:,} in each epoch, balanced)"
    counts = [f"{count:,} to {words[part]}" for part, count in plan.examples.items()]
    return f"examples: {', '.join(counts)}"


def came_to(epoch: Epoch) -> str:
    """`loss 0.1234 1,258 examples/s 0.5 s`: the results of a completed epoch."""
    speed = f"{epoch.examples_per_second:,.0f} examples/s"
    return f"{numbers(epoch.logs)}  {speed}  {duration(epoch.seconds)}"


def ending_lines(ending: Ending) -> list[str]:
    """What stopped a training, and which weights were kept; empty for an ordinary end."""
    kept = f"kept the weights: {ending.weights}" if ending.weights else None
    return [line for line in (ending.stop, kept) if line]


def stage_line(begun: BegunStage) -> str:
    """`stage head: epochs 1 to 5, 1,258 examples in batches of 32`."""
    plan, first = begun.plan, begun.first_epoch + 1
    last = begun.first_epoch + plan.epochs
    epochs = f"epochs {first} to {last}" if last > first else f"epoch {first}"
    batches = f"{plan.examples:,} examples in batches of {plan.batch_size}"
    return f"stage {plan.name}: {epochs}, {batches}"


class Course:
    """The position and speed of a training, from the completed steps."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.stage: BegunStage | None = None
        """The current stage of a training with stages."""
        self.total = max(plan.epochs * plan.steps, 1)
        """The number of steps of the whole training."""
        self.done = 0
        """The number of completed steps, including those before a resume."""
        self.logs: Logs = {}
        self._epoch = self._step = 0
        self._epoch_from = (0, 0.0)
        """The first step of the epoch that was reported, and its time."""
        self._from: tuple[int, float] | None = None
        """The same of the whole training."""
        self._now = 0.0

    def begin(self, stage: BegunStage) -> None:
        """The next steps belong to a stage."""
        self.stage, self.total = stage, max(stage.total, 1)
        self.plan = replace(self.plan, epochs=stage.epochs)

    @property
    def steps(self) -> int:
        """The steps of an epoch."""
        return self.plan.steps if self.stage is None else self.stage.plan.steps

    def moved(self, epoch: int, step: int, logs: Logs) -> None:
        """A step (from 1) of an epoch (from 1) ended."""
        self._now = time.perf_counter()
        if epoch != self._epoch:
            self._epoch_from = step, self._now
        self._epoch, self._step, self.logs = epoch, step, logs
        before, skipped = 0, 0
        if self.stage is not None:
            before, skipped = self.stage.first_step, self.stage.first_epoch
        self.done = before + (epoch - 1 - skipped) * self.steps + step
        self._from = self._from or (self.done, self._now)

    @property
    def place(self) -> str:
        """`epoch 3/12, step 5/40`; with the stage, if there are several."""
        stage = f"{self.stage.plan.name}, " if self.stage is not None else ""
        epoch = f"{stage}epoch {self._epoch}/{self.plan.epochs}"
        return f"{epoch}, step {self._step}/{self.steps}"

    @property
    def speed(self) -> str:
        """`1,258 examples/s`; empty before the second report of an epoch."""
        first, began = self._epoch_from
        size = self.plan.batch_size if self.stage is None else self.stage.plan.batch_size
        examples, seconds = (self._step - first) * size, self._now - began
        return f"{examples / seconds:,.0f} examples/s" if examples and seconds else ""

    @property
    def left(self) -> str:
        """`1:05 left`; empty without a basis for an estimate."""
        first, began = self._from or (0, 0.0)
        if self.done <= first or self.done >= self.total:
            return ""
        each = (self._now - began) / (self.done - first)
        return f"{duration(each * (self.total - self.done))} left"

    @property
    def bar(self) -> str:
        """`[#####---------------]`."""
        filled = _WIDTH * self.done // self.total
        return f"[{'#' * filled}{'-' * (_WIDTH - filled)}]"

    def line(self) -> str:
        """The whole line."""
        found = (self.place, self.bar, numbers(self.logs), self.speed, self.left)
        return "  ".join(filter(None, found))


class Quiet(Watcher):
    """Shows only warnings."""

    def __init__(self, shown: Shown) -> None:
        self.shown = shown

    def warned(self, diagnostics: tuple[Diagnostic, ...]) -> None:
        if diagnostics:
            self.shown.warn(diagnostics)


class Lines(Quiet):
    """Shows a line for each epoch."""

    def __init__(self, shown: Shown) -> None:
        super().__init__(shown)
        self.plan: Plan | None = None

    def started(self, plan: Plan) -> None:
        self.plan = plan
        self.shown.write(parts(plan))

    def stage(self, begun: BegunStage) -> None:
        self._count(begun)
        self.shown.write(stage_line(begun))

    def _count(self, begun: BegunStage) -> None:
        """The number of epochs changes if a stage ended early."""
        assert self.plan is not None
        self.plan = replace(self.plan, epochs=begun.epochs)

    def epoch(self, epoch: Epoch) -> None:
        self.shown.write(self.line(epoch))

    def finished(self, ending: Ending) -> None:
        for line in ending_lines(ending):
            self.shown.write(line)

    def line(self, epoch: Epoch) -> str:
        """`epoch  3/12  loss 0.1234  1,258 examples/s  0.5 s`."""
        assert self.plan is not None
        total = str(self.plan.epochs)
        return f"epoch {epoch.number:>{len(total)}}/{total}  {came_to(epoch)}"


class BarLines(Lines):
    """A bar for output that cannot be redrawn: a line with a bar every few seconds, with the
    results of the last epoch. Long trainings do not fill a log, and long epochs still show
    progress.
    """

    wants_steps = True

    def __init__(self, shown: Shown) -> None:
        super().__init__(shown)
        self._course: Course | None = None
        self._ended: Epoch | None = None
        """The last completed epoch, if it was not shown yet."""
        self._due = 0.0

    def started(self, plan: Plan) -> None:
        super().started(plan)
        self._course, self._due = Course(plan), time.monotonic() + _APART

    def stage(self, begun: BegunStage) -> None:
        assert self._course is not None
        self._write_epoch()
        super().stage(begun)
        self._course.begin(begun)

    def step(self, epoch: int, step: int, logs: Logs) -> None:
        assert self._course is not None
        self._course.moved(epoch, step, logs)
        if time.monotonic() < self._due:
            return
        if self._ended is not None:  # it also has the results of the validation
            self._write_epoch(f"  {self._course.left}".rstrip())
        else:
            self.shown.write(self._course.line())
        self._due = time.monotonic() + _APART

    def epoch(self, epoch: Epoch) -> None:
        self._ended = epoch

    def ended(self) -> None:
        self._write_epoch()

    def _write_epoch(self, left: str = "") -> None:
        if self._ended is not None and self._course is not None:
            self.shown.write(f"{self._course.bar}  {self.line(self._ended)}{left}")
        self._ended = None
