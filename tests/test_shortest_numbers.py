"""Numbers in files of predictions: the same digits as NumPy's `str`, the same JSON as `json`."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelspec.runtime.run.prediction_lines import lines
from modelspec.runtime.run.prediction_rows import Predictions
from modelspec.runtime.run.shortest_numbers import shortest, shortest_float64


def bits(count: int, seed: int) -> Any:
    """Random float32 numbers of all magnitudes, with NaN and infinities among them."""
    drawn = np.random.default_rng(seed).integers(0, 2**32, count, dtype=np.uint64)
    return drawn.astype(np.uint32).view(np.float32)


def neighbours() -> Any:
    """Numbers around the powers of ten, where the number of digits changes."""
    powers = np.array([10.0**power for power in range(-45, 39)], np.float32)
    near = (powers.view(np.int32)[:, None] + np.arange(-20, 21)).astype(np.int32)
    return near.ravel().view(np.float32)


@pytest.mark.parametrize("values", [bits(50_000, 0), neighbours(), np.arange(-4e4, 4e4) / 8])
def test_every_number_has_the_digits_of_numpy(values: Any) -> None:
    values = np.asarray(values, np.float32)
    with np.errstate(invalid="ignore"):
        assert [str(one) for one in shortest(values)] == [str(one) for one in values]


@given(st.lists(st.floats(width=32), max_size=20), st.sampled_from(["float16", "float32"]))
@settings(max_examples=60, deadline=None)
def test_the_float64_is_the_one_with_these_digits(numbers: list[float], dtype: str) -> None:
    with np.errstate(over="ignore"):
        values = np.array(numbers, dtype)
    found = shortest_float64(values)
    assert found.tolist() == pytest.approx([float(str(one)) for one in values], abs=0, nan_ok=True)


def test_float64_and_integers_are_unchanged() -> None:
    assert shortest(np.array([0.1, 1e-7, 1e22])) == [0.1, 1e-7, 1e22]
    assert shortest(np.array([1, 2**62])) == [1, 2**62]


def test_lines_are_what_json_writes() -> None:
    """Also for names with a percent sign, strings with quotes, nested arrays, None and NaN."""
    rng, count = np.random.default_rng(0), 9
    columns: dict[str, Any] = {
        "number": rng.normal(size=count).astype("float32"),
        "100%d": rng.normal(size=(count, 1)),
        "nested": rng.normal(size=(count, 2, 2)).astype("float32"),
        "lacking": np.where(np.arange(count) % 2, np.nan, 0.5),
        "marks": rng.random((count, 2)) > 0.5,
        "whole": rng.integers(0, 9, count),
        "text": np.array(['a"b', "ü\n", None, "%s", 3, 2.5, "", "x", "y"], object),
    }
    found = list(lines(Predictions(columns, {})))
    for row, line in enumerate(found):
        values = {
            name: one[row].item() if getattr(one[row], "size", 0) == 1 else one[row]
            for name, one in columns.items()
        }
        plain = {
            name: one.tolist() if isinstance(one, np.ndarray) else one
            for name, one in values.items()
        }
        plain["lacking"] = None if row % 2 else 0.5
        assert line == json.dumps(plain, ensure_ascii=False)
