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
              help="Where to write them: .csv, .jsonl, .npz, .parquet or .arrow; without it the first are shown.")
@click.option("--layer", "layers", metavar="NAME", multiple=True,
              help="The tensor of an inner layer in place of the outputs, `encoder/conv1` inside a sub-model; may be "
                   "given several times.")  # fmt: skip
def command(run: Path, source: str, output: Path | None, layers: tuple[str, ...]) -> None:
    """What the model in the run folder RUN gives for every row of SOURCE; only the columns of its inputs are needed.

    FILE is written as the predictions come, however many they are, and is there when it is whole.
    """
    with failures():
        from ..run import predict, predictions

        if output is not None:
            written = predict(run, source, output, layers or None)
            warnings, told = written.warnings, f"{len(written):,} rows written to {output}"
        else:
            stream = predictions(run, source, layers or None)
            warnings, told = stream.warnings, _preview(stream.head(_ROWS), stream.rows)
    if warnings:
        report(warnings, sys.stderr)
    write(told)


def _preview(found: Predictions, rows: int) -> str:
    from ..records.figures import number
    from ..run.outputs import columns
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
    left = rows - len(cells)
    hidden = len(flat) - len(shown) - len(classes)
    more = ([f"{left:,} more rows"] if left else []) + ([f"{hidden:,} more columns"] if hidden else [])
    return table(header, cells) + (f"\n... {' and '.join(more)}; `-o FILE` writes all" if more else "")
