"""`modelspec weights RUN`: lists, extracts and compares weights."""

from __future__ import annotations

import json
import sys
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .. import status
from ..examples import examples
from ..failures import failures
from ..options import writable
from ..output import write
from ..results import weight_differences
from ..run_argument import RunPath

if TYPE_CHECKING:
    from modelspec.runtime.run.weight_tools import Figures

ORDER = 130


@click.command(
    epilog=examples(
        "modelspec weights last",
        "modelspec weights last --extract 'encoder/*' -o encoder.npz",
        "modelspec weights runs/flowers/1 runs/flowers/2",
    )
)
@click.argument("a", metavar="RUN|FILE", type=RunPath())
@click.argument("b", metavar="[RUN|FILE]", type=RunPath(), required=False)
@click.option(
    "--extract",
    "pattern",
    metavar="NAME",
    help="Write this weight, or those that match a pattern (`encoder/*`), to a file.",
)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path),
    callback=writable,
    help="The file of `--extract`: .npy, .npz or .safetensors.",
)
@click.option("--optimizer", is_flag=True, help="Include the variables of the optimizer.")
@click.option(
    "--tolerance",
    type=click.FloatRange(min=0),
    metavar="D",
    help="The largest difference of weights that count as equal; by default 0.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="The output format.",
)
def command(
    a: Path,
    b: Path | None,
    pattern: str | None,
    output: Path | None,
    optimizer: bool,
    tolerance: float | None,
    form: str,
) -> None:
    """List, extract or compare the weights of a run or a file.

    Lists the weights of a run, or of a .keras, .h5 or .safetensors file, with shapes and
    statistics. With a second run or file, shows for each weight whether the two are bitwise
    identical, and their largest difference. Loads no framework.

    Exit status: 4 the two differ, 3 one of them cannot be read.
    """
    if tolerance is not None and b is None:
        raise click.UsageError("`--tolerance` requires two runs or files")
    if (pattern is None) != (output is None):
        raise click.UsageError("`--extract NAME` and `-o FILE` must be used together")
    if pattern is not None and b is not None:
        raise click.UsageError("`--extract` reads from one run or file")
    with failures():
        if b is not None:
            sys.exit(status.OK if _compare(a, b, optimizer, tolerance, form) else status.UNMET)
        _one(a, pattern, output, optimizer, form)


def _one(path: Path, pattern: str | None, output: Path | None, optimizer: bool, form: str) -> None:
    from modelspec.runtime.run.weight_reader import stored_weights
    from modelspec.runtime.run.weight_tools import extract, figures

    with stored_weights(path, optimizer=optimizer) as weights:
        if pattern is not None and output is not None:
            names = extract(weights, pattern, output)
            write(f"{names[0] if len(names) == 1 else f'{len(names)} weights'} written to {output}")
            return
        found = [figures(one) for one in weights.values()]
    write(
        json.dumps([one.as_json() for one in found], indent=2) if form == "json" else _listed(found)
    )


def _listed(found: list[Figures]) -> str:
    from modelspec.core.text_table import text_table
    from modelspec.runtime.history.formatting import number

    rows = [
        (
            one.name,
            str(list(one.shape)),
            one.dtype,
            number(one.mean),
            number(one.std),
            number(one.low),
            number(one.high),
            f"{one.zeros:,}",
            f"{one.not_finite:,}",
        )
        for one in found
    ]
    header = ("weight", "shape", "dtype", "mean", "std", "min", "max", "zeros", "not finite")
    count = sum(prod(one.shape) for one in found)
    return f"{text_table(header, rows, left=range(3))}\n\n{len(found)} weights, {count:,} numbers"


def _compare(a: Path, b: Path, optimizer: bool, tolerance: float | None, form: str) -> bool:
    """Prints the differences; returns whether the weights count as equal."""
    from modelspec.runtime.run.weight_reader import stored_weights
    from modelspec.runtime.run.weight_tools import compared

    with (
        stored_weights(a, optimizer=optimizer) as one,
        stored_weights(b, optimizer=optimizer) as other,
    ):
        found = list(compared(one, other))
    write(
        json.dumps([each.as_json() for each in found], indent=2)
        if form == "json"
        else weight_differences(found)
    )
    return all(each.within(tolerance) for each in found)
