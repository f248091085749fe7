"""Whether the loss is scaled, which decides about the dtype of gradients."""

from __future__ import annotations

from modelspec.catalog.components.optimizer import Optimizer

from .case import Case


def scales_loss(case: Case, optimizer: Optimizer) -> bool:
    """Whether the optimizer gets gradients of at least float32: because it scales the loss, or
    because Keras does so in a model with a layer of the policy `mixed_float16`.
    """
    if optimizer.scales_gradients:
        return True
    if getattr(optimizer, "loss_scale_factor", None) is not None:
        return False
    layers = (one.layer for one in case.layers.all)
    return any(one.compute_dtype == "float16" and one.variable_dtype == "float32" for one in layers)
