"""SpectralNormalization, which wraps the layer whose kernel it normalizes."""

from collections.abc import Sequence
from typing import ClassVar, Self

from pydantic import model_validator

from modelspec.core.diagnostics import Fault
from modelspec.core.dtypes import is_float
from modelspec.core.settings import refuse
from modelspec.core.shapes import Size, Tensor

from .calls import output_of
from .common import inside, name_of, only, prefixed
from .layer import Example, Inputs, Weight
from .saved import Saved
from .setting_types import Count
from .windows import numbers
from .wrappers import Wrapper


class SpectralNormalization(Wrapper):
    """Divides the kernel of the wrapped layer by its largest singular value, so that its spectral
    norm is 1.

    ```yaml
    - SpectralNormalization: {Conv2D: {filters: 64, kernel_size: 3}}
    - SpectralNormalization: {layer: {Dense: 10}, power_iterations: 2}
    ```

    Takes and gives the tensors of the wrapped layer. Source: Miyato et al. 2018,
    https://arxiv.org/abs/1802.05957.
    """

    supports_masking = None

    power_iterations: Count = 1

    examples: ClassVar[tuple[Example, ...]] = (
        Example({"layer": {"Dense": 3}}, ((None, 5),)),
        Example({"layer": {"Conv2D": {"filters": 4, "kernel_size": 3}}}, ((None, 9, 8, 3),)),
        Example({"layer": {"Conv1DTranspose": {"filters": 4, "kernel_size": 3}}}, ((None, 9, 3),)),
    )

    def takes_sparse(self, sparse: Sequence[Tensor], dense: Sequence[Tensor]) -> bool:
        return self.inner.takes_sparse(sparse, dense)

    @model_validator(mode="after")
    def _takes_one_tensor(self) -> Self:
        first, *rest = self.inner.arguments
        if first.many or any(argument.required for argument in rest):
            refuse(
                f"`SpectralNormalization` passes one tensor to its layer, but `{self.inner.kind()}`"
                " takes several",
                "MS205",
                "layer",
                help="wrap a layer with a kernel: `Dense` or a convolution",
            )
        if getattr(self.inner, "lora_rank", None) is not None:
            # Keras treats the sum of the kernel and its low-rank update as a variable, and fails in
            # training.
            refuse(
                "`SpectralNormalization` cannot normalize a kernel with a low-rank update",
                "MS208",
                *self.inner_path,
                "lora_rank",
                help="leave `lora_rank` out",
            )
        return self

    def output(self, inputs: Inputs) -> Tensor:
        x = numbers(self, inputs)
        if not is_float(x.dtype):
            # Keras casts the result back to the input's dtype, which would round embedding vectors
            # to integers.
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
        """The weight to normalize. Raises MS205 if the layer has none."""
        weights = {weight.name: weight for weight in self.inner.weights(self._inside(inputs))}
        kernel = weights.get("kernel") or weights.get("embeddings")
        if kernel is None:
            raise Fault(
                "MS205",
                f"`SpectralNormalization` normalizes a kernel, but `{self.inner.kind()}` has none",
                help="wrap `Dense` or a convolution",
            )
        return kernel

    def weights(self, inputs: Inputs) -> tuple[Weight, ...]:
        kernel = self._kernel(inputs)
        vector = Weight("vector_u", (1, kernel.shape[-1]), trainable=False, dtype=kernel.dtype)
        others = (weight for weight in self.inner.weights(self._inside(inputs)) if weight != kernel)
        # Keras lists the kernel among the wrapper's own variables, before those of the layer.
        return (*self._named(kernel), vector, *self._named(*others))

    def _named(self, *weights: Weight) -> tuple[Weight, ...]:
        return prefixed(name_of(self.inner), weights, self.trainable)

    def multiply_adds(self, inputs: Inputs) -> Size:
        return self.inner.multiply_adds(self._inside(inputs))

    def saved(self, inputs: Inputs, made: tuple[Tensor, ...]) -> Saved:
        return self.inner.saved(self._inside(inputs), made)
