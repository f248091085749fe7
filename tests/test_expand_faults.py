"""A parameter of a block takes any value; one that does not fit is reported where it is used.

Other faults of expansion are in `cases`: `blocks`, `branches`, `control` and `expressions`.
"""

from __future__ import annotations

import pytest

import modelspec as ms

from .expanding import said

BLOCK = """\
blocks:
  residual:
    parameters: {filters: null, stride: 1}
    primary: filters
    layers:
      - Conv2D: {filters: $filters, kernel_size: 3, strides: $stride, padding: same}
model:
  inputs: {image: [8, 8, 3]}
  layers:
    - residual: {filters: 3, stride: %s}
    - Flatten
"""


@pytest.mark.parametrize("stride", ["two", "1.5", "true"])
def test_a_parameter_that_does_not_fit_is_reported_where_it_is_used(stride: str) -> None:
    assert said(BLOCK % stride) == ["MS204 6:62 $stride"]


@pytest.mark.parametrize("stride", ["2", "[1, 2]"])
def test_a_parameter_takes_values_of_another_type_than_its_default(stride: str) -> None:
    assert said(BLOCK % stride) == []


@pytest.mark.parametrize("key", ["sweeps", "swep"])
def test_a_misspelt_sweep_is_read_as_one(key: str) -> None:
    spec = {"model": {"inputs": {"x": [4]}, "layers": [{"Dense": 1}]}, key: {}}
    found, empty = ms.check(spec).diagnostics
    assert (found.code, found.suggestion) == ("MS201", "sweep")
    assert found.message == f"a spec has no key `{key}`"
    assert empty.code == "MS900"
