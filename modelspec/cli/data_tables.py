"""The facts of data as text that lines up, and as json."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from .tables import table

if TYPE_CHECKING:
    from modelspec.runtime.data.cache import Explanation
    from modelspec.runtime.data.profile import ColumnFacts, DataFacts, FeatureFacts, Range

_COLUMNS, _CLASSES = 40, 20
"""How many columns and classes a text tells one by one; json tells all."""
_WIDTH = 28
"""Characters of an example, or a value."""


def as_text(name: str, facts: DataFacts) -> str:
    """Tables: the parts, the columns, what the model takes, what was learned, and the classes."""
    found = [
        (
            table(
                (name, "rows", "source"),
                [(part, f"{one.rows:,}", one.source) for part, one in facts.parts.items()],
            )
            if facts.parts
            else name
        )
    ]
    if facts.dropped:
        found.append(f"{facts.dropped:,} rows without a value are left out (`missing: drop`)")
    features = [("input", facts.inputs), ("target", facts.targets)]
    if rows := [
        row
        for kind, group in features
        for name, one in group.items()
        for row in _columns(kind, name, one)
    ]:
        header = ("feature", "column", "type", "shape", "missing", "min", "mean", "max", "examples")
        found.append(_table(header, rows, left={0, 1, 2, 3, 8}))
    if rows := [
        row
        for kind, group in features
        for name, one in group.items()
        for row in _taken(kind, name, one)
    ]:
        found.append(
            _table(
                ("as the model takes it", "shape", "type", "min", "mean", "max", "transform"),
                rows,
                left={0, 1, 2, 6},
            )
        )
    if lines := [
        line
        for kind, group in features
        for name, one in group.items()
        for line in _learned(kind, name, one)
    ]:
        found.append("learned from the training split\n" + "\n".join(lines))
    for kind, group in features:
        for name, one in group.items():
            found += _classes(kind, name, one, facts)
    if facts.weights is not None:
        spread = facts.weights.range
        found.append(f"weights `{facts.weights.name}`: {_range_text(spread)}")
    return "\n\n".join(found)


def _columns(kind: str, name: str, one: FeatureFacts) -> Iterator[tuple[str, ...]]:
    for index, column in enumerate(one.columns[:_COLUMNS]):
        infinite = f" +{column.infinite:,} inf" if column.infinite else ""
        yield (
            f"{kind} {name}" if not index else "",
            column.name,
            column.dtype,
            _shape(column.shape),
            f"{column.missing:,}{infinite}",
            *_range(column.range),
            _examples(column),
        )
    if len(one.columns) > _COLUMNS:
        yield "", f"... {len(one.columns) - _COLUMNS:,} more", "", "", "", "", "", "", ""


def _taken(kind: str, name: str, one: FeatureFacts) -> Iterator[tuple[str, ...]]:
    if one.shape is not None:
        yield (
            f"{kind} {name}",
            _shape(one.shape) or "()",
            one.dtype or "",
            *_range(one.range),
            " > ".join(one.transform),
        )


def _learned(kind: str, name: str, one: FeatureFacts) -> Iterator[str]:
    for learned in one.learned:
        told = ", ".join(
            f"{key.replace('_', ' ')} {_short(value)}" for key, value in learned.facts.items()
        )
        yield f"  {kind} {name}: {learned.layer}: {told}"
    if one.fill:
        filled = ", ".join(f"{column} {_short(value)}" for column, value in one.fill.items())
        yield f"  {kind} {name}: missing values become: {filled}"


def _classes(kind: str, name: str, one: FeatureFacts, facts: DataFacts) -> Iterator[str]:
    """Of a column of words or class numbers: how many examples of each part have each value."""
    parts = list(facts.parts) if facts.targets or facts.inputs else []
    for column in one.columns:
        values = column.values
        if not values or (kind == "input" and (column.dtype != "text" or len(values) > _CLASSES)):
            continue
        if kind == "target" and column.dtype != "text" and len(values) > 100:
            continue
        known = (
            parts
            if all(part in parts for counts in values.values() for part in counts)
            else ["rows"]
        )
        order = sorted(
            values,
            key=lambda value: (
                one.classes.index(value) if one.classes and value in one.classes else len(values)
            ),
        )
        rows = [
            (
                _cut(value),
                *(
                    [str(one.classes.index(value))]
                    if one.classes and value in one.classes
                    else ["-"]
                    if one.classes
                    else []
                ),
                *(f"{values[value].get(part, 0):,}" for part in known),
            )
            for value in order[:_CLASSES]
        ]
        more = f"\n... {len(order) - _CLASSES:,} more values" if len(order) > _CLASSES else ""
        yield (
            table(
                (f"{kind} {name}: {column.name}", *(["class"] if one.classes else []), *known), rows
            )
            + more
        )


def cache_text(explanations: Sequence[Explanation]) -> str:
    """What became of each source's prepared data, and why."""
    found = []
    for one in explanations:
        if one.used:
            verdict = "found in the cache"
        elif one.where == "memory":
            verdict = "small enough for memory: nothing is kept on disk (`cache: disk` keeps it)"
        elif one.where != "disk":
            verdict = f"in a {one.where}: nothing is kept (`cache: off`)"
        elif one.differs:
            verdict = (
                f"made anew: {', '.join(one.differs)} differ{'s' if len(one.differs) == 1 else ''}"
                " from the nearest entry of this source"
            )
        else:
            verdict = "made anew: there was no entry of this source"
        lines = [f"cache of {one.source}: {verdict}", f"  key {one.key}"]
        lines += [
            f"  {name}: {_cut(json.dumps(value, default=str, ensure_ascii=False), 100)}"
            for name, value in one.parts.items()
        ]
        found.append("\n".join(lines))
    return "\n\n".join(found) or "no data were prepared"


def as_json(facts: DataFacts) -> str:
    """Everything, in one object."""
    from modelspec.core.diagnostics.render.json import render

    value = {
        "ok": facts.ok,
        "parts": {part: asdict(one) for part, one in facts.parts.items()},
        "dropped": facts.dropped,
        **{
            kind: {name: _feature(one) for name, one in group.items()}
            for kind, group in (("inputs", facts.inputs), ("targets", facts.targets))
        },
        "weights": _column(facts.weights) if facts.weights else None,
        "cache": [asdict(one) for one in facts.cache],
        "diagnostics": json.loads(render(list(facts.diagnostics)))["diagnostics"],
    }
    return json.dumps(value, ensure_ascii=False, indent=2, default=str)


def _feature(one: FeatureFacts) -> dict[str, Any]:
    return {
        "columns": [_column(column) for column in one.columns],
        "transform": list(one.transform),
        "learned": [{"layer": each.layer, **each.facts} for each in one.learned],
        "fill": dict(one.fill),
        "shape": None if one.shape is None else list(one.shape),
        "dtype": one.dtype,
        **_range_json(one.range),
        "classes": None if one.classes is None else list(one.classes),
    }


def _column(column: ColumnFacts) -> dict[str, Any]:
    return {
        "name": column.name,
        "type": column.dtype,
        "shape": list(column.shape),
        "missing": column.missing,
        "infinite": column.infinite,
        **_range_json(column.range),
        "values": column.values,
        "examples": list(column.examples),
    }


def _range_json(spread: Range | None) -> dict[str, float | None]:
    return {
        "min": spread.low if spread else None,
        "mean": spread.mean if spread else None,
        "max": spread.high if spread else None,
    }


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
    """Four digits, or all of a whole number."""
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


def _table(header: Sequence[str], rows: Sequence[Sequence[str]], left: set[int]) -> str:
    """Columns under their names; those that are not `left` stand at the right."""
    lines = [list(header), *[list(row) for row in rows]]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column in left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


__all__ = ["as_json", "as_text", "cache_text"]
