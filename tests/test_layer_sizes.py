"""What layers say of sizes that are unknown, named or pending: never something that the number
would make false.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from modelspec.catalog.layers import LAYERS
from modelspec.catalog.layers.layer import Example, Inputs, Layer
from modelspec.core.diagnostics import Fault
from modelspec.core.settings import Context
from modelspec.core.shapes import PENDING, Shape, Size, Tensor

CASES = [
    pytest.param(kind, number, id=f"{kind}-{number}")
    for kind in sorted(LAYERS.kinds())
    for number in range(len(getattr(LAYERS.find(kind), "examples", ())))
]


def layer_of(
    kind: str, number: int
) -> tuple[Layer, dict[str, Tensor | tuple[Tensor, ...]], Example]:
    cls = LAYERS.find(kind)
    assert cls is not None and issubclass(cls, Layer)
    example = cls.examples[number]
    layer = cls.build(example.settings, Context())
    assert isinstance(layer, Layer)
    if isinstance(example.inputs, tuple):
        first = cls.arguments[0]
        shapes: dict[str, object] = {
            first.name: example.inputs if first.many else example.inputs[0]
        }
    else:
        shapes = dict(example.inputs)
    tensors: dict[str, Tensor | tuple[Tensor, ...]] = {}
    for name, shape in shapes.items():
        assert isinstance(shape, tuple)
        dtype = "bool" if "mask" in name else example.dtype
        nested = bool(shape) and isinstance(shape[0], tuple)
        tensors[name] = (
            tuple(Tensor(one, dtype) for one in shape) if nested else Tensor(shape, dtype)
        )
    return layer, tensors, example


def sizes_in(tensors: dict[str, Tensor | tuple[Tensor, ...]]) -> list[int]:
    """Every number along an axis, 1 left out: it stretches."""
    flat = [
        one
        for value in tensors.values()
        for one in (value if not isinstance(value, Tensor) else (value,))
    ]
    return sorted(
        {size for one in flat for size in one.shape[1:] if isinstance(size, int) and size > 1}
    )


def renamed(tensors: dict[str, Tensor | tuple[Tensor, ...]], old: int, new: Size) -> Inputs:
    """The call with a size replaced wherever it stands."""

    def swap(one: Tensor) -> Tensor:
        return one._replace(
            shape=(one.shape[0], *(new if size == old else size for size in one.shape[1:]))
        )

    return Inputs(
        {
            name: swap(value) if isinstance(value, Tensor) else tuple(swap(one) for one in value)
            for name, value in tensors.items()
        }
    )


def outcomes(
    kind: str, number: int, new: Size
) -> Iterator[tuple[tuple[Tensor, ...] | Fault, tuple[Tensor, ...]]]:
    """For each size of the example: what the layer says with `new` in its place, and with the
    number.
    """
    layer, tensors, example = layer_of(kind, number)
    numbers = Inputs(tensors, example.options)
    for old in sizes_in(tensors):
        call = renamed(tensors, old, new)
        call = Inputs(call.tensors, example.options)
        try:
            found: tuple[Tensor, ...] | Fault = flat(layer, call)
            layer.weights(call)
            layer.multiply_adds(call)
        except Fault as fault:
            found = fault
        yield found, flat(layer, numbers)


def flat(layer: Layer, call: Inputs) -> tuple[Tensor, ...]:
    made = layer.output(call)
    return (made,) if isinstance(made, Tensor) else made


def holds(said: Shape, true: Shape) -> bool:
    """Whether every number that is said is the true one."""
    return len(said) == len(true) and all(
        not isinstance(a, int) or not isinstance(b, int) or a == b
        for a, b in zip(said, true, strict=True)
    )


@pytest.mark.parametrize("unknown", [None, "n"])
@pytest.mark.parametrize(("kind", "number"), CASES)
def test_what_is_known_of_an_unknown_size_is_true(kind: str, number: int, unknown: Size) -> None:
    for found, true in outcomes(kind, number, unknown):
        if isinstance(found, Fault):
            # A layer may need to know a size, and then says just that.
            assert found.code == "MS405", found
        else:
            assert [one.dtype for one in found] == [one.dtype for one in true]
            assert all(holds(a.shape, b.shape) for a, b in zip(found, true, strict=True)), (
                found,
                true,
            )


@pytest.mark.parametrize(("kind", "number"), CASES)
def test_a_size_that_the_data_will_give_is_not_refused(kind: str, number: int) -> None:
    for found, true in outcomes(kind, number, PENDING):
        assert not isinstance(found, Fault), found
        assert all(holds(a.shape, b.shape) for a, b in zip(found, true, strict=True)), (found, true)
