"""The `data` section as written: sources, split, and which columns feed which input and target."""

from __future__ import annotations

from collections.abc import Mapping as MappingType
from collections.abc import Sequence as SequenceType
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from modelspec.catalog.sources import SOURCES
from modelspec.core.diagnostics import Collector, Path, Span, listed, nearest
from modelspec.core.sections import known_keys, read_section
from modelspec.core.settings import Context, describe
from modelspec.core.source import Mapping, Node, locate, plain

from .augment_section import read_augmentation
from .data_expect import Expected, read_expectations
from .data_features import Feature, Pad, read_features, transform_of
from .data_sources import read_sources
from .data_split import SPLITS, Split
from .data_where import Where, read_where
from .data_window import Window, read_window
from .switched_off import without_switched_off
from .transform_layers import Chain

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
_KEYS = (
    *("source", *SPLITS, "where", "split", "window"),
    *("inputs", "targets", "augment", "weights", "expect", "cache"),
)


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
    expect: MappingType[str, Expected] = field(default_factory=dict)
    """By column: what must hold of its values."""
    cache: Cache = "auto"
    where: Where | None = None
    """Which rows of every source are examples; None: all."""
    window: Window | None = None
    """What makes examples of consecutive rows; without one, each row is an example."""
    window_in_error: bool = False
    """There is a `window`, but which one is not known."""


def read_data(
    node: Node,
    inputs: SequenceType[str],
    outputs: SequenceType[str],
    context: Context,
    report: Collector,
    of_model: Context | None = None,
) -> DataSection | None:
    """The `data` section of a model with these inputs and outputs; `of_model` says what follows
    from the model for layers that take what the model takes.
    """
    if not isinstance(node, Mapping):
        report.error("MS204", f"`data` must be a mapping, found {describe(plain(node))}", node.span)
        return None
    node = known_keys(_without_class_weight(node, report), _KEYS, "data", report)
    node = without_switched_off(
        node, ("split", "where", "window", "weights", "expect"), ("augment",)
    )
    sources, spans = read_sources(node, context, report)
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
    window, window_in_error = read_window(node, places, context, report)
    return DataSection(
        node.span,
        sources,
        spans,
        split,
        features["inputs"],
        features["targets"],
        places,
        split_in_error=split is None and "split" in node.entries,
        augment=read_augmentation(node, inputs, outputs, of_model or context, report),
        weights=_column(node, "weights", report),
        expect=read_expectations(node.entries.get("expect"), places, context, report),
        cache=_cache(node, report),
        where=read_where(node.entries.get("where"), report),
        window=window,
        window_in_error=window_in_error,
    )


def _split(node: Mapping, has_sources: bool, context: Context, report: Collector) -> Split | None:
    entry = node.entries.get("split")
    if entry is None:
        return None
    node_of_split = _without_train(entry.value, report)
    split = read_section(Split, node_of_split, entry.key_span, context, report)
    if "source" not in node.entries and has_sources:
        report.error(
            "MS208",
            "`split` cuts one `source`, but the parts are given one by one",
            entry.key_span,
            help="remove `split`, or give one `source`",
        )
    return split


def _without_train(node: Node, report: Collector) -> Node:
    """The split without a share for training, which needs none."""
    if not isinstance(node, Mapping) or "train" not in node.entries:
        return node
    report.error(
        "MS201",
        "`split` has no key `train`",
        node.entries["train"].key_span,
        help="leave it out: what `validation` and `test` leave is trained on",
    )
    return Mapping({key: one for key, one in node.entries.items() if key != "train"}, node.span)


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
        spans = {path: locate(entry.value, path) for path in Split.places}
        found.update({("split", *path): span for path, span in spans.items() if span})
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
