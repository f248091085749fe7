"""The facts of data as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from modelspec.runtime.data.profile import (
        ColumnFacts,
        DataFacts,
        FeatureFacts,
        PartFacts,
        Range,
    )


def as_json(facts: DataFacts) -> str:
    """All facts in one object."""
    from modelspec.core.diagnostics.render.json import render

    value = {
        "ok": facts.ok,
        "parts": {part: _part(one) for part, one in facts.parts.items()},
        "split": facts.rows.split,
        "where": [asdict(one) for one in facts.rows.where],
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


def _part(one: PartFacts) -> dict[str, Any]:
    """The key `windows` exists where examples are windows."""
    return {name: value for name, value in asdict(one).items() if value is not None}


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
        "random": one.random,
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
