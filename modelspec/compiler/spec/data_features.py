"""`data.inputs` and `data.targets` as written: which columns feed what, and what is done to them
before.
"""

from __future__ import annotations

from collections.abc import Sequence as SequenceType
from typing import Annotated, Any, ClassVar, Literal

from pydantic import PlainValidator, model_validator

from modelspec.catalog.layers.setting_types import Count
from modelspec.core.diagnostics import (
    Collector,
    Fault,
    Path,
    Span,
    did_you_mean,
    listed,
    nearest,
    nearest_unused,
)
from modelspec.core.sections import read_section
from modelspec.core.settings import Context, Section, Unfit
from modelspec.core.source import Mapping, Node, Scalar, Sequence, plain

from .transform_layers import Chain, read_transform, takes_text

POLICIES = ("error", "drop", "mean", "median", "most_frequent")
"""What may be done about a missing value, beside putting a constant in its place."""
MEASURED = ("mean", "median", "most_frequent")
"""Policies whose value is measured on the training split."""


def _missing(value: Any) -> str | int | float:
    if isinstance(value, (str, int, float)) and not isinstance(value, bool) and value != "":
        return value
    raise Unfit(
        f"{listed(POLICIES, 'or')}, or the number or text to put in place of a missing value"
    )


Missing = Annotated[Any, PlainValidator(_missing, json_schema_input_type=str | int | float)]


def _fill(value: Any) -> str | int | float:
    if isinstance(value, (str, int, float)) and not isinstance(value, bool):
        return value
    raise Unfit("a number, or a text for sequences of words")


Fill = Annotated[Any, PlainValidator(_fill, json_schema_input_type=str | int | float)]


def _label(value: Any) -> str | int | bool:
    if isinstance(value, (str, int)) and value != "":
        return value
    raise Unfit("one of the two labels of the target: a text, or a whole number")


Label = Annotated[Any, PlainValidator(_label, json_schema_input_type=str | int | bool)]


class Pad(Section):
    """Sequences of one length: longer ones are cut, shorter ones filled up; in the terms of Keras's
    `pad_sequences`.

    ```yaml
    inputs: {tokens: {column: tokens, pad: 100}}
    inputs: {tokens: {column: tokens, pad: {length: 100, padding: post, truncating: post}}}
    ```
    """

    title: ClassVar[str] = "pad"

    length: Count | None = None
    """How long all are; by default as long as the longest of the training split."""
    value: Fill = 0
    """What fills up."""
    padding: Literal["pre", "post"] = "pre"
    """Where short ones are filled up: before the sequence, or behind it."""
    truncating: Literal["pre", "post"] = "pre"
    """Where long ones are cut."""


class Feature(Section):
    """What feeds one input or target: one column (or array), or several stacked into a vector.

    ```yaml
    inputs:
      measures: {columns: [length, depth], missing: mean, transform: [Normalization]}
      island: {column: island, transform: [StringLookup: {output_mode: one_hot}]}
    ```
    """

    title: ClassVar[str] = "a feature"

    column: str | None = None
    """One column, or array."""
    columns: tuple[str, ...] | None = None
    """Several columns, stacked into one vector in this order."""
    dtype: Literal["string", "int64", "float64"] | None = None
    """What the values are, where no `transform` says it: `string` takes the cells of a `csv` as
    they are written (`007` stays `007`), `int64` whole numbers alone, `float64` numbers.
    """
    lowercase: Literal["unicode"] | None = None
    """`unicode` brings texts to lower case before anything else is done with them, as Python's
    `str.lower` does; `TextVectorization` by itself lowers the letters A to Z alone.
    """
    missing: Missing = "error"
    """What to do where a value is missing: `error` (name it and stop), `drop` (leave the example
    out), `mean`, `median`, `most_frequent` (as measured on the training split), or a constant that
    takes its place.
    """
    pad: Any = None
    """Sequences cut or filled up to one length: the length, or `{length, value, padding,
    truncating}`.
    """
    transform: Any = None
    """Layers that prepare the values, one after the other; what they learn, they learn from the
    training split. The labels of a looked-up target are in order (text by code point, numbers by
    value), those of an input the most frequent first.
    """
    positive: Label | None = None
    """Of a looked-up target with two labels: the one that a single unit is the probability of, and
    that `Precision` and `Recall` are about; by default the second in order.
    """

    @model_validator(mode="after")
    def _one_of_them(self) -> Feature:
        if self.columns == ():
            raise Fault("MS205", "`columns` must name at least one column", ("columns",))
        if (self.column is None) == (self.columns is None):
            raise Fault(
                "MS203" if self.column is None else "MS208",
                "a feature has either `column` or `columns`",
                (),
                at_key=True,
                help="write e.g. `{column: age}` or `{columns: [age, income]}`",
            )
        return self

    @property
    def names(self) -> tuple[str, ...]:
        return (self.column,) if self.column is not None else self.columns or ()

    def takes_text(self, dtype: str | None) -> bool | None:
        """Whether it takes text rather than numbers; None where it takes either. `dtype` is that of
        the model input, None for a target.
        """
        if self.dtype is not None:
            return self.dtype == "string"
        chain = transform_of(self)
        return takes_text(chain.layers if chain else (), dtype)

    @property
    def prepared(self) -> bool:
        """Whether the values change on their way, in number or in kind."""
        return self.transform is not None or self.pad is not None


_NOUNS = {"inputs": "input", "targets": "output"}
_READ_APART = ("transform", "pad", "augment")


def read_features(
    node: Node,
    key: str,
    names: SequenceType[str],
    places: dict[Path, Span],
    context: Context,
    report: Collector,
) -> dict[str, Feature] | None:
    """Features by model input (or output); one that is written directly belongs to the only one
    there is.
    """
    if isinstance(node, Mapping) and not _is_feature(node, names):
        return _by_name(node, key, names, places, context, report)
    if len(names) > 1:
        report.error(
            "MS501",
            f"the model has {len(names)} {_NOUNS[key]}s ({listed(list(names))}), "
            f"so `data.{key}` must say which it feeds",
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
                help=did_you_mean(near, f"it has {listed(names)}"),
            )
            continue
        _note_places(places, (key, name), entry.value)
        if feature := _feature(entry.value, entry.key_span, context, report):
            found[name] = feature
    _absent(node, key, names, report)
    return found


def _note_places(places: dict[Path, Span], path: Path, node: Node) -> None:
    """Where a feature stands, each column in it, its dtype, its positive label, and what is done
    about missing values.
    """
    places[path] = node.span
    if isinstance(node, Mapping):
        for key in ("missing", "dtype", "positive", "lowercase"):
            if given := node.entries.get(key):
                places[(key, *path)] = given.value.span
        entry = node.entries.get("columns") or node.entries.get("column")
        if entry is None:
            return
        node = entry.value
    for item in node.items if isinstance(node, Sequence) else (node,):
        if isinstance(item, Scalar) and isinstance(item.value, str):
            places[(*path, item.value)] = item.span


def _absent(node: Mapping, key: str, names: SequenceType[str], report: Collector) -> None:
    """Every input needs data; an output without a target may be left untrained only on purpose."""
    known = frozenset(names)
    unknown = [name for name in node.entries if name not in known]
    absent = [name for name in names if name not in node.entries and not nearest(name, unknown)]
    if key == "inputs" and absent:
        report.error(
            "MS502",
            f"`data.inputs` feeds no {_NOUNS[key]} {listed(absent)}",
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
    transform, chain = None, node.entries.get("transform")
    if chain:
        transform = read_transform(chain.value, context, report)
    pad, padding = None, node.entries.get("pad")
    if padding:
        pad = _pad(padding.value, padding.key_span, context, report)
    _refuse_augment(node, report)
    kept = {key: plain(one.value) for key, one in node.entries.items() if key not in _READ_APART}
    feature = read_section(Feature, node, span, context, report, kept)
    if feature is None:
        return None
    in_error = (chain and (transform is None or not transform.complete)) or (padding and not pad)
    if in_error:  # what follows from it stays silent
        return feature.model_copy(update={"transform": _Unread, "pad": None})
    return feature.model_copy(update={"transform": transform, "pad": pad})


def _refuse_augment(node: Mapping, report: Collector) -> None:
    if entry := node.entries.get("augment"):
        report.error(
            "MS633",
            "`augment` stands beside `source` or on `train`, not in a feature",
            entry.key_span,
            help=(
                "write `augment: [...]` under `data`, with the input's name where the model has"
                " several"
            ),
        )


class _Unread:
    """Stands for a transform that is in error."""


def transform_of(feature: Feature) -> Chain | None:
    """The layers that prepare a feature; None where it has none, or they are in error."""
    return feature.transform if isinstance(feature.transform, Chain) else None


def _pad(node: Node, span: Span, context: Context, report: Collector) -> Pad | None:
    if isinstance(node, Mapping):
        return read_section(Pad, node, span, context, report)
    return read_section(Pad, node, span, context, report, {"length": plain(node)})
