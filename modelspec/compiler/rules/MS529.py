"""Two metrics of one output with the same name."""

from __future__ import annotations

from collections.abc import Iterator

from modelspec.catalog.components import log_name
from modelspec.catalog.components.metric import Metric
from modelspec.core.diagnostics import Note

from ..spec.training_section import Chosen
from .case import Case


def check(case: Case) -> None:
    """Metrics of one output must be logged under different names."""
    if case.fitting is None:
        return
    plain, weighted = case.fitting.metrics, case.fitting.weighted_metrics
    for output in {**plain, **weighted}:
        names = _names(plain.get(output, ()), weighted=False)
        names_of_weighted = _names(weighted.get(output, ()), weighted=True)
        _check(case, (*names, *names_of_weighted))


def _check(case: Case, metrics: tuple[tuple[str, Chosen], ...]) -> None:
    firsts: dict[str, Chosen] = {}
    for name, chosen in metrics:
        first = firsts.setdefault(name, chosen)
        if first is not chosen:
            case.report.error(
                "MS529",
                f"two metrics are logged as `{name}`",
                chosen.span,
                notes=[Note("the first", first.span)],
                help="give one of them a `name`, or remove it",
            )


def _names(metrics: tuple[Chosen, ...], *, weighted: bool) -> Iterator[tuple[str, Chosen]]:
    for chosen in metrics:
        assert isinstance(chosen.settings, (Metric, str))
        yield log_name(chosen.settings, weighted=weighted), chosen
