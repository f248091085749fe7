"""What training varies with one draw: an input, and the tensors whose values belong to its
places.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from modelspec.compiler.spec.data_section import Chain

How: TypeAlias = Literal["image", "numbers", "classes"]
"""How a tensor is varied: by all layers; by those that move values; or by these with each value
taken as it is, since a mean of class numbers is another class.
"""


class Member(NamedTuple):
    """A tensor that is varied."""

    kind: Literal["inputs", "targets", "weights"]
    name: str
    how: How
    border: float | None = None
    """What class numbers have where nothing was moved to; None: what the layers say."""


@dataclass(frozen=True)
class Variation:
    """Layers, and what they vary with one draw."""

    chain: Chain
    members: tuple[Member, ...]
