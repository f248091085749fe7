"""`modelspec show FILE`: shows the layers with shapes, parameters, cost and memory."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .. import status
from ..byte_size import byte_size
from ..compiling import compile_file
from ..examples import examples
from ..options import data_root_option, plugin_option, set_option, spec_file
from ..output import report, write

if TYPE_CHECKING:
    from modelspec.compiler.infer import TypedGraph
    from modelspec.compiler.pipeline import Compiled
    from modelspec.views.summary import MemoryView

ORDER = 30


@click.command(
    epilog=examples(
        "modelspec show flowers.yaml",
        "modelspec show flowers.yaml --fit 24GB",
        "modelspec show flowers.yaml --picture flowers.svg",
        "modelspec show flowers.yaml --watch",
    )
)
@spec_file
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="The output format.",
)
@click.option(
    "--depth",
    type=click.IntRange(0),
    metavar="N",
    help="Show nested models N levels deep; by default all except the inside of large ones.",
)
@click.option(
    "--picture",
    "drawn",
    type=click.Path(dir_okay=False),
    metavar="PATH",
    help="Draw the model: .svg, .png, .mmd (Mermaid) or .dot (Graphviz), by the extension.",
)
@click.option(
    "--fit",
    "limit",
    callback=byte_size,
    metavar="SIZE",
    help="Show the largest batch size whose training takes at most SIZE of memory, e.g. 24GB.",
)
@click.option(
    "--watch",
    "watched",
    is_flag=True,
    help="Show the model on a local page that follows FILE as it is saved; Ctrl-C stops it.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=0,
    help="The port of the page; by default a free one.",
)
@set_option
@data_root_option
@plugin_option
def command(
    file: str,
    form: str,
    depth: int | None,
    drawn: str | None,
    limit: int | None,
    watched: bool,
    port: int,
    overrides: dict[str, Any],
) -> None:
    """Show the layers with shapes, parameters, cost and memory.

    Shows the layers of the spec in FILE, with totals; `-` reads standard input. Builds no model:
    shapes and parameters are inferred, and equal to those of Keras; the memory is an estimate of
    what training takes. With --picture, draws the model instead: blocks and sub-models are frames,
    open --depth levels deep (0: folded), by default as deep as about a hundred boxes allow. With
    --watch, picture, shapes, totals and diagnostics are on a page at 127.0.0.1.
    """
    if watched:
        _watch(file, overrides, port, others=form != "text" or bool(drawn or limit or depth))
        return
    if port:
        raise click.UsageError("--port requires --watch")
    if drawn is not None:
        _ending(drawn)
    checked = compile_file(file, overrides)
    if not checked.ok or checked.value is None or checked.value.graph is None:
        report(checked.diagnostics, sys.stderr)
        sys.exit(status.of_spec(checked.diagnostics))
    compiled, graph = checked.value, checked.value.graph
    if drawn is not None:
        _draw(drawn, compiled.name, graph, depth)
    else:
        write(_described(compiled, graph, form, depth, limit))


def _described(
    compiled: Compiled, graph: TypedGraph, form: str, depth: int | None, limit: int | None
) -> str:
    """The layers and totals, as a table or as JSON."""
    from modelspec.views.summary import as_json, table

    memory, stages = _memory(compiled, graph, limit), compiled.stage_graphs
    if form == "json":
        return as_json(compiled.name, graph, memory, stages, compiled.player_graphs)
    return table(
        compiled.name,
        graph,
        width=_width(),
        depth=depth,
        memory=memory,
        stages=stages,
        players=compiled.player_graphs,
    )


def _watch(file: str, overrides: dict[str, Any], port: int, *, others: bool) -> None:
    """Serve the page until a signal ends the command."""
    from ..watched import watch

    if file == "-":
        raise click.UsageError("--watch follows a file and cannot be combined with standard input")
    if others:
        raise click.UsageError(
            "--watch cannot be combined with --format, --depth, --picture or --fit"
        )
    watch(file, lambda: compile_file(file, overrides), port)


def _memory(compiled: Compiled, graph: TypedGraph, limit: int | None) -> MemoryView:
    """Raises `click.UsageError` for `--fit` without a `training` section."""
    from modelspec.views.summary import memory_view

    if limit is not None and compiled.training is None:
        raise click.UsageError(
            "--fit requires a `training` section: the optimizer determines the memory of each"
            " weight"
        )
    return memory_view(graph, compiled.training, compiled.stage_graphs, limit)


def _ending(path: str) -> str:
    """The picture format by the extension of a path. Raises `click.UsageError` for an unknown
    extension.
    """
    from modelspec.views.picture import ENDINGS

    found = ENDINGS.get(Path(path).suffix.lower())
    if found is None:
        raise click.BadParameter(
            f"the extension must be one of {', '.join(ENDINGS)}, found `{path}`",
            param_hint="--picture",
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
    """The width in columns: that of the terminal; 100 for a file or a pipe."""
    import shutil

    return shutil.get_terminal_size((100, 24)).columns if sys.stdout.isatty() else 100
