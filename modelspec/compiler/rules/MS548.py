"""A metric of one class out of several on units that are each a yes or no."""

from __future__ import annotations

from modelspec.core.diagnostics import Note
from modelspec.core.source import Scalar

from ..spec.data_section import transform_of
from .case import Case
from .measured_outputs import Measured


def check(case: Case) -> None:
    """Check every metric that compares the highest output with the highest target."""
    for one in case.measured:
        if not one.several_labels or not _takes_one_class(one) or _one_label(case, one.head.output):
            continue
        case.report.error(
            "MS548",
            f"`{one.metric.written}` compares the highest of {one.head.units} units, but each unit"
            f" of output `{one.head.output}` is a separate yes or no",
            one.metric.span,
            notes=[Note("the loss", one.loss.span)],
            help=_help(one),
            suggestion=(
                "binary_accuracy"
                if one.is_accuracy and isinstance(one.metric.node, Scalar) and not one.scores
                else None
            ),
        )


def _one_label(case: Case, output: str) -> bool:
    """Whether the data have exactly one label for each example: its class is then the highest unit
    of the target.
    """
    feature = (case.data.targets or {}).get(output) if case.data is not None else None
    chain = transform_of(feature) if feature is not None else None
    layers = chain.layers if chain is not None else ()
    return bool(layers) and getattr(layers[-1], "output_mode", None) == "one_hot"


def _takes_one_class(one: Measured) -> bool:
    if one.settings is None:
        return one.is_accuracy
    return one.settings.takes == "one_hot"


def _help(one: Measured) -> str:
    if hasattr(one.settings, "threshold"):
        return "set a `threshold` above which a unit is a yes"
    if one.loss_settings.of_margins:
        return (
            "use `BinaryAccuracy: {threshold: 0}`, or, for one class out of several, the loss"
            " `CategoricalHinge`"
        )
    return "use `binary_accuracy`, the share of right answers over all units"
