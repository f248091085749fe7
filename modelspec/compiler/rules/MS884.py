"""Sources and transforms of plugins that print."""

from __future__ import annotations

from modelspec.core.plugins.declared import Declared

from ..spec.data_section import transform_of
from .case import Case
from .data_chains import features


def check(case: Case) -> None:
    """Report what plugins have printed while the spec was checked."""
    if case.data is None:
        return
    spans = case.data.source_spans
    found = [(source, spans.get(part)) for part, source in case.data.sources.items()]
    every = [one for one in found if isinstance(one[0], Declared)]
    chains = [transform_of(feature) for _, feature in features(case.data)]
    uses = [use for chain in chains if chain is not None for use in chain.uses]
    layers = [(use.layer, use.kind_span) for use in uses if isinstance(use.layer, Declared)]
    if every or layers:
        from modelspec.core.plugins.working import printed_by

        for settings, span in (*every, *layers):
            for one in printed_by(settings):
                case.report.warning("MS884", one.message, span, help=one.help)
