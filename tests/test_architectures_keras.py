"""The library's architectures are Keras's: the same layers, names, weights in the same order, and
outputs.

`MODELSPEC_ARCHITECTURES=whole pytest tests/test_architectures_keras.py` compares every setting of
each, with outputs.
"""

from __future__ import annotations

import pytest

from .architectures import ROWS, WHOLE, Row, check_row, whole

pytestmark = pytest.mark.tensorflow


@pytest.mark.parametrize("row", whole() if WHOLE else ROWS, ids=str)
def test_an_architecture_is_that_of_keras(row: Row) -> None:
    check_row(row)
