"""The `data` section as written: sources, split, and which columns feed which input and target."""

from __future__ import annotations

from collections.abc import Mapping as MappingType
from collections.abc import Sequence as SequenceType
from dataclasses import field
from typing import TYPE_CHECKING, Any, Literal

from modelspec.catalog.sources import SOURCES
from modelspec.core.diagnostics import Collector, Path, Span, listed, nearest
from modelspec.core.records import dataclass
from modelspec.core.sections import known_keys, read_section
from modelspec.core.settings import Context, describe
from modelspec.core.source import Mapping, Node, locate, plain

from .augment_section import read_augmentation
from .data_balance import Balance, read_balance
from .data_expect import Expected, read_expectations
from .data_features import Feature, Pad, read_features, transform_of
from .data_slices import Slice, read_slices
from .data_sources import read_sources
from .data_split import SPLITS, Split
from .data_where import Where, read_where
from .data_window import Window, read_window
from .known_columns import Chooser, columns_of_source, is_open
from .known_columns import Columns as SourceColumns
from .shared_vocabularies import share_vocabularies
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
"""Where prepared data are cached: `auto` uses memory for small data and disk otherwise, the other
values force one of them; `off` keeps nothing on disk after the run.
"""
Cache = Literal["auto", "memory", "disk", "off"]
_KEYS = (
    *("source", *SPLITS, "where", "split", "window"),
    *("inputs", "targets", "augment", "balance", "weights", "expect", "slices", "cache"),
)


@dataclass(frozen=True)
class DataSection:
    """The data of a spec."""

    span: Span
    sources: MappingType[str, Source]
    """By split; a single source that `split` divides is under `train`."""
    source_spans: MappingType[str, Span]
    split: Split | None
    inputs: MappingType[str, Feature] | None
    """By model input; None: one input, fed from every column that is not a target."""
    targets: MappingType[str, Feature] | None
    """By model output."""
    spans: MappingType[Path, Span]
    """Places for errors that depend on the data: `("inputs", "image")` and, below a feature, each
    of its columns; `("missing", "inputs", "image")`, `("dtype", ...)`; `("split", "stratify")`;
    `("weights",)`.
    """
    split_in_error: bool = False
    """Whether `split` is given but could not be read."""
    augment: MappingType[str, Chain] = field(default_factory=dict)
    """By model input: layers that vary the training examples."""
    balance: Balance | None = None
    """The classes of which each epoch draws the same number of training examples."""
    weights: str | None = None
    """The column of example weights."""
    expect: MappingType[str, Expected] = field(default_factory=dict)
    """By column: conditions on its values."""
    slices: tuple[Slice, ...] = ()
    """The columns by whose values metrics on the validation and test parts are broken down."""
    cache: Cache = "auto"
    where: Where | None = None
    """Which rows of the sources are examples; None: all."""
    window: Window | None = None
    """How examples are made of consecutive rows; without a window, each row is an example."""
    window_in_error: bool = False
    """Whether `window` is given but could not be read."""
    columns: SourceColumns | None = None
    """The columns of the training source, if a feature selects columns by patterns."""
    shared_vocabularies: MappingType[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    """The features with a common vocabulary: for each the one whose settings determine it."""

    def are_views(self, one: str, other: str) -> bool:
        """Whether two inputs have the same column, so that each is a view of it."""
        first, second = ((self.inputs or {}).get(name) for name in (one, other))
        if first is None or second is None:
            return False
        return first.column is not None and first.column == second.column


_SWITCHED_OFF = (_KEYS, ("augment", "slices"))
"""Keys that `null` disables, and those that an empty list disables too."""


def read_data(
    node: Node,
    inputs: SequenceType[str],
    outputs: SequenceType[str],
    context: Context,
    report: Collector,
    of_model: Context | None = None,
    also: SequenceType[str] = (),
) -> DataSection | None:
    """The `data` section of a model with these inputs and outputs; `of_model` is the context for
    layers that take the inputs of the model. `also` are targets that only an objective reads.
    """
    if not isinstance(node, Mapping):
        report.error("MS204", f"`data` must be a mapping, found {describe(plain(node))}", node.span)
        return None
    node = known_keys(_without_class_weight(node, report), _KEYS, "data", report)
    node = without_switched_off(node, *_SWITCHED_OFF)
    sources, spans = read_sources(node, context, report)
    split = _split(node, bool(sources), context, report)
    places = _places(node)
    named = {"inputs": inputs, "targets": _targets(node, outputs, also)}
    features = _features(node, named, places, context, report)
    _require_inputs(node, inputs, report)
    window, window_in_error = read_window(node, places, context, report)
    columns = _chosen(features, sources, places, context, report)
    return DataSection(
        node.span,
        sources,
        spans,
        split,
        features.get("inputs"),
        features.get("targets"),
        places,
        split_in_error=split is None and "split" in node.entries,
        augment=read_augmentation(node, inputs, outputs, of_model or context, report),
        balance=read_balance(node, places, context, report),
        weights=_column(node, "weights", report),
        expect=read_expectations(node.entries.get("expect"), places, context, report),
        slices=read_slices(node.entries.get("slices"), places, context, report),
        cache=_cache(node, report),
        where=read_where(node.entries.get("where"), report),
        window=window,
        window_in_error=window_in_error,
        columns=columns,
        shared_vocabularies=share_vocabularies(features, report),
    )


def _features(
    node: Mapping,
    named: MappingType[str, SequenceType[str]],
    places: dict[Path, Span],
    context: Context,
    report: Collector,
) -> dict[str, dict[str, Feature] | None]:
    """The features of `inputs` and `targets`, as far as they are written."""
    return {
        key: read_features(node.entries[key].value, key, names, places, context, report)
        for key, names in named.items()
        if key in node.entries
    }


def _chosen(
    features: dict[str, dict[str, Feature] | None],
    sources: MappingType[str, Source],
    places: dict[Path, Span],
    context: Context,
    report: Collector,
) -> SourceColumns | None:
    """Replace the selections of columns in features by their columns, where those of the source are
    known; None if no feature selects columns.
    """
    every = [one for found in features.values() for one in (found or {}).values()]
    if "train" not in sources or not any(map(is_open, every)):
        return None
    columns = columns_of_source(sources["train"], context)
    if columns.names is None:
        return columns
    chooser = Chooser(columns, places, report)
    for key, found in features.items():
        if found is not None:
            features[key] = chooser.chosen(found, key)
    return columns


def _targets(
    node: Mapping, outputs: SequenceType[str], also: SequenceType[str]
) -> SequenceType[str]:
    """The names that `targets` may contain: the outputs, and those of `also` that it contains."""
    entry = node.entries.get("targets")
    if not outputs or entry is None or not isinstance(entry.value, Mapping):
        return outputs
    extra = [name for name in also if name in entry.value.entries and name not in outputs]
    return (*outputs, *extra)


def _split(node: Mapping, has_sources: bool, context: Context, report: Collector) -> Split | None:
    entry = node.entries.get("split")
    if entry is None:
        return None
    node_of_split = _without_train(entry.value, report)
    split = read_section(Split, node_of_split, entry.key_span, context, report)
    if "source" not in node.entries and has_sources:
        report.error(
            "MS208",
            "`split` divides a single `source`, but the parts are given separately",
            entry.key_span,
            help="remove `split`, or give one `source`",
        )
    return split


def _without_train(node: Node, report: Collector) -> Node:
    """The split without a share for training, which is not a key."""
    if not isinstance(node, Mapping) or "train" not in node.entries:
        return node
    report.error(
        "MS201",
        "`split` has no key `train`",
        node.entries["train"].key_span,
        help="remove it: training uses what `validation` and `test` leave",
    )
    return Mapping({key: one for key, one in node.entries.items() if key != "train"}, node.span)


def _require_inputs(node: Mapping, inputs: SequenceType[str], report: Collector) -> None:
    """A model with several inputs requires a feature for each."""
    if "inputs" in node.entries or len(inputs) < 2:
        return
    report.error(
        "MS502",
        f"the model has {len(inputs)} inputs, but `data` has no `inputs` to feed them",
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
        help="move it to `training`: `class_weight: balanced`",
    )
    return Mapping(
        {key: one for key, one in node.entries.items() if key != "class_weight"}, node.span
    )


def _first_key(node: Mapping, *keys: str) -> Span | None:
    """The first of some keys that the mapping contains."""
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
        f"`{key}` must be the column of example weights, found {describe(value)}",
        entry.value.span,
        help=(
            "set weights of classes with `training.class_weight`"
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
