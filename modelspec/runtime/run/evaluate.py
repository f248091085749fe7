"""`evaluate`: the metrics of a finished run, on its own test split or on another source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelspec.core.diagnostics import Diagnostic

from ..backend.process_state import own_state
from ..data import Part, RunError, Table
from ..data.adapted_state import State
from ..data.errors import Findings
from ..data.examples import whole
from ..data.parts import check_last_batch
from .open_run import SavedRun, open_run, table_for
from .positive_labels import positive_labels
from .run_data import prepared_data, prepared_source

if TYPE_CHECKING:
    import keras

    from .step import Counted


@dataclass(frozen=True)
class Evaluation:
    """Metrics, and on what."""

    on: str
    """`test`, `validation`, or the source."""
    examples: int
    metrics: Mapping[str, float]
    warnings: tuple[Diagnostic, ...] = ()
    counted: Mapping[str, Counted] = field(default_factory=dict)
    """By output with a loss: how many values it has, and how many of them count."""
    positive: Mapping[str, Any] = field(default_factory=dict)
    """By output: the label that its unit is the probability of, where a target of two labels feeds
    one unit.
    """


PARTS = ("test", "validation", "train")


@own_state()
def evaluate(
    run_dir: str | PathLike[str],
    source: str | Table | None = None,
    *,
    split: str | None = None,
) -> Evaluation:
    """The metrics of the model in a run folder, on `source` (a path, `kind=path`, or an open table)
    or a part of the run's own data: `split` (`train`, `validation` or `test`), by default the test
    part, the validation part where there is none.

    Of a target that is trained in another unit than its column's, metrics are also given in that of
    the column, as `original_mae`. Raises `RunError` where the run, or the data, cannot be used:
    MS710 for a part that the run has not.
    """
    return evaluated(open_run(Path(fspath(run_dir))), source, split)


def evaluated(
    run: SavedRun, source: str | Table | None, split: str | None, model: keras.Model | None = None
) -> Evaluation:
    """As `evaluate`; `model` is the run's with its metrics, where it is loaded already."""
    on, part, state, warnings = own_part(run, split) if source is None else _other(run, source)
    from ..data.batches import Feed
    from .loop_parts import evaluate as measure
    from .train import told

    assert run.compiled.training is not None  # a run was trained
    model = run.model(measured=True) if model is None else model
    with told("the evaluation failed"):
        feed = Feed(part.examples)
        found = measure(model, feed, part, run.compiled.training.batch_size)
        found = found.with_original(model, feed, part, run.compiled, state)
    said = (*run.warnings, *warnings, *found.caveats)
    positive = positive_labels(run.compiled, state)
    return Evaluation(on, len(part), found.metrics, said, found.counted, positive)


def own_part(
    run: SavedRun, split: str | None = None
) -> tuple[str, Part, State | None, tuple[Diagnostic, ...]]:
    """A part of the run's own data with its name, and what the run learned. Raises `RunError`:
    MS710 where there is no such part, MS714 where the data are not those that it was trained on.
    """
    try:
        prepared = prepared_data(run.compiled, directory=run.directory)
    except RunError as error:
        raise RunError([*error.diagnostics, *run.warnings]) from None
    wanted = PARTS[:2] if split is None else (split,)
    name = next((name for name in wanted if name in prepared.parts), None)
    if name is None:
        known = ", ".join(f"`{one}`" for one in prepared.parts)
        raise RunError.of(
            "MS710",
            f"the run in `{run.directory}` has neither a test nor a validation split"
            if split is None
            else f"the run in `{run.directory}` has no `{split}` part; it has {known}",
            help="name the data: `--data SOURCE`",
        )
    part = prepared.parts[name]
    table = part.examples.table
    if table.fingerprint != run.manifest.data_hash(name):
        raise RunError.of(
            "MS714",
            f"{table.name} is not what it was when the run was trained, so that its {name} "
            "split is another one",
            help="name the data: `--data SOURCE`",
        )
    return name, part, prepared.state, ()


def _other(
    run: SavedRun, source: str | Table
) -> tuple[str, Part, State | None, tuple[Diagnostic, ...]]:
    table = source if isinstance(source, Table) else table_for(run, source)
    examples, state, warnings = prepared_source(
        run.compiled, table, run.directory, with_targets=True
    )
    part = whole(examples)
    findings = Findings()
    assert run.compiled.graph is not None  # a run was trained
    for one in run.compiled.graph.graph.inputs or ():
        check_last_batch(one, table.name, len(part), findings)
    findings.stop_if_wrong()
    return table.name if isinstance(source, Table) else source, part, state, warnings
