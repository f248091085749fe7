"""`modelspec resolve FILE`: the spec after extends, overrides, expressions, blocks and loops;
`--explain PATH`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .. import status
from ..compiling import compile_file
from ..options import data_root_option, set_option, spec_file
from ..output import report, write

if TYPE_CHECKING:
    from modelspec.compiler.pipeline import Compiled

ORDER = 40


@click.command()
@spec_file
@click.option("--defaults", is_flag=True, help="Fill in every setting that is left out.")
@click.option(
    "--explain",
    "paths",
    multiple=True,
    metavar="PATH",
    help=(
        "Say where the value at PATH of the resolved spec comes from, in place of printing the"
        " spec; may be given several times."
    ),
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["yaml", "text", "json"]),
    default=None,
    help="`yaml` (the default) or `json`; of --explain, `text` or `json`.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write into FILE.",
)
@set_option
@data_root_option
def command(
    file: str,
    defaults: bool,
    paths: tuple[str, ...],
    form: str | None,
    output: Path | None,
    overrides: dict[str, Any],
) -> None:
    """The spec after extends, expressions, blocks and loops.

    Everything in FILE is worked out: the spec that is printed checks and trains the same; `-` reads
    standard input. Paths are written as for --set: `model.layers.stem.units`, `training.optimizer`.
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
    """Raises a fault of usage where options do not go together."""
    if paths and form == "yaml":
        raise click.UsageError("--explain is told as `text` or as `json`")
    if not paths and form == "text":
        raise click.UsageError("--format text is for --explain; a spec is `yaml` or `json`")
    if paths and defaults:
        raise click.UsageError("--explain knows the defaults already: leave --defaults out")


def _form_of(output: Path | None) -> str:
    """The format that the ending of a file asks for."""
    return "json" if output is not None and output.suffix.lower() == ".json" else "yaml"


def _compiled(file: str, overrides: dict[str, Any]) -> Compiled:
    """The spec, its warnings told; exits where it has errors."""
    checked = compile_file(file, overrides)
    if checked.diagnostics:
        report(checked.diagnostics, sys.stderr)
    if not checked.ok or checked.value is None:
        sys.exit(status.of_spec(checked.diagnostics))
    return checked.value


def _explained(compiled: Compiled, paths: tuple[str, ...], form: str) -> tuple[str, bool]:
    """Where the values come from, and whether every path leads somewhere; those that do not are
    told.
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
    """Write the file whole; where it stands elsewhere than the spec, say that paths in it are read
    from there.
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
            f"paths in `{output}` are relative to its own folder now, no longer to `{folder}`",
            err=True,
        )
