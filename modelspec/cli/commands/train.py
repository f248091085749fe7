"""`modelspec train FILE`: train, evaluate on the test split, save."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .. import status
from ..failures import failures
from ..options import allow_host_option, data_root_option, set_option, spec_file, writable
from ..output import report, write
from ..results import write_results

if TYPE_CHECKING:
    from modelspec.api import Spec

ORDER = 60


@click.command()
@spec_file
@set_option
@data_root_option
@allow_host_option
@click.option(
    "--run-dir",
    type=click.Path(path_type=Path),
    callback=writable,
    metavar="DIR",
    help="The run folder, empty or new; `runs/<name>/<n>` by default.",
)
@click.option(
    "--dry-run",
    is_flag=True,
    help="Everything but the training: data opened, one step taken, an epoch's end, all undone.",
)
@click.option("--quiet", "-q", is_flag=True, help="Print faults only.")
def command(
    file: str, overrides: dict[str, Any], run_dir: Path | None, dry_run: bool, quiet: bool
) -> None:
    """Train, evaluate on the test split, save.

    The spec is in FILE, and everything is saved in a run folder.

    Exit status: 1 the spec has errors, 3 the data or the run failed, 75 interrupted (`modelspec
    resume` goes on).
    """
    spec = _checked(file, overrides)
    with failures("interrupted before the training began: no run folder is left"):
        if dry_run:
            _try(spec, quiet)
            return
        from modelspec.runtime.run import train

        from ..progress import watcher

        run = train(spec, run_dir, watcher=watcher(quiet=quiet))
    if not quiet:
        write_results(run)


def _checked(file: str, overrides: dict[str, Any]) -> Spec:
    """The spec, its warnings told; exits where it has errors."""
    from modelspec.api import Spec
    from modelspec.compiler.pipeline import compile_spec

    checked = compile_spec(file, overrides)
    if checked.diagnostics:
        report(checked.diagnostics, sys.stderr)
    if not checked.ok or checked.value is None:
        sys.exit(status.of_spec(checked.diagnostics))
    return Spec(checked.value, checked.diagnostics)


def _try(spec: Spec, quiet: bool) -> None:
    from modelspec.runtime.run import trial

    from ..progress import numbers, parts

    seen = trial(spec)
    if seen.warnings:
        report(seen.warnings, sys.stderr)
    if not quiet:
        write(parts(seen.plan.examples))
        batch = min(seen.plan.batch_size, seen.plan.examples["train"])
        write(f"one batch of {batch}, untrained: {numbers(seen.metrics)}")
        write(f"training would take {seen.plan.epochs} x {seen.plan.steps} steps")
