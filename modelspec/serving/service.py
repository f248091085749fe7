"""A loaded run that answers requests, one after the other.

One thread uses the model: calls of TensorFlow never overlap, Keras finds its thread-local state,
and the event loop stays free for other requests. Requests are never computed together: the
predictions are bitwise identical to those of `modelspec predict` for the same rows.
"""

from __future__ import annotations

import csv
import io
import json
import logging
import re
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Lock
from typing import TYPE_CHECKING, Any, TypeVar

from modelspec.core.diagnostics import Diagnostic
from modelspec.core.spreadsheet_cells import inert
from modelspec.runtime.backend.process_state import own_state
from modelspec.runtime.data import RunError, Table
from modelspec.runtime.data.adapted_state import State
from modelspec.runtime.data.skipped_rows import SkippedRows
from modelspec.runtime.run.open_run import SavedRun, open_run
from modelspec.runtime.run.predict import Stream, stream_of
from modelspec.runtime.run.prediction_names import example
from modelspec.runtime.run.prediction_outputs import check_width, columns, shortest
from modelspec.runtime.run.prediction_rows import Predictions
from modelspec.runtime.run.prediction_writer import lines
from modelspec.runtime.run.run_data import prepared_source, saved_state
from modelspec.runtime.run.thresholds import stored_threshold

from .limits import Limits, Refused, too_large
from .questions import CSV, Question, table_of

if TYPE_CHECKING:
    import keras

T = TypeVar("T")
_log = logging.getLogger("modelspec.serving")
_OF_THE_RUN = ("MS631", "MS707")
"""Codes of failures of the run or the model, which the client cannot fix."""


class Worker:
    """One thread, and the number of requests in progress or waiting."""

    def __init__(self, most: int) -> None:
        self._pool = ThreadPoolExecutor(1, "modelspec-serving")
        self._granted = copy_context()
        """The context, so that options of the command line apply in the thread too."""
        self._lock, self._count, self._most = Lock(), 0, most

    def submit(self, call: Callable[[], T]) -> Future[T]:
        return self._pool.submit(self._granted.run, call)

    def enter(self) -> None:
        """Reserve a place. Raises `Refused` (503, MS782) where all are taken."""
        with self._lock:
            if self._count >= self._most:
                raise Refused.of(
                    503, "MS782", f"{self._count} requests are waiting already", "try again later"
                )
            self._count += 1

    def leave(self, work: Future[Any] | None) -> None:
        """Release the place after the thread has finished its work."""
        if work is None:
            with self._lock:
                self._count -= 1
        else:
            work.add_done_callback(lambda _: self.leave(None))

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)


@dataclass(frozen=True)
class Service:
    """A loaded run."""

    run: SavedRun
    model: keras.Model = field(repr=False)
    state: State | None = field(repr=False)
    example: Predictions = field(repr=False)
    """An example of predictions."""
    limits: Limits
    worker: Worker = field(repr=False)
    warnings: tuple[Diagnostic, ...] = ()
    """Warnings about the run, for every request."""

    def answer(self, question: Question, stop: Event) -> bytes:
        """The predictions as the body of an answer; called in the worker thread. `stop` ends it
        before the next batch. Raises `Refused`.
        """
        try:
            with own_state():
                return self._answer(question, stop)
        except RunError as error:
            raise self._refused(error, question) from None

    def _answer(self, question: Question, stop: Event) -> bytes:
        skipped = SkippedRows() if question.options.errors == "skip" else None
        table = self._table(question, skipped)
        stream = stream_of(self.run, table, question.options, self.model)
        text = self._csv(stream) if question.answer == CSV else _json(stream)
        found: list[bytes] = []
        size = 0
        for part in text:
            if stop.is_set():
                raise Refused.of(503, "MS782", "the request took too long")
            found.append(part.encode())
            size += len(found[-1])
            if size > self.limits.answer:
                raise too_large(
                    f"the answer has more than {self.limits.answer:,} bytes",
                    "send fewer rows at a time",
                )
        found.append(b"" if question.answer == CSV else self._rest(stream, skipped))
        return b"".join(found)

    def _rest(self, stream: Stream, skipped: SkippedRows | None) -> bytes:
        """The rest of the JSON after the predictions. Rows may be excluded when they are read, and
        when they are prepared.
        """
        left_out = {one.number: one.reason for one in stream.skipped}
        left_out |= {one.number: one.reason for one in (skipped.listed() if skipped else ())}
        about = [
            one for one in stream.warnings if one not in self.warnings and one.code != "MS733"
        ]  # the excluded rows are listed
        rest = {
            "warnings": [as_json(one) for one in about],
            "skipped": [{"row": row, "reason": left_out[row]} for row in sorted(left_out)],
        }
        return f"], {json.dumps(rest, ensure_ascii=False)[1:]}\n".encode()

    def _csv(self, stream: Stream) -> Iterator[str]:
        """CSV as `modelspec predict -o FILE.csv` writes it."""
        started = False
        for batch in stream:
            check_width(batch, Path("answer.csv"))
            flat = columns(batch)
            rows = zip(*(shortest(values) for values in flat.values()), strict=True)
            cells = ([] if started else [list(flat)]) + [list(row) for row in rows]
            yield _csv_text([list(map(inert, row)) for row in cells])
            started = True
        if not started:
            yield _csv_text([["row", *columns(self.example)]])

    def _refused(self, error: RunError, question: Question) -> Refused:
        """422 with all faults and the rows that have one; 500 for a failure of the run."""
        if any(one.code in _OF_THE_RUN for one in error.diagnostics):
            _log.error("a prediction failed: %s", "; ".join(map(str, error.diagnostics)))
            return Refused.of(
                500, "MS707", "the model could not predict these rows; see the log of the server"
            )
        skipped, found = SkippedRows(), dict.fromkeys(error.diagnostics)
        try:  # invalid rows may have hidden the faults of others
            table = self._table(question, skipped)
            self._prepare(table, None)
        except RunError as more:
            found |= dict.fromkeys(one for one in more.diagnostics if one.code != "MS734")
        with suppress(RunError):  # the faults are reported already: this only finds the rows
            self._prepare(self._table(question, skipped), skipped)
        rows = [
            {"row": one.number, "place": one.place, "reason": one.reason}
            for one in skipped.listed()
        ]
        return Refused(422, found, rows)

    def _table(self, question: Question, skipped: SkippedRows | None) -> Table:
        return table_of(question, self.run.compiled, self.state, self.limits, skipped)

    def _prepare(self, table: Table, skipped: SkippedRows | None) -> None:
        prepared_source(
            self.run.compiled, table, self.run.directory, with_targets=False, skipped=skipped
        )


def load(directory: Path, limits: Limits) -> Service:
    """Loads a run folder, with its model in the thread that uses it. Raises `RunError` like
    `open_run` and `SavedRun.model`.
    """
    worker = Worker(limits.requests)

    def loaded() -> Service:
        run = open_run(directory)
        state = saved_state(run.compiled, directory)
        kept = stored_threshold(directory)
        notes = () if kept is None else (kept.note(directory),)
        with own_state():
            shown = example(run, state)
        model = run.model(measured=False)
        return Service(run, model, state, shown, limits, worker, (*run.warnings, *notes))

    try:
        return worker.submit(loaded).result()
    except BaseException:
        worker.close()
        raise


# Answers ------------------------------------------------------------------------------------------


def _json(stream: Stream) -> Iterator[str]:
    """`{"predictions": [` and the rows, one per line, as `predict --format json` prints them."""
    before = '{"predictions": [\n'
    for batch in stream:
        yield before + ",\n".join(lines(batch))
        before = ",\n"
    yield "\n" if before == ",\n" else before


def _csv_text(rows: list[list[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def as_json(found: Diagnostic) -> dict[str, Any]:
    """A fault or a warning without its place, which is a file of the server."""
    return {
        "code": found.code,
        "severity": found.severity,
        "message": found.message,
        "notes": [note.message for note in found.notes],
        "help": found.help,
    }


def refusal(refused: Refused) -> dict[str, Any]:
    """The body of an answer without predictions: each fault with the numbers of its rows, and every
    row that cannot be read.
    """
    return {
        "diagnostics": [
            {**as_json(one), "rows": _named(one, refused.rows)} for one in refused.diagnostics
        ],
        "rows": list(refused.rows),
    }


def _named(found: Diagnostic, rows: tuple[Mapping[str, Any], ...]) -> list[int]:
    text = "\n".join([found.message, *(note.message for note in found.notes)])
    maybe = (one for one in rows if one["place"] in text)  # `row 1` is in `row 12` too
    return [one["row"] for one in maybe if re.search(re.escape(one["place"]) + r"(?!\d)", text)]
