"""`modelspec diff A B`: the differences between two specs or runs."""

from __future__ import annotations

import sys
from typing import Any

import click

from .. import status
from ..examples import examples
from ..options import data_root_option, overrides_option, plugin_option, set_option
from ..output import in_colour, report, write

ORDER = 50


@click.command(
    epilog=examples(
        "modelspec diff flowers.yaml larger.yaml",
        "modelspec diff runs/flowers/1 runs/flowers/2",
        "modelspec diff flowers.yaml flowers.yaml --set-b training.epochs=5",
    )
)
@click.argument("a", metavar="A", type=click.Path(allow_dash=True))
@click.argument("b", metavar="B", type=click.Path(allow_dash=True))
@data_root_option
@plugin_option
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="The output format.",
)
@click.option(
    "--exit-code",
    is_flag=True,
    help="Exit with 1 if the two differ, like `git diff --exit-code`.",
)
@set_option
@overrides_option("--set-a", "of_a", "Like --set, for A only.")
@overrides_option("--set-b", "of_b", "Like --set, for B only.")
def command(
    a: str,
    b: str,
    form: str,
    exit_code: bool,
    overrides: dict[str, Any],
    of_a: dict[str, Any],
    of_b: dict[str, Any],
) -> None:
    """Show the differences between two specs or runs.

    A and B are each a spec or a run folder. Compares layers, shapes, parameters, settings of the
    training, the data and the runtime, whether the weights of A load into B, and the results of
    runs.

    Builds no model. Exit status: 0 even if they differ, 1 one of them has errors.
    """
    if a == b == "-":
        raise click.UsageError("only one of the two can be standard input")
    from modelspec.views.diff import as_text, compare, open_side

    opened = [open_side(a, {**overrides, **of_a}), open_side(b, {**overrides, **of_b})]
    said = [one for side in opened for one in side.diagnostics]
    if said:
        report(said, sys.stderr)
    first, second = (side.value if side.ok else None for side in opened)
    if first is None or second is None:
        sys.exit(status.of_spec(said))
    found = compare(first, second)
    if form == "json":
        from modelspec.views.resolve import as_json

        write(as_json(found.record()))
    else:
        write(as_text(found, colour=in_colour(sys.stdout)))
    if exit_code and found.differs:
        sys.exit(status.DIFFERS)
