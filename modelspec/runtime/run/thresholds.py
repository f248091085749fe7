"""The thresholds that `evaluate --choose-threshold` chose for a run: a file in its folder, which
`predict` reads.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from modelspec.core.diagnostics import Diagnostic
from modelspec.core.run_names import THRESHOLD
from modelspec.core.source.regular_files import read_regular

from ..data import RunError
from ..data.table import Array
from .atomic_files import write_bytes
from .decisions import Thresholds
from .later_files import record_file

FILE: Final = THRESHOLD
MEASURES: Final = ("f1", "accuracy", "balanced_accuracy", "youden")
"""The metrics that can be maximized; Youden's J is 2 times the balanced accuracy minus 1."""
_VERSION: Final = 1
_MOST: Final = 1_000_000
_MALFORMED: Final = (
    *(ValueError, KeyError, TypeError, AttributeError),
    *(RecursionError, OverflowError),
)


@dataclass(frozen=True)
class Stored:
    """Thresholds, and how they were chosen."""

    metric: str
    on: str
    """The part of the data."""
    examples: int
    thresholds: Mapping[str, tuple[float, ...]]
    """By output: one number for two labels, or one for each of several labels."""
    scores: Mapping[str, tuple[float, ...]]
    """The value of the metric with each threshold."""

    @property
    def by_output(self) -> Thresholds:
        return {name: values for name, values in self.thresholds.items()}  # noqa: C416  # other keys

    def note(self, directory: Path) -> Diagnostic:
        """MS735: a note that predictions use them."""
        chosen = ", ".join(
            f"{', '.join(f'{one:.6g}' for one in values)} for `{name}`"
            for name, values in self.thresholds.items()
        )
        return Diagnostic(
            "MS735",
            "note",
            f"labels are predicted with the threshold of `{directory / FILE}`: {chosen}, chosen by"
            f" {self.metric} on the {self.on} part",
            None,
            (),
            "pass `--threshold 0.5` to ignore it",
        )

    def save(self, directory: Path) -> None:
        """Write them to a run folder atomically, and their hash to its manifest. Raises
        `RunError`.
        """
        text = json.dumps({"version": _VERSION, **asdict(self)}, indent=2, ensure_ascii=False)
        write_bytes(directory / FILE, (text + "\n").encode())
        record_file(directory, FILE)


def stored_threshold(directory: Path) -> Stored | None:
    """The thresholds of a run folder; None if none were chosen. Raises `RunError` (MS736) if the
    file cannot be read.
    """
    path = directory / FILE
    if not path.exists():
        return None
    try:
        return _read(json.loads(read_regular(path, _MOST)))
    except (OSError, *_MALFORMED) as error:
        raise RunError.of(
            "MS736",
            f"`{path}` does not contain valid thresholds: {error}",
            help="write it again with `modelspec evaluate RUN --choose-threshold f1`, or remove it",
        ) from None


def _read(read: Any) -> Stored:
    if read["version"] != _VERSION:
        raise ValueError(f"its version is {read['version']}")
    found = {
        str(name): tuple(float(one) for one in values)
        for name, values in read["thresholds"].items()
    }
    if not all(0 <= one <= 1 for values in found.values() for one in values):
        raise ValueError("a threshold must be from 0 to 1")
    scores = {str(name): tuple(map(float, values)) for name, values in read["scores"].items()}
    return Stored(str(read["metric"]), str(read["on"]), int(read["examples"]), found, scores)


# Choosing -----------------------------------------------------------------------------------------


def best_threshold(
    probabilities: Array, positive: Array, weights: Array | None, metric: str
) -> tuple[float, float]:
    """The threshold with the largest `metric` of the prediction "the probability exceeds it", and
    that value, in float64; among equal ones the nearest to 0.5.

    Thresholds halfway between neighbouring probabilities are tried, because all others give the
    same predictions, and 0 and 1. `probabilities` [n], `positive` [n] of bool, `weights` [n].
    """
    counted = np.ones(len(positive)) if weights is None else np.asarray(weights, np.float64)
    order = np.argsort(probabilities, kind="stable")
    values = np.asarray(probabilities, np.float64)[order]
    hits = np.where(positive[order], counted[order], 0.0)
    misses = counted[order] - hits
    # The weight not above each cut: nothing for the first, everything for the last.
    below_hits = np.concatenate([[0.0], np.cumsum(hits)])
    below_misses = np.concatenate([[0.0], np.cumsum(misses)])
    cuts = _cuts(values)
    at = np.searchsorted(values, cuts, side="right")
    scores = _score(
        metric, hits.sum() - below_hits[at], below_hits[at], misses.sum() - below_misses[at],
        below_misses[at],
    )  # fmt: skip  # true and false positives and negatives
    largest = np.flatnonzero(scores >= scores.max() - 1e-12)
    best = largest[np.argmin(np.abs(cuts[largest] - 0.5))]
    return float(cuts[best]), float(scores[best])


def _cuts(values: Array) -> Array:
    """Thresholds that all give different predictions: between neighbours that differ in float32."""
    distinct = np.unique(values)
    between = distinct[:-1] + (distinct[1:] - distinct[:-1]) / 2
    between = between.astype(np.float32).astype(np.float64)
    between = np.where(between >= distinct[1:], distinct[:-1], between)
    return np.unique(np.concatenate([[0.0], between, [1.0]]))


def _score(metric: str, tp: Array, fn: Array, fp: Array, tn: Array) -> Array:
    def share(part: Array, whole: Array) -> Array:
        return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)

    if metric == "f1":
        return share(2 * tp, 2 * tp + fp + fn)
    if metric == "accuracy":
        return share(tp + tn, tp + tn + fp + fn)
    balanced = (share(tp, tp + fn) + share(tn, tn + fp)) / 2
    return 2 * balanced - 1 if metric == "youden" else balanced
