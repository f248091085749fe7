"""Pairs that cannot work: training choices and data against the graph (`MS5xx`), before anything is loaded."""

from __future__ import annotations

from ..diagnostics import Diagnostic
from ..infer import TypedGraph
from ..spec.data import DataSection
from ..spec.report import Report
from ..spec.training import Training
from .heads import heads
from .losses import check_losses
from .monitors import check_monitors


def lint(
    typed: TypedGraph | None, training: Training | None, data: DataSection | None
) -> tuple[Diagnostic, ...]:
    """What does not go together. Silent about whatever is in error itself."""
    if typed is None or training is None:
        return ()
    report = Report()
    found = heads(typed)
    check_losses(found, training, data, report)
    check_monitors(training, data, report)
    return report.diagnostics
