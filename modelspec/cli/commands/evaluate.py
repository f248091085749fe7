"""`modelspec evaluate RUN`: the metrics of a run."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..failures import failures
from ..options import data_root_option
from ..output import report, write
from ..run_argument import run_argument

if TYPE_CHECKING:
    from modelspec.runtime.run.step import Counted

ORDER = 80


@click.command(
    epilog="""\b
Examples:
  modelspec evaluate last
  modelspec evaluate runs/churn/3 --split validation
  modelspec evaluate last --data fresh.csv --format json
  modelspec evaluate last --choose-threshold f1
"""
)
@run_argument
@data_root_option
@click.option(
    "--data",
    "source",
    metavar="SOURCE",
    help="What to evaluate on: a path, or `kind=path`; the run's test split by default.",
)
@click.option(
    "--split",
    type=click.Choice(["train", "validation", "test"]),
    help="The part of the run's own data; by default `test`, or `validation` where there is none.",
)
@click.option(
    "--choose-threshold",
    "metric",
    type=click.Choice(["f1", "accuracy", "balanced_accuracy", "youden"]),
    help=(
        "Choose the threshold between two labels, or of each of several labels, that makes this"
        " largest on the validation part (or `--split`), and store it with the run: `predict`"
        " decides with it."
    ),
)
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True
)
def command(
    run: Path, source: str | None, split: str | None, metric: str | None, form: str
) -> None:
    """The metrics of a run.

    The loss and metrics of the model in the run folder RUN (or `last`), on its test split or on
    SOURCE. Metrics of a number that is trained in another unit than its column's are also given in
    that of the column, as `original_mae`.
    """
    if source is not None and (split is not None or metric is not None):
        other = "--split" if split is not None else "--choose-threshold"
        raise click.UsageError(f"`--data` and `{other}` exclude one another")
    if metric is not None:
        _choose(run, metric, split or "validation", form)
        return
    with failures():
        from modelspec.runtime.run import evaluate

        found = evaluate(run, source, split=split)
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


def _choose(run: Path, metric: str, split: str, form: str) -> None:
    """Choose thresholds, and tell which."""
    with failures():
        from modelspec.runtime.run import choose_threshold

        found = choose_threshold(run, metric, split=split)
    if form == "json":
        import json
        from dataclasses import asdict

        write(json.dumps(asdict(found), indent=2))
        return
    for name, values in found.thresholds.items():
        for value, score in zip(values, found.scores[name], strict=True):
            write(f"`{name}`: threshold {value:.6g}, {metric} {score:.4f}")
    write(f"chosen on {found.on} ({found.examples:,} examples) and stored in {run}/threshold.json")


def _left_out(counted: Iterable[Counted]) -> bool:
    """Whether some values do not count: padding, and what a loss ignores."""
    return any(one.counted != one.every for one in counted)
