"""Pairs that cannot work: training choices and data against the graph (`MS5xx`), before anything is
loaded.
"""

from __future__ import annotations

from modelspec.core.collector import Collector
from modelspec.core.diagnostics import Diagnostic

from ..infer import TypedGraph
from ..spec.data_section import DataSection
from ..spec.spec_file import SpecFile
from ..spec.training_section import Training
from .choices import check_choices, check_compiler, check_leak
from .features import check_features
from .frozen import check_frozen
from .heads import heads
from .layers import check_last_layers, check_layers
from .learned import check_learned
from .losses import check_losses
from .masks import check_masks
from .metrics import check_metrics
from .monitors import check_monitors


def lint(
    typed: TypedGraph | None,
    training: Training | None,
    data: DataSection | None,
    file: SpecFile | None = None,
) -> tuple[Diagnostic, ...]:
    """What does not go together. Silent about whatever is in error itself."""
    report = Collector()
    if typed is not None:
        check_layers(typed, report)
        check_masks(typed, report)
    if data is not None:
        check_leak(data, report)
        check_features(typed, training, data, report)
    if typed is not None and training is not None:
        found = heads(typed)
        check_losses(found, training, data, report)
        check_metrics(found, training, report)
        check_last_layers(typed, found, training, report)
        check_monitors(training, data, report)
        check_choices(training, report)
        check_frozen(typed, training, report)
        check_learned(typed, training, report)
    if training is not None and file is not None:
        check_compiler(file, report)
    return report.diagnostics
