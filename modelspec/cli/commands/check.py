"""`modelspec check FILE...`: reports every error without loading a framework."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from modelspec.core.quick_import import owns_process

from ..check_output import show
from ..compiling import compile_file
from ..examples import examples
from ..options import allow_host_option, data_root_option, plugin_option, set_option
from ..output import write
from ..plain_check import check_files, result_of
from ..spec_files import spec_files

if TYPE_CHECKING:
    from modelspec.compiler.pipeline import Compiled
    from modelspec.core.diagnostics import Checked

ORDER = 10


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
@click.option(
    "--no-cache",
    is_flag=True,
    help="Check every FILE again, and keep no result. Unchanged files are otherwise not rechecked.",
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
    no_cache: bool,
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
    if data:
        checked = {file: _with_data(compile_file(file, overrides)) for file in found.files}
        results = {file: result_of(one) for file, one in checked.items()}
    else:
        cached = owns_process() and not no_cache
        results = check_files(found.files, overrides, cached=cached)
    exit_status = show(results, form)
    if form == "text" and found.remark and not only_specs:
        write(found.remark, sys.stderr)
    if exit_status:
        sys.exit(exit_status)


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
