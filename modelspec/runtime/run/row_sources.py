"""Rows that are not in a data file: a JSON object or text on the command line, one image or sound,
standard input, rows of a program.
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
from ..data.memory_table import plain_value
from ..data.python_columns import table_of_mappings
from ..data.python_objects import table_from
from ..data.skipped_rows import SkippedRows
from ..data.table import fail
from ..data.unnamed_parts import names_of
from ..data.usual_rows import Usual

if TYPE_CHECKING:
    from modelspec.catalog.sources.audio import audio
    from modelspec.catalog.sources.images import images

STDIN = "-"
_READ = ("csv", "jsonl")
"""The kinds of source that standard input may be."""
_FILES = {
    "images": (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp"),
    "audio": (".wav", ".flac", ".ogg", ".oga", ".mp3", ".aif", ".aiff"),
}
"""The extensions of single files, by the source of the run."""


def rows_of(written: str, compiled: Compiled, skipped: SkippedRows | None = None) -> Table | None:
    """The table of a SOURCE that is not a path: `{"age": 3}`, a list of such objects, or
    `text=WORDS` for a model whose inputs read one column. None for any other SOURCE, and for
    anything that is or looks like a path. With `skipped`, rows are skipped and recorded as in
    `table_of_rows`. Raises `RunError` (MS739).
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
                f"`text=...` sets one column, but the inputs of the run read {len(columns)}",
                help="write a JSON object: `--data '{\"COLUMN\": ...}'`",
            )
        return table_of_rows([{columns[0]: words}], "--data")
    return None


def _looks_like_a_path(words: str) -> bool:
    """Whether the value after `text=` is a path: it exists, or it is one word with a slash, an
    extension or a wildcard.
    """
    if not words.strip() or _is_there(words):
        return True
    return " " not in words.strip() and (
        bool(Path(words).suffix) or bool(set("/\\*[") & set(words))
    )


def is_same_file(source: str, path: Path) -> bool:
    """Whether a SOURCE is a path to one file."""
    kind, _, rest = source.partition("=")
    named = rest if kind.isalnum() and rest and not _is_there(source) else source
    try:
        return Path(named).samefile(path)
    except (OSError, ValueError):
        return False


def is_folder(path: str | Path) -> bool:
    """Whether a folder with this name exists."""
    try:
        return Path(path).is_dir()
    except (OSError, ValueError):
        return False


def _is_there(path: str) -> bool:
    """Whether a file with this name exists; the value may be too long for a file name."""
    try:
        return Path(path).exists()
    except (OSError, ValueError):
        return False


def _of_json(text: str, skipped: SkippedRows | None) -> Table:
    try:
        read = json.loads(text, object_pairs_hook=_object)
        json.dumps(read, ensure_ascii=False).encode()  # a surrogate has no encoding
    except UnicodeEncodeError:
        raise RunError.of("MS739", "the row contains an unpaired surrogate") from None
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
            "expected a JSON object of column names and values, or a list of such objects",
            help='e.g. `--data \'{"age": 31, "plan": "basic"}\'`',
        )
    return table_of_rows(rows, "--data", skipped)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"duplicate key `{max(names, key=names.count)}`")
    return found


def table_of_rows(
    rows: Iterable[Mapping[str, Any]], name: str, skipped: SkippedRows | None = None
) -> Table:
    """A table from mappings, one per row; a missing column is a missing value. With `skipped`, rows
    with a value of another kind than most rows are skipped and recorded there. Raises `RunError`:
    MS651, MS653, MS739 for a row that is not a mapping.
    """
    listed = list(rows)
    if not all(isinstance(row, Mapping) for row in listed):
        raise RunError.of("MS739", "a row must be a mapping of column names and values")
    numbers = list(range(1, len(listed) + 1))
    if skipped is not None:
        numbers = _usual(listed, name, skipped)
        listed = [listed[number - 1] for number in numbers]
    try:
        found = table_of_mappings(listed, name, numbers)
    except Fault as fault:
        raise fail(fault, None) from None
    if skipped is not None:
        found.source_places = np.array(numbers, np.int64) - 1
    return found


def _usual(rows: list[Mapping[str, Any]], name: str, skipped: SkippedRows) -> list[int]:
    """The numbers of the rows that are not skipped. Raises `RunError` (MS734)."""
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


def table_of(data: Any, compiled: Compiled, skipped: SkippedRows | None = None) -> Table:
    """A table from data of a program: a list of mappings, one per row, or anything that
    `table_from` accepts.
    """
    if isinstance(data, (list, tuple)) and data and all(isinstance(row, Mapping) for row in data):
        return table_of_rows(data, "rows", skipped)
    return table_from(data, "rows", names_of(compiled))


# One image or sound -------------------------------------------------------------------------------


def one_file(written: str, sources: Iterable[Source]) -> Table | None:
    """The table of one image or audio file, read like those of the run; None for other files, or if
    the run does not read such files. Raises `DataError`.
    """
    known = next((one for one in sources if one.kind() in _FILES), None)
    if known is None:
        return None
    path = Path(written.removeprefix(f"{known.kind()}="))
    if path.suffix.lower() not in _FILES[known.kind()] or is_folder(path):
        return None
    try:
        if known.kind() == "audio":
            from ..data.sources import audio as sounds

            return sounds.table_of_files(cast("audio", known), [path])
        from ..data.sources import images as pictures

        return pictures.table_of_files(cast("images", known), [path])
    except Fault as fault:
        raise fail(fault, None) from None


# Standard input -----------------------------------------------------------------------------------


class StandardInput:
    """The contents of standard input, kept in a file during the lifetime of the object, because a
    source may be read several times.
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
    """The kind of source that `-`, `csv=-` or `jsonl=-` reads; None for another SOURCE. For `-` it
    is the kind that the run reads. Raises `RunError` (MS739).
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
            else "the format of standard input is not given",
            help="write `--data csv=-` or `--data jsonl=-`",
        )
    return kind
