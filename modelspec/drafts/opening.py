"""Opens data for a draft: which source reads a path, with which settings, and a bounded sample."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from modelspec.catalog.sources import kind_of, read_source
from modelspec.core.paths import context_for
from modelspec.core.settings import Context, Faults
from modelspec.runtime.data.errors import RunError
from modelspec.runtime.data.sources import open_source
from modelspec.runtime.data.table import Table

from . import csv_dialect
from .problem import NoDraft
from .sample import UNREADABLE, beginning

TABLES = ("csv", "jsonl", "parquet", "arrow")
"""Sources of tables: a row per example."""
ARRAYS = ("npz", "hdf5")
"""Sources of arrays by name."""
_TEXT_FILES = ("csv", "jsonl")
"""Sources of which the beginning can be read alone."""


@dataclass(frozen=True)
class Data:
    """An open file of data."""

    kind: str
    """The source that reads it."""
    table: Table
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Settings of the source, besides the path."""
    reasons: Mapping[str, str] = field(default_factory=dict)
    """By setting."""
    share: float = 1.0
    """Of the file that was opened."""
    whole: bool = True
    """Whether that is all of it."""
    close: Callable[[], None] = lambda: None

    @property
    def rows(self) -> int | None:
        """The number of rows, an estimate for a part of a file."""
        count = self.table.count
        return count if count is None or self.whole else int(count / self.share)


def source_kind(path: Path) -> str:
    """The source that reads a file. Raises `NoDraft`."""
    kind = kind_of(path.name)
    if kind in (*TABLES, *ARRAYS):
        return str(kind)
    known = ", ".join(f"`{one}`" for one in (*TABLES, *ARRAYS))
    if kind is None and path.suffix.lower() in (".xlsx", ".xls", ".ods"):
        help = "save its table as CSV"
    else:
        help = f"drafts are written for {known}, and for folders of images or texts"
    what = f"a file of the source `{kind}`" if kind else "of an unknown kind"
    raise NoDraft(f"`{path.name}` is {what}, for which no spec is written", help)


def opened(path: Path, kind: str) -> Data:
    """The open file. Raises `NoDraft` if it cannot be read, or is empty."""
    try:
        if not path.stat().st_size:
            raise NoDraft(f"`{path.name}` is empty")
        if kind not in _TEXT_FILES:
            return Data(kind, _table(kind, path, {}))
        part, close = beginning(path)
    except UNREADABLE as error:
        raise NoDraft(f"`{path}` cannot be read: {error}") from None
    settings: dict[str, Any] = {}
    reasons: dict[str, str] = {}
    try:
        if kind == "csv":
            settings, reasons = csv_dialect.dialect_of(
                part.path, context_of_folder(part.path.parent)
            )
        table = _table(kind, part.path, settings)
    except BaseException:
        close()
        raise
    return Data(kind, table, settings, reasons, part.share, part.whole, close)


def _table(kind: str, path: Path, settings: Mapping[str, Any]) -> Table:
    context = context_of_folder(path.parent)
    try:
        source = read_source({kind: {"path": path.name, **settings}}, context)
        return open_source(source, context)
    except Faults as error:
        fault = error.faults[0]
        raise NoDraft(f"{fault.message} ({fault.code})", fault.help) from None
    except RunError as error:
        raise NoDraft.of(error.diagnostics) from None


def context_of_folder(folder: Path) -> Context:
    """The context of a file in a folder that the user named on the command line."""
    return replace(context_for(None), folder=folder, project=folder)
