"""`modelspec predict RUN --data SOURCE`: raw rows in, predictions out."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..failures import failures
from ..output import report, write

if TYPE_CHECKING:
    from modelspec.core.diagnostics import Diagnostic
    from modelspec.runtime.run import Predictions, Stream

_ROWS = 10
"""How many rows a preview shows, and how many columns."""

ORDER = 90


@click.command()
@click.argument("run", metavar="RUN", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--data", "source", metavar="SOURCE", required=True, help="The rows: a path, or `kind=path`."
)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help=(
        "Where to write them: .csv, .jsonl, .npz, .parquet or .arrow; without it the first are"
        " shown."
    ),
)
@click.option(
    "--layer",
    "layers",
    metavar="NAME",
    multiple=True,
    help=(
        "The tensor of an inner layer in place of the outputs, `encoder/conv1` inside a sub-model;"
        " may be given several times."
    ),
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="`json` prints a list of all rows, as they come; with -o how many were written.",
)
def command(
    run: Path, source: str, output: Path | None, layers: tuple[str, ...], form: str
) -> None:
    """Raw rows in, predictions out.

    What the model in the run folder RUN gives for every row of SOURCE; only the columns of its
    inputs are needed. FILE is written as the predictions come, however many they are, and is there
    when it is whole.
    """
    lost = f"interrupted: {output} was not written" if output is not None else "interrupted"
    with failures(lost):
        from modelspec.runtime.run import predict, predictions

        if output is not None:
            written = predict(run, source, output, layers or None)
            _warn(written.warnings)
            write(
                json.dumps({"file": str(output), "rows": len(written)})
                if form == "json"
                else f"{len(written):,} rows written to {output}"
            )
            return
        stream = predictions(run, source, layers or None)
        _warn(stream.warnings)
        if form == "json":
            _print_all(stream)
        else:
            write(_preview(stream.head(_ROWS), stream.rows))


def _warn(found: tuple[Diagnostic, ...]) -> None:
    if found:
        report(found, sys.stderr)


def _print_all(stream: Stream) -> None:
    """One list of all rows, a line for each."""
    from modelspec.runtime.run.prediction_writer import lines

    between = "[\n"
    for batch in stream:
        for line in lines(batch):
            sys.stdout.write(between + line)
            between = ",\n"
    write("\n]" if stream.rows else "[]")


def _preview(found: Predictions, rows: int) -> str:
    from modelspec.core.text_table import text_table
    from modelspec.runtime.history.formatting import number
    from modelspec.runtime.run.prediction_outputs import columns

    flat = list(columns(found).items())
    shown = flat[:_ROWS]
    classes = [item for item in flat[_ROWS:] if item[0].endswith("_class")]
    header = ["row", *(name for name, _ in [*shown, *classes])]
    cells = [
        [
            str(row),
            *(
                number(values[row]) if values.dtype.kind == "f" else str(values[row])
                for _, values in [*shown, *classes]
            ),
        ]
        for row in range(min(_ROWS, len(found)))
    ]
    left = rows - len(cells)
    hidden = len(flat) - len(shown) - len(classes)
    more = ([f"{left:,} more rows"] if left else []) + (
        [f"{hidden:,} more columns"] if hidden else []
    )
    return text_table(header, cells) + (
        f"\n... {' and '.join(more)}; `-o FILE` writes all" if more else ""
    )
