"""The order of an epoch is computed without a second array of all examples."""

from __future__ import annotations

import tracemalloc

import numpy as np

from modelspec.runtime.data.epoch_order import order, taken_in_place, type_of_positions


def test_the_examples_of_an_epoch_take_no_more_memory_than_its_order() -> None:
    count = 2**22 + 5  # several pieces, and a rest
    positions = np.arange(0, 3 * count, 3)
    expected = positions[order(1, 2, count)]
    places = order(1, 2, count)
    tracemalloc.start()
    found = taken_in_place(positions, places)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found is places and (found == expected).all()
    assert peak < positions.nbytes / 2


def test_no_examples_have_an_order() -> None:
    assert taken_in_place(np.arange(3), np.zeros(0, np.int64)).shape == (0,)


def test_an_order_is_the_same_in_the_smallest_type_that_contains_the_positions() -> None:
    small = np.arange(5, 1000)
    large = small + 2**31
    assert type_of_positions(small) is np.int32
    assert type_of_positions(large) is np.int64
    short = order(1, 2, len(small), np.int32)
    assert short.dtype == np.int32
    assert (short == order(1, 2, len(small))).all()
    assert (short == np.random.Generator(_bits(1, 2)).permutation(len(small))).all()


def _bits(seed: int, epoch: int) -> np.random.PCG64:
    return np.random.PCG64(np.random.SeedSequence([seed, 2, epoch]))
