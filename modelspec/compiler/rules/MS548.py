"""`accuracy` of several units that each say yes or no."""

from __future__ import annotations

from modelspec.core.diagnostics import Note
from modelspec.core.source import Scalar

from .case import Case
from .measured_outputs import ACCURACY


def check(case: Case) -> None:
    """Keras reads several units as one choice: it compares the highest output and target."""
    for one in case.measured:
        several = one.several_units and one.loss_settings.targets == "binary"
        if not several or one.metric.settings not in ACCURACY or one.head.activation == "softmax":
            continue
        case.report.error(
            "MS548",
            f"`{one.metric.written}` compares the highest of {one.head.units} units, but each unit"
            f" of output `{one.head.output}` is a yes or no of its own",
            one.metric.span,
            notes=[Note("the loss", one.loss.span)],
            help="use `binary_accuracy`, the share of right answers over all units",
            suggestion="binary_accuracy" if isinstance(one.metric.node, Scalar) else None,
        )
