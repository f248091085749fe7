"""Masks: boolean tensors that mark the steps to use."""

from __future__ import annotations

from modelspec.core.diagnostics import Fault
from modelspec.core.shapes import Shape, Tensor, show

from .common import need_equal


def need_mask(mask: Tensor, steps: Shape, argument: str = "mask") -> None:
    """Raises MS401, MS403 or MS409 unless the mask fits the steps (the masked tensor's shape
    without its last axis).

    Keras computes shapes without checking the mask and fails when data arrives.
    """
    help = f"give a mask of shape {show(steps)}"
    if mask.rank != len(steps):
        raise Fault(
            "MS401",
            f"the mask {show(mask.shape)} does not have the axes of the steps {show(steps)}",
            argument=argument,
            help=help,
        )
    for size, step in zip(mask.shape, steps, strict=True):
        if size != 1:  # a mask of size 1 is broadcast
            need_equal(
                size,
                step,
                "sizes of the mask and of the steps",
                (mask.shape, steps),
                argument=argument,
                help=help,
            )
