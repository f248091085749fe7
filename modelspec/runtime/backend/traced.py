"""`tf.function` for graphs that are differentiated while they are traced, or never."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import wraps
from types import CellType, FunctionType
from typing import Any

import tensorflow as tf

_DEPTH = 8
"""How deep the closures of a gradient function are searched; TensorFlow's have a depth of 5."""


def traced(function: Callable[..., Any], **options: Any) -> Any:
    """`tf.function` without autograph, whose graphs do not stay in memory for ever.

    TensorFlow registers the gradient of every `tf.custom_gradient` in a graph (`silu`, for example,
    or a sparse cross-entropy in deterministic mode) in a table of the process, and the gradient
    refers to the graph. When `function` has been traced, no more gradients of its operations are
    computed: those entries are removed.
    """

    @wraps(function)
    def body(*args: Any) -> Any:
        before = set(_registered())
        result = function(*args)
        _forget(before, tf.compat.v1.get_default_graph())
        return result

    return tf.function(body, autograph=False, **options)


def _registered() -> dict[str, Any]:
    """TensorFlow's table; an empty one if a later version has another."""
    from tensorflow.python.framework import ops

    table = getattr(getattr(ops, "gradient_registry", None), "_registry", {})
    return table if isinstance(table, dict) else {}


def _forget(before: set[str], graph: Any) -> None:
    """Removes what was registered for this graph. Other threads may register others meanwhile."""
    registered = _registered()
    for name in [name for name in list(registered) if name not in before]:
        entry = registered.get(name)
        function = entry.get("type") if isinstance(entry, dict) else None
        if any(_is_within(one, graph) for one in _graphs(function, _DEPTH)):
            registered.pop(name, None)


def _graphs(value: Any, depth: int) -> Iterator[Any]:
    """The graphs of the tensors in the closure of a function."""
    if depth == 0:
        return
    if isinstance(value, FunctionType):
        for cell in value.__closure__ or ():
            yield from _graphs(cell, depth - 1)
    elif isinstance(value, CellType):
        try:
            yield from _graphs(value.cell_contents, depth - 1)
        except ValueError:  # an empty cell
            return
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from _graphs(one, depth - 1)
    elif tf.is_symbolic_tensor(value):
        yield value.graph


def _is_within(inner: Any, graph: Any) -> bool:
    """Whether it is the graph itself or that of a branch or a loop in it. A `tf.function` that was
    traced inside has a graph of its own, which others may differentiate later.
    """
    while inner is not graph and type(inner) is not type(graph) and inner is not None:
        inner = getattr(inner, "outer_graph", None)
    return inner is graph
