"""`modelspec resume RUN`: go on with a run from its newest checkpoint."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from .. import status
from ..failures import failures
from ..options import allow_host_option, data_root_option, set_option
from ..output import report, write
from ..results import write_results
from ..run_argument import run_argument

ORDER = 70


@click.command()
@run_argument
@set_option
@data_root_option
@allow_host_option
@click.option(
    "--allow-inexact",
    is_flag=True,
    help="Go on though something differs that changes numbers; the manifest keeps it for ever.",
)
@click.option("--quiet", "-q", is_flag=True, help="Print faults only.")
def command(run: Path, overrides: dict[str, Any], allow_inexact: bool, quiet: bool) -> None:
    """Go on where a run stopped, exactly.

    The run in the folder RUN goes on from its newest checkpoint, so that it ends as if it had never
    stopped.

    A run that was completed is left alone, unless `--set training.epochs=N` adds epochs to it.
    Exit status: 3 the run cannot go on or failed, 75 interrupted again.
    """
    with failures(
        f"interrupted before it went on: the run is as it was; to go on: modelspec resume {run}",
        status.INTERRUPTED,
    ):
        from modelspec.runtime.run import has_ended, resume
        from modelspec.runtime.run.manifest import Manifest
        from modelspec.runtime.run.open_run import edited

        from ..progress import watcher

        if found := edited(run, Manifest.read(run)):
            report(found, sys.stderr)
        if has_ended(run, overrides):
            if not quiet:
                write(
                    f"the run in {run} was completed: `--set training.epochs=N` trains it for more"
                    " epochs"
                )
            return
        done = resume(run, overrides, allow_inexact=allow_inexact, watcher=watcher(quiet=quiet))
    if not quiet:
        write_results(done)
