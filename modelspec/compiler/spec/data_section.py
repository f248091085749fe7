"""The `data` section as written: sources, split, and which columns feed which input and target."""

from __future__ import annotations

from collections.abc import Mapping as MappingType
from collections.abc import Sequence as SequenceType
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from modelspec.catalog.sources import SOURCES, read_source
from modelspec.core.diagnostics import Collector, Path, Span, listed, nearest
from modelspec.core.sections import (
    in_other_files,
    known_keys,
    read_as_meant,
    read_section,
    report_each,
)
from modelspec.core.settings import Context, Faults, describe
from modelspec.core.source import Entry, Mapping, Node, locate, plain

from .data_features import Feature, Pad, read_features, transform_of
from .data_split import SPLITS, Split
from .transform_layers import Chain, read_augment

if TYPE_CHECKING:
    from modelspec.catalog.sources.common.source import Source

__all__ = [
    "CACHES",
    "SOURCES",
    "SPLITS",
    "Chain",
    "DataSection",
    "Feature",
    "Pad",
    "Split",
    "read_data",
    "transform_of",
]

CACHES = ("auto", "memory", "disk", "off")
"""Where prepared data are kept: in memory where they are small and on disk else, or always in one
of them; `off` keeps nothing on disk beyond the run.
"""
Cache = Literal["auto", "memory", "disk", "off"]
_KEYS = ("source", *SPLITS, "split", "inputs", "targets", "augment", "weights", "cache")


@dataclass(frozen=True)
class DataSection:
    """The data of a spec."""

    span: Span
    sources: MappingType[str, Source]
    """By split; one source that is cut by `split` stands under `train`."""
    source_spans: MappingType[str, Span]
    split: Split | None
    inputs: MappingType[str, Feature] | None
    """By model input; None: one input, fed with everything that is no target."""
    targets: MappingType[str, Feature] | None
    """By model output."""
    spans: MappingType[Path, Span]
    """Places for faults that only the data shows: `("inputs", "image")` and, below a feature, each
    of its columns; `("missing", "inputs", "image")`, `("dtype", ...)`; `("split", "stratify")`;
    `("weights",)`.
    """
    split_in_error: bool = False
    """There is a `split`, but which parts it makes is not known."""
    augment: MappingType[str, Chain] = field(default_factory=dict)
    """By model input: layers that vary the training examples."""
    weights: str | None = None
    """The column of example weights."""
    cache: Cache = "auto"


def read_data(
    node: Node,
    inputs: SequenceType[str],
    outputs: SequenceType[str],
    context: Context,
    report: Collector,
) -> DataSection | None:
    """The `data` section of a model with these inputs and outputs."""
    if not isinstance(node, Mapping):
        report.error("MS204", f"`data` must be a mapping, found {describe(plain(node))}", node.span)
        return None
    node = known_keys(_without_class_weight(node, report), _KEYS, "data", report)
    sources, spans = _sources(node, context, report)
    split = _split(node, bool(sources), context, report)
    places = _places(node)
    features = {
        key: (
            read_features(node.entries[key].value, key, names, places, context, report)
            if key in node.entries
            else None
        )
        for key, names in (("inputs", inputs), ("targets", outputs))
    }
    _require_inputs(node, inputs, report)
    return DataSection(
        node.span,
        sources,
        spans,
        split,
        features["inputs"],
        features["targets"],
        places,
        split_in_error=split is None and "split" in node.entries,
        augment=_augment(node, inputs, context, report),
        weights=_column(node, "weights", report),
        cache=_cache(node, report),
    )


def _split(node: Mapping, has_sources: bool, context: Context, report: Collector) -> Split | None:
    entry = node.entries.get("split")
    if entry is None:
        return None
    split = read_section(Split, entry.value, entry.key_span, context, report)
    if "source" not in node.entries and has_sources:
        report.error(
            "MS208",
            "`split` cuts one `source`, but the parts are given one by one",
            entry.key_span,
            help="remove `split`, or give one `source`",
        )
    return split


def _require_inputs(node: Mapping, inputs: SequenceType[str], report: Collector) -> None:
    """A model with several inputs is told what feeds each."""
    if "inputs" in node.entries or len(inputs) < 2:
        return
    report.error(
        "MS502",
        f"the model has {len(inputs)} inputs, and `data` does not say what feeds them",
        _first_key(node, *SPLITS, "source") or node.span,
        help=f"add `inputs: {{{', '.join(f'{name}: ...' for name in inputs[:3])}}}`",
    )


def _without_class_weight(node: Mapping, report: Collector) -> Mapping:
    """The section without a key that belongs to `training`."""
    entry = node.entries.get("class_weight")
    if entry is None:
        return node
    report.error(
        "MS201",
        "`data` has no key `class_weight`",
        entry.key_span,
        help="it stands under `training`: `class_weight: balanced`",
    )
    return Mapping(
        {key: one for key, one in node.entries.items() if key != "class_weight"}, node.span
    )


def _first_key(node: Mapping, *keys: str) -> Span | None:
    """The first of some keys that stands in the mapping."""
    return next((node.entries[key].key_span for key in keys if key in node.entries), None)


def _places(node: Mapping) -> dict[Path, Span]:
    found: dict[Path, Span] = {}
    if entry := node.entries.get("split"):
        spans = {key: locate(entry.value, (key,)) for key in Split.columns}
        found.update({("split", key): span for key, span in spans.items() if span})
    if entry := node.entries.get("weights"):
        found[("weights",)] = entry.value.span
    return found


def _column(node: Mapping, key: str, report: Collector) -> str | None:
    entry = node.entries.get(key)
    if entry is None:
        return None
    value: Any = plain(entry.value)
    if isinstance(value, str):
        return value
    report.error(
        "MS204",
        f"`{key}` names the column of example weights, found {describe(value)}",
        entry.value.span,
        help=(
            "weights of classes stand under `training.class_weight`"
            if isinstance(value, dict)
            else None
        ),
    )
    return None


def _cache(node: Mapping, report: Collector) -> Cache:
    entry = node.entries.get("cache")
    if entry is None:
        return "auto"
    value: Any = plain(entry.value)
    if value in CACHES:
        found: Cache = value
        return found
    near = nearest(value, CACHES) if isinstance(value, str) else None
    report.error(
        "MS205",
        f"`cache` must be {listed(CACHES, 'or')}, found {describe(value)}",
        entry.value.span,
        suggestion=near,
        help=f"did you mean `{near}`?" if near else None,
    )
    return "auto"


# Sources ------------------------------------------------------------------------------------------


def _sources(
    node: Mapping, context: Context, report: Collector
) -> tuple[dict[str, Source], dict[str, Span]]:
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
    """The parts are one `source`, or `train` and others beside it."""
    if not given:
        report.error(
            "MS203",
            "`data` needs a `source`, or `train` with a source",
            node.span,
            help="e.g. `source: {csv: table.csv}`",
        )
    elif "source" in given and len(given) > 1:
        message = (
            f"`source` stands beside `{given[1]}`: give one source with a `split`, or the parts one"
            " by one"
        )
        span = node.entries[given[1]].key_span
        report.error("MS208", message, span, notes=in_other_files(node, "`source`", span))
    elif "source" not in given and "train" not in given:
        report.error("MS203", "`data` needs `train`, beside the parts it has", node.span)


def _source(node: Node, context: Context, report: Collector) -> Source | None:
    """The settings of a source, or those most likely meant; its faults are reported."""
    try:
        return read_source(plain(node), context)
    except Faults as error:
        report_each(error, node, node.span, report)
        found = read_as_meant(
            lambda meant: read_source(meant, context), node, node.span, error, report
        )
    return found[1] if found else None


def _without_augment(node: Node, key: str, report: Collector) -> Node:
    """The source alone where layers stand beside it."""
    if not isinstance(node, Mapping) or "augment" not in node.entries or len(node.entries) < 2:
        return node
    if key not in ("source", "train"):
        report.error(
            "MS633",
            f"examples are varied in training only, so `{key}` has no `augment`",
            node.entries["augment"].key_span,
            help="put it on `train`, or leave it out",
        )
    return Mapping(
        {name: one for name, one in node.entries.items() if name != "augment"}, node.span
    )


# Augmentation -------------------------------------------------------------------------------------


def _augment(
    node: Mapping, inputs: SequenceType[str], context: Context, report: Collector
) -> dict[str, Chain]:
    """By input: from `data.augment`, or from `augment` beside a source."""
    entry = _augment_entry(node, report)
    if entry is None:
        return {}
    if isinstance(entry.value, Mapping):
        return _augment_by_input(entry.value, inputs, context, report)
    if len(inputs) > 1:
        report.error(
            "MS501",
            f"the model has {len(inputs)} inputs ({listed(list(inputs))}), so `augment` must"
            " say which it varies",
            entry.value.span,
            help=f"write `augment: {{{inputs[0]}: [...]}}`",
        )
        return {}
    chain = read_augment(entry.value, context, report)
    return {inputs[0]: chain} if chain and inputs else {}


def _augment_entry(node: Mapping, report: Collector) -> Entry | None:
    """`augment` under `data`, or beside a source; written in two places, it is an error."""
    entry = node.entries.get("augment")
    for key in ("source", "train"):
        source = node.entries.get(key)
        if source is None or not isinstance(source.value, Mapping) or len(source.value.entries) < 2:
            continue
        beside = source.value.entries.get("augment")
        if beside is not None and entry is not None:
            report.error(
                "MS208",
                f"`augment` stands on `{key}` and under `data`",
                beside.key_span,
                help="write it once",
            )
        entry = entry or beside
    return entry


def _augment_by_input(
    node: Mapping, inputs: SequenceType[str], context: Context, report: Collector
) -> dict[str, Chain]:
    found: dict[str, Chain] = {}
    known = frozenset(inputs)
    for name, entry in node.entries.items():
        if known and name not in known:
            near = nearest(name, inputs)
            report.error(
                "MS501",
                f"`augment` names `{name}`, which is no input of the model",
                entry.key_span,
                suggestion=near,
                help=f"did you mean `{near}`?" if near else f"it has {listed(inputs)}",
            )
        elif chain := read_augment(entry.value, context, report):
            found[name] = chain
    return found
