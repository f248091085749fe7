"""Rows that are collected are those of the blocks, in one array."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from modelspec.runtime.data.gathered_rows import GatheredRows

MIXED = np.array(["a", None], object)


@pytest.mark.parametrize(
    "blocks",
    [
        [np.arange(6).reshape(3, 2), np.arange(4).reshape(2, 2)],
        [np.arange(3), np.array([0.5])],
        [np.zeros((0, 2)), np.ones((5, 2))],
        [np.array(["a"]), np.array(["bcd", "e"])],
        [MIXED, MIXED],
        [np.arange(2), *[np.arange(50)] * 3],
    ],
)
def test_rows_are_concatenated(blocks: list[Any]) -> None:
    rows = GatheredRows(100, sum(map(len, blocks[:2])))  # the number of rows is only a hint
    for one in blocks:
        rows.add(one)
    found, expected = rows.take(), np.concatenate(blocks)
    assert found is not None and found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)
    assert rows.take() is None


def test_they_are_full_with_so_many_bytes() -> None:
    rows = GatheredRows(80, 100)
    assert not rows.full
    rows.add(np.arange(9))
    assert not rows.full
    rows.add(np.arange(1))
    assert rows.full
    rows.take()
    assert not rows.full


def test_rows_of_another_shape_are_refused() -> None:
    rows = GatheredRows(80, 100)
    rows.add(np.ones((2, 3)))
    with pytest.raises(ValueError, match="shapes"):
        rows.add(np.ones((2, 1)))
