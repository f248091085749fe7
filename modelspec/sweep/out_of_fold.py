"""Out-of-fold predictions: every row of the data once, predicted by the run that did not train on
it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from modelspec.compiler.space.folds import in_order
from modelspec.errors import RunError
from modelspec.runtime.run.part_predictions import part_predictions
from modelspec.runtime.run.prediction_writer import write_output


def write_out_of_fold(runs: Sequence[Path], path: Path) -> int:
    """Writes the predictions of the runs of all folds for their test parts, sorted by the row of
    the source, with its number or file and the number of its fold. Returns the number of rows.

    Raises `RunError` if the runs cannot be read, or their test parts overlap (MS919).
    """
    found = [part_predictions(one, "test") for one in runs]
    counts = np.cumsum([0, *(len(rows) for _, rows in found)])
    try:
        merged = in_order(
            [
                (rows, range(first, first + len(rows)))
                for first, (_, rows) in zip(counts.tolist(), found, strict=False)
            ]
        )
    except ValueError as error:
        raise RunError.of(
            "MS919",
            f"the folds cannot be put together: {error}",
            help="the data changed between the folds: start a new sweep with `--fresh`",
        ) from None
    parts = [one for one, _ in found]
    whole = parts[0].followed_by(*parts[1:])
    order = np.asarray(merged.rows, dtype=np.int64)
    arrays: dict[str, Any] = {
        name: {key: values[order] for key, values in getattr(whole, name).items()}
        for name in ("outputs", "classes", "shares", "chosen", "ids", "steps")
    }
    ids = {**arrays.pop("ids"), "fold": np.asarray(merged.folds, dtype=np.int64)}
    sorted_ = replace(whole, **arrays, ids=ids)
    write_output(iter([sorted_]), len(order), path)
    return len(order)
