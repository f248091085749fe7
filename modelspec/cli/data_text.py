"""The facts of data as aligned text."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from modelspec.core.text_table import text_table

if TYPE_CHECKING:
    from modelspec.runtime.data.cache import Explanation
    from modelspec.runtime.data.profile import ColumnFacts, Counts, DataFacts, FeatureFacts, Range

_COLUMNS, _CLASSES = 40, 20
"""The most columns and classes that the text lists; JSON lists all."""
_CLASS_NUMBERS = 100
"""The most distinct numbers of a target that are shown as classes."""
_WIDTH = 28
"""The most characters of an example or a value."""
_SERIES = 20
"""The most series whose windows are listed."""


def as_text(name: str, facts: DataFacts) -> str:
    """Tables of the parts, the columns, the model inputs, what was learned, and the classes."""
    features = [
        *(_Named("input", name, one) for name, one in facts.inputs.items()),
        *(_Named("target", name, one) for name, one in facts.targets.items()),
    ]
    sections = [
        "\n".join(filter(None, (_parts(name, facts), _rows(facts)))),
        _series(facts),
        f"{facts.dropped:,} rows with missing values are excluded (`missing: drop`)"
        if facts.dropped
        else "",
        _columns(features),
        _taken(features),
        _learned(features),
        *(table for feature in features for table in _classes(feature, facts)),
        f"weights `{facts.weights.name}`: {_range_text(facts.weights.range)}"
        if facts.weights is not None
        else "",
    ]
    return "\n\n".join(filter(None, sections))


class _Named(NamedTuple):
    """The facts of one input or target."""

    kind: str
    name: str
    facts: FeatureFacts

    @property
    def title(self) -> str:
        return f"{self.kind} {self.name}"


def _parts(name: str, facts: DataFacts) -> str:
    rows = [(part, f"{one.rows:,}", one.source) for part, one in facts.parts.items()]
    if not rows or all(one.windows is None for one in facts.parts.values()):
        return text_table((name, "rows", "source"), rows) if rows else name
    counts = [one.windows.count if one.windows else 0 for one in facts.parts.values()]
    wide = [
        (part, shown, f"{count:,}", source)
        for (part, shown, source), count in zip(rows, counts, strict=True)
    ]
    return text_table((name, "rows", "windows", "source"), wide)


def _series(facts: DataFacts) -> str:
    """The number of windows of each series in each part."""
    parts = {name: one.windows.series for name, one in facts.parts.items() if one.windows}
    names = list(dict.fromkeys(name for one in parts.values() for name in one))
    rows = [
        (name, *(f"{one.get(name, 0):,}" for one in parts.values())) for name in names[:_SERIES]
    ]
    if not rows:
        return ""
    table = text_table(("windows of", *parts), rows, left=(0,))
    more = len(names) - _SERIES
    return f"{table}\nand {more:,} more series" if more > 0 else table


def _rows(facts: DataFacts) -> str:
    """How the data were split, which rows `where` excludes, and what `balance` draws."""
    split = [f"split {facts.rows.split}"] if facts.rows.split else []
    drawn = [one.per_epoch for one in facts.parts.values() if one.per_epoch is not None]
    split += [f"balance: {count:,} training examples in each epoch" for count in drawn]
    left_out = (
        f"where {one.condition}: {one.left_out:,} of the {one.rows:,} rows of {one.source} excluded"
        for one in facts.rows.where
    )
    return "\n".join([*split, *left_out])


def _columns(features: Sequence[_Named]) -> str:
    rows = [row for feature in features for row in _column_rows(feature)]
    header = ("feature", "column", "type", "shape", "missing", "min", "mean", "max", "examples")
    return text_table(header, rows, left=(0, 1, 2, 3, 8)) if rows else ""


def _column_rows(feature: _Named) -> Iterator[tuple[str, ...]]:
    every = feature.facts.columns
    for index, column in enumerate(every[:_COLUMNS]):
        infinite = f" +{column.infinite:,} inf" if column.infinite else ""
        yield (
            "" if index else feature.title,
            column.name,
            column.dtype,
            _shape(column.shape),
            f"{column.missing:,}{infinite}",
            *_range(column.range),
            _examples(column),
        )
    if len(every) > _COLUMNS:
        yield "", f"... {len(every) - _COLUMNS:,} more", "", "", "", "", "", "", ""


def _taken(features: Sequence[_Named]) -> str:
    """The tensor of each feature."""
    rows = [
        (
            feature.title,
            _shape(one.shape) or "()",
            one.dtype or "",
            *_range(one.range),
            f"random: {one.random}" if one.random else " > ".join(one.transform),
        )
        for feature in features
        if (one := feature.facts).shape is not None
    ]
    header = ("model input", "shape", "type", "min", "mean", "max", "transform")
    return text_table(header, rows, left=(0, 1, 2, 6)) if rows else ""


def _learned(features: Sequence[_Named]) -> str:
    lines = [line for feature in features for line in _learned_lines(feature)]
    return "\n".join(["learned from the training split", *lines]) if lines else ""


def _learned_lines(feature: _Named) -> Iterator[str]:
    for learned in feature.facts.learned:
        facts = ", ".join(
            f"{key.replace('_', ' ')} {_short(value)}" for key, value in learned.facts.items()
        )
        yield f"  {feature.title}: {learned.layer}: {facts}"
    if fill := feature.facts.fill:
        filled = ", ".join(f"{column} {_short(value)}" for column, value in fill.items())
        yield f"  {feature.title}: missing values become: {filled}"


# Classes ------------------------------------------------------------------------------------------


def _classes(feature: _Named, facts: DataFacts) -> Iterator[str]:
    """For each column of words or class numbers: how many examples of each part have each value."""
    for column in feature.facts.columns:
        if column.values and _are_classes(feature.kind, column.dtype, len(column.values)):
            yield _class_table(feature, column.name, column.values, list(facts.parts))


def _are_classes(kind: str, dtype: str, count: int) -> bool:
    """Whether the values are counted one by one."""
    if kind == "input":
        return dtype == "text" and count <= _CLASSES
    return dtype == "text" or count <= _CLASS_NUMBERS


def _class_table(feature: _Named, column: str, values: Counts, parts: Sequence[str]) -> str:
    """A row for each value, in the order of the classes if known."""
    counted = {part for counts in values.values() for part in counts}
    known = parts if counted <= set(parts) else ["rows"]
    classes = {value: index for index, value in enumerate(feature.facts.classes or ())}
    order = sorted(values, key=lambda value: classes.get(value, len(values)))
    header = [f"{feature.title}: {column}", "class", *known]
    rows = [
        [
            _cut(value),
            str(classes.get(value, "-")),
            *(f"{values[value].get(part, 0):,}" for part in known),
        ]
        for value in order[:_CLASSES]
    ]
    if not classes:
        header, *rows = ([line[0], *line[2:]] for line in (header, *rows))
    more = f"\n... {len(order) - _CLASSES:,} more values" if len(order) > _CLASSES else ""
    return text_table(header, rows) + more


# The cache ----------------------------------------------------------------------------------------


def cache_text(explanations: Sequence[Explanation]) -> str:
    """Whether the prepared data of each source were cached, and why not."""
    return "\n\n".join(map(_cache_entry, explanations)) or "no data was prepared"


def _cache_entry(one: Explanation) -> str:
    parts = [
        f"  {name}: {_cut(json.dumps(value, default=str, ensure_ascii=False), 100)}"
        for name, value in one.parts.items()
    ]
    return "\n".join([f"cache of {one.source}: {_verdict(one)}", f"  key {one.key}", *parts])


def _verdict(one: Explanation) -> str:
    if one.used:
        return "found in the cache"
    if one.where == "memory":
        return "small enough for memory: not stored on disk (`cache: disk` stores it)"
    if one.where != "disk":
        return f"in a {one.where}: not stored (`cache: off`)"
    if one.damaged:
        return "prepared again: the entry was damaged, or changed after it was written"
    if one.differs:
        verb = "differs" if len(one.differs) == 1 else "differ"
        return f"prepared again: {', '.join(one.differs)} {verb} from the most similar entry"
    return "prepared: no entry for this source yet"


# Values -------------------------------------------------------------------------------------------


def _range(spread: Range | None) -> tuple[str, str, str]:
    return (
        (_number(spread.low), _number(spread.mean), _number(spread.high))
        if spread
        else ("", "", "")
    )


def _range_text(spread: Range | None) -> str:
    return (
        f"{_number(spread.low)} to {_number(spread.high)}, mean {_number(spread.mean)}"
        if spread
        else "none"
    )


def _number(value: float) -> str:
    """Four significant digits, or all digits of an integer."""
    if isinstance(value, int):  # larger than a float
        return f"{value:,}"
    return f"{value:,.0f}" if float(value).is_integer() and abs(value) < 1e12 else f"{value:.4g}"


def _shape(sizes: Sequence[int | None]) -> str:
    return " x ".join("?" if size is None else str(size) for size in sizes)


def _examples(column: ColumnFacts) -> str:
    from modelspec.runtime.data.contact_sheet import is_image

    if is_image(column.shape) and column.dtype != "text":
        return "`--picture PNG` draws some"
    if any(isinstance(value, (list, tuple)) for value in column.examples):
        return _cut(", ".join(_short(value) for value in column.examples[:1]))
    return "  ".join(_cut(_short(value)) for value in column.examples)


def _short(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, (list, tuple)):
        inner = ", ".join(_short(item) for item in value[:6])
        return f"[{inner}{', ...' if len(value) > 6 else ''}]"
    if isinstance(value, float):
        return _number(value)
    return " ".join(str(value).split()) if isinstance(value, str) else str(value)


def _cut(text: str, width: int = _WIDTH) -> str:
    return text if len(text) <= width else text[: width - 3] + "..."
