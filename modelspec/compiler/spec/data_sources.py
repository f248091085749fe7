"""The sources of a `data` section as written."""

from __future__ import annotations

from collections.abc import Sequence as SequenceType
from typing import TYPE_CHECKING

from modelspec.catalog.sources import read_source
from modelspec.core.diagnostics import Collector, Span
from modelspec.core.sections import in_other_files, read_as_meant, report_each
from modelspec.core.settings import Context, Faults
from modelspec.core.source import Mapping, Node, plain

from .data_split import SPLITS

if TYPE_CHECKING:
    from modelspec.catalog.sources.common.source import Source


def read_sources(
    node: Mapping, context: Context, report: Collector
) -> tuple[dict[str, Source], dict[str, Span]]:
    """The valid sources of a `data` section by part, and their places. A single `source` is under
    `train`.
    """
    given = [key for key in ("source", *SPLITS) if key in node.entries]
    _check_parts(node, given, report)
    found: dict[str, Source] = {}
    spans: dict[str, Span] = {}
    for key in given:
        part = "train" if key == "source" else key
        value = node.entries[key].value
        spans[part] = value.span
        source = _source(_without_augment(value, key, report), context, report)
        if source is not None:
            found[part] = source
    return found, spans


def _check_parts(node: Mapping, given: SequenceType[str], report: Collector) -> None:
    """The parts are a single `source`, or `train` and optional others."""
    if not given:
        report.error(
            "MS203",
            "`data` requires a `source`, or `train` with a source",
            node.span,
            help="e.g. `source: {csv: table.csv}`",
        )
    elif "source" in given and len(given) > 1:
        message = (
            f"`source` is given beside `{given[1]}`: give one source with a `split`, or each part"
            " separately"
        )
        span = node.entries[given[1]].key_span
        report.error("MS208", message, span, notes=in_other_files(node, "`source`", span))
    elif "source" not in given and "train" not in given:
        report.error("MS203", "`data` has other parts but no `train`", node.span)


def _source(node: Node, context: Context, report: Collector) -> Source | None:
    """The settings of a source, or those most likely meant; errors are reported."""
    try:
        return read_source(plain(node), context)
    except Faults as error:
        report_each(error, node, node.span, report)
        found = read_as_meant(
            lambda meant: read_source(meant, context), node, node.span, error, report
        )
    return found[1] if found else None


def _without_augment(node: Node, key: str, report: Collector) -> Node:
    """The source without the layers that are written beside it."""
    if not isinstance(node, Mapping) or "augment" not in node.entries or len(node.entries) < 2:
        return node
    if key not in ("source", "train"):
        report.error(
            "MS633",
            f"`{key}` must not have `augment`: examples are varied in training only",
            node.entries["augment"].key_span,
            help="move it to `train`, or remove it",
        )
    return Mapping(
        {name: one for name, one in node.entries.items() if name != "augment"}, node.span
    )
