"""`modelspec evaluate RUN`: the metrics of a run."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..failures import failures
from ..output import report, write

if TYPE_CHECKING:
    from modelspec.runtime.run.step import Counted

ORDER = 80


@click.command()
@click.argument("run", metavar="RUN", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--data",
    "source",
    metavar="SOURCE",
    help="What to evaluate on: a path, or `kind=path`; the run's test split by default.",
)
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True
)
def command(run: Path, source: str | None, form: str) -> None:
    """The metrics of a run.

    The loss and metrics of the model in the run folder RUN, on its test split or on SOURCE.
    """
    with failures():
        from modelspec.runtime.run import evaluate

        found = evaluate(run, source)
    if found.warnings:
        report(found.warnings, sys.stderr)
    counted = {output: one._asdict() for output, one in found.counted.items()}
    if form == "json":
        import json

        from modelspec.runtime.history.formatting import for_json

        told = {
            "on": found.on,
            "examples": found.examples,
            "metrics": found.metrics,
            "counted": counted,
            "positive": dict(found.positive),
        }
        write(json.dumps(for_json(told), indent=2))
    else:
        from modelspec.runtime.history.tables import counted_rows, metrics_table
        from modelspec.runtime.run.positive_labels import told as told_labels

        rows = counted_rows([counted]) if _left_out(found.counted.values()) else []
        write(metrics_table({f"{found.on} ({found.examples:,} examples)": found.metrics}, rows))
        for line in told_labels(found.positive):
            write(line)


def _left_out(counted: Iterable[Counted]) -> bool:
    """Whether some values do not count: padding, and what a loss ignores."""
    return any(one.counted != one.every for one in counted)
