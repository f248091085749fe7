"""`modelspec runs [FOLDER]`: the runs in a folder; `modelspec runs RUN`: what happened in one."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from .. import status
from ..output import report, write
from ..run_argument import RunPath

ORDER = 110


@click.command()
@click.argument("folder", metavar="[FOLDER|RUN]", type=RunPath(exists=False), required=False)
@click.option(
    "--sort",
    "metric",
    metavar="METRIC",
    help="The best first by a metric: `val_accuracy`, `test_loss`; by default the newest are.",
)
@click.option(
    "--reverse", is_flag=True, help="The other way round: the oldest, or the worst, first."
)
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True
)
def command(folder: Path | None, metric: str | None, reverse: bool, form: str) -> None:
    """The runs in a folder with their metrics, or what happened in one.

    Of the runs below FOLDER (`runs` by default): when, in what state, how many epochs, their
    metrics. Of RUN, the folder of one run, everything: when it ran, why it stopped and went on,
    what it was made of, what it came to. Nothing is loaded.
    """
    from modelspec.runtime.history.run_files import MANIFEST

    if folder is not None and (folder / MANIFEST).exists():
        _one(folder, form)
    elif folder is None and not Path("runs").exists():
        write("[]" if form == "json" else "no runs in `runs`: `modelspec train` makes them")
    else:
        _several(folder or Path("runs"), metric, reverse, form)


def _one(path: Path, form: str) -> None:
    from modelspec.runtime.history import altered, read_record
    from modelspec.runtime.history.formatting import for_json
    from modelspec.runtime.history.tables import of_one

    read = read_record(path)
    if read.diagnostics:
        report(read.diagnostics, sys.stderr)
    if read.value is None:
        sys.exit(status.FAILED)
    if form == "json":
        more = {
            "history": {name: list(values) for name, values in read.value.history.items()},
            "by_part": read.value.by_part,
            "altered": altered(path, read.value.manifest),
            "manifest": read.value.manifest,
        }
        write(json.dumps(for_json({**read.value.as_json(), **more}), indent=2))
    else:
        write(of_one(read.value))


def _several(folder: Path, metric: str | None, reverse: bool, form: str) -> None:
    from modelspec.runtime.history import find, in_order
    from modelspec.runtime.history.formatting import for_json
    from modelspec.runtime.history.tables import of_several

    found = find(folder)
    said, records = list(found.diagnostics), found.value
    if metric is not None and found.ok:
        sorted_ = in_order(records, metric, reverse=reverse)
        said, records = [*said, *sorted_.diagnostics], sorted_.value
    elif reverse:
        records = records[::-1]
    if said:
        report(said, sys.stderr)
    if any(one.severity == "error" for one in said):
        sys.exit(status.FAILED if folder.exists() else status.USAGE)
    if form == "json":
        write(json.dumps(for_json([one.as_json() for one in records]), indent=2))
    else:
        write(
            of_several(records, metric)
            if records
            else f"no runs in `{folder}`: `modelspec train` makes them"
        )
