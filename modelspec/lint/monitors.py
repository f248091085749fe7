"""What callbacks watch: only what the run logs (`MS520`, `MS521`)."""

from __future__ import annotations

from collections.abc import Iterator

from ..components import log_name
from ..components.metric import Metric
from ..diagnostics import listed, nearest
from ..infer import TypedGraph
from ..source import locate
from ..spec.data import DataSection
from ..spec.report import Report
from ..spec.training import Training


def check_monitors(typed: TypedGraph, training: Training, data: DataSection | None, report: Report) -> None:
    """Every `monitor` is a quantity that training logs; `val_...` only where there is validation data."""
    produced = list(dict.fromkeys(_logged(typed, training)))
    validated = data is None or _has_validation(data)
    for callback in training.callbacks:
        monitor = getattr(callback.settings, "monitor", None)
        if not isinstance(monitor, str):
            continue
        place = locate(callback.node, (callback.written, "monitor"))
        written = place is not None and place != callback.node.span
        span = place if place is not None and written else callback.span
        bare = monitor.removeprefix("val_")
        if bare not in produced and monitor not in produced:
            known = [*produced, *(f"val_{name}" for name in produced)] if validated else produced
            near = nearest(monitor, known)
            report.error("MS520", f"`{callback.written}` watches `{monitor}`, which nothing produces", span,
                         suggestion=near, help=f"did you mean `{near}`?" if near else f"training logs {listed(known)}")
        elif bare != monitor and not validated:
            report.error("MS521", f"`{callback.written}` watches `{monitor}`, but there is no validation data", span,
                         suggestion=bare if written else None,
                         help=f"add `validation: 0.1` to `data.split`, or watch `{bare}`")


def _has_validation(data: DataSection) -> bool:
    if "validation" in data.sources or "validation" in data.source_spans:
        return True
    return data.split is not None and data.split.validation > 0


def _logged(typed: TypedGraph, training: Training) -> Iterator[str]:
    """The names under which Keras logs a run, without `val_`."""
    yield "loss"
    several = len(typed.outputs) > 1
    if several:
        yield from (f"{output}_loss" for output in training.losses)
    for by_output in (training.metrics, training.weighted_metrics):
        for output, metrics in by_output.items():
            for metric in metrics:
                assert isinstance(metric.settings, (Metric, str))
                name = log_name(metric.settings)
                yield f"{output}_{name}" if several else name

