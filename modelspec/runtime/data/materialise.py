"""Prepared examples as arrays: every block computed once, checked, and written to memory or to
disk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from modelspec.catalog.layers.categories import CategoryEncoding
from modelspec.catalog.layers.layer import Layer
from modelspec.catalog.layers.lookup import Lookup
from modelspec.compiler.pipeline import Compiled
from modelspec.core.diagnostics import Fault, nearest

from .adapt import Pipeline
from .adapted_state import labels
from .cells import inexact, ready
from .checks import Lookup as VectorTable
from .checks import check_lookups, lookups
from .columns import Bound, Key
from .conform import PRECISION, Index, arrange, as_read, bind_sizes, cast
from .errors import Findings, places
from .fit_targets import fit_target
from .real_steps import kept_lengths
from .scan import Scan
from .spec_facts import typed_graph
from .table import Array, Table
from .targets import Target, loss_of

MakeArray = Callable[[str, tuple[int, ...], Any], Array]
"""Name, shape and dtype -> an array to write to."""
KEPT = "kept"
"""The kind of arrays that say how many steps the sequences of a target have."""
_TOGETHER = 64 * 2**20
"""Bytes of targets up to which they are checked as a whole, so that a fault of all of them is
reported once.
"""


@dataclass
class Block:
    """Some examples, prepared but not arranged yet."""

    rows: Array
    """Their places in the source."""
    values: Mapping[Key, Array]
    weights: Array | None
    kept: Mapping[str, Array] = field(default_factory=dict)
    """By target: how many steps its sequences have before padding."""

    @property
    def inputs(self) -> dict[str, Array]:
        return {name: values for (kind, name), values in self.values.items() if kind == "inputs"}


def prepared_blocks(
    scan: Scan, pipes: Mapping[Key, Pipeline], findings: Findings
) -> Iterator[Block]:
    """Every example that is kept, once, in order. Raises `DataError` and `RunError`."""
    for start, block in scan.reader.blocks():
        size = len(next(iter(block.values())))
        chosen = np.arange(size)
        if scan.rows is not None:
            first, last = np.searchsorted(scan.rows, (start, start + size))
            chosen = scan.rows[first:last] - start
        if not len(chosen):
            continue
        values: dict[Key, Array] = {}
        for key, pipe in pipes.items():
            read = pipe.read(block, start, chosen)
            if _has_place(read, pipe, start + chosen, scan.table, findings):
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


def _has_place(
    values: Array, pipe: Pipeline, rows: Array, table: Table, findings: Findings
) -> bool:
    """MS627: a value that the first layer has no place for; Keras fails, or encodes it as
    nothing.
    """
    first = pipe.layers[0] if pipe.layers else None
    bad, why = _without_place(values, first)
    if not bad.any():
        return True
    name = pipe.feature.bound.names[0]
    value = values[bad].flat[0]
    found = np.flatnonzero(bad.reshape(len(values), -1).any(axis=1))
    shown = [table.place(name, (int(rows[index]),)) for index in found[:10]]
    findings.error(
        "MS627",
        f"`{name}` is {_shown(value)} at {shown[0]}, {why}",
        pipe.feature.bound.span,
        notes=places(shown, len(found)),
        help=_place_for(value, pipe, first),
    )
    return False


def _without_place(values: Array, layer: Layer | None) -> tuple[Array, str]:
    """Which values a layer has no place for, and why."""
    if isinstance(layer, CategoryEncoding) and layer.num_tokens is not None:
        categories = layer.num_tokens
        bad: Array = (values < 0) | (values >= categories)
        why = f"but `CategoryEncoding` has {categories} categories (0 to {categories - 1})"
        return bad, why
    if isinstance(layer, Lookup) and _is_closed(layer):
        known = {*(layer.tokens or ()), layer.mask_token}
        bad = np.array([value not in known for value in values.flat]).reshape(values.shape)
        return bad, "which no training example has"
    return np.zeros(0, bool), ""


def _is_closed(layer: Lookup) -> bool:
    """Whether a lookup takes the tokens of its vocabulary alone."""
    return not (layer.num_oov_indices or layer.invert) and layer.tokens is not None


def _shown(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)


def _place_for(value: Any, pipe: Pipeline, layer: Layer | None) -> str:
    """What to do about a value that a layer has no place for."""
    if isinstance(layer, Lookup) and isinstance(value, str):
        near = nearest(value, [str(token) for token in layer.tokens or ()])
        if near is not None:
            return f'is it "{near}"?'
    if isinstance(layer, CategoryEncoding):
        return "give it more `num_tokens`; categories count from 0"
    if pipe.feature.key[0] == "inputs":
        return (
            "leave `num_oov_indices: 0` out, so that an unknown value has a place, or mend the row"
        )
    return "mend the row, or remove it"


# Arrays -------------------------------------------------------------------------------------------


@dataclass
class ArrayWriter:
    """Arrays while they are filled, block by block."""

    scan: Scan
    pipes: Mapping[Key, Pipeline]
    compiled: Compiled
    findings: Findings
    make: MakeArray
    arrays: dict[str, Array] = field(default_factory=dict)
    _at: int = 0
    _sizes: dict[str, tuple[int, str]] = field(default_factory=dict)
    _waiting: dict[str, list[Array]] = field(default_factory=dict)
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
        """Writes what waits to be checked together."""
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
        wanted = typed_graph(self.compiled).inputs[name]
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
            ):  # fits; cast as it is written
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
        waiting = self._waiting.setdefault(name, [])
        if values is not None:
            waiting.append(values)
        if not waiting or (not last and sum(one.nbytes for one in waiting) < _TOGETHER):
            return
        whole = np.concatenate(waiting) if len(waiting) > 1 else waiting[0]
        waiting.clear()
        at = self._counts.get(name, 0)
        rows = (
            np.arange(at, at + len(whole))
            if self.scan.rows is None
            else self.scan.rows[at : at + len(whole)]
        )
        about = replace(self.target(name, rows), partial=len(whole) < self.scan.kept)
        fitted = fit_target(whole, about, self.findings)
        if fitted is not None:
            self._write(f"targets/{name}", fitted, at)
        self._counts[name] = at + len(whole)

    def target(self, name: str, rows: Array | None) -> Target:
        """What is known of an output that is trained."""
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
    rows: Array | None,
) -> Target:
    """An output that is trained: its type and loss, and where its targets come from."""
    return Target(
        name,
        typed_graph(compiled).outputs[name],
        loss_of(compiled.training, name),
        bound,
        table,
        rows,
        labels(layers),
        measured=compiled.training is not None,
    )


def shown_columns(names: tuple[str, ...], table: Table, *, prepared: bool) -> str:
    """The columns of a feature, as a message names them."""
    before = "what the transform makes of " if prepared else ""
    if len(names) == 1:
        return f"{before}`{names[0]}` of {table.name}"
    some = ", ".join(f"`{name}`" for name in names[:6])
    return (
        f"{before}the stack of {len(names)} columns of {table.name}"
        f" ({some}{', ...' if len(names) > 6 else ''})"
    )
