"""`modelspec sweep FILE`: searches over the values in the spec's `sweep`, or trains all folds."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .. import status
from ..compiling import compile_file
from ..examples import examples
from ..failures import failures
from ..options import (
    allow_host_option,
    data_root_option,
    jobs_option,
    plugin_option,
    set_option,
    spec_file,
)
from ..output import report, write

if TYPE_CHECKING:
    from modelspec.compiler.space import Space

    from ..sweeping import Asked

ORDER = 68


def _refuse_workers(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
    """Several trials side by side need no messages, unlike several processes of one trial."""
    if value is not None:
        raise click.UsageError(
            "`--workers` divides one training, but a sweep has many: `-j N` runs N trials at once."
            " `runtime.devices` puts each trial on several devices."
        )


@click.command(
    epilog=examples(
        "modelspec sweep flowers.yaml",
        "modelspec sweep flowers.yaml -j 4",
        "modelspec sweep flowers.yaml --show",
    )
)
@spec_file
@set_option
@jobs_option("Run N trials at once, each in a separate process.")
@click.option(
    "--storage",
    metavar="URL",
    help=(
        "Where trials are stored, so that other hosts can join: the address of a PostgreSQL or"
        " MySQL database, or a journal file on a shared disk; by default a file of the sweep."
    ),
)
@click.option(
    "--ray",
    "ray",
    metavar="ADDRESS",
    help="Start the workers on this Ray cluster (`auto`: that of this host); requires --storage.",
)
@click.option("--fresh", is_flag=True, help="Start a new sweep, even if this one exists.")
@click.option("--show", is_flag=True, help="Show the trials so far, and run none.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="The output format of the trials.",
)
@click.option("--quiet", "-q", is_flag=True, help="Print only errors and warnings.")
@click.option("--worker", type=click.Path(path_type=Path), hidden=True)
@click.option("--workers", hidden=True, expose_value=False, callback=_refuse_workers)
@data_root_option
@plugin_option
@allow_host_option
def command(
    file: str,
    overrides: dict[str, Any],
    jobs: int,
    storage: str | None,
    ray: str | None,
    fresh: bool,
    show: bool,
    form: str,
    quiet: bool,
    worker: Path | None,
) -> None:
    """Search over the values in the spec's `sweep`, or train all folds of its split.

    Trains a run for each trial in `runs/<name>/sweep-<n>`, and writes `trials.csv` and
    `report.html`. A sweep that was interrupted or killed continues, with the trials and results
    that it would have had.

    Exit status: 1 the spec has errors, 3 no trial was completed, 4 the best trial does not meet an
    expectation, 75 interrupted (the same command continues it).
    """
    from ..sweeping import Asked

    if file == "-" and jobs > 1:
        raise click.UsageError("`-j` requires a file: each worker reads the spec")
    if ray is not None and (storage is None or "://" not in storage):
        raise click.UsageError("`--ray` requires `--storage` with a database that all hosts reach")
    asked = Asked(file, overrides, jobs, storage, ray, fresh, quiet or form == "json", worker)
    space = _space(asked, check=worker is None and not show)
    if show:
        _show(space, form)
        return
    from modelspec.runtime.distributed.cluster import alone

    # Each process of a launcher is a worker of the sweep: no trial is divided.
    with failures("interrupted; the same command continues the sweep", status.INTERRUPTED), alone():
        _run(space, asked, form)


def _space(asked: Asked, *, check: bool) -> Space:
    """The space of the spec; reports what is wrong, and exits if it has errors."""
    from modelspec.compiler.space import space_of, with_space

    checked = compile_file(asked.file, asked.overrides)
    if check:
        checked, _ = with_space(checked)
    if checked.diagnostics and asked.worker is None:
        report(checked.diagnostics, sys.stderr)
    if not checked.ok or checked.value is None:
        sys.exit(status.of_spec(checked.diagnostics))
    found = space_of(checked.value)
    if found.value is None:
        from modelspec.sweep.winner import without_sweep

        report(found.diagnostics or (without_sweep(checked.value),), sys.stderr)
        sys.exit(status.ERRORS)
    return found.value


def _run(space: Space, asked: Asked, form: str) -> None:
    from ..sweeping import ran, write_result

    found = ran(space, asked)
    if asked.worker is not None:
        return
    if form == "json":
        write(json.dumps(found.as_json(), indent=2))
    elif not asked.quiet:
        write_result(found)
    sys.exit(found.status)


def _show(space: Space, form: str) -> None:
    """The trials so far, from `trials.json`. Loads neither Optuna nor a framework."""
    from ..sweeping import shown

    found = shown(space)
    if found is None:
        write("[]" if form == "json" else "no sweep of this spec: `modelspec sweep` runs it")
        return
    write(json.dumps(found.as_json(), indent=2) if form == "json" else found.text())
