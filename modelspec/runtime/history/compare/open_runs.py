"""The runs that are passed to a command: run folders, folders with runs below them, and
patterns.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from modelspec.core.diagnostics import Checked, Diagnostic
from modelspec.core.file_patterns import is_pattern, matching

from ..listing import find, run_folders
from ..record import Record, read_record
from ..run_files import MANIFEST


def open_runs(given: Sequence[Path]) -> Checked[tuple[Record, ...]]:
    """Every run once, in the given order; those below a folder from the oldest to the newest. An
    unreadable run is an error (MS708) if it is named, and a warning below a folder.
    """
    records: dict[Path, Record] = {}
    said: list[Diagnostic] = []
    for one in given:
        found = _below(one) if _is_above(one) else read_record(one)
        said += found.diagnostics
        for record in found.value if isinstance(found.value, tuple) else (found.value,):
            if record is not None:
                records.setdefault(record.path.resolve(), record)
    return Checked(tuple(records.values()), tuple(dict.fromkeys(said)))


def expanded(given: str) -> list[Path]:
    """The run folders that a pattern matches, and the folders with runs; for any other string the
    path.
    """
    path = Path(given)
    if not is_pattern(given) or path.exists():
        return [path]
    return [one for one in map(Path, matching(Path(), given)) if one.is_dir() and _has_runs(one)]


def _is_above(path: Path) -> bool:
    """Whether a folder is not a run, but contains some."""
    return path.is_dir() and not (path / MANIFEST).exists() and _has_runs(path)


def _has_runs(path: Path) -> bool:
    return any(True for _ in run_folders(path))


def _below(path: Path) -> Checked[tuple[Record, ...]]:
    found = find(path)
    return Checked(tuple(sorted(found.value, key=_started)), found.diagnostics)


def _started(record: Record) -> datetime:
    return record.started or datetime.min.replace(tzinfo=UTC)
