"""`modelspec reproduce RUN`: train a run again and compare, bit for bit."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .. import status
from ..failures import failures
from ..options import allow_host_option, data_root_option, writable
from ..output import write
from ..results import weight_differences
from ..run_argument import run_argument

if TYPE_CHECKING:
    from modelspec.runtime.run.reproduce import Reproduction, Value

_MOST = 20
"""Rows of a table of what differs."""

ORDER = 120


@click.command()
@run_argument
@data_root_option
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
    help="Train though versions, machine or data are not as they were.",
)
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True
)
@click.option("--quiet", "-q", is_flag=True, help="Print faults only.")
def command(run: Path, run_dir: Path | None, allow_inexact: bool, form: str, quiet: bool) -> None:
    """Train a run again and compare, bit for bit.

    The run in the folder RUN is trained from its own resolved spec; weights, history and metrics
    are compared.

    Exit status: 0 all of them are equal to the bit, 4 something differs, 3 the run cannot be
    reproduced or failed.
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
        write(_told(found))
    sys.exit(status.OK if found.equal else status.UNMET)


def _told(found: Reproduction) -> str:
    parts = [f"trained again in {found.run.directory}"]
    if found.differences:
        from modelspec.runtime.run import drift

        parts.append(
            "not as it was:\n"
            + "\n".join(f"  {line}" for line in drift.table(list(found.differences)))
        )
    parts.append(weight_differences(found.weights))
    apart = [one for one in found.values if not one.equal]
    parts.append(
        _numbers(apart, len(found.values))
        if apart
        else f"all {len(found.values)} numbers of history and metrics are equal to the bit"
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
        f"{count - len(apart)} of {count} numbers of history and metrics are equal to the bit"
    )
