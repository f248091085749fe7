"""A sub-model at every step of a sequence: its graph is inferred on one step, (batch, ...) of
(batch, time, ...), and the axis of time put back behind the batch axis.

Keras says that every wrapper gives its compute dtype, whatever the model in it gives.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from modelspec.catalog.layers.layer import Inputs, Layer, need_rank
from modelspec.core.diagnostics import Fault
from modelspec.core.dtypes import is_float
from modelspec.core.shapes import Size, Tensor, product, show


class Steps(NamedTuple):
    """The sequences that a sub-model gets through wrappers, the outermost first."""

    around: Sequence[Layer]
    whole: Tensor

    @property
    def lengths(self) -> tuple[Size, ...]:
        """How many steps each wrapper takes."""
        return self.whole.shape[1 : 1 + len(self.around)]

    def one(self, inputs: Inputs) -> Inputs:
        """The call of the sub-model with one step. Raises MS401 for a tensor without the axes of
        the steps.
        """
        x = self.whole
        for wrapper in self.around:
            need_rank(wrapper, x, at_least=3)
            x = wrapper.like(x, (x.shape[0], *x.shape[2:]))
        return Inputs(dict.fromkeys(inputs.tensors, x), inputs.options)

    def together(self, step: Tensor, name: str) -> Tensor:
        """What all steps give. Raises MS401 where the model gives no batch, MS404 where it gives no
        floating-point numbers.
        """
        kind = self.around[0].kind()
        if not step.rank:
            raise Fault(
                "MS401",
                f"`{name}` gives {show(step.shape)}, without a batch axis, which `{kind}` cannot"
                " put together",
            )
        if not is_float(step.dtype):
            raise Fault(
                "MS404",
                f"`{kind}` gives floating-point numbers, and `{name}` in it gives {step.dtype}",
                help="end it with a layer that gives floating-point numbers, e.g. `Rescaling: 1`",
            )
        return self.around[0].result((step.shape[0], *self.lengths, *step.shape[1:]))

    def cost(self, step: Size) -> Size:
        """The multiply-adds of all steps."""
        return product((*self.lengths, step))
