"""The tensors that training changes with the same random numbers: an input, and the tensors whose
values belong to its positions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from modelspec.compiler.spec.data_section import Chain

How: TypeAlias = Literal["image", "numbers", "classes", "values", "coordinates"]
"""How a tensor is changed.

- `image`: by all layers.
- `numbers`: by layers that move values or mix examples.
- `classes`: by these with nearest interpolation, since a mean of class numbers is another class.
- `values`: by layers that mix examples; it has no value for each pixel of an image.
- `coordinates`: by layers that move values; it contains places in the image.
"""


class Member(NamedTuple):
    """A tensor that is changed."""

    kind: Literal["inputs", "targets", "weights"]
    name: str
    how: How
    border: float | None = None
    """The class numbers of positions that get no value; None: as the layers define."""
    coordinates: str | None = None
    """The format of coordinates: `xyxy`, `rel_xy`, ..."""


@dataclass(frozen=True)
class Variation:
    """Layers, and the tensors that they change with the same random numbers."""

    chain: Chain
    members: tuple[Member, ...]
    """The first is the input whose images determine the random numbers."""
