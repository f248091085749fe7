"""The target as data, and how the model is trained."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .targets import Target
from .writing import Entry, group, item, keyed

_BATCHES = ((1000, 16), (20_000, 32), (200_000, 128))
"""By the number of rows below which it is used: the batch size."""
_LARGEST_BATCH = 512
_TRAINED = 0.5
"""At least so large a share of the rows is for training."""
_USUAL_SHARE = 0.7
_RARE_SHARE = 0.1
"""For a class with a smaller share, accuracy is misleading."""


def target_entry(target: Target, kind: str, output: str) -> Entry:
    """The target in `data.targets`, for a source of `kind`."""
    profile = target.profile
    entries = [keyed("column", profile.name, target.reason)]
    if profile.number:
        entries.append(Entry(profile.number, "how the cells are written"))
    if profile.missing:
        why = f"{profile.missing:,} rows have no target: nothing can be learned from them"
        entries.append(keyed("missing", "drop", why))
    transform = _transform(target, kind)
    if transform is not None:
        entries.append(transform)
    return group(output, entries)


def _transform(target: Target, kind: str) -> Entry | None:
    if target.logarithm:
        layers: list[Any] = [{"Expression": "log1p(x)"}, "Normalization"]
        why = "the logarithm: a few values are very large; predictions are converted back"
        return keyed("transform", layers, why)
    if target.is_number:
        why = "mean 0, deviation 1; predictions are converted back"
        return keyed("transform", ["Normalization"], why)
    if _are_indices(target):
        return None
    lookup = "StringLookup" if is_looked_up_as_written(target, kind) else "IntegerLookup"
    why = "the index of each label, in sorted order"
    return keyed("transform", [{lookup: {"num_oov_indices": 0}}], why)


def is_looked_up_as_written(target: Target, kind: str) -> bool:
    """Whether the classes are strings to the spec, also those that look like numbers."""
    if target.is_number or _are_indices(target):
        return False
    return target.profile.kind != "number" or kind == "csv"


def _are_indices(target: Target) -> bool:
    """Whether the classes are 0, 1, 2, ..., as the losses take them."""
    profile = target.profile
    if profile.kind != "number" or target.rare or not profile.as_integers:
        return False
    return bool(np.array_equal(profile.labels, np.arange(profile.distinct)))


def training_entries(target: Target, rows: int, *, images: bool = False) -> Iterator[Entry]:
    """The section `training`."""
    yield _optimizer(rows, images=images)
    yield _loss(target)
    yield _metrics(target)
    yield keyed("epochs", _epochs(rows, images=images), "at most: early stopping ends it before")
    yield keyed("batch_size", batch_size(rows, images=images), f"for {rows:,} rows")
    patience = 8 if images else _patience(rows)
    monitor = "val_loss"
    stopping = {"monitor": monitor, "patience": patience, "restore_best_weights": True}
    plateau = {"monitor": monitor, "factor": 0.3, "patience": max(3, patience // 3)}
    yield group(
        "callbacks",
        [
            item({"EarlyStopping": stopping}, "ends when the validation no longer improves"),
            item({"ReduceLROnPlateau": plateau}, "smaller steps before that"),
        ],
    )


def _optimizer(rows: int, *, images: bool) -> Entry:
    if rows < 20_000 and not images:
        settings = {"learning_rate": 0.001, "weight_decay": 0.01}
        return keyed("optimizer", {"AdamW": settings}, "small weights, as there are few rows")
    return keyed("optimizer", {"Adam": 0.001})


def _loss(target: Target) -> Entry:
    if target.is_number:
        return keyed("loss", "mse")
    if target.task == "binary":
        return keyed("loss", "binary_crossentropy")
    return keyed("loss", "sparse_categorical_crossentropy", "targets are the indices of classes")


def _metrics(target: Target) -> Entry:
    if target.is_number:
        return keyed(
            "metrics", ["mae", "R2Score"], "R2 is 1 for a perfect prediction, 0 for the mean"
        )
    counts = target.profile.counts
    if target.task == "binary":
        rare = float(counts.min() / counts.sum()) < _RARE_SHARE
        why = "one class is rare: accuracy is high without it" if rare else ""
        curve: Any = {"AUC": {"curve": "PR"}} if rare else "AUC"
        return keyed("metrics", ["accuracy", curve], why)
    return keyed("metrics", ["accuracy"])


def _epochs(rows: int, *, images: bool) -> int:
    if images:
        return 30
    return 200 if rows < 20_000 else 60


def _patience(rows: int) -> int:
    return 20 if rows < 2000 else 10


def batch_size(rows: int, *, images: bool = False) -> int:
    """Examples per step: more where there are many rows, and never more than are trained on."""
    if images:
        size = 16 if rows < 1000 else 32 if rows < 5000 else 64
    else:
        size = next((one for most, one in _BATCHES if rows < most), _LARGEST_BATCH)
    while size > 1 and size > _TRAINED * rows:
        size //= 2
    return size


def trained_rows(rows: int) -> int:
    """About how many of the rows are for training."""
    return int(_USUAL_SHARE * rows)


def expect_comment(target: Target) -> str:
    """The section `expect`, as a comment."""
    what, limit = "always predicting the mean has 0", 'test_r2_score: ">= 0.5"'
    if not target.is_number:
        base = f"{target.baseline:.2f}"
        what, limit = f"the most frequent class has {base}", f'test_accuracy: "> {base}"'
    return f"# expect:  # what must hold when a training ends, for CI\n#   {limit}  # {what}\n"


__all__ = ["batch_size", "expect_comment", "target_entry", "trained_rows", "training_entries"]
