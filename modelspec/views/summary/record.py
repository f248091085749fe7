"""The summary of a model for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from modelspec.compiler.infer import TypedCall, TypedGraph
from modelspec.compiler.infer.player_graphs import PlayerGraph
from modelspec.compiler.infer.stage_graphs import StageGraph
from modelspec.core.shapes import Tensor

from .memory import MemoryView
from .players import player_records
from .stages import stage_records


def record(
    name: str,
    graph: TypedGraph,
    memory: MemoryView | None = None,
    stages: Sequence[StageGraph] = (),
    players: Sequence[PlayerGraph] = (),
) -> dict[str, Any]:
    """The same as plain values: what `modelspec show --format json` prints."""
    return {
        "name": name,
        "parameters": graph.parameters,
        "trainable_parameters": graph.trainable_parameters,
        "flops": graph.flops,
        **({} if memory is None else {"memory": memory.record}),
        **({"stages": stage_records(stages)} if stages else {}),
        **({"players": player_records(players)} if players else {}),
        "layers": [_layer(layer) for layer in graph.layers],
        "inputs": _types(graph.inputs.items()),
        "outputs": _types(graph.outputs.items()),
    }


def as_json(
    name: str,
    graph: TypedGraph,
    memory: MemoryView | None = None,
    stages: Sequence[StageGraph] = (),
    players: Sequence[PlayerGraph] = (),
) -> str:
    """`record` as JSON, a line for each layer."""
    parts = [
        f"{json.dumps(key)}: {_lines(value) if key == 'layers' else json.dumps(value)}"
        for key, value in record(name, graph, memory, stages, players).items()
    ]
    return "{\n  " + ",\n  ".join(parts) + "\n}\n"


def _lines(layers: list[dict[str, Any]]) -> str:
    return (
        "[\n    " + ",\n    ".join(json.dumps(layer) for layer in layers) + "\n  ]"
        if layers
        else "[]"
    )


def _layer(layer: TypedCall) -> dict[str, Any]:
    return {
        "name": layer.name,
        "kind": layer.kind,
        "inputs": layer.inputs,
        "output_shape": _plain(layer.output_shape),
        "output_dtype": layer.output_dtype,
        "parameters": layer.parameters,
        "trainable_parameters": layer.trainable_parameters,
        "flops": layer.flops,
    }


def _plain(shape: Any) -> Any:
    """Tuples as lists, at every level."""
    if isinstance(shape, dict):
        return {name: _plain(one) for name, one in shape.items()}
    return [_plain(one) for one in shape] if isinstance(shape, (tuple, list)) else shape


def _types(tensors: Iterable[tuple[str, Tensor]]) -> dict[str, Any]:
    return {
        name: {"shape": _plain(tensor.shape), "dtype": tensor.dtype} for name, tensor in tensors
    }
