"""Training as it is watched: a bar for each epoch on a terminal, a line for each epoch
elsewhere.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from modelspec.runtime.history.formatting import duration, number
from modelspec.runtime.run.events import Epoch, Plan, Watcher

from .output import report, write

if TYPE_CHECKING:
    from modelspec.core.diagnostics import Diagnostic
    from modelspec.runtime.history.ending import Ending

_REFRESH: Final = 0.1
"""Seconds between two looks at a running epoch."""


def watcher(*, quiet: bool) -> Watcher:
    """The one that fits where standard output goes."""
    if quiet:
        return _Quiet()
    return _Bars() if sys.stdout.isatty() else _Lines()


def numbers(values: Mapping[str, float]) -> str:
    """`loss 0.1234  accuracy 0.9641`."""
    return "  ".join(f"{name} {number(value)}" for name, value in values.items())


class _Quiet(Watcher):
    """Only what may be wrong."""

    def warned(self, diagnostics: tuple[Diagnostic, ...]) -> None:
        if diagnostics:
            report(diagnostics, sys.stderr)


class _Lines(_Quiet):
    """A line for each epoch."""

    def __init__(self) -> None:
        self.plan: Plan | None = None

    def started(self, plan: Plan) -> None:
        self.plan = plan
        write(parts(plan.examples))

    def epoch(self, epoch: Epoch) -> None:
        write(self.line(epoch))

    def finished(self, ending: Ending) -> None:
        if ending.stop:
            write(ending.stop)
        if ending.weights:
            write(f"kept the weights: {ending.weights}")

    def line(self, epoch: Epoch) -> str:
        assert self.plan is not None
        total = str(self.plan.epochs)
        return (
            f"epoch {epoch.number:>{len(total)}}/{total}  {numbers(epoch.logs)}  "
            f"{epoch.examples_per_second:,.0f} examples/s  {duration(epoch.seconds)}"
        )


def parts(examples: Mapping[str, int]) -> str:
    """`examples: 1,258 to train on, 359 to test on`."""
    words = {"train": "train on", "validation": "validate on", "test": "test on"}
    counts = [f"{count:,} to {words[part]}" for part, count in examples.items()]
    return f"examples: {', '.join(counts)}"


class _Bars(_Lines):
    """A bar that fills up with the steps of an epoch, and the epoch's line in its place once it
    ended.
    """

    wants_steps = True

    def __init__(self) -> None:
        super().__init__()
        self._status: Any = None
        self._progress: Any = None
        self._task: Any = None
        self._epoch = self._first = 0
        self._looked = self._began = 0.0

    def loading(self) -> None:
        from rich.console import Console

        self._status = Console().status("loading TensorFlow")
        self._status.start()

    def started(self, plan: Plan) -> None:
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self._status.stop()
        self._status = None
        super().started(plan)
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[logs]}"),
            TextColumn("{task.fields[speed]}"),
            TimeRemainingColumn(),
        )
        self._progress = Progress(*columns, transient=True)
        self._progress.start()
        self._task = self._progress.add_task("", total=plan.steps * plan.epochs, logs="", speed="")

    def step(self, epoch: int, step: int, logs: Mapping[str, float]) -> None:
        now = time.perf_counter()
        if epoch != self._epoch:
            self._epoch, self._first, self._began = epoch, step, now
        if self.plan is None or (now - self._looked < _REFRESH and step < self.plan.steps):
            return
        self._looked = now
        done = (step - self._first) * self.plan.batch_size
        speed = f"{done / (now - self._began):,.0f} examples/s" if done else ""
        self._progress.update(
            self._task,
            completed=(epoch - 1) * self.plan.steps + step,
            logs=numbers(logs),
            speed=speed,
            description=f"epoch {epoch}/{self.plan.epochs}, step {step}/{self.plan.steps}",
        )

    def epoch(self, epoch: Epoch) -> None:
        self._progress.console.print(
            self.line(epoch), highlight=False, soft_wrap=True, markup=False
        )

    def ended(self) -> None:
        for shown in (self._status, self._progress):
            if shown is not None:
                shown.stop()
