"""What the meanings of settings claim about ranges is what Keras does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from modelspec.catalog.layers import LAYERS
from modelspec.views.manual.kind_pages import rows

pytestmark = pytest.mark.tensorflow

RANGE = re.compile(r"one number `x` means `\[(0|1|-x), x\]`")
OTHERS: dict[str, dict[str, Any]] = {
    "RandomTranslation": {"height_factor": 0.2, "width_factor": 0.2},
    "RandomZoom": {"height_factor": 0.2},
}
"""Settings that a layer needs besides the one in question."""


def stated() -> Iterator[tuple[str, str, str]]:
    """Layer, setting, and where the range of a single number starts."""
    for kind in LAYERS.kinds():
        cls = LAYERS.find(kind)
        assert cls is not None
        for row in rows(cls):
            if match := RANGE.search(row.text):
                yield kind, row.name, match[1]


def pair(layer: Any, setting: str) -> tuple[float, float]:
    """The range that Keras reads a single number as."""
    stem = setting.removesuffix("_factor")
    if hasattr(layer, f"{stem}_lower"):
        return getattr(layer, f"{stem}_lower"), getattr(layer, f"{stem}_upper")
    lower, upper = getattr(layer, setting)
    return lower, upper


@pytest.mark.parametrize(("kind", "setting", "start"), list(stated()))
def test_the_range_of_a_single_number(kind: str, setting: str, start: str) -> None:
    import keras

    x = 5 if start == "1" else 0.25
    layer = getattr(keras.layers, kind)(**{**OTHERS.get(kind, {}), setting: x})
    lower = {"0": 0, "1": 1, "-x": -x}[start]
    assert pair(layer, setting) == (lower, x)


def test_claims_are_found() -> None:
    assert len([*stated()]) > 20
