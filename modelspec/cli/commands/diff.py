"""`modelspec diff A B`: what differs between two specs or runs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from .. import status
from ..options import overrides_option, set_option
from ..output import in_colour, report, write

if TYPE_CHECKING:
    from modelspec.views.diff import Side

ORDER = 50


@click.command()
@click.argument("a", metavar="A", type=click.Path(allow_dash=True))
@click.argument("b", metavar="B", type=click.Path(allow_dash=True))
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True
)
@click.option(
    "--exit-code",
    is_flag=True,
    help="Exit with 1 where the two differ, as `git diff --exit-code` does.",
)
@set_option
@overrides_option("--set-a", "of_a", "As --set, for A alone.")
@overrides_option("--set-b", "of_b", "As --set, for B alone.")
def command(
    a: str,
    b: str,
    form: str,
    exit_code: bool,
    overrides: dict[str, Any],
    of_a: dict[str, Any],
    of_b: dict[str, Any],
) -> None:
    """What differs between two specs or runs.

    A and B are each a spec or the folder of a run. Compared are layers, shapes, parameters,
    settings of the training, the data and the runtime, whether A's weights load into B, and the
    results of runs.

    Nothing is built. Exit status 0, whether they differ or not; 1 where one has errors.
    """
    if a == b == "-":
        raise click.UsageError("only one of the two can be standard input")
    from modelspec.views.diff import as_text, compare

    first, second = _opened(a, {**overrides, **of_a}), _opened(b, {**overrides, **of_b})
    if first is None or second is None:
        sys.exit(status.ERRORS)
    found = compare(first, second)
    if form == "json":
        from modelspec.views.resolve import as_json

        write(as_json(found.record()))
    else:
        write(as_text(found, colour=in_colour(sys.stdout)))
    if exit_code and found.differs:
        sys.exit(status.DIFFERS)


def _opened(path: str, overrides: dict[str, Any]) -> Side | None:
    """One side; None, its faults told, where it has errors."""
    from modelspec.views.diff import open_side

    checked = open_side(path, overrides)
    if checked.diagnostics:
        report(checked.diagnostics, sys.stderr)
    return checked.value if checked.ok else None
