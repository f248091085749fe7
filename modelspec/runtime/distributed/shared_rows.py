"""The rows of a prediction by several processes.

The rows of a source are divided into blocks of whole batches, and process `i` of N computes the
blocks `i`, `i + N`, ... In a round every process computes a block and sends its outputs to the
chief, which has them in the order of the rows. The batches are those of one process.

A process prepares only its own rows, unless what a row becomes may depend on other rows.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np

from modelspec.compiler.infer import TypedGraph
from modelspec.compiler.pipeline import Compiled

from ..data import Examples, RunError, Table
from ..data.errors import DataError
from ..data.filtered import FilteredTable
from ..data.past_table import past_columns_of
from ..data.series import row_count
from ..data.spec_facts import section, typed_graph
from ..data.split import Positions
from ..data.table import Array
from ..run.prediction_sizes import activations
from .channel import Channel
from .together import as_error, plain

Outputs = dict[str, Array]
Computed = tuple[Outputs, Outputs]
"""The outputs by name, and which of their steps are not padding."""
Compute = Callable[[Positions], Iterator[Computed]]

_ROWS: Final = 4096
"""The most rows of a block, unless a batch has more."""
_BYTES: Final = 32 * 2**20
"""The most bytes of the tensors of all layers for the rows of a block, an upper bound for those of
its outputs.
"""


class RowsOfProcess(FilteredTable):
    """The rows of a table that one process prepares; messages show their places in the files."""

    def __init__(self, whole: Table, rows: Array, total: int) -> None:
        super().__init__(whole, "", rows, total)
        self.left_out, self.settings = whole.left_out, whole.settings
        if whole.source_places is None:
            self.source_places = rows


class SharedRows:
    """The rows of one prediction, as seen by one of its processes."""

    def __init__(
        self, channel: Channel, compiled: Compiled, batch_size: int, *, apart: bool
    ) -> None:
        """`batch_size` is that of the prediction. `apart`: rows may be prepared separately, if the
        spec allows it.
        """
        self._channel, self._compiled, self._size = channel, compiled, batch_size
        self._apart = apart and not depends_on_others(compiled)
        self._own: Array | None = None
        """The rows that this process prepares; None: all."""
        self._count = 0
        self._blocks: list[Positions] = []

    @property
    def is_chief(self) -> bool:
        """Whether this process gets the outputs of all."""
        return self._channel.index == 0

    def prepared_here(self, table: Table) -> Table:
        """The table with the rows that this process prepares."""
        count = row_count(table) if self._apart else 0
        blocks = self._divided(count)
        if len(blocks) < self._channel.size:  # some process would have none
            return table
        self._own, self._count = np.concatenate(self._of(blocks, self._channel.index)), count
        return RowsOfProcess(table, self._own, count)

    def located(self, examples: Examples) -> Examples:
        """The examples of this process, with their rows in the whole table."""
        if self._own is None:
            self._count = examples.count
            self._blocks = self._of(self._divided(examples.count), self._channel.index)
            return examples
        ends = np.cumsum([len(one) for one in self._of(self._divided(self._count), None)])
        starts = np.concatenate([[0], ends[:-1]])
        self._blocks = [np.arange(a, b) for a, b in zip(starts, ends, strict=True)]
        own = self._own if examples.rows is None else self._own[examples.rows]
        return replace(examples, rows=own)

    def all_rows(self, examples: Examples) -> Array:
        """The rows in the table of all predictions that the chief gets, in order."""
        if not self.is_chief:
            return np.zeros(0, np.int64)
        if self._own is not None or examples.rows is None:
            return np.arange(self._count)
        return examples.rows

    def _divided(self, count: int) -> list[Array]:
        """Blocks of whole batches, as even as possible for few rows."""
        each = _ROWS
        held = activations(self._compiled)
        if held is not None:
            each = min(each, _BYTES // held)
        each = min(each, -(-count // self._channel.size))
        size = self._size * max(1, -(-each // self._size))
        return [np.arange(start, min(start + size, count)) for start in range(0, count, size)]

    def _of(self, blocks: Sequence[Array], index: int | None) -> list[Array]:
        """The blocks of a process; None: of this one."""
        return list(blocks[self._channel.index if index is None else index :: self._channel.size])

    # The rounds -----------------------------------------------------------------------------------

    def computed(self, compute: Compute) -> Iterator[Computed]:
        """On the chief the outputs of all rows in order, as `compute` makes them for the examples
        at some positions. The other processes compute until the chief needs no more.
        """
        rounds = -(-len(self._divided(self._count)) // self._channel.size)
        if not self.is_chief:
            self._serve(compute)
            return
        try:
            for number in range(rounds):
                self._says(goes_on=True)
                yield from self._round(number, compute)
        except GeneratorExit:  # the chief needs no more outputs
            self._says(goes_on=False)
            raise
        self._says(goes_on=False)

    def _serve(self, compute: Compute) -> None:
        number = 0
        while self._says(goes_on=False):
            for _ in self._round(number, compute):
                pass
            number += 1

    def _says(self, *, goes_on: bool) -> bool:
        """What the chief says."""
        own = int(goes_on and self.is_chief)
        return bool(self._channel.all_reduce([np.array([own], np.int64)])[0][0])

    def _round(self, number: int, compute: Compute) -> Iterator[Computed]:
        """The outputs of all processes on the chief. Raises the `RunError` of any of them."""
        own, failed = b"", None
        try:
            if number < len(self._blocks):
                own = _packed(compute(self._blocks[number]))
        except RunError as error:
            own, failed = json.dumps({"error": plain(error)}).encode() + b"\n", error
        every = self._channel.collect(own)
        if failed is not None:
            raise failed
        for content in every:
            yield from _unpacked(content)


def depends_on_others(compiled: Compiled) -> bool:
    """Whether what a row becomes may depend on other rows of its source: in windows, with columns
    of earlier rows, and where a size of an input is that of the longest row.
    """
    data, typed = section(compiled), typed_graph(compiled)
    return data.window is not None or bool(past_columns_of(data)) or _has_open_sizes(typed)


def _has_open_sizes(typed: TypedGraph) -> bool:
    shapes = (tensor.shape for tensor in typed.inputs.values())
    return any(not isinstance(size, int) for shape in shapes for size in shape[1:])


# Outputs as bytes ---------------------------------------------------------------------------------


def _packed(computed: Iterable[Computed]) -> bytes:
    """For each call a line of JSON that describes the arrays, and their bytes."""
    parts = []
    for kinds in computed:
        arrays = [(kind, name, one) for kind, of in enumerate(kinds) for name, one in of.items()]
        facts = [(kind, name, one.dtype.name, one.shape) for kind, name, one in arrays]
        parts.append(json.dumps({"arrays": facts}).encode() + b"\n")
        parts += [_bytes(one) for _, _, one in arrays]
    return b"".join(parts)


def _bytes(values: Array) -> bytes:
    if values.dtype.hasobject:
        raise DataError.of(
            "MS946",
            "an output consists of strings, which several processes do not exchange",
            help="predict with one process",
        )
    return values.tobytes()


def _unpacked(content: bytes) -> Iterator[Computed]:
    at = 0
    while at < len(content):
        end = content.index(b"\n", at) + 1
        facts: Mapping[str, Any] = json.loads(content[at:end])
        if "error" in facts:
            raise as_error(facts["error"])
        found: Computed = ({}, {})
        at = end
        for kind, name, dtype, shape in facts["arrays"]:
            kept = np.dtype(dtype)
            size = int(np.prod(shape)) * kept.itemsize
            values = np.frombuffer(content, kept, size // kept.itemsize, at)
            found[kind][name] = values.reshape(shape)
            at += size
        yield found
