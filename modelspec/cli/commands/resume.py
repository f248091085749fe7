"""`modelspec resume RUN`: continues a run from its newest checkpoint."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from .. import status
from ..examples import examples
from ..expectations import Strictness, check_baselines, exit_if_unmet, strictness_options
from ..failures import failures
from ..options import allow_host_option, data_root_option, plugin_option, set_option
from ..output import report, write
from ..results import write_results
from ..run_argument import run_argument
from ..worker_options import Processes, leads, resume_with, workers_options

ORDER = 70


@click.command(
    epilog=examples(
        "modelspec resume last",
        "modelspec resume runs/flowers/1 --set training.epochs=40",
        "modelspec resume runs/flowers/1 --workers 4",
    )
)
@run_argument
@set_option
@data_root_option
@plugin_option
@allow_host_option
@click.option(
    "--allow-inexact",
    is_flag=True,
    help="Resume despite differences that change results; the manifest records them.",
)
@workers_options
@strictness_options
@click.option("--quiet", "-q", is_flag=True, help="Print only errors and warnings.")
def command(
    run: Path,
    overrides: dict[str, Any],
    allow_inexact: bool,
    strict_time: bool,
    require_baseline: bool,
    quiet: bool,
    processes: Processes,
) -> None:
    """Continue an interrupted run exactly where it stopped.

    Continues the run in the folder RUN (or `last`) from its newest checkpoint. The result is the
    same as without the interruption.

    A completed run does not change, unless `--set training.epochs=N` adds epochs to it. A run that
    stopped early continues with a larger `patience`, or with more epochs.

    Exit status: 3 it cannot be continued or failed, 4 an expectation does not hold, 75 interrupted.
    """
    strictness = Strictness(strict_time, require_baseline)
    unchanged = f"interrupted before training; the run has not changed: modelspec resume {run}"
    with failures(unchanged, status.INTERRUPTED):
        from modelspec.runtime.run import has_ended, opened, resume
        from modelspec.runtime.run.manifest import Manifest
        from modelspec.runtime.run.open_run import edited, read_resolved

        from ..progress import watcher

        manifest, ended = Manifest.read(run), has_ended(run, overrides)
        if processes.workers is not None and not ended:
            sys.exit(resume_with(processes, run, overrides, strictness, allow_inexact, quiet=quiet))
        chief = leads()
        if found := edited(run, manifest):
            report(found, sys.stderr)
        check_baselines(read_resolved(run, manifest), manifest.spec_path, strictness)
        if ended:
            _leave(run, overrides, quiet=quiet)
            exit_if_unmet(opened(run), strictness, quiet=quiet)
            return
        shown = watcher(quiet=quiet or not chief)
        done = resume(run, overrides, allow_inexact=allow_inexact, watcher=shown)
    if chief:
        if not quiet:
            write_results(done)
        exit_if_unmet(done, strictness, quiet=quiet)


def _leave(run: Path, overrides: dict[str, Any], *, quiet: bool) -> None:
    """Report that a run has ended. Raises as `_refuse` does."""
    from modelspec.runtime.run import without_effect

    _refuse(without_effect(run, overrides), run)
    if not quiet:
        write(_complete(run))


def _refuse(unused: list[str], run: Path) -> None:
    """Raises `click.UsageError` for overrides that change nothing in a complete run."""
    if unused:
        raise click.UsageError(
            f"the run in {run} is complete, and `{unused[0]}` changes nothing in it: train a new"
            " run"
        )


def _complete(run: Path) -> str:
    """That a run has ended, how, and what continues it."""
    from modelspec.runtime.history.ending import Ending
    from modelspec.runtime.history.record import read_record

    record = read_record(run).value
    ending = None if record is None else Ending.of(record)
    if ending is None or ending.stop is None:
        return f"the run in {run} is complete: `--set training.epochs=N` trains it for more epochs"
    return (
        f"the run in {run} is complete: {ending.stop}\n"
        "`--set training.epochs=N` continues it, as does a larger `patience`, e.g."
        " `--set training.callbacks[0].EarlyStopping.patience=N`"
    )
