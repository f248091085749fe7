"""Predictions for a part of a run's own data, with the rows of the source that they belong to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ..backend.process_state import own_state
from .carried_columns import carried
from .decisions import decisions
from .evaluate import own_part
from .open_run import open_run
from .predicted_batches import PredictedBatches
from .prediction_options import Options
from .prediction_rows import Predictions
from .prediction_writer import joined
from .thresholds import stored_threshold


@own_state()
def part_predictions(run_dir: Path, part: str) -> tuple[Predictions, tuple[int, ...]]:
    """The predictions of the run in a folder for one of its parts (`train`, `validation`, `test`),
    and the rows of the source, from 0, in the same order.

    Raises `RunError`: MS710 if the run has no such part, MS714 if the data changed since.
    """
    run = open_run(run_dir)
    _, found, state, warnings = own_part(run, part)
    kept = stored_threshold(run.directory)
    decided = decisions(run.compiled, state, kept.by_output if kept is not None else {})
    options = Options(()).checked()
    # Without targets, a batch is the inputs alone.
    examples = replace(found.examples, targets={}, weights=None, class_weights={}, balanced={})
    batches = PredictedBatches(
        run,
        examples,
        state,
        options,
        decided,
        (*run.warnings, *warnings),
        positions=found.positions,
    )
    rows = found.positions if examples.rows is None else examples.rows[found.positions]
    before = carried(examples.table, rows, id=None, keep=(), numbered=True)
    sizes: list[int] = []
    ids = before.batches(iter(lambda: sizes.pop(), None))
    chunks = []
    for batch in batches.computed(run.model(measured=False)):
        sizes.append(len(batch))
        chunks.append(replace(batch, ids=next(ids)))
    return joined(chunks), tuple(int(one) for one in rows)
