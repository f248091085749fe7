"""What a model is made of, for people (`table`) and programs (`record`): layers, shapes, parameters
and cost.

Sizes that are not numbers keep their names (`time`, `time // 2`); `?` is not known until the data
is read. The table writes shapes as a spec does, without the batch axis.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from modelspec.compiler.graph import Graph
from modelspec.compiler.infer import TypedCall, TypedGraph
from modelspec.core.shapes import PENDING, Size, Tensor, known, product, show_size, total

_UNITS = ("", " k", " M", " G", " T", " P", " E")
_GAP = "  "
_HEADER = ("layer", "kind", "from", "output", "parameters", "mult-adds")
_NUMBERS = (4, 5)
"""Columns whose entries end at the right."""
_NAMES = (0, 2)
"""Columns of names: what tells long ones apart is at their ends."""
_YIELDING = ((2, 1), (0,))
"""Columns that give way where the table would be too wide, the widest of a group first, names last
of all.
"""
_LARGE = 24
"""Layers past which those of a model inside the model are left out, unless they are asked for."""
_LEAST = 14
"""What a column keeps where the table has to be narrowed."""


def table(name: str, graph: TypedGraph, *, width: int = 100, depth: int | None = None) -> str:
    """The layers as a table at most `width` columns wide (where names allow it), then totals.

    `depth` is how many levels of models inside models are shown; None leaves out the inside of
    large ones alone.
    """
    maker = _Rows(_common_dtype(graph), depth)
    rows = list(maker.of(graph))
    lines = [
        name,
        "",
        *_aligned([_HEADER, *(row.cells for row in rows)], width),
        "",
        *_totals(graph),
    ]
    if maker.closed:
        names = ", ".join(dict.fromkeys(maker.closed))
        lines.append(f"not shown      what is inside {names}: `--depth {maker.deeper}` shows it")
    return "\n".join(line.rstrip() for line in lines) + "\n"


# Rows ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Row:
    name: str
    kind: str = ""
    sources: str = ""
    output: str = ""
    parameters: str = ""
    cost: str = ""

    @property
    def cells(self) -> tuple[str, ...]:
        return (self.name, self.kind, self.sources, self.output, self.parameters, self.cost)


@dataclass
class _Rows:
    """Makes the rows of a graph and of the shared models in it, whose layers stand below their
    first call.
    """

    dtype: str
    depth: int | None = None

    def __post_init__(self) -> None:
        self.shown: set[int] = set()
        self.closed: list[str] = []
        """Models whose layers are not shown."""
        self.deeper = 2
        """The depth at which the first of them are."""

    def of(self, graph: TypedGraph, level: int = 0) -> Iterator[_Row]:
        indent = "  " * level
        if not level:
            yield from (self._input(name, tensor) for name, tensor in graph.inputs.items())
        above = next(iter(graph.inputs)) if len(graph.inputs) == 1 else None
        for layer in graph.layers:
            yield from self._call(layer, above, indent, level)
            above = layer.name

    def _input(self, name: str, tensor: Tensor) -> _Row:
        batch = tensor.shape[0] if tensor.shape else None
        return _Row(
            name,
            f"input (batches of {batch})" if batch else "input",
            output=_type(tensor, self.dtype),
        )

    def _call(self, layer: TypedCall, above: str | None, indent: str, level: int) -> Iterator[_Row]:
        again = layer.shared is not None and id(layer.call.callee) in self.shown
        closed = not again and self._is_closed(layer, level)
        sources = "" if layer.inputs == [above] else ", ".join(layer.inputs)
        yield _Row(
            indent + layer.name,
            _kind(layer, again, closed),
            sources,
            _type(layer.outputs[0], self.dtype),
            "" if again else _count(_parameters(layer)),
            _human(layer.multiply_adds),
        )
        for index, tensor in enumerate(layer.outputs[1:], 1):
            selector = layer.output_names[index] if layer.output_names else str(index)
            yield _Row(f"{indent}  .{selector}", output=_type(tensor, self.dtype))
        if layer.shared is not None and not again:
            self.shown.add(id(layer.call.callee))
            if closed:
                self.deeper = level + 2 if not self.closed else min(self.deeper, level + 2)
                self.closed.append(layer.kind)
            elif layer.inside is not None:
                yield from self.of(layer.inside, level + 1)

    def _is_closed(self, layer: TypedCall, level: int) -> bool:
        if layer.inside is None:
            return False
        return (
            layer.inside.depth_first_calls > _LARGE
            if self.depth is None
            else level + 1 >= self.depth
        )


def _kind(layer: TypedCall, again: bool, closed: bool) -> str:
    """The kind, and what is special about this one: what a shared name stands for, how many layers
    are not shown, or that training changes nothing.
    """
    remarks = []
    if closed and layer.inside is not None:
        remarks.append(f"{layer.inside.depth_first_calls} layers")
    if again:
        remarks.append("shared")
    elif (
        layer.shared is not None
        and not isinstance(layer.call.callee, Graph)
        and layer.call.callee is not None
    ):
        remarks.append(layer.call.callee.kind())
    if layer.weights and not any(weight.trainable for weight in layer.weights):
        remarks.append("frozen")
    return f"{layer.kind} ({', '.join(remarks)})" if remarks else layer.kind


def _parameters(layer: TypedCall) -> Size:
    return total(product(weight.shape) for weight in layer.weights)


def _type(tensor: Tensor, common: str) -> str:
    """`[28, 28, 1]`, with the dtype where it is not the common one."""
    shape = f"[{', '.join(show_size(size) for size in tensor.shape[1:])}]"
    return shape if tensor.dtype == common else f"{shape} {tensor.dtype}"


def _common_dtype(graph: TypedGraph) -> str:
    """The dtype that most tensors have: it is not repeated in every row."""
    counts = Counter(tensor.dtype for layer in graph.layers for tensor in layer.outputs)
    return counts.most_common(1)[0][0] if counts else "float32"


# Numbers ------------------------------------------------------------------------------------------


def _count(size: Size) -> str:
    """With thousands separators; nothing for none."""
    number = known(size)
    return _symbol(size) if number is None else f"{number:,}" if number else ""


def _human(size: Size) -> str:
    """In human units: `10.6 M`; nothing for none."""
    number = known(size)
    return _symbol(size) if number is None else _scaled(number) if number else ""


def _scaled(number: int) -> str:
    step, value = 0, float(number)
    while value >= 999.95 and step < len(_UNITS) - 1:
        step, value = step + 1, value / 1000
    return f"{value:.1f}{_UNITS[step]}" if step else str(number)


def _symbol(size: Size) -> str:
    """A size that is no number, where it is short enough for a column."""
    text = "unknown" if size is None else _separated(str(size))
    return text if len(text) <= 16 else "unknown"


def _separated(text: str) -> str:
    """The numbers in an expression with thousands separators: `time * 2,048`."""
    return re.sub(r"\b\d{4,}\b", lambda number: f"{int(number[0]):,}", text)


# Totals -------------------------------------------------------------------------------------------


def _totals(graph: TypedGraph) -> list[str]:
    lines = [("parameters", _weights(graph)), ("multiply-adds", _cost(graph))]
    common = _common_dtype(graph)
    outputs = ", ".join(f"{name} {_type(tensor, common)}" for name, tensor in graph.outputs.items())
    lines.append(("output" if len(graph.outputs) == 1 else "outputs", outputs))
    return [f"{title:<13}{_GAP}{text}" for title, text in lines]


def _weights(graph: TypedGraph) -> str:
    every, trainable = graph.parameters, graph.trainable_parameters
    if every is None or trainable is None:
        least = sum(known(product(weight.shape)) or 0 for weight in graph.weights)
        return f"{least:,} and those that depend on the data"
    if not every:
        return "0"
    size = sum(
        (known(product(weight.shape)) or 0) * _bytes(weight.dtype) for weight in graph.weights
    )
    frozen = f", {every - trainable:,} frozen" if every != trainable else ""
    memory = f"{_scaled(size)}B" if size >= 1000 else f"{size} bytes"
    return f"{every:,} ({trainable:,} trainable{frozen}), {memory}"


def _bytes(dtype: str) -> int:
    """What one number of the dtype takes in memory."""
    bits = "".join(character for character in dtype if character.isdigit())
    return int(bits) // 8 if bits else 1


def _cost(graph: TypedGraph) -> str:
    costs = [layer.multiply_adds for layer in graph.layers]
    number = sum(known(cost) or 0 for cost in costs)
    rest = [cost for cost in costs if known(cost) is None]
    if not rest:
        return f"{_scaled(number)} for one example"
    named = total(rest)
    if isinstance(named, str) and named != PENDING and len(named) <= 40:
        return f"{f'{_scaled(number)} + ' if number else ''}{_separated(named)} for one example"
    return f"{_scaled(number)} for one example, and what depends on unknown sizes"


# The table ----------------------------------------------------------------------------------------


def _aligned(rows: list[tuple[str, ...]], width: int) -> Iterator[str]:
    """The rows in columns; a column that no row fills is left out, and long names give way where it
    gets too wide.
    """
    filled = [column for column in range(len(_HEADER)) if any(row[column] for row in rows[1:])]
    widths = {column: max(len(row[column]) for row in rows) for column in filled}
    excess = sum(widths.values()) + len(_GAP) * (len(filled) - 1) - width
    for group in _YIELDING:
        yielding = [column for column in group if column in widths]
        while (
            yielding
            and excess > 0
            and widths[widest := max(yielding, key=widths.__getitem__)] > _LEAST
        ):
            widths[widest] -= 1
            excess -= 1
    for row in rows:
        cells = (_cell(row[column], widths[column], column) for column in filled)
        yield _GAP.join(cells)


def _cell(text: str, width: int, column: int) -> str:
    if len(text) > width:
        end = (width - 3) // 2 if column in _NAMES else 0
        text = f"{text[: width - 3 - end]}...{text[len(text) - end :]}"
    return text.rjust(width) if column in _NUMBERS else text.ljust(width)


# For programs -------------------------------------------------------------------------------------


def record(name: str, graph: TypedGraph) -> dict[str, Any]:
    """The same as plain values: what `modelspec show --format json` prints."""
    return {
        "name": name,
        "parameters": graph.parameters,
        "trainable_parameters": graph.trainable_parameters,
        "flops": graph.flops,
        "layers": [_layer(layer) for layer in graph.layers],
        "inputs": _types(graph.inputs.items()),
        "outputs": _types(graph.outputs.items()),
    }


def as_json(name: str, graph: TypedGraph) -> str:
    """`record` as JSON, a line for each layer."""
    parts = [
        f"{json.dumps(key)}: {_lines(value) if key == 'layers' else json.dumps(value)}"
        for key, value in record(name, graph).items()
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
