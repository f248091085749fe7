"""Columns that a source of a plugin does not have, and a source that cannot name its columns."""

from __future__ import annotations

from collections.abc import Iterator

from modelspec.catalog.sources.common.source import Source
from modelspec.core.diagnostics import Fault, Span, did_you_mean, listed, nearest

from ..spec.data_balance import Balance
from ..spec.data_section import DataSection, Split
from ..spec.data_window import Window
from .case import Case
from .data_chains import features

_SHOWN = 12
"""The most columns that a message lists."""


def check(case: Case) -> None:
    """Check every column that `data` names in every source of a plugin."""
    if case.data is None:
        return
    for part, source in case.data.sources.items():
        span = case.data.source_spans.get(part)
        try:
            known = source.column_types
        except Fault as fault:
            case.report.add(fault.at(span))
        else:
            if known is not None:
                _check_names(case, case.data, source, tuple(known))


def _check_names(case: Case, data: DataSection, source: Source, known: tuple[str, ...]) -> None:
    for name, span in dict(_named(data)).items():
        if name in known:
            continue
        near = nearest(name, known)
        more = f" and {len(known) - _SHOWN} more" if len(known) > _SHOWN else ""
        shown = f"it has {listed(known[:_SHOWN], ',' if more else 'and')}{more}"
        case.report.error(
            "MS880",
            f"`{source.kind()}` has no column `{name}`",
            span or data.span,
            suggestion=near,
            help=did_you_mean(near, shown),
        )


def _named(data: DataSection) -> Iterator[tuple[str, Span | None]]:
    """Every column that features, the split, the window and `weights` name, the last place of each
    first.
    """
    found: list[tuple[str, Span | None]] = []
    for path, feature in features(data):
        place = data.spans.get(path)
        found += ((name, data.spans.get((*path, name), place)) for name in feature.names)
    for key, section in _sections(data).items():
        for setting in section.columns if section is not None else ():
            name = getattr(section, setting)
            if name is not None:
                found.append((name, data.spans.get((key, setting))))
    if data.weights is not None:
        found.append((data.weights, data.spans.get(("weights",))))
    yield from reversed(found)


def _sections(data: DataSection) -> dict[str, Split | Window | Balance | None]:
    """The sections that name columns, by their key."""
    return {"split": data.split, "window": data.window, "balance": data.balance}
