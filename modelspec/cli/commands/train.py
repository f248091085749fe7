"""`modelspec train FILE`: trains, evaluates on the test split, and saves the run."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .. import status
from ..examples import examples
from ..expectations import (
    Strictness,
    check_baselines,
    exit_if_unmet,
    strictness_options,
    write_of_folds,
)
from ..failures import failures
from ..options import (
    allow_host_option,
    data_root_option,
    plugin_option,
    set_option,
    spec_file,
    writable,
)
from ..output import report, write
from ..results import write_results
from ..worker_options import Processes, leads, train_with, workers_options

if TYPE_CHECKING:
    from modelspec.api import Spec

ORDER = 60


@click.command(
    epilog=examples(
        "modelspec train flowers.yaml",
        "modelspec train flowers.yaml --set training.epochs=5 --run-dir runs/short",
        "modelspec train flowers.yaml --dry-run",
        "modelspec train flowers.yaml --workers 4",
    )
)
@spec_file
@set_option
@data_root_option
@plugin_option
@allow_host_option
@click.option(
    "--run-dir",
    type=click.Path(path_type=Path),
    callback=writable,
    metavar="DIR",
    help="The run folder, empty or new; by default `runs/<name>/<n>`.",
)
@click.option(
    "--dry-run",
    is_flag=True,
    help="Open the data and run one step and the end of an epoch, without saving anything.",
)
@workers_options
@click.option(
    "--from-sweep",
    "trial",
    metavar="TRIAL",
    help="Train a trial of the spec's sweep: `best`, or its number.",
)
@strictness_options
@click.option("--quiet", "-q", is_flag=True, help="Print only errors and warnings.")
def command(
    file: str,
    overrides: dict[str, Any],
    run_dir: Path | None,
    dry_run: bool,
    trial: str | None,
    strict_time: bool,
    require_baseline: bool,
    quiet: bool,
    processes: Processes,
) -> None:
    """Train a spec, evaluate it on the test split, and save the run.

    Trains the spec in FILE, and saves everything in a run folder.

    Exit status: 1 the spec has errors, 3 the data or the run failed, 4 an expectation does not
    hold, 75 interrupted (`modelspec resume` continues it).
    """
    chief_warns = processes.workers is not None and not dry_run
    spec = _checked(file, overrides, warns=not chief_warns)
    if trial is not None:
        spec, overrides = _of_sweep(spec, trial, overrides)
    strictness = Strictness(strict_time, require_baseline)
    with failures("interrupted before training started: no run folder was created"):
        if dry_run:
            _try(spec, quiet)
            return
        if processes.workers is not None:
            name = spec.compiled.name
            sys.exit(train_with(processes, file, name, overrides, run_dir, strictness, quiet=quiet))
        chief = leads()
        check_baselines(spec.compiled, None, strictness)
        from modelspec.runtime.run import train

        from ..progress import watcher

        run = train(spec, run_dir, watcher=watcher(quiet=quiet or not chief))
    if not chief:
        return
    if not quiet:
        write_results(run)
        write_of_folds(spec.compiled)
    exit_if_unmet(run, strictness, quiet=quiet)


def _checked(file: str, overrides: dict[str, Any], *, warns: bool) -> Spec:
    """The spec; reports its warnings if `warns`, and exits if it has errors."""
    from modelspec.api import Spec
    from modelspec.compiler.pipeline import compile_spec

    checked = compile_spec(file, overrides)
    if checked.diagnostics and (warns or not checked.ok):
        report(checked.diagnostics, sys.stderr)
    if not checked.ok or checked.value is None:
        sys.exit(status.of_spec(checked.diagnostics))
    return Spec(checked.value, checked.diagnostics)


def _of_sweep(spec: Spec, trial: str, overrides: dict[str, Any]) -> tuple[Spec, dict[str, Any]]:
    """The spec with the values of a trial of its sweep, and the overrides that make it from the
    file, as other processes do; exits if it has no such trial.
    """
    from modelspec.api import Spec
    from modelspec.sweep.winner import values_of, winner

    checked = winner(spec.compiled, trial)
    if checked.diagnostics:
        report(checked.diagnostics, sys.stderr)
    if not checked.ok or checked.value is None:
        code = next(one.code for one in checked.diagnostics if one.severity == "error")
        failed = {"MS920": status.USAGE, "MS917": status.FAILED}
        sys.exit(failed.get(code, status.ERRORS))
    made = Spec(checked.value, checked.diagnostics)
    return made, {**overrides, **values_of(spec.compiled, trial)}


def _try(spec: Spec, quiet: bool) -> None:
    from modelspec.runtime.run import trial
    from modelspec.runtime.run.progress import numbers, parts

    seen = trial(spec)
    if seen.warnings:
        report(seen.warnings, sys.stderr)
    if not quiet:
        write(parts(seen.plan))
        last = seen.plan.stages[-1] if seen.plan.stages else seen.plan
        batch = min(last.batch_size, seen.plan.per_epoch)
        write(f"one batch of {batch}, untrained: {numbers(seen.metrics)}")
        write(f"training would take {seen.plan.length} steps")
