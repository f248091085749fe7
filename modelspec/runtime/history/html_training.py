"""The section of a report about the training: curves, the kept weights, and the timeline of
interruptions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any, Final

from .charts import Mark, grid, is_constant, line_chart, series
from .ending import Ending
from .formatting import moment, number
from .html_parts import details, note, table, text
from .record import Record, time_of
from .tables import best_of

RATE: Final = "learning_rate"


def training(record: Record) -> Iterator[str]:
    history = {name: values for name, values in record.history.items() if values}
    ending = Ending.of(record)
    if ending is not None and (ending.stop or ending.weights):
        kept = f"The weights are {ending.weights}." if ending.weights else ""
        yield note(f"Training {ending.stop}." if ending.stop else "", kept)
    yield curves(history, _marks(record, ending))
    constant = {name: values[0] for name, values in history.items() if is_constant(values)}
    if constant:
        said = ", ".join(f"{name} {_plain(value)}" for name, value in constant.items())
        yield note(f"The same in every epoch: {said}.")
    rows = [_curve_row(name, values) for name, values in history.items() if name not in constant]
    if rows:
        header = ["", "first", "last", "best", "in epoch"]
        yield details("The curves as a table", table(header, rows, label="History"))
    yield _events(record)


def _plain(value: float) -> str:
    return f"{value:.4g}"


def _curve_row(name: str, values: Sequence[float]) -> list[str]:
    best, at = best_of(name, values)
    shown = [number(best), str(at + 1)] if name != RATE else ["", ""]
    return [name, number(values[0]), number(values[-1]), *shown]


def curves(history: Mapping[str, Sequence[float]], marks: Sequence[Mark]) -> str:
    """A chart for each loss and metric that varies, together with its validation curve."""
    charts = []
    for title, together in series(history):
        notes = {name: _best(name, values) for name, values in together.items()}
        charts.append(line_chart(title, together, marks=marks, notes=notes))
    return grid(charts)


def _best(name: str, values: Sequence[float]) -> str:
    if name == RATE:
        return number(values[-1])
    best, at = best_of(name, values)
    return f"{number(values[-1])} (best {number(best)} in epoch {at + 1})"


def _marks(record: Record, ending: Ending | None) -> tuple[Mark, ...]:
    """The epoch whose weights were kept, the beginnings of further stages, and the points of
    resumption after interruptions.
    """
    found = []
    if ending is not None and ending.monitor is not None:
        kept = ending.weights_of_epoch
        found.append(Mark(kept, f"epoch {kept}: its weights were kept"))
    borders = [at for at, (one, other) in enumerate(pairwise(record.stages), 1) if one != other]
    names = ", then ".join(dict.fromkeys(record.stages))
    found += [Mark(at + 0.5, f"stages: {names}", is_border=True) for at in borders]
    for one in record.entries("resumed"):
        place = one.get("checkpoint")
        epoch = place.get("epoch") if isinstance(place, dict) else None
        if isinstance(epoch, int) and 0 < epoch <= record.epochs:
            found.append(Mark(epoch, "resumed", is_stop=True))
    return tuple(found)


def _events(record: Record) -> str:
    """The timeline of a run that was interrupted, failed, or resumed."""
    resumed = record.entries("resumed")
    if not resumed and record.state == "completed":
        return ""
    events = [(record.started, "started")]
    for one in resumed:
        events += [*_left(one), (time_of(one.get("at")), _continued(one))]
    signal = record.text("signal")
    by = f" by {signal}" if record.state == "interrupted" and signal else ""
    if record.state != "running":
        count = f"{record.epochs:,} epoch{'' if record.epochs == 1 else 's'}"
        events.append((record.ended, f"{record.state}{by} after {count}"))
    inner = "".join(f"<li>{_time(when)}{text(what)}</li>" for when, what in events)
    return f'<h3>Interruptions</h3><ol class="events">{inner}</ol>'


def _left(one: Mapping[str, Any]) -> Iterator[tuple[datetime | None, str]]:
    """How the run had ended before it was resumed, if its manifest records it."""
    left = one.get("left")
    if not isinstance(left, dict) or not isinstance(outcome := left.get("outcome"), str):
        return
    signal = left.get("signal")
    by = f" by {signal}" if outcome == "interrupted" and isinstance(signal, str) else ""
    said = "killed" if outcome == "running" else f"{outcome}{by}"
    yield time_of(left.get("ended")), said


def _continued(one: Mapping[str, Any]) -> str:
    place = one.get("checkpoint")
    if not isinstance(place, dict):
        return "restarted: it had no checkpoint"
    exactly = "" if not one.get("inexact") else ", not exactly"
    return f"resumed from epoch {place.get('epoch')}, step {place.get('step')}{exactly}"


def _time(when: datetime | None) -> str:
    return f"<time>{moment(when)}</time> " if when is not None else ""
