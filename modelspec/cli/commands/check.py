"""`modelspec check FILE...`: every fault, no framework loaded."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .. import status
from ..compiling import compile_file
from ..options import set_option
from ..output import report, write

if TYPE_CHECKING:
    from modelspec.compiler.pipeline import Compiled
    from modelspec.core.diagnostics import Checked, Diagnostic

ORDER = 10


@click.command()
@click.argument(
    "files", nargs=-1, required=True, metavar="FILE...", type=click.Path(allow_dash=True)
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "github", "sarif"]),
    default="text",
    show_default=True,
    help="How the faults are written.",
)
@click.option(
    "--fix",
    is_flag=True,
    help=(
        "Rewrite old spellings (MS220 to MS223) in each FILE first, comments and "
        "layout kept, and show what was changed. Guesses are never written."
    ),
)
@click.option(
    "--data",
    is_flag=True,
    help=(
        "Open the data too, and check them as training would; sizes that are `auto` "
        "are known then. Loads a framework where a transform needs it."
    ),
)
@set_option
def command(
    files: tuple[str, ...], form: str, fix: bool, data: bool, overrides: dict[str, Any]
) -> None:
    """Find every fault of a spec; no framework is loaded.

    Each FILE is checked; `-` reads standard input. `modelspec explain MS402` tells more about a
    code.
    """
    if fix:
        _fix(files, form, overrides)
    checked = {file: compile_file(file, overrides) for file in dict.fromkeys(files)}
    if data:
        checked = {file: _with_data(found) for file, found in checked.items()}
    if form == "text":
        _tell(checked)
    else:
        write(_rendered([one for found in checked.values() for one in found.diagnostics], form))
    if not all(found.ok for found in checked.values()):
        sys.exit(status.of_spec(one for found in checked.values() for one in found.diagnostics))


def _with_data(checked: Checked[Compiled | None]) -> Checked[Compiled | None]:
    """With what is wrong with the data of a spec that has no errors itself."""
    from modelspec.core.diagnostics import Checked
    from modelspec.runtime.run.run_data import checked_data

    if not checked.ok or checked.value is None:
        return checked
    compiled, found = checked_data(checked.value)
    return Checked(compiled, (*checked.diagnostics, *found))


def _fix(files: tuple[str, ...], form: str, overrides: dict[str, Any]) -> None:
    """Rewrite the files, and show the changes where the faults are shown as text."""
    from modelspec.views.fix import fix_file

    if "-" in files or overrides:
        raise click.UsageError(
            "--fix rewrites files: it takes neither standard input (-) nor --set"
        )
    for file in dict.fromkeys(files):
        try:
            fixed = fix_file(Path(file))
        except OSError as error:
            raise click.ClickException(f"`{file}` cannot be written: {error.strerror}") from error
        if fixed.refused:
            click.echo(f"{file}: not rewritten: {fixed.refused}", err=True)
        elif fixed.changed and form == "text":
            write(fixed.diff.rstrip("\n"))


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
    return (
        f" ({layers}, {graph.parameters:,} parameters)"
        if graph.parameters is not None
        else f" ({layers})"
    )


def _rendered(diagnostics: list[Diagnostic], form: str) -> str:
    if form == "json":
        from modelspec.core.diagnostics.render.json import render
    elif form == "github":
        from modelspec.core.diagnostics.render.github import render
    else:
        from modelspec import __version__
        from modelspec.core.diagnostics.render import sarif

        return sarif.render(diagnostics, version=__version__)
    return render(diagnostics)
