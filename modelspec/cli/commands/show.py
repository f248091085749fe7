"""`modelspec show FILE`: the layers with shapes, parameters and cost."""

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
    from modelspec.compiler.infer import TypedGraph

ORDER = 30


@click.command()
@spec_file
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True
)
@click.option(
    "--depth",
    type=click.IntRange(0),
    metavar="N",
    help="Show models inside models N levels deep; by default all but the inside of large ones.",
)
@click.option(
    "--picture",
    "drawn",
    type=click.Path(dir_okay=False),
    metavar="PATH",
    help="Draw the model: .svg, .png, .mmd (Mermaid) or .dot (Graphviz), by the ending.",
)
@set_option
@data_root_option
def command(
    file: str, form: str, depth: int | None, drawn: str | None, overrides: dict[str, Any]
) -> None:
    """The layers with shapes, parameters and cost.

    Of the spec in FILE, with totals; `-` reads standard input. Nothing is built: the numbers are
    inferred, and equal Keras's. With --picture a picture is written in place of the table: blocks
    and sub-models are frames, open --depth levels deep (0: folded), by default as deep as about a
    hundred boxes show.
    """
    if drawn is not None:
        _ending(drawn)
    checked = compile_file(file, overrides)
    if not checked.ok or checked.value is None or checked.value.graph is None:
        report(checked.diagnostics, sys.stderr)
        sys.exit(status.of_spec(checked.diagnostics))
    compiled, graph = checked.value, checked.value.graph
    if drawn is not None:
        _draw(drawn, compiled.name, graph, depth)
    elif form == "json":
        from modelspec.views.summary import as_json

        write(as_json(compiled.name, graph))
    else:
        from modelspec.views.summary import table

        write(table(compiled.name, graph, width=_width(), depth=depth))


def _ending(path: str) -> str:
    """The kind of picture that a path asks for. Raises a fault of usage where there is none of this
    ending.
    """
    from modelspec.views.picture import ENDINGS

    found = ENDINGS.get(Path(path).suffix.lower())
    if found is None:
        raise click.BadParameter(
            f"a picture ends in {', '.join(ENDINGS)}: `{path}` does not", param_hint="--picture"
        )
    return found


def _draw(path: str, name: str, graph: TypedGraph, depth: int | None) -> None:
    from modelspec.views.picture import picture

    content = picture(name, graph, _ending(path), depth)
    try:
        Path(path).write_bytes(content)
    except OSError as error:
        raise click.FileError(path, error.strerror or str(error)) from None


def _width() -> int:
    """Columns to fill: those of the terminal; of a file or a pipe, 100."""
    import shutil

    return shutil.get_terminal_size((100, 24)).columns if sys.stdout.isatty() else 100
