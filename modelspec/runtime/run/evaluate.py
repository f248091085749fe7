"""`evaluate`: the metrics of a finished run, on its own test split or on another source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelspec.core.diagnostics import Diagnostic

from ..backend.process_state import own_state
from ..data import Part, RunError
from ..data.errors import Findings
from ..data.examples import whole
from ..data.parts import check_last_batch
from .open_run import SavedRun, open_run, table_for
from .positive_labels import positive_labels
from .run_data import prepared_data, prepared_source, saved_state

if TYPE_CHECKING:
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


@own_state()
def evaluate(run_dir: str | PathLike[str], source: str | None = None) -> Evaluation:
    """The metrics of the model in a run folder, on `source` (a path, or `kind=path`) or the run's
    test split (where it has none, its validation split).

    Raises `RunError` where the run, or the data, cannot be used.
    """
    run = open_run(Path(fspath(run_dir)))
    on, part, warnings = _own(run) if source is None else _other(run, source)
    from ..data.batches import Feed
    from .loop_parts import evaluate as measure
    from .train import told

    assert run.compiled.training is not None  # a run was trained
    model = run.model(measured=True)
    with told("the evaluation failed"):
        found = measure(model, Feed(part.examples), part, run.compiled.training.batch_size)
    said = (*run.warnings, *warnings, *found.caveats)
    positive = positive_labels(run.compiled, saved_state(run.compiled, run.directory))
    return Evaluation(on, len(part), found.metrics, said, found.counted, positive)


def _own(run: SavedRun) -> tuple[str, Part, tuple[Diagnostic, ...]]:
    prepared = prepared_data(run.compiled, directory=run.directory)
    name = next((name for name in ("test", "validation") if name in prepared.parts), None)
    if name is None:
        raise RunError.of(
            "MS710",
            f"the run in `{run.directory}` has neither a test nor a validation split",
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
    return name, part, ()


def _other(run: SavedRun, source: str) -> tuple[str, Part, tuple[Diagnostic, ...]]:
    examples, _, warnings = prepared_source(
        run.compiled, table_for(run, source), run.directory, with_targets=True
    )
    part = whole(examples)
    findings = Findings()
    assert run.compiled.graph is not None  # a run was trained
    for one in run.compiled.graph.graph.inputs or ():
        check_last_batch(one, source, len(part), findings)
    findings.stop_if_wrong()
    return source, part, warnings
