"""The trials of a sweep on a terminal: a table that is redrawn while it runs, a line for each ended
trial elsewhere.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from modelspec.compiler.space import Space
from modelspec.core.text_table import text_table
from modelspec.core.visible import visible
from modelspec.runtime.history.formatting import brief, duration, sparkline
from modelspec.sweep.files import cell
from modelspec.sweep.names import short_names
from modelspec.sweep.trials import Trial, best_of, pareto

from .output import write

if TYPE_CHECKING:
    from rich.live import Live

_ROWS: Final = 12
"""The most trials of a table that is redrawn."""
_REFRESH: Final = 0.1
_CURVE: Final = 16
_LISTED: Final = 8
"""The most trials of a Pareto front that are named."""
_WIDE: Final = 24
"""The most characters of a value."""


def table(space: Space, trials: Sequence[Trial]) -> str:
    """Trials as a table: number, state, values, objectives, curve and time."""
    names = short_names([one.path for one in space.parameters])
    keys = [one.key for one in space.sweep.objectives]
    header = ["trial", "state", *names.values(), *keys, "curve", "time"]
    rows = [_row(one, list(names), len(keys)) for one in trials]
    return text_table(header, rows, left=(1, len(header) - 2))


def _row(one: Trial, paths: Sequence[str], objectives: int) -> list[str]:
    values = [_short(cell(one.values, path)) for path in paths]
    found = [brief(value) for value in one.objectives] if one.has_ended else []
    found += [""] * (objectives - len(found))
    time_ = duration(one.seconds) if one.seconds is not None else ""
    state = "reused" if one.is_reused and one.state == "completed" else one.state
    return [str(one.number), state, *values, *found, sparkline(one.curve, _CURVE), time_]


def _short(value: Any) -> str:
    text = brief(value) if isinstance(value, float) else str(value)
    return text if len(text) <= _WIDE else f"{text[: _WIDE - 3]}..."


def summary(space: Space, trials: Sequence[Trial], jobs: int = 1) -> str:
    """`12 of 40 trials, 3 pruned; best: trial 7, val_loss 0.0985; about 3:20 left`."""
    sweep = space.sweep
    ended = [one for one in trials if one.has_ended]
    of = f" of {sweep.trials}" if sweep.trials is not None else ""
    parts = [f"{len(ended)}{of} trial{'' if (sweep.trials or len(ended)) == 1 else 's'}"]
    parts += [
        f"{count} {state}"
        for state in ("pruned", "failed")
        if (count := sum(one.state == state for one in trials))
    ]
    found = [", ".join(parts)]
    if best := best_of(trials, sweep.objectives) if sweep.objectives else None:
        found.append(f"best: {numbers(space, best)}")
        if len(sweep.objectives) > 1:
            found[-1] = _front([one.number for one in pareto(trials, sweep.objectives)])
    if left := _left(space, ended, jobs):
        found.append(f"about {duration(left)} left")
    return "; ".join(found)


def _front(numbers: Sequence[int]) -> str:
    """`3 on the Pareto front (trials 0, 4, 7)`."""
    listed = ", ".join(map(str, sorted(numbers)[:_LISTED]))
    more = ", ..." if len(numbers) > _LISTED else ""
    plural = "" if len(numbers) == 1 else "s"
    return f"{len(numbers)} on the Pareto front (trial{plural} {listed}{more})"


def numbers(space: Space, one: Trial) -> str:
    """`trial 7, val_loss 0.0985`."""
    pairs = zip(space.sweep.objectives, one.objectives, strict=False)
    values = ", ".join(f"{each.key} {brief(value)}" for each, value in pairs)
    return f"trial {one.number}, {values}" if values else f"trial {one.number}"


def _left(space: Space, ended: Sequence[Trial], jobs: int) -> float | None:
    """The seconds until the last trial ends; None without a basis for an estimate."""
    times = [one.seconds for one in ended if one.seconds is not None and not one.is_reused]
    if not times or space.sweep.trials is None:
        return None
    left = space.sweep.trials - len(ended)
    recent = times[-10:]
    return sum(recent) / len(recent) * left / jobs if left > 0 else None


class Display:
    """Shows the trials of a sweep while it runs."""

    def __init__(self, space: Space, *, quiet: bool, jobs: int = 1) -> None:
        self._space, self._jobs = space, jobs
        self._quiet, self._shows = quiet, sys.stdout.isatty() and not quiet
        self._live: Live | None = None
        self._shown: set[int] = set()
        self._drawn = 0.0

    def __enter__(self) -> Display:
        if self._shows:
            from rich.live import Live

            self._live = Live("", auto_refresh=False, transient=True)
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def begin(self, trials: Sequence[Trial]) -> None:
        """Trials of an earlier process get no line."""
        self._shown |= {one.number for one in trials if one.has_ended}

    def changed(self, trials: Sequence[Trial]) -> None:
        """A trial began, ended, or reported an epoch."""
        new = [one for one in trials if one.has_ended and one.number not in self._shown]
        self._shown |= {one.number for one in new}
        if self._live is not None:
            self._draw(trials, bool(new))
        elif not self._quiet:
            for one in new:
                write(visible(self._line(one)))

    def _draw(self, trials: Sequence[Trial], is_new: bool) -> None:
        now = time.monotonic()
        if not is_new and now - self._drawn < _REFRESH:
            return
        self._drawn = now
        from rich.text import Text

        assert self._live is not None
        text = f"{table(self._space, trials[-_ROWS:])}\n{summary(self._space, trials, self._jobs)}"
        with suppress(OSError, ValueError):
            self._live.update(Text(text, no_wrap=True, overflow="ellipsis"), refresh=True)

    def _line(self, one: Trial) -> str:
        names = short_names([each.path for each in self._space.parameters])
        values = [f"{names[path]} {_short(value)}" for path, value in one.values.items()]
        pairs = zip(self._space.sweep.objectives, one.objectives, strict=False)
        found = [f"{each.key} {brief(value)}" for each, value in pairs]
        state = "reused" if one.is_reused and one.state == "completed" else one.state
        took = [duration(one.seconds)] if one.seconds is not None else []
        fault = [one.fault] if one.fault else []
        return "  ".join([f"trial {one.number}", state, *found, *values, *took, *fault])
