"""The format of the predictions of a run, before any row is predicted."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import numpy as np

from ..data import Examples
from ..data.adapted_state import State
from ..data.table import Array
from .decisions import decisions
from .open_run import SavedRun
from .predicted_batches import PredictedBatches
from .prediction_options import Options
from .prediction_rows import Predictions


def example(run: SavedRun, state: State | None) -> Predictions:
    """Predictions of one row, computed from zeros instead of model outputs: they have the names,
    sizes and types of all predictions. Unknown sizes are 1.
    """
    typed = run.compiled.graph
    assert typed is not None
    zeros: dict[str, Array] = {
        name: np.zeros(
            (1, *(size if isinstance(size, int) else 1 for size in tensor.shape[1:])), np.float32
        )
        for name, tensor in typed.outputs.items()
    }
    decided = decisions(run.compiled, state)
    without_rows = cast("Examples", None)  # only the names of the outputs are used
    batches = PredictedBatches(run, without_rows, state, Options(), decided, ())
    with np.errstate(all="ignore"):
        return replace(batches._named(zeros), naming=batches._about())
