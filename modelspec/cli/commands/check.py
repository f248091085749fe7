"""`modelspec check FILE...`: reports every error without loading a framework."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .. import status
from ..compiling import compile_file
from ..examples import examples
from ..options import allow_host_option, data_root_option, plugin_option, set_option
from ..output import report, write
from ..spec_files import spec_files

if TYPE_CHECKING:
    from modelspec.compiler.pipeline import Compiled
    from modelspec.core.diagnostics import Checked, Diagnostic

ORDER = 10
_ROOTS = {
    "github": "GITHUB_WORKSPACE",
    "gitlab": "CI_PROJECT_DIR",
    "sarif": "GITHUB_WORKSPACE",
}
"""The variables with the folder of the repository, which is the base of paths in reports."""


@click.command(
    epilog=examples(
        "modelspec check flowers.yaml",
        "modelspec check configs/ --format github",
        "modelspec check flowers.yaml --data",
        "modelspec check old.yaml --fix",
        "modelspec check flowers.yaml --set model.layers.dense.units=32",
    )
)
@click.argument(
    "files", nargs=-1, required=True, metavar="FILE...", type=click.Path(allow_dash=True)
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "github", "gitlab", "sarif"]),
    default="text",
    show_default=True,
    help="The output format.",
)
@click.option(
    "--fix",
    is_flag=True,
    help=(
        "Rewrite old spellings (MS220 to MS223) in each FILE first, preserving comments "
        "and layout, and show the changes. Uncertain changes are not written."
    ),
)
@click.option(
    "--data",
    is_flag=True,
    help=(
        "Also open and check the data as training does, which determines `auto` sizes. "
        "Loads a framework if a transform requires it."
    ),
)
@click.option(
    "--only-specs",
    is_flag=True,
    help=(
        "Skip each FILE that is not a spec, as in folders: for a pre-commit hook that passes"
        " every YAML file."
    ),
)
@set_option
@data_root_option
@plugin_option
@allow_host_option
def command(
    files: tuple[str, ...],
    form: str,
    fix: bool,
    data: bool,
    only_specs: bool,
    overrides: dict[str, Any],
) -> None:
    """Report every error of a spec, without loading a framework.

    Checks each FILE; `-` reads standard input. A folder, or a quoted pattern such as
    'configs/**/*.yaml', selects the specs among its YAML and JSON files. `modelspec explain MS402`
    explains a code.
    """
    found = spec_files(files, only_specs=only_specs)
    if fix:
        _fix(found.files, form, overrides)
    checked = {file: compile_file(file, overrides) for file in found.files}
    if data:
        checked = {file: _with_data(one) for file, one in checked.items()}
    if form == "text":
        _tell(checked)
        if found.remark and not only_specs:
            write(found.remark, sys.stderr)
    else:
        write(_rendered(_all(checked), form))
    if not all(one.ok for one in checked.values()):
        sys.exit(status.of_spec(_all(checked)))


def _with_data(checked: Checked[Compiled | None]) -> Checked[Compiled | None]:
    """Adds the faults of the data, if the spec itself has no errors."""
    from modelspec.core.diagnostics import Checked
    from modelspec.runtime.run.run_data import checked_data

    if not checked.ok or checked.value is None:
        return checked
    compiled, found = checked_data(checked.value)
    columns = compiled.data.columns if compiled.data is not None else None
    are_known = columns is not None and columns.names is not None
    before = (one for one in checked.diagnostics if not (are_known and one.code == "MS663"))
    return Checked(compiled, (*before, *found))


def _fix(files: tuple[str, ...], form: str, overrides: dict[str, Any]) -> None:
    """Rewrite the files, and show the changes if the output format is text."""
    from modelspec.views.fix import fix_file

    if "-" in files or overrides:
        raise click.UsageError(
            "--fix rewrites files and cannot be combined with standard input (-) or --set"
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


def _all(checked: dict[str, Checked[Compiled | None]]) -> list[Diagnostic]:
    """Every fault; faults of a shared project once."""
    return list(dict.fromkeys(one for found in checked.values() for one in found.diagnostics))


def _tell(checked: dict[str, Checked[Compiled | None]]) -> None:
    """The faults, then a line for each file that has none."""
    diagnostics = _all(checked)
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
    named = os.environ.get(_ROOTS.get(form, ""))
    root = Path(named) if named else None
    if form == "json":
        from modelspec.core.diagnostics.render import json

        return json.render(diagnostics)
    if form == "github":
        from modelspec.core.diagnostics.render import github

        return github.render(diagnostics, root)
    if form == "gitlab":
        from modelspec.core.diagnostics.render import gitlab

        return gitlab.render(diagnostics, root)
    from modelspec import __version__
    from modelspec.core.diagnostics.render import sarif

    return sarif.render(diagnostics, version=__version__, root=root)
