"""`logged.jsonl`: everything that a run passed to its services. A resumed run removes what lies
past its checkpoint, because that is computed again.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from modelspec.core.source.own_files import append_own

from ..atomic_files import write_bytes
from ..saver import Snapshot
from .service import Entry

JOURNAL = "logged.jsonl"
_KINDS = ("epoch", "step")


class Journal:
    """The entries of a run."""

    def __init__(self, folder: Path, start: Snapshot | None) -> None:
        """`start` is the checkpoint that the run continues from. Raises `RunError` (MS703)."""
        self._path = folder / JOURNAL
        found = _read(self._path)
        self.sent = {kind: _last(found, kind) for kind in _KINDS}
        """The last step of each kind in the file, of which a part may be computed again."""
        reached = _reached(start)
        self.past = tuple(one for one in found if one.step <= reached[one.kind])
        if found:
            write_bytes(self._path, "".join(map(_line, self.past)).encode())

    def add(self, entry: Entry) -> None:
        """Append an entry that was logged. Raises `OSError`."""
        with append_own(self._path.parent, self._path.name) as file:
            file.write(_line(entry).encode())


def _reached(start: Snapshot | None) -> dict[str, int]:
    """The completed epochs and steps at a checkpoint."""
    if start is None:
        return dict.fromkeys(_KINDS, 0)
    return {"epoch": len(start.state["history"]["seconds"]), "step": start.position}


def _last(entries: list[Entry], kind: str) -> int:
    return max((one.step for one in entries if one.kind == kind), default=0)


def _line(entry: Entry) -> str:
    return json.dumps([entry.kind, entry.step, entry.values]) + "\n"


def _read(path: Path) -> list[Entry]:
    """The entries of a file; lines that are not complete are left out."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return [entry for line in text.splitlines() if (entry := _entry(line)) is not None]


def _entry(line: str) -> Entry | None:
    try:
        kind, step, values = json.loads(line)
        numbers = {str(name): float(value) for name, value in values.items()}
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None
    is_step: Any = isinstance(step, int) and not isinstance(step, bool)
    return Entry(kind, step, numbers) if kind in _KINDS and is_step else None
