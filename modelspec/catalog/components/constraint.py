"""The base of constraints; the rules need no constraint itself."""

from typing import ClassVar

from modelspec.core.shapes import Tensor, show

from .setting_types import Component


class Constraint(Component):
    keras_module: ClassVar[str] = "constraints"

    def misfit(self, weight: Tensor) -> str | None:
        """The reason why it cannot constrain a weight of this type, as the end of a sentence; None
        if it can.
        """
        axis: int | tuple[int, ...] | None = getattr(self, "axis", None)
        axes = axis if isinstance(axis, tuple) else () if axis is None else (axis,)
        wrong = [one for one in axes if not -weight.rank <= one < weight.rank]
        return (
            f"computes norms along axis {wrong[0]}, found {show(weight.shape)}" if wrong else None
        )
