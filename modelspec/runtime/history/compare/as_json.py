"""A comparison as plain values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from modelspec.catalog.components.metric import Direction
from modelspec.views.diff.values import ABSENT, Differing

from ..formatting import for_json
from ..record import Record
from .comparison import Comparison, Curve, Measure

_BETTER: Final[dict[Direction, str | None]] = {"up": "larger", "down": "smaller", None: None}


def as_json(found: Comparison) -> dict[str, Any]:
    """Values are by the folder of the run; runs without a value are left out."""
    runs = [str(record.path) for record in found.records]
    value = {
        "reference": runs[0],
        "runs": [
            {**record.as_json(), "label": label, "parameters": _whole(record)}
            for record, label in zip(found.records, found.labels, strict=True)
        ],
        "settings": [_place(one, runs) for one in found.settings],
        "settings_unknown": [runs[at] for at in sorted(found.unknown)],
        "environment": [_place(one, runs) for one in found.circumstances],
        "metrics": [_measure(one, runs) for one in found.metrics],
        "slices": [_measure(one, runs) for one in found.slices],
        "expectations": [
            {
                "key": key,
                "values": {
                    run: dict(record.expectations[key])
                    for run, record in zip(runs, found.records, strict=True)
                    if key in record.expectations
                },
            }
            for key in found.expectations
        ],
        "confusion": [
            {
                "output": output,
                "part": part,
                "values": {
                    run: {"labels": one.labels, "counts": one.counts}
                    for run, one in zip(runs, each, strict=True)
                    if one is not None
                },
            }
            for (output, part), each in found.confusions.items()
        ],
        "curves": [_curve(one, runs) for one in found.curves],
    }
    plain = for_json(value)
    assert isinstance(plain, dict)
    return plain


def _whole(record: Record) -> int | None:
    found = record.number("parameters")
    return None if found is None else int(found)


def _place(place: Differing, runs: Sequence[str]) -> dict[str, Any]:
    values = zip(runs, place.values, strict=True)
    return {"path": place.path, "values": {run: one for run, one in values if one is not ABSENT}}


def _measure(measure: Measure, runs: Sequence[str]) -> dict[str, Any]:
    return {
        "name": measure.name,
        "better": _BETTER[measure.better],
        "values": _by_run(measure.values, runs),
        "differences": _by_run(measure.differences, runs),
        "best": [runs[at] for at in measure.best],
    }


def _by_run(values: Sequence[float | None], runs: Sequence[str]) -> dict[str, float]:
    return {run: value for run, value in zip(runs, values, strict=True) if value is not None}


def _curve(curve: Curve, runs: Sequence[str]) -> dict[str, Any]:
    return {
        "name": curve.name,
        "better": _BETTER[curve.better],
        "values": {run: list(one) for run, one in zip(runs, curve.runs, strict=True) if one},
        "best_epoch": {run: curve.best_epoch(at) for at, run in enumerate(runs) if curve.runs[at]},
    }
