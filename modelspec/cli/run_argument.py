"""The argument RUN: a run folder, or `last` for the newest run below `runs`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

LAST = "last"
FOLDER = Path("runs")


class RunPath(click.Path):
    """A path that is there; `last` is the run below `runs` that was started last, unless a folder
    here has that name.
    """

    def __init__(self, *, exists: bool = True) -> None:
        super().__init__(exists=exists, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value == LAST and not Path(LAST).exists():
            from modelspec.runtime.history import find

            found = find(FOLDER).value if FOLDER.is_dir() else ()
            if not found:
                self.fail(
                    f"`{LAST}` is the newest run below `{FOLDER}`, and there is none", param, ctx
                )
            return found[0].path
        return super().convert(value, param, ctx)


run_argument = click.argument("run", metavar="RUN", type=RunPath())
"""One run folder: the command gets `run`, a path."""
