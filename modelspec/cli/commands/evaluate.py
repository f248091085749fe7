"""`modelspec evaluate RUN`: the metrics of a run."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from ..failures import failures
from ..output import report, write

ORDER = 80


@click.command()
@click.argument("run", metavar="RUN", type=click.Path(path_type=Path))
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
    if form == "json":
        import json

        from modelspec.runtime.history.formatting import for_json

        told = {"on": found.on, "examples": found.examples, "metrics": found.metrics}
        write(json.dumps(for_json(told), indent=2))
    else:
        from modelspec.runtime.history.tables import metrics_table

        write(metrics_table({f"{found.on} ({found.examples:,} examples)": found.metrics}))
