"""Progress bars that are redrawn in place: on a terminal, and in the output of a notebook cell."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING, Any, Final, TextIO

from .events import BegunStage, Epoch, Logs, Plan, Watcher
from .progress import Course, Lines, Shown, came_to, ending_lines, numbers, parts, stage_line

if TYPE_CHECKING:
    from modelspec.core.diagnostics import Diagnostic

    from ..history.ending import Ending

_REFRESH: Final = 0.1
"""Seconds between two updates of a running epoch."""
_WARNINGS: Final = 5
"""The number of warnings that a notebook's bar shows; the run has all of them."""
_ROW: Final = "display:flex;flex-wrap:wrap;align-items:center;gap:.2em .9em"
_NUMERIC: Final = "font-family:monospace;white-space:pre-wrap"
_TRACK: Final = "width:16em;height:.7em;border:1px solid #8888;border-radius:.35em;overflow:hidden"
_FILL: Final = "height:100%;background:#2f7ae5"


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a stream is a terminal; a program may have no stream, or a closed one."""
    try:
        return stream is not None and stream.isatty()
    except (AttributeError, ValueError):
        return False


def preparing() -> str:
    """The step before a training that takes several seconds."""
    return "building the model" if "tensorflow" in sys.modules else "loading TensorFlow"


class TerminalBar(Lines):
    """A bar that fills up with the steps of the training, below a line for each epoch that
    ended.
    """

    wants_steps = True

    def __init__(self, shown: Shown) -> None:
        super().__init__(shown)
        self._status: Any = None
        self._progress: Any = None
        self._task: Any = None
        self._course: Course | None = None
        self._looked = 0.0

    def loading(self) -> None:
        from rich.console import Console

        self._status = Console().status(preparing())
        self._status.start()

    def started(self, plan: Plan) -> None:
        from rich.progress import BarColumn, Progress, TextColumn

        if self._status is not None:
            self._status.stop()
            self._status = None
        super().started(plan)
        self._course = Course(plan)
        texts = [TextColumn(f"{{task.fields[{name}]}}") for name in ("logs", "speed", "left")]
        columns = (TextColumn("{task.description}"), BarColumn(), *texts)
        # Output that is redirected to a file is not changed.
        self._progress = Progress(*columns, transient=True, redirect_stderr=is_terminal(sys.stderr))
        self._progress.start()
        self._task = self._progress.add_task(
            "", total=self._course.total, logs="", speed="", left=""
        )

    def stage(self, begun: BegunStage) -> None:
        assert self._course is not None
        self._count(begun)
        self._course.begin(begun)
        self._progress.update(self._task, total=self._course.total)
        self._print(stage_line(begun))

    def _print(self, line: str) -> None:
        self._progress.console.print(line, highlight=False, soft_wrap=True, markup=False)

    def step(self, epoch: int, step: int, logs: Logs) -> None:
        if self._course is None or self.plan is None:
            return
        self._course.moved(epoch, step, logs)
        now = time.perf_counter()
        if now - self._looked < _REFRESH and step < self._course.steps:
            return
        self._looked = now
        self._progress.update(
            self._task,
            completed=self._course.done,
            description=self._course.place,
            logs=numbers(self._course.logs),
            speed=self._course.speed,
            left=self._course.left,
        )

    def epoch(self, epoch: Epoch) -> None:
        self._print(self.line(epoch))

    def ended(self) -> None:
        for shown in (self._status, self._progress):
            if shown is not None:
                shown.stop()


class NotebookBar(Watcher):
    """A bar in the output of a cell that is updated in place: HTML, and text as a fallback.
    `display` is the function of IPython; there is one output for each training.
    """

    wants_steps = True

    def __init__(self, display: Callable[..., Any]) -> None:
        self._display = display
        self._handle: Any = None
        self._course: Course | None = None
        self._epoch: Epoch | None = None
        self._running = False
        self._lines: list[str] = []
        self._warnings = 0
        self._looked = 0.0

    def warned(self, diagnostics: tuple[Diagnostic, ...]) -> None:
        before, self._warnings = self._warnings, self._warnings + len(diagnostics)
        self._lines += map(str, diagnostics[: max(_WARNINGS - before, 0)])
        if before <= _WARNINGS < self._warnings:
            self._lines.append("more warnings: see `warnings` of the run")
        if diagnostics and self._handle is not None:
            self._show()

    def loading(self) -> None:
        self._show(preparing())

    def started(self, plan: Plan) -> None:
        self._course, self._running = Course(plan), True
        self._show()

    def stage(self, begun: BegunStage) -> None:
        if self._course is not None:
            self._course.begin(begun)

    def step(self, epoch: int, step: int, logs: Logs) -> None:
        if self._course is None:
            return
        self._course.moved(epoch, step, logs)
        now = time.perf_counter()
        if now - self._looked >= _REFRESH:
            self._looked = now
            self._show()

    def epoch(self, epoch: Epoch) -> None:
        self._epoch = epoch

    def finished(self, ending: Ending) -> None:
        self._lines += ending_lines(ending)
        self._show()

    def ended(self) -> None:
        self._running = False
        if self._course is not None:
            self._show()
        elif self._handle is not None:
            self._show("the training did not begin")

    def _show(self, instead: str = "") -> None:
        rows, bar = [instead] if instead else self._rows(), ""
        if self._course is not None:
            bar = _bar(self._course)
        first, *rest = (escape(row) for row in [*rows, *self._lines])
        below = "".join(f'<div style="{_NUMERIC}">{row}</div>' for row in rest)
        head = f'<div style="{_ROW}">{bar}<span style="{_NUMERIC}">{first}</span></div>'
        text = "\n".join([*rows, *self._lines])
        if self._course is not None:
            text = f"{self._course.bar}  {text}"
        data = {"text/html": f"<div>{head}{below}</div>", "text/plain": text}
        if self._handle is None:
            self._handle = self._display(data, raw=True, display_id=True)
        else:
            self._handle.update(data, raw=True)

    def _rows(self) -> list[str]:
        """The position of the training, and the last completed epoch."""
        course = self._course
        assert course is not None
        if not course.done:
            return [parts(course.plan)]
        now = (course.place, numbers(course.logs), course.speed, course.left)
        place = "  ".join(filter(None, now)) if self._running else course.place
        last = self._epoch
        return [place] if last is None else [place, f"epoch {last.number}: {came_to(last)}"]


def _bar(course: Course) -> str:
    """Not a `progress` element: its background depends on the browser, and notebooks
    have themes.
    """
    percent = 100 * course.done / course.total
    return (
        f'<div role="progressbar" aria-label="training" aria-valuenow="{percent:.0f}"'
        f' style="{_TRACK}"><div style="{_FILL};width:{percent:.1f}%"></div></div>'
    )
