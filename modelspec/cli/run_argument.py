"""The argument RUN: a run folder, or `last` for the newest run below `runs`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

LAST = "last"
FOLDER = Path("runs")


class RunPath(click.Path):
    """An existing path; `last` is the run below `runs` that was started last, unless the working
    directory has a folder of that name.
    """

    def __init__(self, *, exists: bool = True) -> None:
        super().__init__(exists=exists, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value == LAST and not Path(LAST).exists():
            from modelspec.runtime.history import find

            found = find(FOLDER).value if FOLDER.is_dir() else ()
            if not found:
                self.fail(
                    f"`{LAST}` is the newest run below `{FOLDER}`, which has no runs", param, ctx
                )
            return found[0].path
        return super().convert(value, param, ctx)


run_argument = click.argument("run", metavar="RUN", type=RunPath())
"""A run folder: the command receives `run`, a path."""
