"""`modelspec predict RUN --data SOURCE`: predicts raw rows."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import click

from ..examples import examples
from ..failures import failures
from ..generation_options import alone, generation_options, is_generating, stream_for
from ..options import data_root_option, plugin_option, writable
from ..output import report, write
from ..run_argument import run_argument
from ..search_options import SEARCHING, search_options
from ..worker_options import Shared, leads, sharing_options

if TYPE_CHECKING:
    from modelspec.core.diagnostics import Diagnostic
    from modelspec.runtime.run import Predictions, Stream, Written

_ROWS = 10
"""The most rows of a preview."""
_COLUMNS = 12
"""The most columns of a preview."""

ORDER = 90


def _thresholds(
    ctx: click.Context, param: click.Parameter, given: tuple[str, ...]
) -> dict[str | None, float] | None:
    """Thresholds by label, the common one under None. Raises `click.BadParameter`."""
    found: dict[str | None, float] = {}
    for text in given:
        label, equals, number = text.rpartition("=")
        try:
            value = float(number)
        except ValueError:
            value = -1.0
        if not 0 <= value <= 1:
            raise click.BadParameter(
                f"`{text}` is not a number from 0 to 1, or LABEL=NUMBER", ctx, param
            )
        found[label if equals else None] = value
    return dict(sorted(found.items(), key=lambda one: one[0] is not None)) or None


class _Predict(Shared):
    alone: ClassVar[Mapping[str, str]] = {"count": "--generate", "nearest": "--nearest"}


@click.command(
    cls=_Predict,
    epilog=examples(
        "modelspec predict last --data new.csv",
        "modelspec predict runs/churn/3 --data new.csv -o out.csv --id customer --keep all",
        "modelspec predict last --data photos -o out.parquet --top 5",
        "modelspec predict last --data new.csv -o out.csv --threshold 0.3 --errors skip",
        'modelspec predict last --data \'{"age": 31, "plan": "basic"}\'',
        "modelspec predict last --data new.csv -o out.csv --workers 4",
        "cat new.jsonl | modelspec predict last --data jsonl=- -o out.jsonl",
        'modelspec predict last --generate 40 --prompt "the cat" --temperature 0.8 --seed 3',
    ),
)
@run_argument
@data_root_option
@plugin_option
@click.option(
    "--data",
    "source",
    metavar="SOURCE",
    help=(
        "The rows: a path, or `kind=path`; one row as a JSON object, one image, or `text=...`;"
        " `-` for standard input (`csv=-`, `jsonl=-`)."
    ),
)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path),
    callback=writable,
    help=(
        "Write the predictions to .csv, .jsonl, .npz, .parquet or .arrow; without it the first"
        " ones are shown."
    ),
)
@click.option(
    "--id",
    "id_",
    metavar="COLUMN",
    help=(
        "The column that identifies the rows. Without it, rows are identified by the name of their"
        " file, or by their number from 1."
    ),
)
@click.option(
    "--keep",
    metavar="COLUMN",
    multiple=True,
    help="A column of SOURCE to include in the output, or `all`; can be repeated.",
)
@click.option(
    "--top",
    metavar="K",
    type=click.IntRange(min=1),
    help="Write the K most probable labels instead of the probability of each.",
)
@click.option(
    "--threshold",
    "thresholds",
    metavar="[LABEL=]T",
    multiple=True,
    callback=_thresholds,
    help=(
        "For two labels: the probability that the positive one must exceed; for several labels"
        " per row: that of each, or of LABEL."
    ),
)
@click.option(
    "--errors",
    type=click.Choice(["stop", "skip"]),
    default="stop",
    show_default=True,
    help="`skip` excludes rows that cannot be read, and lists them in FILE.errors.csv.",
)
@click.option(
    "--batch-size",
    metavar="N",
    type=click.IntRange(min=1),
    help="The number of rows per batch; by default that of the training, and up to 1024 for"
    " small models.",
)
@click.option(
    "--layer",
    "layers",
    metavar="NAME",
    multiple=True,
    help=(
        "Write the output of an inner layer instead of the outputs, `encoder/conv1` inside a"
        " sub-model; can be repeated."
    ),
)
@search_options
@click.option(
    "--raw",
    is_flag=True,
    help="In a csv file, write strings such as `=1+1` as they are; by default they begin with an"
    " apostrophe, so that a spreadsheet does not run them.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="`json` prints all rows as a list; with -o the number of rows written.",
)
@sharing_options
@generation_options
def command(
    run: Path,
    source: str | None,
    output: Path | None,
    id_: str | None,
    keep: tuple[str, ...],
    top: int | None,
    thresholds: dict[str | None, float] | None,
    errors: str,
    batch_size: int | None,
    layers: tuple[str, ...],
    raw: bool,
    form: str,
    **others: Any,
) -> None:
    """Predict raw rows with a trained model.

    Computes the predictions of the model in the run folder RUN (or `last`) for every row of SOURCE;
    only the columns of its inputs are required. A target `species` with labels gives the columns
    `species`, `species_probability` and `p[LABEL]`; numbers are in the unit of the target column.
    FILE is written batch by batch, so SOURCE may have any size, and appears when it is complete.

    With --generate N, a run that predicts the next token continues texts, and a run whose spec has
    a `generate` section makes examples.
    """
    lost = f"interrupted: {output} was not written" if output is not None else "interrupted"
    with failures(lost):
        options = {
            "id": id_,
            "keep": "all" if "all" in keep else keep,
            "top": top,
            "threshold": thresholds,
            "errors": errors,
            "batch_size": batch_size,
            **{name: others.pop(name) for name in SEARCHING},
        }
        named = ("id", "keep", "batch_size")
        predicting = {name: one for name, one in options.items() if name not in named}
        generates, chief = is_generating(others, source, {**predicting, "layer": layers}), leads()
        if (generates or options["nearest"] is not None) and not chief:
            return  # the chief does it alone
        if generates:
            _generate(run, source, others, options, output, form, raw)
            return
        assert source is not None
        from modelspec.runtime.distributed.together import together

        facts = {**options, "data": source, "layers": layers}
        with together(run, {} if options["nearest"] is not None else facts):
            _predict(run, source, layers, options, output, form, raw)


def _predict(
    run: Path,
    source: str,
    layers: tuple[str, ...],
    options: Mapping[str, Any],
    output: Path | None,
    form: str,
    raw: bool,
) -> None:
    """Writes or prints the predictions of rows."""
    from modelspec.runtime.run import predict, predictions

    if output is not None:
        written = predict(run, source, output, layers or None, raw=raw, **options)
        if written.is_reported:
            _warn(written.warnings)
            _tell(written, form)
        return
    stream = predictions(run, source, layers or None, **options)
    if not stream.is_reported:
        list(stream)
        return
    _warn(stream.warnings)
    if form == "json":
        _print_all(stream)
    else:
        write(_preview(stream.head(_ROWS), stream.rows))


def _generate(
    run: Path,
    source: str | None,
    generation: Mapping[str, Any],
    options: Mapping[str, Any],
    output: Path | None,
    form: str,
    raw: bool,
) -> None:
    """Prints or writes what is generated; of prompts only the texts."""
    from modelspec.runtime.run.generation import checked_output, written

    if output is not None:
        checked_output(output, source)
    stream = stream_for(run, source, generation, options)
    _warn(stream.warnings)
    if output is not None:
        _tell(written(stream, output, raw=raw), form)
    elif form == "json":
        _print_all(stream)
    elif generation["prompts"]:
        for text in alone(stream):
            write(text)
    else:
        write(_preview(stream.head(_ROWS), stream.rows))


def _tell(written: Written, form: str) -> None:
    """Prints what was written, and where."""
    if form == "json":
        summary = {"file": str(written.path), "rows": len(written)}
        if written.errors is not None:
            summary |= {"skipped": len(written.skipped), "errors": str(written.errors)}
        write(json.dumps(summary))
        return
    write(f"{len(written):,} rows written to {written.path}")
    if written.errors is not None:
        count = len(written.skipped)
        rows = "1 row that" if count == 1 else f"{count:,} rows that"
        write(f"{rows} cannot be read: listed in {written.errors}")


def _warn(found: tuple[Diagnostic, ...]) -> None:
    if found:
        report(found, sys.stderr)


def _print_all(stream: Stream) -> None:
    """A list of all rows, one per line."""
    from modelspec.runtime.run.prediction_writer import lines

    between = "[\n"
    for batch in stream:
        for line in lines(batch):
            sys.stdout.write(between + line)
            between = ",\n"
    write("\n]" if stream.rows else "[]")


def _preview(found: Predictions, rows: int) -> str:
    from modelspec.core.text_table import text_table
    from modelspec.runtime.run.prediction_outputs import columns

    flat = columns(found)
    shown = dict(list(flat.items())[:_COLUMNS])
    cells = [
        [_cell(values, row) for values in shown.values()] for row in range(min(_ROWS, len(found)))
    ]
    left = rows - len(cells)
    hidden = len(flat) - len(shown)
    more = ([f"{left:,} more rows"] if left else []) + (
        [f"{hidden:,} more columns"] if hidden else []
    )
    return text_table(list(shown), cells) + (
        f"\n... {' and '.join(more)}; `-o FILE` writes all" if more else ""
    )


def _cell(values: Any, row: int) -> str:
    from modelspec.runtime.history.formatting import number

    return number(values[row]) if values.dtype.kind == "f" else str(values[row])
