"""Prints a quantized evaluation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .output import write

if TYPE_CHECKING:
    from modelspec.runtime.exporters.evaluate_quantized import QuantizedEvaluation


def write_quantized(found: QuantizedEvaluation, form: str) -> None:
    """The metrics of both models, side by side, and the sizes of their weights."""
    if form == "json":
        _write_json(found)
        return
    from modelspec.runtime.history.tables import metrics_table

    plain = found.plain
    title = f"{plain.on} ({plain.examples:,} examples)"
    write(metrics_table({title: plain.metrics, found.mode: found.quantized.metrics}))
    write(found.sizes)


def _write_json(found: QuantizedEvaluation) -> None:
    import json

    from modelspec.runtime.history.formatting import for_json

    printed = {
        "on": found.plain.on,
        "examples": found.plain.examples,
        "metrics": found.plain.metrics,
        "quantized": {
            "mode": found.mode,
            "metrics": found.quantized.metrics,
            "layers": found.layers,
            "left": found.left,
            "size": found.after,
            "size_before": found.before,
        },
    }
    write(json.dumps(for_json(printed), indent=2))
