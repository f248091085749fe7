"""Requests: their options, and their rows as a table that a run reads.

Rows are values. A path in a cell is never opened, so that clients cannot read files of the server.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

import numpy as np

from modelspec.compiler.pipeline import Compiled
from modelspec.compiler.spec.file_reading import file_columns
from modelspec.core.diagnostics import Fault, listed, nearest
from modelspec.core.settings import Context
from modelspec.runtime.data import RunError, Table, open_source
from modelspec.runtime.data.adapted_state import State
from modelspec.runtime.data.columns import binding_of
from modelspec.runtime.data.lenient_sources import open_leniently
from modelspec.runtime.data.memory_table import MemoryTable
from modelspec.runtime.data.skipped_rows import SkippedRows
from modelspec.runtime.run.prediction_options import Options
from modelspec.runtime.run.row_sources import table_of_rows
from modelspec.runtime.run.source_argument import source_of, with_own_header

from .limits import Limits, Refused, too_large
from .mixed_rows import mixed

JSON: Final = "application/json"
CSV: Final = "text/csv"
NAME = "the request"
"""The name of JSON rows in messages."""
_CSV_NAME = "request.csv"
_OPTIONS = ("top", "threshold", "errors")
_FORMS = 'send `{"rows": [{"COLUMN": VALUE, ...}, ...]}`, a list of such rows, or one'


Kind: TypeAlias = Literal["application/json", "text/csv"]
"""The formats of rows and predictions."""


@dataclass(frozen=True)
class Question:
    """One request."""

    body: bytes
    kind: Kind
    """The format of the body."""
    answer: Kind
    """The format of the predictions."""
    options: Options


def kind_of(content_type: str, encoding: str) -> Kind:
    """The format of a body, by its headers. Raises `Refused` (415, MS781)."""
    kind = content_type.partition(";")[0].strip().lower()
    if encoding.strip().lower() not in ("", "identity"):
        raise Refused.of(
            415,
            "MS781",
            f"`Content-Encoding: {encoding}` is not supported",
            "send the body without encoding",
        )
    if kind == JSON:
        return JSON
    if kind == CSV:
        return CSV
    raise Refused.of(
        415,
        "MS781",
        f"rows of type `{kind}` cannot be read" if kind else "the request has no `Content-Type`",
        f"send `Content-Type: {JSON}` or `Content-Type: {CSV}`",
    )


def options_of(pairs: Iterable[tuple[str, str]]) -> Options:
    """Options from the query: `top=3`, `threshold=0.3`, `threshold=LABEL=0.3`, `errors=skip`.
    Raises `Refused` (400, MS784).
    """
    found: dict[str, Any] = {}
    thresholds: dict[str | None, float] = {}
    for key, value in pairs:
        if key == "threshold":
            label, equals, number = value.rpartition("=")
            thresholds[label if equals else None] = _number(float, number, "`threshold`")
        elif key == "top":
            found["top"] = _number(int, value, "`top`")
        elif key == "errors" and value in ("stop", "skip"):
            found["errors"] = value
        else:
            raise _unknown(key, value)
    if thresholds:  # the common one first, as on the command line
        found["threshold"] = dict(sorted(thresholds.items(), key=lambda one: one[0] is not None))
    try:
        return Options(**found).checked()
    except RunError as error:
        raise Refused(400, error.diagnostics) from None


def _number(kind: Any, text: str, what: str) -> Any:
    try:
        return kind(text)
    except ValueError:
        raise Refused.of(400, "MS784", f"{what} is `{text}`, which is not a number") from None


def _unknown(key: str, value: str) -> Refused:
    if key == "errors":
        return Refused.of(400, "MS784", f"`errors` must be `stop` or `skip`, found `{value}`")
    near = nearest(key, _OPTIONS)
    help = f"did you mean `{near}`?" if near else f"the parameters are {listed(_OPTIONS, 'and')}"
    return Refused.of(400, "MS784", f"the query has an unknown parameter `{key}`", help)


# Rows ---------------------------------------------------------------------------------------------


def table_of(
    question: Question,
    compiled: Compiled,
    state: State | None,
    limits: Limits,
    skipped: SkippedRows | None = None,
) -> Table:
    """The rows of a request. With `skipped`, CSV lines with too many or too few cells, and JSON
    rows with a cell of another type than its column, are excluded and recorded there. Raises
    `Refused` and `RunError`.
    """
    if question.kind == JSON:
        table = _of_rows(_rows(question.body, limits), compiled, state, skipped)
    else:
        table = _of_csv(question.body, compiled, skipped)
        _check_count(table.count or 0, limits)
    _refuse_files(table, compiled)
    return table


def _rows(body: bytes, limits: Limits) -> list[Mapping[str, Any]]:
    try:
        read = json.loads(body)
        if b"\\u" in body:  # half a surrogate pair, which cannot be encoded
            json.dumps(read, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise Refused.of(400, "MS781", f"the body is not JSON: {_reason(error)}", _FORMS) from None
    wrapped = isinstance(read, dict) and list(read) == ["rows"] and isinstance(read["rows"], list)
    rows = read["rows"] if wrapped else read if isinstance(read, list) else [read]
    if not rows:
        raise Refused.of(400, "MS781", "the request has no rows", _FORMS)
    wrong = next((at for at, row in enumerate(rows, 1) if not isinstance(row, dict)), None)
    if wrong is not None:
        kind = type(rows[wrong - 1]).__name__
        raise Refused.of(
            400,
            "MS781",
            f"row {wrong:,} must be an object of columns and values, found {kind}",
            _FORMS,
        )
    _check_count(len(rows), limits)
    columns = {name for row in rows for name in row}
    if len(columns) * len(rows) > limits.bytes:  # far more than the body can contain
        raise too_large(
            f"{len(rows):,} rows with {len(columns):,} columns are too many cells",
            "send the columns that the run reads; `/schema` lists them",
        )
    return rows


def _reason(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if isinstance(error, UnicodeError):
        return "it is not valid UTF-8"
    return str(error)


def _check_count(count: int, limits: Limits) -> None:
    if count > limits.rows:
        raise too_large(
            f"the request has {count:,} rows, more than the limit of {limits.rows:,}",
            "send fewer rows at a time, or start the server with a larger `--max-rows`",
        )


def _of_rows(
    rows: Sequence[Mapping[str, Any]],
    compiled: Compiled,
    state: State | None,
    skipped: SkippedRows | None,
) -> Table:
    wrong, faults = mixed(rows, NAME, compiled, state)
    if not wrong:
        return table_of_rows(rows, NAME)
    if skipped is None:
        raise RunError(faults)
    for number, reason in wrong.items():
        skipped.add(number, f"row {number} of {NAME}", reason)
    numbers = [number for number in range(1, len(rows) + 1) if number not in wrong]
    if not numbers:
        raise RunError.of("MS734", f"no row of {NAME} can be read; the first: {wrong[1]}")
    kept = table_of_rows([rows[number - 1] for number in numbers], NAME)
    whole = {name for name in kept.names if kept.tells_whole(name)}
    table = MemoryTable(NAME, {name: kept.read(name) for name in kept.names}, numbers, whole)
    table.source_places = np.array(numbers) - 1
    return table


def _of_csv(body: bytes, compiled: Compiled, skipped: SkippedRows | None) -> Table:
    """Read as `predict` reads a CSV file for the run."""
    folder = tempfile.TemporaryDirectory(prefix="modelspec-")
    where = Path(folder.name)
    (where / _CSV_NAME).write_bytes(body)
    context = Context(folder=where, project=where)
    sources = tuple(compiled.data.sources.values()) if compiled.data else ()
    settings = source_of(f"csv={_CSV_NAME}", sources, context)
    columns = tuple(name for bound in binding_of(compiled).inputs.values() for name in bound.names)
    settings = with_own_header(settings, columns, context)
    table = (
        open_source(settings, context)
        if skipped is None
        else open_leniently(settings, context, skipped)
    )
    table.kept = folder
    return table


def _refuse_files(table: Table, compiled: Compiled) -> None:
    """Raises `Refused` (422, MS783) where an input reads files whose paths are in the rows."""
    assert compiled.data is not None
    asked = file_columns(compiled.data.inputs or {})
    lacking = [name for name in asked if name not in table]
    if lacking:
        paths = listed([f"`{asked[name].column}`" for name in lacking], "and")
        fault = Fault(
            "MS783",
            f"the run reads the files in {paths}, but the server opens no files",
            help="send pixels as nested lists under "
            + listed([f"`{name}`" for name in lacking], "and")
            + ", or use `modelspec predict`",
        )
        raise Refused(422, [fault.at(None)])
