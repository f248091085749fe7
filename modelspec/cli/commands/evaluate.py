"""`modelspec evaluate RUN`: the metrics of a run."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import click

from ..examples import examples
from ..expectations import write_expectations
from ..failures import failures
from ..options import LateChoice, data_root_option, plugin_option
from ..output import report, write
from ..quantized import write_quantized
from ..run_argument import run_argument
from ..worker_options import Shared, leads, sharing_options

if TYPE_CHECKING:
    from modelspec.runtime.run.evaluate import Evaluation
    from modelspec.runtime.run.step import Counted

ORDER = 80


def _modes() -> Iterable[str]:
    from modelspec.runtime.exporters.formats import formats

    return formats()["keras"].quantizations


class _Evaluate(Shared):
    alone: ClassVar[Mapping[str, str]] = {"metric": "--choose-threshold", "mode": "--quantize"}


@click.command(
    cls=_Evaluate,
    epilog=examples(
        "modelspec evaluate last",
        "modelspec evaluate runs/churn/3 --split validation",
        "modelspec evaluate last --data fresh.csv --format json",
        "modelspec evaluate last --choose-threshold f1",
        "modelspec evaluate last --quantize int8",
        "modelspec evaluate last --workers 4",
    ),
)
@run_argument
@data_root_option
@plugin_option
@click.option(
    "--data",
    "source",
    metavar="SOURCE",
    help="The data to evaluate on: a path, or `kind=path`; by default the test split of the run.",
)
@click.option(
    "--split",
    type=click.Choice(["train", "validation", "test"]),
    help="The part of the data of the run; by default `test`, or `validation` without a test part.",
)
@click.option(
    "--choose-threshold",
    "metric",
    type=click.Choice(["f1", "accuracy", "balanced_accuracy", "youden"]),
    help=(
        "Choose the threshold (of two labels, or of each of several labels) that maximizes this"
        " metric on the validation part (or `--split`), and store it in the run: `predict` uses"
        " it."
    ),
)
@click.option(
    "--quantize",
    "mode",
    type=LateChoice(_modes),
    help="Also measure the model with its weights in fewer bits, as Keras quantizes it.",
)
@sharing_options
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="The output format.",
)
def command(
    run: Path,
    source: str | None,
    split: str | None,
    metric: str | None,
    mode: str | None,
    form: str,
) -> None:
    """Compute the metrics of a run.

    Computes the loss and metrics of the model in the run folder RUN (or `last`) on its test split
    or on SOURCE. If the transform of a target changes its unit, the metrics are also given in the
    unit of the column, as `original_mae`. The slices of `data.slices` follow in a table, the worst
    one first.
    """
    if source is not None and (split is not None or metric is not None):
        other = "--split" if split is not None else "--choose-threshold"
        raise click.UsageError(f"`--data` cannot be combined with `{other}`")
    if mode is not None and metric is not None:
        raise click.UsageError("`--quantize` cannot be combined with `--choose-threshold`")
    with failures():
        chief = leads()
    if (mode is not None or metric is not None) and not chief:
        return  # the chief does it alone
    if mode is not None:
        _quantized(run, mode, source, split, form)
        return
    if metric is not None:
        _choose(run, metric, split or "validation", form)
        return
    with failures():
        from modelspec.runtime.distributed.together import together
        from modelspec.runtime.run import evaluate
        from modelspec.runtime.run.decided import decided_of_part

        with together(run, {"data": source, "split": split}):
            found = evaluate(run, source, split=split)
        expect = decided_of_part(run, found) if source is None else {}
    if not chief:
        return
    if found.warnings:
        report(found.warnings, sys.stderr)
    if form == "json":
        _write_json(found, expect)
    else:
        _write_text(found, expect)


def _write_json(found: Evaluation, expect: Mapping[str, Mapping[str, Any]]) -> None:
    import json

    from modelspec.runtime.history.formatting import for_json
    from modelspec.runtime.history.slices import slices_json

    printed = {
        "on": found.on,
        "examples": found.examples,
        "metrics": found.metrics,
        "counted": {output: one._asdict() for output, one in found.counted.items()},
        "positive": dict(found.positive),
        "slices": slices_json(found.slices, found.metrics),
        "expect": expect,
    }
    write(json.dumps(for_json(printed), indent=2))


def _write_text(found: Evaluation, expect: Mapping[str, Mapping[str, Any]]) -> None:
    from modelspec.runtime.history.slices import slices_table
    from modelspec.runtime.history.tables import counted_rows, metrics_table
    from modelspec.runtime.run.positive_labels import label_lines

    counted = {output: one._asdict() for output, one in found.counted.items()}
    rows = counted_rows([counted]) if _left_out(found.counted.values()) else []
    write(metrics_table({f"{found.on} ({found.examples:,} examples)": found.metrics}, rows))
    for line in label_lines(found.positive):
        write(line)
    if found.slices:
        write(f"\n{slices_table(found.on, found.slices, found.metrics, found.ranked_by)}")
    write_expectations(expect, quiet=False)


def _quantized(run: Path, mode: str, source: str | None, split: str | None, form: str) -> None:
    """Measure the model and its quantized copy, and print both."""
    with failures():
        from modelspec.runtime.exporters.evaluate_quantized import evaluate_quantized

        found = evaluate_quantized(run, mode, source, split=split)
    if found.plain.warnings:
        report(found.plain.warnings, sys.stderr)
    write_quantized(found, form)


def _choose(run: Path, metric: str, split: str, form: str) -> None:
    """Choose thresholds, and print them."""
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
    """Whether some values do not count: padding, and values that a loss ignores."""
    return any(one.counted != one.every for one in counted)
