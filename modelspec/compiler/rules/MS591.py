"""A weight with two optimizers of a `MultiOptimizer`, and a path that matches no weight."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelspec.catalog.components.optimizer import Optimizer
from modelspec.core.diagnostics import Span, listed
from modelspec.core.source import locate

from ..infer.trained_weights import trained_weights
from .case import Case
from .layer_patterns import complete

if TYPE_CHECKING:
    from modelspec.catalog.components.nested_optimizers import OptimizerMap


def check(case: Case) -> None:
    """Check every path of the map, if all layers are known."""
    training = case.fitting
    if training is None or training.choices is None or case.typed is None:
        return
    optimizer = training.optimizer
    by_path = optimizer.by_path if isinstance(optimizer, Optimizer) else None
    if by_path is None:
        return
    from modelspec.catalog.components.nested_optimizers import OptimizerMap

    if isinstance(by_path, OptimizerMap) and complete(case.typed):
        _check(case, by_path)


def _check(case: Case, by_path: OptimizerMap) -> None:
    assert case.typed is not None
    matched: set[str] = set()
    for one in trained_weights(case.typed):
        keys = by_path.assigned(one.path)
        matched.update(keys)
        if len(keys) > 1:
            case.report.error(
                "MS591",
                f"{listed(list(keys))} all match the weight `{one.path}`, which one optimizer"
                " trains",
                _span(case, keys[1]),
                help="write expressions that match different paths: each must match the whole path",
            )
            return
    for key in by_path.optimizer_map or {}:
        if key not in matched:
            case.report.warning(
                "MS591",
                f"no trained weight has the path `{key}`: its optimizer has no effect",
                _span(case, key),
                help="write the path of a weight, e.g. `dense/kernel`, or an expression that"
                " matches the whole path: `dense/.*`",
            )


def _span(case: Case, key: str) -> Span | None:
    assert case.fitting is not None
    node = case.fitting.node
    held = ("optimizer", "MultiOptimizer", "optimizer_map")
    for way in (held, (*held, "OptimizerMap")):
        if (found := locate(node, (*way, "optimizer_map", key), key=True)) is not None:
            return found
    return locate(node, ("optimizer",)) or case.fitting.span
