"""`modelspec runs [FOLDER]`: lists the runs in a folder; `modelspec runs RUN`: one in detail."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from .. import status
from ..examples import examples
from ..output import report, write
from ..run_argument import RunPath

if TYPE_CHECKING:
    from modelspec.runtime.history import Record

ORDER = 110
_LEAST: Final = 48
"""Characters of settings in a table, except on a wide terminal."""


@click.command(
    epilog=examples(
        "modelspec runs",
        "modelspec runs runs/flowers --sort val_loss",
        "modelspec runs last",
    )
)
@click.argument("folder", metavar="[FOLDER|RUN]", type=RunPath(exists=False), required=False)
@click.option(
    "--sort",
    "metric",
    metavar="METRIC",
    help="Sort by a metric (`val_accuracy`, `test_loss`), best first; by default newest first.",
)
@click.option(
    "--best",
    is_flag=True,
    help="Only the best: the best trial of each sweep, or with --sort the best run.",
)
@click.option("--reverse", is_flag=True, help="Reverse the order: oldest or worst first.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="The output format.",
)
def command(folder: Path | None, metric: str | None, best: bool, reverse: bool, form: str) -> None:
    """List the runs in a folder with their metrics, or show one in detail.

    For the runs below FOLDER (`runs` by default): date, state, epochs, the settings that differ
    between them, and metrics. For RUN, a run folder: all details, including interruptions, the
    environment and results. Loads no framework.
    """
    from modelspec.runtime.history.run_files import MANIFEST

    if best and metric is None:
        from ..best_trials import write_best_trials

        write_best_trials(folder or Path("runs"), form)
    elif folder is not None and (folder / MANIFEST).exists():
        _one(folder, form)
    elif folder is None and not Path("runs").exists():
        write("[]" if form == "json" else "no runs in `runs`: `modelspec train` creates them")
    else:
        _several(folder or Path("runs"), metric, reverse, form, only_first=best)


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


def _several(
    folder: Path, metric: str | None, reverse: bool, form: str, *, only_first: bool = False
) -> None:
    from modelspec.runtime.history import find, in_order

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
    records = records[:1] if only_first else records
    if form == "json":
        write(json.dumps(_as_json(records), indent=2))
    elif records:
        write(_table(records, metric))
    else:
        write(f"no runs in `{folder}`: `modelspec train` creates them")


def _as_json(records: Sequence[Record]) -> Any:
    """Every run, with the settings that differ between the runs of its spec."""
    from modelspec.runtime.history.compare.columns import setting_columns
    from modelspec.runtime.history.formatting import for_json
    from modelspec.views.diff.values import ABSENT

    found = setting_columns(records)
    return for_json(
        [
            {
                **one.as_json(),
                "settings": {
                    each.path: each.values[at] for each in found if each.values[at] is not ABSENT
                },
            }
            for at, one in enumerate(records)
        ]
    )


def _table(records: Sequence[Record], metric: str | None) -> str:
    """The runs, with as many settings as fit."""
    from modelspec.core.text_table import GAP
    from modelspec.runtime.history.compare.columns import setting_columns, that_fit
    from modelspec.runtime.history.tables import of_several

    room = _LEAST
    if sys.stdout.isatty():
        own = max(map(len, of_several(records, metric).splitlines()))
        room = max(_LEAST, shutil.get_terminal_size((100, 24)).columns - own)
    chosen = that_fit(setting_columns(records), room, len(GAP))
    return of_several(records, metric, [(one.name, one.texts) for one in chosen])
