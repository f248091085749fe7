"""`modelspec clean`: removes what killed processes left, old cache entries and old runs."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .. import status
from ..examples import examples
from ..output import write

if TYPE_CHECKING:
    from modelspec.runtime.history.cleaning import Removal

ORDER = 168


@click.command(
    epilog=examples(
        "modelspec clean",
        "modelspec clean --yes",
        "modelspec clean --runs 10 --yes",
    )
)
@click.argument(
    "folder",
    metavar="[FOLDER]",
    default=".",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
)
@click.option(
    "--runs",
    "keep",
    metavar="KEEP",
    type=click.IntRange(min=0),
    help="Also remove numbered runs, except for the newest KEEP in each folder of runs.",
)
@click.option(
    "--unused",
    "days",
    metavar="DAYS",
    type=click.FloatRange(min=0),
    default=30,
    show_default=True,
    help="Remove cache entries that have not been used for so many days.",
)
@click.option("--yes", is_flag=True, help="Remove it; without this, only list it.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="The output format.",
)
def command(folder: Path, keep: int | None, days: float, yes: bool, form: str) -> None:
    """Remove what killed processes left, old cache entries, and old runs.

    Lists what it would remove, with sizes; `--yes` removes it. Incomplete files of processes that
    were killed are searched in FOLDER (by default the working directory) and below, in the caches,
    and among temporary folders. Cache entries are created again when they are required.

    With `--runs KEEP`, numbered runs below FOLDER are removed except for the newest KEEP in each
    folder of runs, e.g. in `runs/flowers`. A run whose folder has a name (`--run-dir`), a run that
    is being written, and a folder that is not a run are never removed.

    Exit status: 3 a file or a folder cannot be removed.
    """
    from modelspec.runtime.history.cleaning import removals

    found, notes = removals(folder, keep=keep, unused_days=days)
    failed = _remove(found) if yes else []
    if form == "json":
        write(_as_json(found, failed, notes, removed=yes))
    else:
        write(_as_text(found, removed=yes, left=len(failed)))
        for line in (*notes, *failed):
            write(line, sys.stderr)
    if failed:
        sys.exit(status.FAILED)


def _remove(found: Sequence[Removal]) -> list[str]:
    """Why some of it cannot be removed."""
    from modelspec.runtime.history.cleaning import remove

    failed = []
    for one in found:
        try:
            remove(one)
        except BlockingIOError:
            failed.append(f"`{one.path}` stays: a process is writing it")
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            failed.append(f"`{one.path}` cannot be removed: {reason}")
    return failed


def _as_text(found: Sequence[Removal], *, removed: bool, left: int) -> str:
    from modelspec.core.text_table import text_table
    from modelspec.runtime.history.formatting import size

    if not found:
        return "nothing to remove"
    rows = [(str(one.path), one.kind, size(one.bytes), one.about) for one in found]
    table = text_table(("path", "what", "size", "about"), rows, left=(0, 1, 3))
    total = size(sum(one.bytes for one in found))
    if not removed:
        return f"{table}\n\n{total}; nothing was removed: `--yes` removes it"
    return f"{table}\n\nremoved {len(found) - left} of {len(found)}, {total} in all"


def _as_json(
    found: Sequence[Removal], failed: Sequence[str], notes: Sequence[str], *, removed: bool
) -> str:
    entries = [
        {"path": str(one.path), "what": one.kind, "bytes": one.bytes, "about": one.about}
        for one in found
    ]
    return json.dumps(
        {"removed": removed, "entries": entries, "failed": [*failed], "notes": [*notes]}, indent=2
    )
