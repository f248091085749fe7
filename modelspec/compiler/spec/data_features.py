"""`data.inputs` and `data.targets` as written: which columns feed which input or target, and how
they are prepared.
"""

from __future__ import annotations

from collections.abc import Sequence as SequenceType
from typing import Any

from modelspec.core.diagnostics import (
    Collector,
    Path,
    Span,
    did_you_mean,
    listed,
    nearest,
    nearest_unused,
)
from modelspec.core.sections import read_section
from modelspec.core.settings import Context, Unfit
from modelspec.core.source import Mapping, Node, Scalar, Sequence, plain

from .column_names import ALL_BUT, columns_of, is_pattern, literal
from .feature import MEASURED, POLICIES, Feature, Pad, transform_of
from .number_format import NumberFormat
from .text_marks import check_marks
from .transform_layers import read_transform

__all__ = ["MEASURED", "POLICIES", "Feature", "Pad", "read_features", "transform_of"]

_NOUNS = {"inputs": "input", "targets": "output"}
_READ_APART = ("transform", "pad", "number", "augment")


def read_features(
    node: Node,
    key: str,
    names: SequenceType[str],
    places: dict[Path, Span],
    context: Context,
    report: Collector,
) -> dict[str, Feature] | None:
    """Features by model input (or output); a feature written directly belongs to the only one."""
    if isinstance(node, Mapping) and not _is_feature(node, names):
        return _by_name(node, key, names, places, context, report)
    if len(names) > 1:
        report.error(
            "MS501",
            f"the model has {len(names)} {_NOUNS[key]}s ({listed(list(names))}), "
            f"so `data.{key}` must name the {_NOUNS[key]} of each feature",
            node.span,
            help=f"write `{key}: {{{names[0]}: ...}}`",
        )
        return None
    feature = _feature(node, node.span, context, report)
    name = names[0] if names else ""
    _note_places(places, (key, name), node)
    return {name: feature} if feature and names else None


def _by_name(
    node: Mapping,
    key: str,
    names: SequenceType[str],
    places: dict[Path, Span],
    context: Context,
    report: Collector,
) -> dict[str, Feature]:
    found: dict[str, Feature] = {}
    known = frozenset(names)
    for name, entry in node.entries.items():
        if known and name not in known:
            near = nearest_unused(name, names, node.entries)
            report.error(
                "MS501",
                f"the model has no {_NOUNS[key]} `{name}`",
                entry.key_span,
                suggestion=near,
                help=did_you_mean(near, f"the {_NOUNS[key]}s are {listed(names)}"),
            )
            continue
        _note_places(places, (key, name), entry.value)
        if feature := _feature(entry.value, entry.key_span, context, report):
            found[name] = feature
    _absent(node, key, names, report)
    return found


def _note_places(places: dict[Path, Span], path: Path, node: Node) -> None:
    """Where a feature, each of its columns, its dtype, its positive label and its policy for
    missing values are written.
    """
    places[path] = node.span
    if isinstance(node, Mapping):
        for key in ("missing", "dtype", "positive", "lowercase", "separator", "number", "random"):
            if given := node.entries.get(key):
                places[(key, *path)] = given.value.span
        entry = node.entries.get("columns") or node.entries.get("column")
        if entry is None:
            return
        node = entry.value
        places[("columns", *path)] = node.span
        if isinstance(node, Mapping) and ALL_BUT in node.entries:
            node = node.entries[ALL_BUT].value
    for item in node.items if isinstance(node, Sequence) else (node,):
        if isinstance(item, Scalar) and isinstance(item.value, str):
            places.update({(*path, name): item.span for name in _columns(item.value)})


def _columns(text: str) -> tuple[str, ...]:
    """The columns that a string names; the string itself if it is an invalid range."""
    try:
        return tuple(one if is_pattern(one) else literal(one) for one in columns_of(text))
    except Unfit:
        return (text,)


def _absent(node: Mapping, key: str, names: SequenceType[str], report: Collector) -> None:
    """Every input requires data; an output may lack a target only if it is untrained on purpose."""
    known = frozenset(names)
    unknown = [name for name in node.entries if name not in known]
    absent = [name for name in names if name not in node.entries and not nearest(name, unknown)]
    if key == "inputs" and absent:
        report.error(
            "MS502",
            f"`data.inputs` has no feature for {_NOUNS[key]} {listed(absent)}",
            node.span,
            help=f"add `{absent[0]}: {{column: ...}}`",
        )


def _is_feature(node: Node, names: SequenceType[str]) -> bool:
    """Whether a mapping is one feature rather than features by name."""
    if not isinstance(node, Mapping) or not node.entries.keys().isdisjoint(names):
        return False
    return any(key in Feature.model_fields for key in node.entries)


def _feature(node: Node, span: Span, context: Context, report: Collector) -> Feature | None:
    if not isinstance(node, Mapping):
        key = "columns" if isinstance(node, Sequence) else "column"
        return read_section(Feature, node, span, context, report, {key: plain(node)})
    parts = {key: _part(key, node, context, report) for key in ("transform", "pad", "number")}
    _refuse_augment(node, report)
    kept = {key: plain(one.value) for key, one in node.entries.items() if key not in _READ_APART}
    feature = read_section(Feature, node, span, context, report, kept)
    if feature is None:
        return None
    given = {key: one for key, one in parts.items() if key in node.entries}
    if feature.random and given:
        _refuse_beside_random(node, next(iter(given)), report)
        return feature
    chain = parts["transform"]
    if any(one is None for one in given.values()) or (chain is not None and not chain.complete):
        # Consequences of an error are not reported.
        return feature.model_copy(update={"transform": _Unread})
    found = feature.model_copy(update=given)
    if chain is None:
        return found
    check_marks(chain, found, report)
    return found.prepared_by(chain)


def _part(key: str, node: Mapping, context: Context, report: Collector) -> Any:
    """A value read apart from the other keys; None if it is absent or invalid."""
    entry = node.entries.get(key)
    if entry is None:
        return None
    if key == "transform":
        return read_transform(entry.value, context, report)
    if key == "pad":
        return _pad(entry.value, entry.key_span, context, report)
    return read_section(NumberFormat, entry.value, entry.key_span, context, report)


def _refuse_beside_random(node: Mapping, key: str, report: Collector) -> None:
    report.error(
        "MS208",
        f"`{key}` requires a column, and `random` has none",
        node.entries[key].key_span,
        help=f"remove `{key}`",
    )


def _refuse_augment(node: Mapping, report: Collector) -> None:
    if entry := node.entries.get("augment"):
        report.error(
            "MS633",
            "`augment` must be beside `source` or on `train`, not in a feature",
            entry.key_span,
            help=(
                "write `augment: [...]` under `data`, with the name of the input if the model has"
                " several"
            ),
        )


class _Unread:
    """A placeholder for an invalid transform."""


def _pad(node: Node, span: Span, context: Context, report: Collector) -> Pad | None:
    if isinstance(node, Mapping):
        return read_section(Pad, node, span, context, report)
    return read_section(Pad, node, span, context, report, {"length": plain(node)})
