"""`modelspec show FILE`: the layers with shapes, parameters and cost."""

from __future__ import annotations

import sys
from typing import Any

import click

from . import status
from .compiling import compile_file
from .options import set_option, spec_file
from .output import report, write


@click.command(short_help="The layers with shapes, parameters and cost.")
@spec_file
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--depth", type=click.IntRange(1), metavar="N",
              help="Show models inside models N levels deep; by default all but the inside of large ones.")
@set_option
def command(file: str, form: str, depth: int | None, overrides: dict[str, Any]) -> None:
    """Show the layers of FILE with shapes, parameters and cost, and totals; `-` reads standard input.

    Nothing is built: the numbers are inferred, and equal Keras's.
    """
    checked = compile_file(file, overrides)
    if not checked.ok or checked.value is None or checked.value.graph is None:
        report(checked.diagnostics, sys.stderr)
        sys.exit(status.ERRORS)
    compiled, graph = checked.value, checked.value.graph
    if form == "json":
        from ..summary import as_json

        write(as_json(compiled.name, graph))
    else:
        from ..summary import table

        write(table(compiled.name, graph, width=_width(), depth=depth))


def _width() -> int:
    """Columns to fill: those of the terminal; of a file or a pipe, 100."""
    import shutil

    return shutil.get_terminal_size((100, 24)).columns if sys.stdout.isatty() else 100
