"""The summary of a model as a table. Shapes are written as in a spec, without the batch axis."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from modelspec.compiler.graph import Graph
from modelspec.compiler.infer import TypedCall, TypedGraph
from modelspec.compiler.infer.player_graphs import PlayerGraph
from modelspec.compiler.infer.stage_graphs import StageGraph
from modelspec.core.dtypes import bytes_each
from modelspec.core.shapes import PENDING, Size, Tensor, known, product, show_size, total
from modelspec.core.text_table import GAP, aligned, column_widths, columns

from .memory import MemoryView
from .numbers import count, in_bytes, in_units, scaled, separated
from .players import player_lines
from .stages import stage_lines

HEADER = ("layer", "kind", "from", "output", "parameters", "mult-adds")
NUMBERS = (4, 5)
"""Right-aligned columns."""
_NAMES = (0, 2)
"""Columns of names: long names differ mostly at their ends."""
_YIELDING = ((2, 1), (0,))
"""Columns that are shortened if the table is too wide, the widest of a group first, names last."""
_LARGE = 24
"""Maximum number of layers; in larger models the layers of nested models are hidden by default."""
_LEAST = 14
"""Minimum width of a column in a narrow table."""


def table(
    name: str,
    graph: TypedGraph,
    *,
    width: int = 100,
    depth: int | None = None,
    memory: MemoryView | None = None,
    stages: Sequence[StageGraph] = (),
    players: Sequence[PlayerGraph] = (),
) -> str:
    """The layers as a table at most `width` columns wide (where names allow it), then totals.

    `depth` is the number of shown levels of nested models; None hides only the layers of large
    models. With `memory` the totals include the memory of training; `stages` and `players` are
    those of the training.
    """
    found = summary(graph, depth=depth, memory=memory, stages=stages, players=players)
    lines = _lines_of([HEADER, *found.rows], width)
    return "\n".join([name.rstrip(), "", *lines, "", *columns(found.totals)]) + "\n"


class Summary(NamedTuple):
    """The texts of a summary, not laid out."""

    rows: list[tuple[str, ...]]
    """A row for each input and layer, with a cell for each column of `HEADER`."""
    totals: list[tuple[str, str]]
    """Names and values."""


def summary(
    graph: TypedGraph,
    *,
    depth: int | None = None,
    memory: MemoryView | None = None,
    stages: Sequence[StageGraph] = (),
    players: Sequence[PlayerGraph] = (),
) -> Summary:
    """The cells of `table`, for another layout."""
    maker = _Rows(common_dtype(graph), depth)
    rows = [row.cells for row in maker.of(graph)]
    totals = _totals(graph)
    if memory is not None:
        totals[2:2] = memory.lines
    totals += [*stage_lines(stages), *player_lines(players)]
    if maker.closed:
        names = ", ".join(dict.fromkeys(maker.closed))
        totals.append(("not shown", f"the layers of {names}: use `--depth {maker.deeper}`"))
    return Summary(rows, totals)


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
    """Creates the rows of a graph and of its shared models, whose layers are below their first
    call.
    """

    dtype: str
    depth: int | None = None

    def __post_init__(self) -> None:
        self.shown: set[int] = set()
        self.closed: list[str] = []
        """Models whose layers are not shown."""
        self.deeper = 2
        """The smallest depth that shows more of them."""

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
            output=type_text(tensor, self.dtype),
        )

    def _call(self, layer: TypedCall, above: str | None, indent: str, level: int) -> Iterator[_Row]:
        again = layer.shared is not None and id(layer.call.callee) in self.shown
        closed = not again and self._is_closed(layer, level)
        sources = "" if layer.inputs == [above] else ", ".join(layer.inputs)
        yield _Row(
            indent + layer.name,
            _kind(layer, again, closed),
            sources,
            type_text(layer.outputs[0], self.dtype),
            "" if again else count(_parameters(layer)),
            in_units(layer.multiply_adds),
        )
        yield from self._further_outputs(layer, indent)
        if layer.shared is not None and not again:
            self.shown.add(id(layer.call.callee))
            if closed:
                self.deeper = level + 2 if not self.closed else min(self.deeper, level + 2)
                self.closed.append(layer.kind)
            elif layer.inside is not None:
                yield from self.of(layer.inside, level + 1)

    def _further_outputs(self, layer: TypedCall, indent: str) -> Iterator[_Row]:
        for index, tensor in enumerate(layer.outputs[1:], 1):
            selector = layer.output_names[index] if layer.output_names else str(index)
            yield _Row(f"{indent}  .{selector}", output=type_text(tensor, self.dtype))

    def _is_closed(self, layer: TypedCall, level: int) -> bool:
        if layer.inside is None:
            return False
        return (
            layer.inside.depth_first_calls > _LARGE
            if self.depth is None
            else level + 1 >= self.depth
        )


def _kind(layer: TypedCall, again: bool, closed: bool) -> str:
    """The kind, with remarks: the kind of a shared layer, the number of hidden layers, or that it
    is frozen.
    """
    remarks = [*_remarks(layer, again, closed)]
    around = layer.call.use.around
    kind = around[0].kind() if around else layer.kind
    return f"{kind} ({', '.join(remarks)})" if remarks else kind


def _remarks(layer: TypedCall, again: bool, closed: bool) -> Iterator[str]:
    callee = layer.call.callee
    if around := layer.call.use.around:
        yield from (wrapper.kind() for wrapper in around[1:])
        yield from () if layer.kind == layer.name else (layer.kind,)
    if closed and layer.inside is not None:
        yield f"{layer.inside.depth_first_calls} layers"
    if again:
        yield "shared"
    elif layer.shared is not None and callee is not None and not isinstance(callee, Graph):
        yield callee.kind()
    if layer.weights and not any(weight.trainable for weight in layer.weights):
        yield "frozen"


def _parameters(layer: TypedCall) -> Size:
    return total(product(weight.shape) for weight in layer.weights)


def type_text(tensor: Tensor, common: str) -> str:
    """`[28, 28, 1]`, with the dtype if it is not the most common one."""
    shape = f"[{', '.join(show_size(size) for size in tensor.shape[1:])}]"
    return shape if tensor.dtype == common else f"{shape} {tensor.dtype}"


def common_dtype(graph: TypedGraph) -> str:
    """The most common dtype of the tensors: it is not repeated in every row."""
    counts = Counter(tensor.dtype for layer in graph.layers for tensor in layer.outputs)
    return counts.most_common(1)[0][0] if counts else "float32"


# Totals -------------------------------------------------------------------------------------------


def _totals(graph: TypedGraph) -> list[tuple[str, str]]:
    totals = [("parameters", _weights(graph)), ("multiply-adds", _cost(graph))]
    common = common_dtype(graph)
    outputs = ", ".join(
        f"{name} {type_text(tensor, common)}" for name, tensor in graph.outputs.items()
    )
    totals.append(("output" if len(graph.outputs) == 1 else "outputs", outputs))
    return totals


def _weights(graph: TypedGraph) -> str:
    every, trainable = graph.parameters, graph.trainable_parameters
    if every is None or trainable is None:
        least = sum(known(product(weight.shape)) or 0 for weight in graph.weights)
        return f"{least:,} plus those that depend on the data"
    if not every:
        return "0"
    size = sum(
        (known(product(weight.shape)) or 0) * bytes_each(weight.dtype) for weight in graph.weights
    )
    frozen = f", {every - trainable:,} frozen" if every != trainable else ""
    return f"{every:,} ({trainable:,} trainable{frozen}), {in_bytes(size)}"


def _cost(graph: TypedGraph) -> str:
    costs = [layer.multiply_adds for layer in graph.layers]
    number = sum(known(cost) or 0 for cost in costs)
    rest = [cost for cost in costs if known(cost) is None]
    if not rest:
        return f"{scaled(number)} for one example"
    unknown = total(rest)
    if _can_be_named(unknown):
        terms = [scaled(number)] if number else []
        return f"{' + '.join([*terms, separated(str(unknown))])} for one example"
    return f"{scaled(number)} for one example, plus those that depend on unknown sizes"


def _can_be_named(size: Size) -> bool:
    """Whether it is a short, readable expression."""
    return isinstance(size, str) and size != PENDING and len(size) <= 40


# The table ----------------------------------------------------------------------------------------


def _lines_of(rows: list[tuple[str, ...]], width: int) -> Iterator[str]:
    """The rows in columns, without empty columns; long names are shortened if the table is too
    wide.
    """
    filled = [column for column in range(len(HEADER)) if any(row[column] for row in rows[1:])]
    kept = [[row[column] for column in filled] for row in rows]
    widths = _narrowed(dict(zip(filled, column_widths(kept), strict=True)), width)
    cut = [[_cut(row[column], widths[column], column) for column in filled] for row in rows]
    right = [place for place, column in enumerate(filled) if column in NUMBERS]
    return aligned(cut, list(widths.values()), right)


def _narrowed(widths: dict[int, int], width: int) -> dict[int, int]:
    """The column widths with which the table fits, as far as columns can be shortened."""
    narrowed = dict(widths)
    excess = sum(widths.values()) + len(GAP) * (len(widths) - 1) - width
    for group in _YIELDING:
        yielding = [column for column in group if column in widths]
        while excess > 0 and yielding:
            widest = max(yielding, key=narrowed.__getitem__)
            if narrowed[widest] <= _LEAST:
                break
            narrowed[widest] -= 1
            excess -= 1
    return narrowed


def _cut(text: str, width: int, column: int) -> str:
    if len(text) <= width:
        return text
    end = (width - 3) // 2 if column in _NAMES else 0
    return f"{text[: width - 3 - end]}...{text[len(text) - end :]}"
