"""`modelspec accept RUN`: make a run the baseline of its spec."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .. import status
from ..examples import examples
from ..options import allow_host_option, data_root_option, jobs_option, plugin_option
from ..output import report, write
from ..run_argument import run_argument

if TYPE_CHECKING:
    from modelspec.runtime.history.baseline import Baseline
    from modelspec.runtime.testing.accept import Candidate

ORDER = 66


@click.command(
    epilog=examples(
        "modelspec accept last",
        "modelspec accept runs/flowers/3 --noise 5 -j 4",
    )
)
@run_argument
@click.option(
    "--noise",
    type=click.IntRange(min=2),
    metavar="N",
    help=(
        "Train N seeds in total, with the split of the run, and store means and standard"
        " deviations, so that comparisons allow for random variation."
    ),
)
@jobs_option("Train N seeds at once.")
@data_root_option
@plugin_option
@allow_host_option
def command(run: Path, noise: int | None, jobs: int) -> None:
    """Make a run the baseline of its spec.

    Writes the results of the run in the folder RUN to `baselines/<name>.json` beside its spec, a
    small file to commit. `expect` compares later runs with it
    (`test_loss: "<= baseline + 0.01"`), and `modelspec test` does not train a spec again that has
    the same fingerprint.

    Exit status: 3 the run cannot be accepted, or another seed failed.
    """
    from modelspec.runtime.testing.accept import accept, candidate

    read = candidate(run)
    if read.diagnostics:
        report(read.diagnostics, sys.stderr)
    if read.value is None or not read.ok:
        sys.exit(status.FAILED)
    baseline = read.value.baseline if noise is None else _with_noise(read.value, noise, jobs)
    try:
        path = accept(read.value, baseline)
    except OSError as error:
        raise click.ClickException(f"the baseline cannot be written: {error.strerror}") from error
    _tell(read.value.earlier, baseline, path)


def _with_noise(found: Candidate, count: int, jobs: int) -> Baseline:
    """The baseline of several seeds; exits if they cannot be trained."""
    from modelspec.runtime.testing.accept import noise_fault, with_noise

    from ..testing import Seeds

    if fault := noise_fault(found, count):
        report([fault], sys.stderr)
        sys.exit(status.FAILED)
    made = with_noise(found, count, jobs, Seeds().looked)
    if made.diagnostics:
        report(made.diagnostics, sys.stderr)
        sys.exit(status.FAILED)
    if made.value is None:
        write("interrupted: the baseline has not changed", sys.stderr)
        sys.exit(status.KILLED_BY_INTERRUPT)
    return made.value


def _tell(before: Baseline | None, after: Baseline, path: Path) -> None:
    """The changes since the previous baseline, and the path of the file."""
    from modelspec.core.text_table import text_table
    from modelspec.runtime.history.expectation_table import shown
    from modelspec.runtime.testing.accept import changes

    rows = [
        (name, shown(name, was) or "-", shown(name, now) or "-", _difference(was, now))
        for name, was, now in changes(before, after)
    ]
    if before is not None and rows:
        write(text_table(("", "before", "now", "difference"), rows))
    elif before is not None:
        write("all numbers are equal to those of the previous baseline")
    seeds = f", {len(after.seeds)} seeds" if len(after.seeds) > 1 else ""
    write(f"accepted {after.run} as the baseline of `{after.name}`{seeds}: {_shown(path)}")


def _shown(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def _difference(was: float | None, now: float | None) -> str:
    return f"{now - was:+.4g}" if was is not None and now is not None else ""
