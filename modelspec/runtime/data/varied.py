"""The tensors that training changes with the same random numbers: an input, and the tensors whose
values belong to its positions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from modelspec.compiler.spec.data_section import Chain

How: TypeAlias = Literal["image", "numbers", "classes"]
"""How a tensor is changed: by all layers; by those that move values; or by these with nearest
interpolation, since a mean of class numbers is another class.
"""


class Member(NamedTuple):
    """A tensor that is changed."""

    kind: Literal["inputs", "targets", "weights"]
    name: str
    how: How
    border: float | None = None
    """The class numbers of positions that get no value; None: as the layers define."""


@dataclass(frozen=True)
class Variation:
    """Layers, and the tensors that they change with the same random numbers."""

    chain: Chain
    members: tuple[Member, ...]
