"""One run, read from its folder: complete, interrupted, killed, or still running."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from modelspec.core.diagnostics import Checked, Diagnostic, Fault
from modelspec.core.source.own_files import open_own

from .edited_files import altered_results
from .run_files import CHECKPOINTS, HISTORY, MANIFEST, METRICS, is_written
from .slices import PARTS, prefix_of

FORMAT: Final = 1
"""The format of manifests that this version reads."""
_MOST: Final = 50_000_000
"""The most bytes of a file that are read."""
_LARGEST: Final = 1e300
_NO_CURVES: Final = ("epoch", "seconds")
STAGE: Final = "stage"
"""The column of the history with the stage of each epoch."""


@dataclass(frozen=True)
class Record:
    """The contents of a run folder besides the model. No value in it is trusted to have any type
    but the requested one.
    """

    path: Path
    manifest: Mapping[str, Any]
    history: Mapping[str, tuple[float, ...]]
    """Losses, metrics and the learning rate by name, with an entry for each epoch."""
    by_part: Mapping[str, Mapping[str, float]]
    """Metrics of the final weights, on `test` and `validation`."""
    seconds_of_epochs: tuple[float, ...] = ()
    is_written: bool = False
    slices: Mapping[str, float] = field(default_factory=dict)
    """Metrics on slices of a part, by their flat names: `test_accuracy@island=Dream`."""
    slice_examples: Mapping[str, int] = field(default_factory=dict)
    """The number of examples in each slice: `test@island=Dream`, `val@island=Dream`."""
    few_slices: frozenset[str] = frozenset()
    """The slices with too few examples to be judged."""
    expectations: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """The expectations of the spec, by key, as decided when the run ended."""
    stages: tuple[str, ...] = ()
    """The stage of each epoch; empty for a training without stages."""

    @property
    def name(self) -> str:
        """The name of the spec."""
        return self.text("name") or self.path.name

    @property
    def state(self) -> str:
        """`running`, `completed`, `interrupted` (by a signal), `failed`, or `killed`: its process
        ended without recording an ending.
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
        """The number of completed epochs."""
        return max(
            (len(values) for values in self.history.values()),
            default=int(self.number("epochs") or 0),
        )

    @property
    def is_exact(self) -> bool:
        """Whether every resumption continued exactly, as if the run had never stopped."""
        return self.manifest.get("inexact") is not True

    @property
    def fault(self) -> Mapping[str, Any] | None:
        """Code, message and help of the run's error."""
        faults = self.entries("faults") if self.state == "failed" else []
        return {key: faults[0].get(key) for key in ("code", "message", "help")} if faults else None

    @property
    def has_checkpoint(self) -> bool:
        """Whether it has a checkpoint to continue from; its contents are not checked."""
        try:
            return any(not one.name.startswith(".") for one in (self.path / CHECKPOINTS).iterdir())
        except OSError:
            return False

    @cached_property
    def metrics(self) -> Mapping[str, float]:
        """Every number of the run: `test_accuracy`, `val_accuracy` of the final weights (of the
        last epoch if it did not end), those of slices (`test_accuracy@island=Dream`), and
        `accuracy` as logged in the last epoch.
        """
        found = {
            f"{prefix_of(part)}{name}": value
            for part, values in self.by_part.items()
            for name, value in values.items()
        }
        found |= self.slices
        for name, values in self.history.items():
            if name != "learning_rate" and values and not _is_of_another_stage(self, values):
                found.setdefault(name, values[-1])
        return found

    # The manifest ---------------------------------------------------------------------------------

    def value(self, *keys: str) -> Any:
        """The value at a path in the manifest; None if there is none."""
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
        """The values of a run in `modelspec runs --format json`."""
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
            **({"stages": self.entries("stages")} if self.stages else {}),
            "metrics": dict(self.metrics),
        }


def _is_of_another_stage(record: Record, values: Sequence[float]) -> bool:
    """Whether the last stage does not log a metric."""
    return bool(record.stages) and math.isnan(values[-1])


def time_of(text: object) -> datetime | None:
    """A time in the manifest, in UTC."""
    try:
        found = datetime.fromisoformat(str(text))
        return found.astimezone(UTC) if found.tzinfo else None
    except (ValueError, OverflowError):
        return None


def read_record(path: Path) -> Checked[Record | None]:
    """The run in a folder; None and MS708 if it cannot be read.

    An unreadable history or unreadable metrics are a warning (MS716), and left out.
    """
    try:
        manifest = _manifest(path)
    except Fault as fault:
        return Checked(None, (fault.at(None),))
    found: list[Diagnostic] = []
    rows: list[Mapping[str, float]] = []
    stages: tuple[str, ...] = ()
    by_part: Mapping[str, Mapping[str, float]] = {}
    sliced: dict[str, Any] = {}
    try:
        rows, stages = _rows(path / HISTORY)
        results = _results(path / METRICS)
        by_part = _by_part(results)
        sliced = {**_slices(results), "expectations": _expectations(results)}
    except (OSError, ValueError, TypeError, OverflowError, RecursionError, csv.Error) as error:
        said = f"the results of the run in `{path}` cannot be read: {error}"
        found.append(Diagnostic("MS716", "warning", said, None))
    for name, what in altered_results(path, manifest).items():
        message = f"`{path / name}` {what}: its numbers may be wrong"
        found.append(Diagnostic("MS777", "warning", message, None))
    history = _columns(rows)
    curves = {name: values for name, values in history.items() if name not in _NO_CURVES}
    return Checked(
        Record(
            path,
            manifest,
            curves,
            by_part,
            history.get("seconds", ()),
            is_written(path),
            stages=stages,
            **sliced,
        ),
        tuple(found),
    )


def _manifest(path: Path) -> dict[str, Any]:
    """Raises `Fault` (MS708) for a folder without a readable manifest."""
    try:
        found = json.loads(_text(path / MANIFEST))
    except (FileNotFoundError, NotADirectoryError):
        raise _no_run(f"`{path}` is not a run: it has no {MANIFEST}") from None
    except OSError as error:
        said = (error.strerror or "unknown error").lower()
        raise _no_run(f"`{path}` cannot be read: {said}") from None
    except (ValueError, RecursionError):
        raise _no_run(f"`{path / MANIFEST}` is not valid JSON") from None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise _no_run(f"`{path / MANIFEST}` is not a run manifest (format {FORMAT})")
    return found


def _no_run(message: str) -> Fault:
    return Fault("MS708", message, help="`modelspec train` creates a run folder")


def _columns(rows: list[Mapping[str, float]]) -> dict[str, tuple[float, ...]]:
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: tuple(row.get(name, math.nan) for row in rows) for name in names}


def _rows(path: Path) -> tuple[list[Mapping[str, float]], tuple[str, ...]]:
    """A row for each epoch, and its stage: the second column, if the training has stages. The last
    row may be incomplete if the process was killed while writing.
    """
    if not path.is_file():
        return [], ()
    text = _text(path)
    whole = text[: text.rfind("\n") + 1]
    rows = csv.DictReader(io.StringIO(whole))
    cells = [dict(row) for row in rows]
    staged = (rows.fieldnames or ())[1:2] == [STAGE]
    stages = tuple(str(row.pop(STAGE)) for row in cells) if staged else ()
    found = [{name: float(cell) for name, cell in row.items() if name and cell} for row in cells]
    return [*found], stages


def _results(path: Path) -> dict[str, Any]:
    """The contents of the metrics file. Raises `ValueError`."""
    if not path.is_file():
        return {}
    found = json.loads(_text(path))
    if not isinstance(found, dict) or not all(
        isinstance(one, dict) for part, one in found.items() if part in PARTS
    ):
        raise ValueError(f"`{path.name}` contains no metrics")
    return found


def _by_part(results: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    return {
        part: {str(name): float(value) for name, value in one.items()}
        for part, one in results.items()
        if part in PARTS
    }


def _slices(results: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a record about slices."""
    metrics, counts = results.get("slices"), results.get("slice_examples")
    few = results.get("few_slices")
    return {
        "slices": _numbers(metrics, float),
        "slice_examples": _numbers(counts, int),
        "few_slices": frozenset(map(str, few if isinstance(few, list) else ())),
    }


def _expectations(results: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    found = results.get("expect")
    entries = found.items() if isinstance(found, dict) else ()
    return {str(key): one for key, one in entries if isinstance(one, dict)}


def _numbers(found: Any, number: Callable[[Any], Any]) -> dict[str, Any]:
    if not isinstance(found, dict):
        return {}
    return {str(name): number(value) for name, value in found.items()}


def _text(path: Path) -> str:
    """A file of a run; no link is followed. Raises `OSError`, and `ValueError` for a large one."""
    with open_own(path.parent, path.name) as file:
        found = file.read(_MOST + 1)
    if len(found) > _MOST:
        raise ValueError(f"`{path.name}` is larger than {_MOST // 1_000_000} MB")
    return found.decode("utf-8")
