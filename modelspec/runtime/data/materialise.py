"""Prepared examples as arrays: every block is computed once, checked, and written to memory or
disk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from modelspec.catalog.layers.layer import Layer
from modelspec.compiler.pipeline import Compiled
from modelspec.compiler.spec.data_window import has_rows
from modelspec.core.diagnostics import Fault

from .adapt import Pipeline
from .adapted_state import labels
from .cells import inexact, ready
from .checks import Lookup as VectorTable
from .checks import check_lookups, lookups
from .columns import Bound, Key
from .conform import PRECISION, Index, arrange, as_read, bind_sizes, cast
from .errors import Findings
from .fit_targets import fit_target
from .gathered_rows import GatheredRows
from .real_steps import kept_lengths
from .scan import Scan
from .spec_facts import compared_outputs, row_inputs, row_outputs, section, typed_graph
from .table import Array, Table
from .targets import Target, loss_of, measure_of, takes_either
from .value_places import has_place

MakeArray = Callable[[str, tuple[int, ...], Any], Array]
"""Name, shape and dtype -> a new array to write to."""
KEPT = "kept"
"""The kind of arrays with the numbers of steps of the sequences of a target."""
_TOGETHER = 64 * 2**20
"""Maximum bytes of targets that are checked together, so that an error in all of them is reported
once.
"""


@dataclass
class Block:
    """Some examples, prepared but not yet in the shapes of the inputs."""

    rows: Array
    """The places of the examples in the source."""
    values: Mapping[Key, Array]
    weights: Array | None
    kept: Mapping[str, Array] = field(default_factory=dict)
    """By target: the numbers of steps of its sequences before padding."""

    @property
    def inputs(self) -> dict[str, Array]:
        return {name: values for (kind, name), values in self.values.items() if kind == "inputs"}


def prepared_blocks(
    scan: Scan, pipes: Mapping[Key, Pipeline], findings: Findings
) -> Iterator[Block]:
    """All kept examples, once, in order. Raises `DataError` and `RunError`."""
    for start, block in scan.reader.blocks():
        chosen = chosen_rows(scan, start, len(next(iter(block.values()))))
        if not len(chosen):
            continue
        values: dict[Key, Array] = {}
        readable = with_neighbours(scan, start, block)
        if readable is None:  # no window contains any of these rows
            yield Block(start + chosen, values, None)
            continue
        block = readable
        for key, pipe in pipes.items():
            read = pipe.read(block, start, chosen)
            if has_place(read, pipe, start + chosen, scan.table, findings):
                values[key] = pipe.runner(read) if pipe.runner is not None else read
        findings.stop_if_wrong()
        weights = None
        if scan.weights is not None:
            weights = ready(block[scan.weights][chosen], False).values.astype(np.float32)
        kept = {
            name: kept_lengths(pipe.feature, block, chosen)
            for (kind, name), pipe in pipes.items()
            if kind == "targets" and pipe.feature.bound.pad is not None
        }
        yield Block(start + chosen, values, weights, kept)


def with_neighbours(
    scan: Scan, start: int, block: Mapping[str, Array]
) -> Mapping[str, Array] | None:
    """A block in which readable rows replace unreadable ones, where examples are windows: the last
    readable row before, or else the first one after. None where the block has no readable row.

    No window contains such a row, but every row has a place in the arrays.
    """
    if scan.unread is None:
        return block
    bad = scan.unread[start : start + len(next(iter(block.values())))]
    if bad.all():
        return None
    taken = np.maximum.accumulate(np.where(bad, np.argmin(bad), np.arange(len(bad))))
    return {name: values[taken] for name, values in block.items()}


def chosen_rows(scan: Scan, start: int, size: int) -> Array:
    """The places of the kept rows in a block of `size` rows."""
    if scan.rows is None:
        return np.arange(size)
    first, last = np.searchsorted(scan.rows, (start, start + size))
    found: Array = scan.rows[first:last] - start
    return found


# Arrays -------------------------------------------------------------------------------------------


@dataclass
class ArrayWriter:
    """Fills arrays, block by block."""

    scan: Scan
    pipes: Mapping[Key, Pipeline]
    compiled: Compiled
    findings: Findings
    make: MakeArray
    arrays: dict[str, Array] = field(default_factory=dict)
    _at: int = 0
    _sizes: dict[str, tuple[int, str]] = field(default_factory=dict)
    _waiting: dict[str, GatheredRows] = field(default_factory=dict)
    _counts: dict[str, int] = field(default_factory=dict)
    _lookups: dict[str, list[VectorTable]] | None = None

    def add(self, block: Block) -> None:
        """Arranges, casts, checks and writes a block."""
        for (kind, name), values in block.values.items():
            if kind == "inputs":
                self._input(name, values, block.rows)
            else:
                self._target(name, values, last=False)
        if block.weights is not None:
            self._write("weights", block.weights, self._at)
        for name, lengths in block.kept.items():
            self._write(f"{KEPT}/{name}", lengths, self._at)
        self._at += len(block.rows)

    def finish(self) -> None:
        """Checks and writes the remaining targets."""
        for name in list(self._waiting):
            self._target(name, None, last=True)

    def _write(self, name: str, values: Array, at: int, dtype: Any = None) -> None:
        if name not in self.arrays:
            shape = (self.scan.kept, *values.shape[1:])
            self.arrays[name] = (
                np.empty(shape, object)
                if values.dtype == object
                else self.make(name, shape, dtype or values.dtype)
            )
        self.arrays[name][at : at + len(values)] = values

    def _input(self, name: str, values: Array, rows: Array) -> None:
        wanted = row_inputs(self.compiled)[name]
        pipe = self.pipes["inputs", name]
        subject, bound = f"input `{name}`", pipe.feature.bound
        columns = shown_columns(bound.names, self.scan.table, prepared=bool(pipe.layers))

        def place(index: Index) -> str:
            first, *inner = as_read(index, arranged, values)
            return bound.place(self.scan.table, (int(rows[first]), *inner))

        try:
            arranged = arrange(values, wanted.shape[1:], subject, columns)
            bind_sizes(arranged, wanted.shape[1:], subject, self._sizes)
            if (
                wanted.dtype in ("float32", "float64")
                and arranged.dtype.kind in "bui"
                and inexact(arranged, PRECISION[wanted.dtype]) is None
            ):  # exact: cast while writing
                self._write(f"inputs/{name}", arranged, self._at, np.dtype(wanted.dtype))
            else:
                self._write(
                    f"inputs/{name}", cast(arranged, wanted.dtype, columns, place), self._at
                )
        except Fault as fault:
            self.findings.extend([fault.at(bound.span)])
            return
        if self._lookups is None:
            self._lookups = lookups(typed_graph(self.compiled))
        check_lookups(
            values, name, self._lookups.get(name, []), bound, self.scan.table, self.findings, rows
        )

    def _target(self, name: str, values: Array | None, *, last: bool) -> None:
        waiting = self._waiting.get(name)
        if waiting is None:
            waiting = self._waiting[name] = GatheredRows(_TOGETHER, self.scan.kept)
        if values is not None:
            waiting.add(values)
        whole = waiting.take() if last or waiting.full else None
        if whole is None:
            return
        at = self._counts.get(name, 0)
        rows = (
            range(at, at + len(whole))
            if self.scan.rows is None
            else self.scan.rows[at : at + len(whole)]
        )
        about = replace(self.target(name, rows), partial=len(whole) < self.scan.kept)
        fitted = fit_target(whole, about, self.findings)
        if fitted is not None and self.compiled.training is not None and not about.measured:
            fitted = alone(fitted, stacked=about.bound.stacked)
        if fitted is not None:
            self._write(f"targets/{name}", fitted, at)
        self._counts[name] = at + len(whole)

    def target(self, name: str, rows: Array | range | None) -> Target:
        """The facts about an output that is trained."""
        pipe = self.pipes["targets", name]
        return target_of(
            self.compiled, name, pipe.feature.bound, pipe.layers, self.scan.table, rows
        )


def target_of(
    compiled: Compiled,
    name: str,
    bound: Bound,
    layers: tuple[Layer, ...],
    table: Table,
    rows: Array | range | None,
) -> Target:
    """An output that is trained: its type, its loss, and the origin of its targets."""
    return Target(
        name,
        row_outputs(compiled)[name],
        loss_of(compiled.training, name) or measure_of(compiled.training, name),
        bound,
        table,
        rows,
        labels(layers),
        measured=compiled.training is not None and (name in compared_outputs(compiled.training)),
        of_rows=has_rows(section(compiled).window),
        either=takes_either(compiled.training, name),
    )


def alone(values: Array, *, stacked: bool) -> Array:
    """The values of a target that no output is compared with: floats in float32; one number for
    each example has no axis of its own.
    """
    if not stacked and values.shape[1:] == (1,):
        values = values[:, 0]
    return values.astype(np.float32) if values.dtype.kind == "f" else values


def shown_columns(names: tuple[str, ...], table: Table, *, prepared: bool) -> str:
    """The columns of a feature, as messages name them."""
    before = "the transformed " if prepared else ""
    if len(names) == 1:
        return f"{before}`{names[0]}` of {table.name}"
    some = ", ".join(f"`{name}`" for name in names[:6])
    return (
        f"{before or 'the '}stack of {len(names)} columns of {table.name}"
        f" ({some}{', ...' if len(names) > 6 else ''})"
    )
