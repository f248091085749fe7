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
from ..data.slices import PartSlice, slices_of
from ..data.spec_facts import section
from ..distributed.cluster import current_channel
from ..distributed.together import same_outcome
from ..history.slices import SliceResult, ranking_metric, worst_first
from .directions import smaller_is_better
from .open_run import SavedRun, open_run, table_for
from .positive_labels import positive_labels
from .run_data import prepared_data, prepared_source

if TYPE_CHECKING:
    import keras

    from ..distributed.replicas import Group
    from .step import Counted


@dataclass(frozen=True)
class Evaluation:
    """Metrics, and the data on which they were measured."""

    on: str
    """`test`, `validation`, or the source."""
    examples: int
    metrics: Mapping[str, float]
    warnings: tuple[Diagnostic, ...] = ()
    counted: Mapping[str, Counted] = field(default_factory=dict)
    """By output with a loss: the number of values, and of those that are not masked."""
    positive: Mapping[str, Any] = field(default_factory=dict)
    """By output: the positive label, if a target with two labels feeds one unit."""
    slices: tuple[SliceResult, ...] = ()
    """The same metrics on each slice of the spec; the worst slice comes first."""
    ranked_by: str | None = None
    """The metric by which the slices are sorted."""


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
    part, or the validation part if the run has no test part.

    If a target is trained in another unit than that of its column, metrics are also given in the
    unit of the column, as `original_mae`. Raises `RunError` if the run or the data cannot be used:
    MS710 for a part that the run does not have.
    """
    return evaluated(open_run(Path(fspath(run_dir))), source, split)


def evaluated(
    run: SavedRun, source: str | Table | None, split: str | None, model: keras.Model | None = None
) -> Evaluation:
    """As `evaluate`; `model` is the model of the run with its metrics, if it is already loaded."""
    with same_outcome() as facts:
        on, part, state, warnings = own_part(run, split) if source is None else _other(run, source)
        facts["data: sha256"] = str(part.examples.table.fingerprint)
    training = run.compiled.training
    assert training is not None  # a run was trained
    sliced, about_slices = _slices(run, part, on, state, own=source is None)
    model = run.model(measured=True) if model is None else model
    from ..data.batches import Feed  # after the model, which sets TensorFlow up
    from .framework_errors import as_run_error
    from .loop_parts import Measurement, measured_slices
    from .loop_parts import evaluate as measure
    from .prediction_sizes import measuring_size
    from .steps_of_group import tests_of

    group = _group(run, model)
    # The parts of the run are measured as in the training, to the last bit.
    size = training.batch_size if source is None else measuring_size(run.compiled)

    def measured(one: Part) -> Measurement:
        found = measure(model, feed, one, size, steps, group)
        return found.with_original(model, feed, one, run.compiled, state, group)

    with as_run_error("the evaluation failed", run.compiled):
        feed, steps = Feed(part.examples), tests_of(model, group)
        found = measured(part)
        slices = measured_slices(sliced, measured)
    all_warnings = (*run.warnings, *warnings, *about_slices, *found.caveats)
    positive = positive_labels(run.compiled, state)
    is_small = smaller_is_better(run.compiled)
    return Evaluation(
        on,
        len(part),
        found.metrics,
        all_warnings,
        found.counted,
        positive,
        tuple(worst_first(slices, found.metrics, is_small)),
        ranking_metric(found.metrics, is_small) if slices else None,
    )


def _group(run: SavedRun, model: keras.Model) -> Group | None:
    """The replicas of all processes that measure together; None for one process. Raises `RunError`
    (MS932) if the model cannot be measured in parts.
    """
    if current_channel() is None:
        return None
    from ..distributed.measuring import group_of
    from ..distributed.supported import require_supported

    require_supported(run.compiled)
    return group_of(model)


def _slices(
    run: SavedRun, part: Part, name: str, state: State | None, *, own: bool
) -> tuple[tuple[PartSlice, ...], tuple[Diagnostic, ...]]:
    """The slices of a part, or of another source, and warnings. Raises `DataError`."""
    if not section(run.compiled).slices:
        return (), ()
    findings = Findings()
    found = slices_of(run.compiled, part, name, findings, state=state, lenient=not own)
    findings.stop_if_wrong()
    return found, findings.diagnostics


def own_part(
    run: SavedRun, split: str | None = None
) -> tuple[str, Part, State | None, tuple[Diagnostic, ...]]:
    """A part of the run's own data with its name, and what the run learned. Raises `RunError`:
    MS710 if the part does not exist, MS714 if the data changed since the training.
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
            help="name other data: `--data SOURCE`",
        )
    part = prepared.parts[name]
    table = part.examples.table
    if table.fingerprint != run.manifest.data_hash(name):
        raise RunError.of(
            "MS714",
            f"{table.name} has changed since the run was trained, so its {name} split would be"
            " different",
            help="name other data: `--data SOURCE`",
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
