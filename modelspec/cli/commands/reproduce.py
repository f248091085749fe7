"""`modelspec reproduce RUN`: trains a run again and compares the results bit for bit."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .. import status
from ..examples import examples
from ..failures import failures
from ..options import allow_host_option, data_root_option, plugin_option, writable
from ..output import write
from ..results import weight_differences
from ..run_argument import run_argument

if TYPE_CHECKING:
    from modelspec.runtime.run.reproduce import Reproduction, Value

_MOST = 20
"""The most rows of the table of differences."""

ORDER = 120


@click.command(
    epilog=examples(
        "modelspec reproduce last",
        "modelspec reproduce runs/flowers/1 --run-dir runs/flowers/again",
    )
)
@run_argument
@data_root_option
@plugin_option
@allow_host_option
@click.option(
    "--run-dir",
    type=click.Path(path_type=Path),
    callback=writable,
    metavar="DIR",
    help="The folder of the new run, empty or new; `runs/<name>/<n>` by default.",
)
@click.option(
    "--allow-inexact",
    is_flag=True,
    help="Train even if versions, machine or data have changed.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="The output format.",
)
@click.option("--quiet", "-q", is_flag=True, help="Print only errors and warnings.")
def command(run: Path, run_dir: Path | None, allow_inexact: bool, form: str, quiet: bool) -> None:
    """Train a run again and compare the results bit for bit.

    Trains the resolved spec of the run in the folder RUN, and compares weights, history and
    metrics.

    Exit status: 0 all are bitwise identical, 4 something differs, 3 the run cannot be reproduced or
    failed.
    """
    with failures():
        from modelspec.runtime.run.reproduce import reproduce

        from ..progress import watcher

        found = reproduce(
            run,
            run_dir,
            allow_inexact=allow_inexact,
            watcher=watcher(quiet=quiet or form == "json"),
        )
    if form == "json":
        from modelspec.runtime.history.formatting import for_json

        write(json.dumps(for_json(found.as_json()), indent=2))
    elif not quiet:
        write(_summary(found))
    sys.exit(status.OK if found.equal else status.UNMET)


def _summary(found: Reproduction) -> str:
    parts = [f"trained again in {found.run.directory}"]
    if found.differences:
        from modelspec.runtime.run import drift

        parts.append(
            "changed since the run:\n"
            + "\n".join(f"  {line}" for line in drift.table(list(found.differences)))
        )
    parts.append(weight_differences(found.weights))
    apart = [one for one in found.values if not one.equal]
    parts.append(
        _numbers(apart, len(found.values))
        if apart
        else f"all {len(found.values)} numbers of history and metrics are bitwise identical"
    )
    return "\n\n".join(parts) if not found.equal or found.differences else "\n".join(parts)


def _numbers(apart: list[Value], count: int) -> str:
    from modelspec.core.text_table import text_table

    rows = [
        (
            one.name,
            *("-" if value is None else f"{value:.9g}" for value in (one.was, one.now)),
            "-" if one.was is None or one.now is None else f"{abs(one.was - one.now):.3g}",
        )
        for one in apart[:_MOST]
    ]
    more = f"\n... {len(apart) - _MOST} more" if len(apart) > _MOST else ""
    return (
        f"{text_table(('number', 'was', 'is', 'difference'), rows)}{more}\n\n"
        f"{count - len(apart)} of {count} numbers of history and metrics are bitwise identical"
    )
