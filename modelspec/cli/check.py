"""`modelspec check FILE...`: every fault, no framework loaded."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from . import status
from .options import set_option
from .output import report, write

if TYPE_CHECKING:
    from ..diagnostics import Checked, Diagnostic
    from ..pipeline import Compiled


@click.command(short_help="Find every fault of a spec; no framework is loaded.")
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(allow_dash=True))
@click.option("--format", "form", type=click.Choice(["text", "json", "github", "sarif"]), default="text",
              show_default=True, help="How the faults are written.")  # fmt: skip
@set_option
def command(files: tuple[str, ...], form: str, overrides: dict[str, Any]) -> None:
    """Find every fault of each FILE; `-` reads standard input. No framework is loaded.

    `modelspec explain MS402` tells more about a code.
    """
    from ..pipeline import compile_path

    checked = {file: compile_path(file, overrides) for file in dict.fromkeys(files)}
    if form == "text":
        _tell(checked)
    else:
        write(_rendered([one for found in checked.values() for one in found.diagnostics], form))
    if not all(found.ok for found in checked.values()):
        sys.exit(status.ERRORS)


def _tell(checked: dict[str, Checked[Compiled | None]]) -> None:
    """The faults, then a line for each file that has none."""
    diagnostics = [one for found in checked.values() for one in found.diagnostics]
    if diagnostics:
        report(diagnostics, sys.stdout)
    for file, found in checked.items():
        if not found.diagnostics and found.value is not None:
            write(f"{'<stdin>' if file == '-' else file}: no faults{_size(found.value)}")


def _size(compiled: Compiled) -> str:
    graph = compiled.graph
    if graph is None:
        return ""
    count = len(graph.layers)
    layers = f"{count:,} layer{'' if count == 1 else 's'}"
    return f" ({layers}, {graph.parameters:,} parameters)" if graph.parameters is not None else f" ({layers})"


def _rendered(diagnostics: list[Diagnostic], form: str) -> str:
    if form == "json":
        from ..diagnostics.render.json import render
    elif form == "github":
        from ..diagnostics.render.github import render
    else:
        from .. import __version__
        from ..diagnostics.render import sarif

        return sarif.render(diagnostics, version=__version__)
    return render(diagnostics)
