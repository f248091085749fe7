"""What callbacks watch: only what the run logs, and only what has a better end (`MS520` to
`MS522`).
"""

from __future__ import annotations

from collections.abc import Iterator

from modelspec.catalog.components import log_name
from modelspec.catalog.components.metric import Direction, Metric
from modelspec.core.collector import Collector
from modelspec.core.diagnostics import listed, nearest
from modelspec.core.source import locate

from ..spec.data_section import DataSection
from ..spec.training_section import Chosen, Training


def check_monitors(training: Training, data: DataSection | None, report: Collector) -> None:
    """Every `monitor` is a quantity that training logs; `val_...` only where there is validation
    data.
    """
    produced = logged(training)
    validated = data is None or data.split_in_error or _has_validation(data)
    for callback in training.callbacks:
        monitor = getattr(callback.settings, "monitor", None)
        if not isinstance(monitor, str):
            continue
        if (
            not training.metrics_in_error or monitor.removeprefix("val_") in produced
        ):  # else: it may be one of those
            _check_monitor(callback, monitor, produced, validated, report)


def _check_monitor(
    callback: Chosen,
    monitor: str,
    produced: dict[str, Direction],
    validated: bool,
    report: Collector,
) -> None:
    place = locate(callback.node, (callback.written, "monitor"))
    span = place or callback.span
    bare = monitor.removeprefix("val_")
    if bare not in produced:
        known = [*produced, *(f"val_{name}" for name in produced)] if validated else list(produced)
        near = nearest(monitor, known)
        report.error(
            "MS520",
            f"`{callback.written}` watches `{monitor}`, which nothing produces",
            span,
            suggestion=near,
            help=f"did you mean `{near}`?" if near else f"training logs {listed(known)}",
        )
    elif bare != monitor and not validated:
        report.error(
            "MS521",
            f"`{callback.written}` watches `{monitor}`, but there is no validation data",
            span,
            suggestion=bare if place else None,
            help=f"add `validation: 0.1` to `data.split`, or watch `{bare}`",
        )
    elif getattr(callback.settings, "mode", None) == "auto" and produced[bare] is None:
        report.error(
            "MS522",
            f"`{callback.written}` cannot tell whether more or less of `{monitor}` is better",
            span,
            help="add `mode: max` or `mode: min`",
        )


def _has_validation(data: DataSection) -> bool:
    return "validation" in data.source_spans or (
        data.split is not None and data.split.validation > 0
    )


def logged(training: Training) -> dict[str, Direction]:
    """The names under which Keras logs a run, without `val_`, and which way is better."""
    return dict(_logged(training))


def _logged(training: Training) -> Iterator[tuple[str, Direction]]:
    several = len(training.outputs) > 1
    yield "loss", "down"
    if several:
        yield from ((f"{output}_loss", "down") for output in training.losses)
    for by_output in (training.metrics, training.weighted_metrics):
        for output, metrics in by_output.items():
            for metric in metrics:
                assert isinstance(metric.settings, (Metric, str))
                name = log_name(metric.settings)
                # A name that follows the output's shape (`accuracy`) is always of the kind that
                # should grow.
                direction = (
                    metric.settings.direction if isinstance(metric.settings, Metric) else "up"
                )
                yield f"{output}_{name}" if several else name, direction
