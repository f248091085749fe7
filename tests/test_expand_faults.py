"""A parameter of a block whose value is none of the type that its default has.

Other faults of expansion are in `cases`: `blocks`, `branches`, `control` and `expressions`.
"""

from __future__ import annotations

import pytest

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
def test_a_parameter_has_the_type_of_its_default(stride: str) -> None:
    assert said(BLOCK % stride) == [f"MS204 10:38 {stride}"]
