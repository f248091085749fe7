"""Rows that are not in a file: a JSON object or a text on the command line, one image, standard
input, rows of a program.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from modelspec.catalog.sources.common.source import Source
from modelspec.compiler.pipeline import Compiled
from modelspec.core.diagnostics import Fault
from modelspec.core.settings import Context

from ..data import RunError, Table
from ..data.columns import binding_of
from ..data.memory_table import MemoryTable, array_of, plain_value
from ..data.python_objects import table_from
from ..data.skipped_rows import SkippedRows
from ..data.table import fail
from ..data.usual_rows import Usual

if TYPE_CHECKING:
    from modelspec.catalog.sources.images import images

STDIN = "-"
_READ = ("csv", "jsonl")
"""The kinds that standard input may be."""
_IMAGES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp")


def rows_of(written: str, compiled: Compiled, skipped: SkippedRows | None = None) -> Table | None:
    """The table of a SOURCE that is not a path: `{"age": 3}`, a list of such objects, and
    `text=WORDS`, for a model whose inputs read one column. None for every other, and for what is a
    path, or looks like one. With `skipped`, rows are left out and noted as in `table_of_rows`.
    Raises `RunError` (MS739).
    """
    text = written.strip()
    if text.startswith(("{", "[")) and not _is_there(written):
        return _of_json(text, skipped)
    kind, equals, words = written.partition("=")
    if equals and kind == "text" and not _looks_like_a_path(words):
        names = binding_of(compiled).inputs.values()
        columns = list(dict.fromkeys(name for bound in names for name in bound.names)) or ["text"]
        if len(columns) != 1:
            raise RunError.of(
                "MS739",
                f"`text=...` is one column, but the inputs of the run read {len(columns)}",
                help="write a JSON object: `--data '{\"COLUMN\": ...}'`",
            )
        return table_of_rows([{columns[0]: words}], "--data")
    return None


def _looks_like_a_path(words: str) -> bool:
    """Whether words after `text=` are meant as a path: there is one, or they are one word with a
    slash, an ending or a wildcard.
    """
    if not words.strip() or _is_there(words):
        return True
    return " " not in words.strip() and (
        bool(Path(words).suffix) or bool(set("/\\*[") & set(words))
    )


def is_same_file(source: str, path: Path) -> bool:
    """Whether a SOURCE is the one file at a path."""
    kind, _, rest = source.partition("=")
    named = rest if kind.isalnum() and rest and not _is_there(source) else source
    try:
        return Path(named).samefile(path)
    except (OSError, ValueError):
        return False


def is_folder(path: str | Path) -> bool:
    """Whether there is a folder of this name."""
    try:
        return Path(path).is_dir()
    except (OSError, ValueError):
        return False


def _is_there(path: str) -> bool:
    """Whether there is a file of this name; words may be too long for one."""
    try:
        return Path(path).exists()
    except (OSError, ValueError):
        return False


def _of_json(text: str, skipped: SkippedRows | None) -> Table:
    try:
        read = json.loads(text, object_pairs_hook=_object)
        json.dumps(read, ensure_ascii=False).encode()  # half a character has no encoding
    except UnicodeEncodeError:
        raise RunError.of("MS739", "the row has half a character in its text") from None
    except (ValueError, RecursionError) as error:
        raise RunError.of(
            "MS739",
            f"the row is not a JSON object: {error}",
            help='write column names and values: `--data \'{"age": 31, "plan": "basic"}\'`',
        ) from None
    rows = read if isinstance(read, list) else [read]
    if not rows or not all(isinstance(row, dict) for row in rows):
        raise RunError.of(
            "MS739",
            "a row is a JSON object of column names and values, or several are a list of them",
            help='e.g. `--data \'{"age": 31, "plan": "basic"}\'`',
        )
    return table_of_rows(rows, "--data", skipped)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"it has the key `{max(names, key=names.count)}` twice")
    return found


def table_of_rows(
    rows: Iterable[Mapping[str, Any]], name: str, skipped: SkippedRows | None = None
) -> Table:
    """A table of mappings, one a row; a column that a row lacks has no value there. With `skipped`,
    rows with a value of another kind than most have are left out and noted there. Raises
    `RunError`: MS651, MS653, MS739 for what is not a mapping.
    """
    listed = list(rows)
    if not all(isinstance(row, Mapping) for row in listed):
        raise RunError.of("MS739", "a row is a mapping of column names and values")
    numbers = list(range(1, len(listed) + 1))
    if skipped is not None:
        numbers = _usual(listed, name, skipped)
        listed = [listed[number - 1] for number in numbers]
    names = dict.fromkeys(str(column) for row in listed for column in row)
    try:
        columns = {
            column: array_of([row.get(column) for row in listed], column, name) for column in names
        }
    except Fault as fault:
        raise fail(fault, None) from None
    whole = {
        column
        for column in names
        if all(isinstance(row.get(column), (int, type(None))) for row in listed)
    }
    found = MemoryTable(name, columns, numbers, whole)
    if skipped is not None:
        found.source_places = np.array(numbers, np.int64) - 1
    return found


def _usual(rows: list[Mapping[str, Any]], name: str, skipped: SkippedRows) -> list[int]:
    """The numbers of the rows that are not left out. Raises `RunError` (MS734)."""
    plain = [{key: plain_value(value) for key, value in row.items()} for row in rows]
    usual, kept = Usual(plain, absent=True), []
    for number, row in enumerate(plain, 1):
        place = f"row {number} of {name}"
        reason = usual.wrong(row, place)
        if reason is None:
            kept.append(number)
        else:
            skipped.add(number, place, reason)
    if rows and not kept:
        raise skipped.none_left(name)
    return kept


def table_of(data: Any, skipped: SkippedRows | None = None) -> Table:
    """A table of what a program has: a list of mappings, one a row, or what `table_from` takes."""
    if isinstance(data, (list, tuple)) and data and all(isinstance(row, Mapping) for row in data):
        return table_of_rows(data, "rows", skipped)
    return table_from(data, "rows")


# One image ----------------------------------------------------------------------------------------


def one_image(written: str, sources: Iterable[Source]) -> Table | None:
    """The table of one image file, as the run's own images are read; None for another file, or a
    run that reads no images. Raises `DataError`.
    """
    path = Path(written.removeprefix("images="))
    known = next((one for one in sources if one.kind() == "images"), None)
    if known is None or path.suffix.lower() not in _IMAGES or is_folder(path):
        return None
    from ..data.sources.images import table_of_files

    try:
        return table_of_files(cast("images", known), [path])
    except Fault as fault:
        raise fail(fault, None) from None


# Standard input -----------------------------------------------------------------------------------


class StandardInput:
    """What standard input gives, kept in a file for as long as the object lives, since a source may
    be read several times.
    """

    def __init__(self, kind: str) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="modelspec-")
        self.folder = Path(self._folder.name)
        self.name = f"stdin.{kind}"
        with (self.folder / self.name).open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)

    @property
    def context(self) -> Context:
        return Context(folder=self.folder, project=self.folder)


def standard_input(written: str, sources: Iterable[Source]) -> str | None:
    """The kind of source that `-`, `csv=-` or `jsonl=-` reads; None for another SOURCE. Of `-` it
    is the one that the run reads. Raises `RunError` (MS739).
    """
    kind, equals, path = written.rpartition("=")
    if path != STDIN:
        return None
    if not equals:
        kind = next((one.kind() for one in sources if one.kind() in _READ), "")
    if kind not in _READ:
        raise RunError.of(
            "MS739",
            f"standard input cannot be read as `{kind}`"
            if equals
            else "nothing says what standard input is",
            help="write `--data csv=-` or `--data jsonl=-`",
        )
    return kind
