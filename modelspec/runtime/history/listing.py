"""All runs below a folder."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from modelspec.core.diagnostics import Checked, Diagnostic, Fault, listed, nearest

from .record import Record, read_record
from .run_files import MANIFEST

_DEEPEST: Final = 4
"""The depth of folders below the listed one; a run is usually two below, in `runs/<name>/<n>`."""
_MOST: Final = 100_000
"""The most folders that are searched."""
_SMALLER_IS_BETTER = re.compile(
    r"(^|_)(loss|error|mse|mae|mape|msle|rmse|.*_error|.*divergence|.*crossentropy|hinge"
    r"|.*_hinge|poisson|false_(positives|negatives)|learning_rate)$"
)


def find(folder: Path) -> Checked[tuple[Record, ...]]:
    """The runs in a folder, the newest first. An unreadable run is a warning, and so is an
    unreadable folder (MS971) and a search that ends early (MS972); a missing folder is an error
    (MS770).
    """
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "does not exist"
        fault = Fault(
            "MS770",
            f"cannot list runs: `{folder}` {what}",
            help="pass a folder of runs, or the folder of one run",
        )
        return Checked((), (fault.at(None),))
    records: list[Record] = []
    found: list[Diagnostic] = []
    skipped: list[Diagnostic] = []
    for path in run_folders(folder, skipped):
        read = read_record(path)
        found += [Diagnostic(one.code, "warning", one.message, None) for one in read.diagnostics]
        if read.value is not None:
            records.append(read.value)
    return Checked(tuple(sorted(records, key=_started, reverse=True)), (*found, *skipped))


def run_folders(folder: Path, skipped: list[Diagnostic] | None = None) -> Iterator[Path]:
    """Every folder with a manifest, up to a depth; the contents of a run are not searched.

    Warnings about folders that are not searched are added to `skipped`.
    """
    skipped = [] if skipped is None else skipped
    level, looked = [folder], 0
    for _ in range(_DEEPEST):
        below: list[Path] = []
        for path in level:
            looked += 1
            if looked > _MOST:
                skipped.append(_too_many(folder))
                return
            try:
                is_run = (path / MANIFEST).is_file()
                below += [] if is_run else _folders(path)
            except OSError as error:
                skipped.append(_unread(path, error))
                continue
            if is_run:
                yield path
        level = below


def _folders(path: Path) -> list[Path]:
    return sorted(
        one
        for one in path.iterdir()
        if not one.name.startswith(".") and not one.is_symlink() and one.is_dir()
    )


def _unread(path: Path, error: OSError) -> Diagnostic:
    reason = error.strerror or "it cannot be read"
    return Diagnostic(
        "MS971",
        "warning",
        f"`{path}` is not searched for runs: {reason}",
        None,
        help="change its permissions, or list another folder",
    )


def _too_many(folder: Path) -> Diagnostic:
    return Diagnostic(
        "MS972",
        "warning",
        f"`{folder}` contains more than {_MOST:,} folders; the others are not searched for runs",
        None,
        help="list a folder of runs, such as `runs/NAME`",
    )


def _started(record: Record) -> datetime:
    return record.started or datetime.min.replace(tzinfo=UTC)


def in_order(
    records: Sequence[Record], metric: str, *, reverse: bool = False
) -> Checked[tuple[Record, ...]]:
    """Runs by a metric, the best first; those without it, or with NaN, last.

    The smallest loss or error is the best, for any other metric the largest. MS771 if no run has
    the metric.
    """
    names = list(dict.fromkeys(name for record in records for name in record.metrics))
    if records and metric not in names:
        return Checked((), (_no_metric(metric, names).at(None),))
    known = [one for one in records if _has(one, metric)]
    rest = [one for one in records if not _has(one, metric)]
    largest_first = is_better_small(metric) == reverse
    return Checked(
        (*sorted(known, key=lambda one: one.metrics[metric], reverse=largest_first), *rest), ()
    )


def _no_metric(metric: str, names: Sequence[str]) -> Fault:
    near = nearest(metric, names)
    has = f"available: {listed(names[:12])}" if names else "none of them has metrics"
    return Fault(
        "MS771",
        f"no run has the metric `{metric}`",
        suggestion=near,
        help=f"did you mean `{near}`?" if near else has,
    )


def is_better_small(metric: str) -> bool:
    """Whether a smaller value of a metric is better."""
    return _SMALLER_IS_BETTER.search(metric) is not None


def _has(record: Record, metric: str) -> bool:
    return math.isfinite(record.metrics.get(metric, math.nan))
