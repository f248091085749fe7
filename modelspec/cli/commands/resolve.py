"""`modelspec resolve FILE`: prints the spec after extends, overrides, expressions, blocks and
loops; `--explain PATH`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .. import status
from ..compiling import compile_file
from ..examples import examples
from ..options import data_root_option, plugin_option, set_option, spec_file
from ..output import report, write

if TYPE_CHECKING:
    from modelspec.compiler.pipeline import Compiled

ORDER = 40


@click.command(
    epilog=examples(
        "modelspec resolve flowers.yaml",
        "modelspec resolve flowers.yaml --defaults",
        "modelspec resolve flowers.yaml --explain training.epochs",
    )
)
@spec_file
@click.option("--defaults", is_flag=True, help="Include the default of every omitted setting.")
@click.option(
    "--explain",
    "paths",
    multiple=True,
    metavar="PATH",
    help=(
        "Show where the value at PATH of the resolved spec comes from instead of printing the"
        " spec; can be repeated."
    ),
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["yaml", "text", "json"]),
    default=None,
    help="`yaml` (the default) or `json`; for --explain, `text` or `json`.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write to FILE; .json for JSON.",
)
@set_option
@data_root_option
@plugin_option
def command(
    file: str,
    defaults: bool,
    paths: tuple[str, ...],
    form: str | None,
    output: Path | None,
    overrides: dict[str, Any],
) -> None:
    """Print the spec after extends, expressions, blocks and loops.

    Evaluates everything in FILE: the printed spec checks and trains the same; `-` reads standard
    input. Paths are written as for --set: `model.layers.stem.units`, `training.optimizer`.
    """
    _check_usage(paths, form, defaults)
    compiled = _compiled(file, overrides)
    if paths:
        text, right = _explained(compiled, paths, form or "text")
    else:
        from modelspec.views.resolve import resolved_text

        text = resolved_text(compiled, defaults=defaults, form=form or _form_of(output))
        right = True
    if output is None:
        write(text)
    else:
        _save(text, output, compiled)
    if not right:
        sys.exit(status.ERRORS)


def _check_usage(paths: tuple[str, ...], form: str | None, defaults: bool) -> None:
    """Raises `click.UsageError` where options cannot be combined."""
    if paths and form == "yaml":
        raise click.UsageError("the format of --explain must be `text` or `json`")
    if not paths and form == "text":
        raise click.UsageError("--format text requires --explain; a spec is `yaml` or `json`")
    if paths and defaults:
        raise click.UsageError("--explain always includes the defaults: remove --defaults")


def _form_of(output: Path | None) -> str:
    """The format by the extension of a file."""
    return "json" if output is not None and output.suffix.lower() == ".json" else "yaml"


def _compiled(file: str, overrides: dict[str, Any]) -> Compiled:
    """The spec; reports its warnings, and exits if it has errors."""
    checked = compile_file(file, overrides)
    if checked.diagnostics:
        report(checked.diagnostics, sys.stderr)
    if not checked.ok or checked.value is None:
        sys.exit(status.of_spec(checked.diagnostics))
    return checked.value


def _explained(compiled: Compiled, paths: tuple[str, ...], form: str) -> tuple[str, bool]:
    """Where the values come from, and whether every path exists; those that do not are
    reported.
    """
    from modelspec.views.resolve.origin import Origins, Wayward

    origins = Origins(compiled)
    found, lost = [], []
    for path in dict.fromkeys(paths):
        try:
            found.append(origins.of(path))
        except Wayward as wayward:
            lost.append(wayward.fault.at(wayward.span))
    if lost:
        report(lost, sys.stderr)
    if form == "json":
        from modelspec.views.resolve import as_json

        return as_json([one.record() for one in found]), not lost
    return "\n\n".join("\n".join(one.lines()) for one in found), not lost


def _save(text: str, output: Path, compiled: Compiled) -> None:
    """Write the file; if it is in another folder than the spec, print that its paths are relative
    to that folder.
    """
    try:
        output.write_text(text if text.endswith("\n") else f"{text}\n", encoding="utf-8")
    except OSError as error:
        raise click.ClickException(f"`{output}` cannot be written: {error.strerror}") from error
    folder = compiled.file.context.folder
    if (
        folder is not None
        and compiled.data is not None
        and output.resolve().parent != folder.resolve()
    ):
        click.echo(
            f"paths in `{output}` are now relative to its folder instead of `{folder}`",
            err=True,
        )
