"""The library's architectures are Keras's: the same layers, names, weights in the same order, and
outputs.

`MODELSPEC_ARCHITECTURES=whole pytest tests/test_architectures_keras.py` compares every setting of
each, with outputs, and the record of Keras's models with Keras's models.
"""

from __future__ import annotations

import pytest

from .architectures import (
    RECORDS,
    ROWS,
    WHOLE,
    Row,
    check_recorded,
    check_row,
    record_of,
    whole,
)

BUILT = [row for row in ROWS if row.built]
STATIC = [row for row in ROWS if not row.built]


@pytest.mark.tensorflow
@pytest.mark.parametrize("row", whole() if WHOLE else BUILT, ids=str)
def test_an_architecture_is_that_of_keras(row: Row) -> None:
    check_row(row)


@pytest.mark.parametrize("row", STATIC, ids=str)
def test_an_architecture_is_that_of_the_record(row: Row) -> None:
    check_recorded(row)


@pytest.mark.tensorflow
@pytest.mark.parametrize("row", STATIC if WHOLE else STATIC[:1], ids=str)
def test_the_record_is_that_of_keras(row: Row) -> None:
    assert RECORDS[str(row)] == record_of(row)
