"""`modelspec predict RUN --data SOURCE`: raw rows in, predictions out."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .failures import failures
from .output import report, write

if TYPE_CHECKING:
    from ..run import Predictions

_ROWS = 10
"""How many rows a preview shows, and how many columns."""


@click.command(short_help="Raw rows in, predictions out.")
@click.argument("run", metavar="RUN", type=click.Path(path_type=Path))
@click.option("--data", "source", metavar="SOURCE", required=True, help="The rows: a path, or `kind=path`.")
@click.option("-o", "--output", metavar="FILE", type=click.Path(path_type=Path),
              help="Where to write them: .csv, .jsonl, .npz or .parquet; without it the first are shown.")  # fmt: skip
@click.option("--layer", metavar="NAME", help="The tensor of an inner layer in place of the outputs.")
def command(run: Path, source: str, output: Path | None, layer: str | None) -> None:
    """What the model in the run folder RUN gives for every row of SOURCE; only the columns of its inputs are needed."""
    with failures():
        from ..run import predict

        found = predict(run, source, output, layer)
    if found.warnings:
        report(found.warnings, sys.stderr)
    if output is None:
        write(_preview(found))
    else:
        write(f"{len(found):,} rows written to {output}")


def _preview(found: Predictions) -> str:
    from ..run.outputs import columns
    from .progress import number
    from .tables import table

    flat = list(columns(found).items())
    shown = flat[:_ROWS]
    classes = [item for item in flat[_ROWS:] if item[0].endswith("_class")]
    header = ["row", *(name for name, _ in [*shown, *classes])]
    cells = [
        [str(row), *(number(values[row]) if values.dtype.kind == "f" else str(values[row]) for _, values in
                     [*shown, *classes])]
        for row in range(min(_ROWS, len(found)))
    ]
    left = len(found) - len(cells)
    hidden = len(flat) - len(shown) - len(classes)
    more = ([f"{left:,} more rows"] if left else []) + ([f"{hidden:,} more columns"] if hidden else [])
    return table(header, cells) + (f"\n... {' and '.join(more)}; `-o FILE` writes all" if more else "")
