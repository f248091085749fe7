"""Shared by several layer families: nested layers, axes, and checks that tensors fit together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TypeVar

from modelspec.core.automatic_names import AutomaticNames
from modelspec.core.diagnostics import Fault
from modelspec.core.dtypes import is_float
from modelspec.core.registry import snake_case
from modelspec.core.shapes import Shape, Size, Tensor, known, may_equal, needs, show, show_size

from .layer import Layer, Outputs, Weight


def features(x: Tensor, argument: str | None = None) -> Size:
    """The size of the last axis, which determines the kernel. Raises MS405 if it is unknown."""
    return needs(
        x.shape[-1],
        "the last axis",
        "set the input's last size to a number, or add a layer that fixes it "
        "(such as `Dense` or `Embedding`) before it",
        argument=argument,
    )


def name_of(layer: Layer) -> str:
    """The layer's name, or the one Keras gives to the first layer without a name."""
    return layer.name or snake_case(layer.kind())


def numbered(names: Iterable[str]) -> tuple[str, ...]:
    """The names, repeated ones numbered as Keras does: `hidden`, `hidden_1`."""
    automatic = AutomaticNames()
    return tuple(automatic.next(name) for name in names)


def names_of(layers: Sequence[Layer]) -> tuple[str, ...]:
    """The names of layers in order of creation; only those without a name are numbered."""
    made = iter(numbered(snake_case(layer.kind()) for layer in layers if layer.name is None))
    return tuple(layer.name or next(made) for layer in layers)


@contextmanager
def inside(*path: str | int) -> Iterator[None]:
    """Faults of a nested layer, reported for the layer that contains it, whose call arguments
    differ.
    """
    try:
        yield
    except Fault as fault:
        raise replace(fault.under(*path), argument=None) from None


def only(layer: Layer, outputs: Outputs) -> Tensor:
    """The single output. Raises MS312 if the layer has several."""
    if isinstance(outputs, Tensor):
        return outputs
    raise Fault(
        "MS312",
        f"`{layer.kind()}` gives {len(outputs)} outputs here, but one is expected",
        help="leave `return_state` out" if hasattr(layer, "return_state") else None,
    )


def prefixed(
    prefix: str, weights: tuple[Weight, ...], trainable: bool = True
) -> tuple[Weight, ...]:
    """The weights of a nested layer, named relative to the containing layer and frozen with it."""
    return tuple(
        w._replace(name=f"{prefix}/{w.name}", trainable=w.trainable and trainable) for w in weights
    )


def axis_in(layer: Layer, axis: int, x: Tensor, *path: str | int) -> int:
    """The axis counted from 0. Raises MS407 where the tensor has no such axis."""
    if -x.rank <= axis < x.rank:
        return axis % x.rank
    raise Fault(
        "MS407",
        f"`{layer.kind()}` has axis {axis}, but its input has {x.rank} axes: {show(x.shape)}",
        path,
        help=f"use an axis from {-x.rank} to {x.rank - 1}; axis 0 is the batch",
    )


def axes_in(layer: Layer, axes: Iterable[int], x: Tensor, path: str) -> tuple[int, ...]:
    """The axes counted from 0. Raises MS407 where the tensor has no such axis, and MS205 if one is
    named twice, also as `2` and `-1`: Keras fails when data arrive.
    """
    given = tuple(axes)
    found = tuple(axis_in(layer, axis, x, path) for axis in given)
    if len(set(found)) < len(found):
        raise Fault(
            "MS205",
            f"`{path}` names an axis of {show(x.shape)} twice: {list(given)}",
            (path,),
            help="name each axis once",
        )
    return found


def along_batch(layer: Layer, x: Tensor, axes: Iterable[int]) -> Fault | None:
    """MS668 where a layer with `axis` computes along the axis that counts the examples."""
    if 0 not in {axis_in(layer, axis, x, "axis") for axis in axes}:
        return None
    return Fault(
        "MS668",
        f"`{layer.kind()}` computes along axis 0, the examples, but a transform"
        " sees one example at a time",
        ("axis",),
        help="use an axis from 1 on, or -1 for the last",
    )


def need_equal(
    a: Size,
    b: Size,
    what: str,
    shapes: tuple[Shape, ...],
    *,
    argument: str | None = None,
    help: str | None = None,
) -> None:
    """Raises MS403 where two sizes differ, MS409 where they are two different names."""
    if may_equal(a, b):
        return
    listed = " and ".join(show(shape) for shape in shapes)
    if known(a) is None and known(b) is None:
        raise Fault(
            "MS409",
            f"{what} are `{a}` and `{b}`: {listed}",
            argument=argument,
            help=f"name both sizes `{a}` in `inputs` if they are always equal",
        )
    raise Fault(
        "MS403",
        f"{what} are {show_size(a)} and {show_size(b)}: {listed}",
        argument=argument,
        help=help,
    )


def need_number(layer: Layer, *tensors: Tensor) -> None:
    """Raises MS404 if a tensor contains strings."""
    for x in tensors:
        if x.dtype == "string":
            raise Fault(
                "MS404",
                f"`{layer.kind()}` takes numbers, found strings: {x}",
                help=(
                    "convert them to numbers first, with `StringLookup`, `TextVectorization` or"
                    " `Hashing`"
                ),
            )


AS_FLOATS = "give the input `dtype: float32`, or put `Rescaling: 1.0` or an `Embedding` before"
"""How to pass integers to a layer that takes floating-point numbers."""


def need_float(layer: Layer, *tensors: Tensor, doing: str = "takes") -> None:
    """Raises MS404 if a tensor does not contain floating-point numbers. Keras raises only when the
    model runs.
    """
    need_number(layer, *tensors)
    for x in tensors:
        if not is_float(x.dtype):
            raise Fault(
                "MS404",
                f"`{layer.kind()}` {doing} floating-point numbers, found {x.dtype}: {x}",
                help=AS_FLOATS,
            )


def need_no_booleans(layer: Layer, *tensors: Tensor) -> None:
    """Raises MS404 if a tensor contains booleans."""
    for x in tensors:
        if x.dtype == "bool":
            raise Fault(
                "MS404",
                f"`{layer.kind()}` takes numbers other than booleans, found bool: {x}",
                help=AS_FLOATS,
            )


L = TypeVar("L", bound=Layer)


def without_trainable(layer: L) -> L:
    """Raises MS202 where `trainable` was written for a layer whose constructor in Keras does not
    take it.
    """
    if "trainable" in layer.model_fields_set:
        raise Fault(
            "MS202",
            f"`{layer.kind()}` has no setting `trainable`, unlike most Keras layers",
            ("trainable",),
            at_key=True,
            help="leave `trainable` out",
        )
    return layer
