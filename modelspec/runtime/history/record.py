"""One run as its folder tells of it: whole, interrupted, killed in the middle, or still going
on.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from modelspec.core.diagnostics import Checked, Diagnostic, Fault
from modelspec.core.source.regular_files import require_regular

from .run_files import CHECKPOINTS, HISTORY, MANIFEST, METRICS, is_written

FORMAT: Final = 1
"""Of the manifests that this version reads."""
_MOST: Final = 50_000_000
"""Bytes of a file that are read."""
_LARGEST: Final = 1e300
_NO_CURVES: Final = ("epoch", "seconds")


@dataclass(frozen=True)
class Record:
    """What a run folder holds beside the model. Nothing in it is believed to be of any type but
    what is asked for.
    """

    path: Path
    manifest: Mapping[str, Any]
    history: Mapping[str, tuple[float, ...]]
    """Losses, metrics and the learning rate by name, an entry for each epoch."""
    by_part: Mapping[str, Mapping[str, float]]
    """Metrics of the final weights, on `test` and `validation`."""
    seconds_of_epochs: tuple[float, ...] = ()
    is_written: bool = False

    @property
    def name(self) -> str:
        """That of the spec."""
        return self.text("name") or self.path.name

    @property
    def state(self) -> str:
        """`running`, `completed`, `interrupted` (by a signal), `failed`, or `killed`: it ended
        without a word.
        """
        outcome = self.text("outcome") or "unknown"
        return "killed" if outcome == "running" and not self.is_written else outcome

    @property
    def started(self) -> datetime | None:
        return self.time("started")

    @property
    def ended(self) -> datetime | None:
        return self.time("ended")

    @property
    def epochs(self) -> int:
        """How many were completed."""
        return max(
            (len(values) for values in self.history.values()),
            default=int(self.number("epochs") or 0),
        )

    @property
    def is_exact(self) -> bool:
        """Whether it went on, wherever it did, as if it had never stopped."""
        return self.manifest.get("inexact") is not True

    @property
    def fault(self) -> Mapping[str, Any] | None:
        """Code, message and help of what the run failed with."""
        faults = self.entries("faults") if self.state == "failed" else []
        return {key: faults[0].get(key) for key in ("code", "message", "help")} if faults else None

    @property
    def has_checkpoint(self) -> bool:
        """Whether there is something to go on from; it is not looked into."""
        try:
            return any(not one.name.startswith(".") for one in (self.path / CHECKPOINTS).iterdir())
        except OSError:
            return False

    @cached_property
    def metrics(self) -> Mapping[str, float]:
        """Every number that the run came to: `test_accuracy`, `val_accuracy` of the final weights
        (of the last epoch where it did not end), and `accuracy` as it was logged in the last
        epoch.
        """
        prefixes = {"test": "test_", "validation": "val_"}
        found = {
            f"{prefixes.get(part, f'{part}_')}{name}": value
            for part, values in self.by_part.items()
            for name, value in values.items()
        }
        for name, values in self.history.items():
            if name != "learning_rate" and values:
                found.setdefault(name, values[-1])
        return found

    # What the manifest says -----------------------------------------------------------------------

    def value(self, *keys: str) -> Any:
        """What stands at a place in the manifest; None where there is nothing."""
        found: Any = self.manifest
        for key in keys:
            found = found.get(key) if isinstance(found, dict) else None
        return found

    def text(self, *keys: str) -> str | None:
        found = self.value(*keys)
        return found if isinstance(found, str) else None

    def number(self, *keys: str) -> float | None:
        """A finite number."""
        found = self.value(*keys)
        if not isinstance(found, (int, float)) or isinstance(found, bool) or abs(found) > _LARGEST:
            return None
        return None if math.isnan(found) else float(found)

    def mapping(self, *keys: str) -> Mapping[str, Any]:
        found = self.value(*keys)
        return found if isinstance(found, dict) else {}

    def entries(self, *keys: str) -> list[Mapping[str, Any]]:
        """A list of mappings."""
        found = self.value(*keys)
        return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []

    def time(self, *keys: str) -> datetime | None:
        return time_of(self.text(*keys))

    def as_json(self) -> dict[str, Any]:
        """What `modelspec runs --format json` prints of every run."""
        return {
            "run": str(self.path),
            "name": self.name,
            "state": self.state,
            "started": self.text("started"),
            "ended": self.text("ended"),
            "seconds": self.number("seconds"),
            "epochs": self.epochs,
            "exact": self.is_exact,
            "fault": self.fault,
            "ending": dict(self.mapping("ending")) or None,
            "metrics": dict(self.metrics),
        }


def time_of(text: object) -> datetime | None:
    """A moment as the manifest has it, in UTC."""
    try:
        found = datetime.fromisoformat(str(text))
        return found.astimezone(UTC) if found.tzinfo else None
    except (ValueError, OverflowError):
        return None


def read_record(path: Path) -> Checked[Record | None]:
    """The run in a folder; None and MS708 where there is none that can be read.

    A history or metrics that cannot be read are a warning (MS716), and left out.
    """
    try:
        manifest = _manifest(path)
    except Fault as fault:
        return Checked(None, (fault.at(None),))
    found: list[Diagnostic] = []
    rows: list[Mapping[str, float]] = []
    by_part: Mapping[str, Mapping[str, float]] = {}
    try:
        rows = _rows(path / HISTORY)
        by_part = _by_part(path / METRICS)
    except (OSError, ValueError, TypeError, OverflowError, RecursionError, csv.Error) as error:
        said = f"the results of the run in `{path}` cannot be read: {error}"
        found.append(Diagnostic("MS716", "warning", said, None))
    history = _columns(rows)
    curves = {name: values for name, values in history.items() if name not in _NO_CURVES}
    return Checked(
        Record(path, manifest, curves, by_part, history.get("seconds", ()), is_written(path)),
        tuple(found),
    )


def _manifest(path: Path) -> dict[str, Any]:
    """Raises `Fault` (MS708) where a folder has no manifest that can be read."""
    try:
        found = json.loads(_text(path / MANIFEST))
    except (FileNotFoundError, NotADirectoryError):
        raise _no_run(f"`{path}` is no run: it has no {MANIFEST}") from None
    except OSError as error:
        said = (error.strerror or "unknown error").lower()
        raise _no_run(f"`{path}` cannot be read: {said}") from None
    except (ValueError, RecursionError):
        raise _no_run(f"`{path / MANIFEST}` is no JSON that can be read") from None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise _no_run(f"`{path / MANIFEST}` is no manifest of a run (format {FORMAT})")
    return found


def _no_run(message: str) -> Fault:
    return Fault("MS708", message, help="`modelspec train` makes a run folder")


def _columns(rows: list[Mapping[str, float]]) -> dict[str, tuple[float, ...]]:
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: tuple(row[name] for row in rows if name in row) for name in names}


def _rows(path: Path) -> list[Mapping[str, float]]:
    """A row for each epoch. The last one may be cut short where the process was killed as it wrote
    it.
    """
    if not path.is_file():
        return []
    text = _text(path)
    whole = text[: text.rfind("\n") + 1]
    rows = csv.DictReader(io.StringIO(whole))
    return [{name: float(cell) for name, cell in row.items() if name and cell} for row in rows]


def _by_part(path: Path) -> dict[str, dict[str, float]]:
    if not path.is_file():
        return {}
    found = json.loads(_text(path))
    if not isinstance(found, dict) or not all(isinstance(one, dict) for one in found.values()):
        raise ValueError(f"`{path.name}` holds no metrics")
    return {
        str(part): {str(name): float(value) for name, value in one.items()}
        for part, one in found.items()
    }


def _text(path: Path) -> str:
    require_regular(path)
    if path.stat().st_size > _MOST:
        raise ValueError(f"`{path.name}` is larger than {_MOST // 1_000_000} MB")
    return path.read_text(encoding="utf-8")
