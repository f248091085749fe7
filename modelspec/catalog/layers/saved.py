"""The tensors that a call keeps from the forward to the backward pass of a training step: the
activations that take up memory.

They follow TensorFlow's CPU kernels: the tensors that the gradient of each operation reads. Tensors
of a few bytes (shapes, counts) are omitted.
"""

from collections.abc import Iterable
from typing import NamedTuple

from modelspec.catalog.components import ACTIVATIONS
from modelspec.core.dtypes import is_float
from modelspec.core.shapes import Shape, Size, Tensor


class Saved(NamedTuple):
    """The saved tensors of a call that propagates a gradient. A tensor that several calls keep
    exists once, so inputs and outputs are named here rather than counted.
    """

    inputs: bool = False
    """Its floating-point inputs."""
    places: tuple[int, ...] | None = None
    """Which inputs, by their position in the call; None for all."""
    for_weights: bool = False
    """Inputs also kept if weights of the layer are trained."""
    outputs: bool = False
    """Its first output."""
    own: tuple[Tensor, ...] = ()
    """Internal tensors that no other call uses."""
    own_for_weights: tuple[Tensor, ...] = ()
    """Internal tensors kept only if weights of the layer are trained."""
    with_weights: bool = False
    """Whether its internal tensors include the weights cast to its compute dtype, if that differs
    from theirs; otherwise they are kept once.
    """
    passes_on: bool = False
    """Whether its output shares the memory of its input."""

    def and_own(self, *tensors: Tensor) -> "Saved":
        """A copy with these tensors added."""
        return self._replace(own=(*self.own, *tensors))

    def apart(self, taken: Iterable[Tensor], given: Tensor) -> "Saved":
        """A copy whose tensors are all internal: those that a wrapper makes."""
        copies = tuple(x for x in taken if is_float(x.dtype))
        return Saved(
            own=(
                *self.own,
                *(copies if self.inputs else ()),
                *((given,) if self.outputs else ()),
            ),
            own_for_weights=(*self.own_for_weights, *(copies if self.for_weights else ())),
            with_weights=self.with_weights,
        )

    def at_each(self, steps: Size) -> "Saved":
        """A copy for a call that runs `steps` times in one."""
        return self._replace(
            own=tuple(_times(one, steps) for one in self.own),
            own_for_weights=tuple(_times(one, steps) for one in self.own_for_weights),
        )


def together(all_of: Iterable[Saved]) -> Saved:
    """The tensors that several calls keep, all internal."""
    parts = tuple(all_of)
    return Saved(
        own=tuple(x for one in parts for x in one.own),
        own_for_weights=tuple(x for one in parts for x in one.own_for_weights),
        with_weights=any(one.with_weights for one in parts),
    )


def in_dtype(weights: Iterable[Tensor], dtype: str) -> tuple[Tensor, ...]:
    """The copies of weights that a layer makes if it computes in another dtype. Copies of vectors
    (biases) are small and mostly not kept.
    """
    return tuple(
        x._replace(dtype=dtype)
        for x in weights
        if x.rank > 1 and is_float(x.dtype) and x.dtype != dtype
    )


def and_activation(saved: Saved, activation: object, x: Tensor, *, alone: bool = False) -> Saved:
    """A copy with the tensors that an activation function keeps for `x`, which has the type of its
    result.

    `alone`: the layer computes nothing else, so its argument is the input of the layer.
    """
    found = ACTIVATIONS.find(activation) if isinstance(activation, str) else activation
    if found is None:
        return saved
    kept: tuple[str, ...] = getattr(found, "saves", ())
    own = [x] * (kept.count("own") + (0 if alone else kept.count("input")))
    own += [x._replace(dtype="bool")] * kept.count("choice")
    return saved._replace(
        inputs=saved.inputs or (alone and "input" in kept),
        outputs=saved.outputs or "output" in kept,
        own=(*saved.own, *own),
    )


def choices(x: Tensor, shape: Shape | None = None) -> Tensor:
    """A boolean tensor of this shape, or of another one."""
    return Tensor(x.shape if shape is None else shape, "bool")


def _times(x: Tensor, steps: Size) -> Tensor:
    """The tensor repeated `steps` times. Only its size matters."""
    return x._replace(shape=(*x.shape, steps))
