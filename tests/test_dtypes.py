"""How dtypes combine: `promote` against Keras."""

from __future__ import annotations

import itertools

import pytest

from modelspec.core import dtypes

pytestmark = pytest.mark.tensorflow

NUMERIC = ("bool", *dtypes.INTS, *dtypes.FLOATS)
PAIRS = tuple(itertools.combinations_with_replacement(NUMERIC, 2))


@pytest.mark.parametrize(("a", "b"), PAIRS)
def test_two_dtypes_combine_as_in_keras(a: str, b: str) -> None:
    from keras import backend

    assert dtypes.promote((a, b)) == dtypes.promote((b, a)) == backend.result_type(a, b)


def test_three_dtypes_combine_as_in_keras() -> None:
    from keras import backend

    different = [
        (names, ours, theirs)
        for names in itertools.combinations(NUMERIC, 3)
        if (ours := dtypes.promote(names)) != (theirs := backend.result_type(*names))
    ]
    assert not different


@pytest.mark.parametrize("other", NUMERIC)
def test_a_text_combines_with_nothing_else(other: str) -> None:
    assert dtypes.promote(("string", other)) is None


@pytest.mark.parametrize("policy", dtypes.POLICIES)
def test_a_policy_computes_and_keeps_weights_in_keras_dtypes(policy: str) -> None:
    import keras

    theirs = keras.dtype_policies.get(policy)
    assert dtypes.compute_dtype(policy) == theirs.compute_dtype
    assert dtypes.variable_dtype(policy) == theirs.variable_dtype
