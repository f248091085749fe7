"""Zero padding for a window: as much as `padding: same` adds, worked out from the sizes of the
call.
"""

from __future__ import annotations

from typing import Any

import pytest

from modelspec.catalog.layers.layer import Inputs
from modelspec.core.shapes import Shape, Tensor, same_padding, window

from .test_layer_forms import layer


def settled(written: Any, shape: Shape) -> Any:
    """The `padding` that Keras is given."""
    found = layer(written).settled(Inputs.of(Tensor(shape, "float32")))
    return found.padding  # type: ignore[attr-defined]


@pytest.mark.parametrize("kernel", range(1, 8))
@pytest.mark.parametrize("stride", range(1, 5))
@pytest.mark.parametrize("size", range(1, 14))
def test_a_padded_axis_has_as_many_places_for_a_window_as_same_gives(
    size: int, kernel: int, stride: int
) -> None:
    before, after = same_padding(size, kernel, stride)
    assert 0 <= before <= after <= before + 1
    places = window(size + before + after, kernel, stride, "valid")
    if before + after:  # no more than is needed: the last window ends at the last zero
        assert isinstance(places, int)
        assert (places - 1) * stride + kernel == size + before + after
    assert places == window(size, kernel, stride, "same")


@pytest.mark.parametrize("unknown", [None, "time", "?"])
def test_an_unknown_size_is_padded_as_a_multiple_of_the_stride(unknown: Any) -> None:
    assert [same_padding(unknown, kernel, 2) for kernel in (3, 5, 7)] == [(0, 1), (1, 2), (2, 3)]
    assert same_padding(unknown, 3, 2) == same_padding(8, 3, 2)


@pytest.mark.parametrize(
    ("written", "shape", "expected"),
    [
        ({"ZeroPadding1D": {"padding": {"kernel_size": 3, "strides": 2}}}, (None, 8, 3), (0, 1)),
        ({"ZeroPadding1D": {"padding": {"kernel_size": 3, "strides": 2}}}, (None, 7, 3), (1, 1)),
        ({"ZeroPadding1D": {"padding": {"kernel_size": 4}}}, (None, 7, 3), (1, 2)),
        (
            {"ZeroPadding2D": {"padding": {"kernel_size": 3, "strides": 2}}},
            (None, 8, 7, 3),
            ((0, 1), (1, 1)),
        ),
        (
            {"ZeroPadding2D": {"padding": {"kernel_size": [3, 5], "strides": [1, 2]}}},
            (None, 8, 8, 3),
            ((1, 1), (1, 2)),
        ),
        (
            {
                "ZeroPadding2D": {
                    "padding": {"kernel_size": 3, "strides": 2},
                    "data_format": "channels_first",
                }
            },
            (None, 7, 8, 9),
            ((0, 1), (1, 1)),
        ),
        (
            {"ZeroPadding2D": {"padding": {"kernel_size": 3, "strides": 2}}},
            (None, None, 7, 3),
            ((0, 1), (1, 1)),
        ),
        (
            {"ZeroPadding3D": {"padding": {"kernel_size": 3, "strides": [1, 2, 2]}}},
            (None, 8, 8, 7, 3),
            ((1, 1), (0, 1), (1, 1)),
        ),
        ({"ZeroPadding2D": [[1, 0], 2]}, (None, 8, 8, 3), ((1, 0), (2, 2))),
    ],
    ids=str,
)
def test_the_sizes_of_a_call_settle_what_is_padded(
    written: Any, shape: Shape, expected: Any
) -> None:
    assert settled(written, shape) == expected
