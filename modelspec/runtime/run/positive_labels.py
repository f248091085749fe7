"""The positive label of outputs with one unit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelspec.compiler.pipeline import Compiled

from ..data.adapted_state import State
from ..data.positive import positive_label
from .decisions import target_layers


def positive_labels(compiled: Compiled, state: State | None) -> dict[str, Any]:
    """By output: the label of its class 1, if a target with two labels feeds one unit."""
    graph = compiled.graph
    if graph is None:
        return {}
    found: dict[str, Any] = {}
    for name, layers in target_layers(compiled, state).items():
        tensor, label = graph.outputs.get(name), positive_label(layers)
        if label is not None and tensor is not None and tensor.shape[-1] == 1:
            found[name] = label
    return found


def label_lines(found: Mapping[str, Any]) -> list[str]:
    """A line for each output."""
    return [f"`{name}`: the positive label is `{label}`" for name, label in found.items()]
