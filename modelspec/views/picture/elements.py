"""The elements of a picture before it is laid out: boxes for calls, frames for blocks and
sub-models, arrows for tensors.

This module does not use sizes in pixels.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Box:
    """A call, an input, or a folded frame."""

    key: str
    title: str
    """The kind of layer."""
    subtitle: str
    """The name, and parameters."""
    family: str
    """Determines the color: the module of the layer's kind; `input`, `output`, `frame`."""
    frame: Frame
    parameters: int | None = 0
    """Parameters of its own weights; None if a size is not known yet."""
    tip: str = ""
    """The tooltip."""


@dataclass(frozen=True, eq=False)
class Frame:
    """Boxes that belong together: a use of a block, a sub-model."""

    key: str
    title: str
    parent: Frame | None = None

    @property
    def way(self) -> tuple[Frame, ...]:
        """The frames around its boxes, outermost first, without the picture itself."""
        return () if self.parent is None else (*self.parent.way, self)


@dataclass(frozen=True)
class Arrow:
    """A tensor from one box to another."""

    source: str
    target: str
    shape: str
    """The shape as in a spec, without the batch axis."""
    argument: str = ""
    """The argument name of the target, if it has several and their names are meaningful."""


@dataclass
class Diagram:
    """A picture before it is laid out. Boxes are in the order of the spec, which is topological."""

    name: str
    boxes: dict[str, Box] = field(default_factory=dict)
    arrows: list[Arrow] = field(default_factory=list)
    depth: int = 0
    """The depth down to which frames are shown."""
    deepest: int = 0
    """The maximum depth."""
