"""SpectralNormalization, which holds the layer whose kernel it bounds."""

from typing import ClassVar, Self

from pydantic import model_validator

from modelspec.core.diagnostics import Fault
from modelspec.core.dtypes import is_float
from modelspec.core.settings import refuse
from modelspec.core.shapes import Size, Tensor

from .calls import output_of
from .common import inside, name_of, only, prefixed
from .layer import Example, Inputs, Weight
from .setting_types import Count
from .windows import numbers
from .wrappers import Wrapper


class SpectralNormalization(Wrapper):
    """Divides the kernel of a layer by its greatest singular value, so that it stretches no input
    by more than 1.

    ```yaml
    - SpectralNormalization: {Conv2D: {filters: 64, kernel_size: 3}}
    - SpectralNormalization: {layer: {Dense: 10}, power_iterations: 2}
    ```

    Takes and gives what the layer does. Source: Miyato et al. 2018,
    https://arxiv.org/abs/1802.05957.
    """

    supports_masking = None

    power_iterations: Count = 1

    examples: ClassVar[tuple[Example, ...]] = (
        Example({"layer": {"Dense": 3}}, ((None, 5),)),
        Example({"layer": {"Conv2D": {"filters": 4, "kernel_size": 3}}}, ((None, 9, 8, 3),)),
        Example({"layer": {"Conv1DTranspose": {"filters": 4, "kernel_size": 3}}}, ((None, 9, 3),)),
    )

    @model_validator(mode="after")
    def _takes_one_tensor(self) -> Self:
        first, *rest = self.inner.arguments
        if first.many or any(argument.required for argument in rest):
            refuse(
                f"`SpectralNormalization` gives its layer one tensor, but `{self.inner.kind()}`"
                " takes several",
                "MS205",
                "layer",
                help="hold a layer with a kernel: `Dense` or a convolution",
            )
        if getattr(self.inner, "lora_rank", None) is not None:
            # Keras takes the sum of the kernel and its low-rank part for a variable, and fails in
            # training.
            refuse(
                "`SpectralNormalization` cannot bound a kernel that has a low-rank part",
                "MS208",
                *self.inner_path,
                "lora_rank",
                help="leave `lora_rank` out",
            )
        return self

    def output(self, inputs: Inputs) -> Tensor:
        x = numbers(self, inputs)
        if not is_float(x.dtype):
            # Keras casts the result back to the input's dtype: an embedding would lose all but its
            # whole numbers.
            raise Fault(
                "MS404",
                f"`SpectralNormalization` takes and gives floating-point numbers, found {x}",
                help=f"use `{self.inner.kind()}` without it",
            )
        with inside(*self.inner_path):
            made = only(self.inner, output_of(self.inner, self._inside(inputs)))
            self._kernel(inputs)
        return self.result(made.shape)

    def _inside(self, inputs: Inputs) -> Inputs:
        """The call of the inner layer."""
        return Inputs({self.inner.arguments[0].name: self.like(inputs.one)})

    def _kernel(self, inputs: Inputs) -> Weight:
        """The weight that is bounded. Raises MS205 where the layer has none."""
        weights = {weight.name: weight for weight in self.inner.weights(self._inside(inputs))}
        kernel = weights.get("kernel") or weights.get("embeddings")
        if kernel is None:
            raise Fault(
                "MS205",
                f"`SpectralNormalization` bounds a kernel, which `{self.inner.kind()}` has not",
                help="hold `Dense` or a convolution",
            )
        return kernel

    def weights(self, inputs: Inputs) -> tuple[Weight, ...]:
        kernel = self._kernel(inputs)
        vector = Weight("vector_u", (1, kernel.shape[-1]), trainable=False, dtype=kernel.dtype)
        others = (weight for weight in self.inner.weights(self._inside(inputs)) if weight != kernel)
        # Keras has the kernel among the wrapper's own variables, before those of the layer.
        return (*self._named(kernel), vector, *self._named(*others))

    def _named(self, *weights: Weight) -> tuple[Weight, ...]:
        return prefixed(name_of(self.inner), weights, self.trainable)

    def multiply_adds(self, inputs: Inputs) -> Size:
        return self.inner.multiply_adds(self._inside(inputs))
