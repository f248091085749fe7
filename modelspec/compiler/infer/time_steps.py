"""A sub-model at every step of a sequence: its graph is inferred for one step, (batch, ...) of
(batch, time, ...), and the time axis is then inserted after the batch axis.

Keras reports the compute dtype of a wrapper as its output dtype, for any dtype of the model inside.
"""

from __future__ import annotations

from collections.abc import Sequence

from modelspec.catalog.layers.layer import Inputs, Layer, need_rank
from modelspec.core.diagnostics import Fault
from modelspec.core.dtypes import is_float
from modelspec.core.records import NamedTuple
from modelspec.core.shapes import Size, Tensor, product, show


class Steps(NamedTuple):
    """The sequences that a sub-model gets through wrappers, the outermost first."""

    around: Sequence[Layer]
    whole: Tensor

    @property
    def lengths(self) -> tuple[Size, ...]:
        """The number of steps of each wrapper."""
        return self.whole.shape[1 : 1 + len(self.around)]

    def one(self, inputs: Inputs) -> Inputs:
        """The call of the sub-model with one step. Raises MS401 for a tensor without time axes."""
        x = self.whole
        for wrapper in self.around:
            need_rank(wrapper, x, at_least=3)
            x = wrapper.like(x, (x.shape[0], *x.shape[2:]))
        return Inputs(dict.fromkeys(inputs.tensors, x), inputs.options)

    def together(self, step: Tensor, name: str) -> Tensor:
        """The outputs of all steps. Raises MS401 if the model has no batch axis in an output, MS404
        if an output is not floating point.
        """
        kind = self.around[0].kind()
        if not step.rank:
            raise Fault(
                "MS401",
                f"`{name}` outputs {show(step.shape)}, without a batch axis, which `{kind}` cannot"
                " combine",
            )
        if not is_float(step.dtype):
            raise Fault(
                "MS404",
                f"`{kind}` requires floating-point outputs, but `{name}` in it outputs"
                f" {step.dtype}",
                help="end it with a layer that outputs floating-point numbers, e.g. `Rescaling: 1`",
            )
        return self.around[0].result((step.shape[0], *self.lengths, *step.shape[1:]))

    def cost(self, step: Size) -> Size:
        """The multiply-adds of all steps."""
        return product((*self.lengths, step))
