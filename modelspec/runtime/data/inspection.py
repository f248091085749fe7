"""`inspect`: a spec's data, opened, looked through and prepared as training would, and told as
facts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress

import numpy as np

from modelspec.compiler.pipeline import Compiled

from .adapted_state import State, labels
from .column_reader import open_columns
from .columns import Binding, Bound, bind
from .errors import Findings, RunError
from .prepare import Prepared, prepare, section, trained_outputs
from .profile import (
    Column,
    ColumnFacts,
    DataFacts,
    FeatureFacts,
    PartFacts,
    Range,
    Spread,
    learned_of,
)
from .sources import open_source
from .table import BLOCK, Array, Table
from .transforms import load_keras


def inspect(
    compiled: Compiled, *, load: Callable[[], None] = load_keras
) -> tuple[DataFacts, Prepared | None]:
    """What can be said of the data of a spec that has a `data` section, faults included; and the
    data where they are right.

    Never raises for what data hold: what is wrong stands in `diagnostics`, and what could be read
    is told all the same.
    """
    try:
        prepared = prepare(compiled, load=load)
    except RunError as error:
        return _of_faulty(compiled, error), None
    tables = {part: one.examples.table for part, one in prepared.parts.items()}
    columns = _columns(compiled, prepared.binding, tables, _members(prepared))
    parts = {
        part: PartFacts(len(one), one.examples.table.name) for part, one in prepared.parts.items()
    }
    train = prepared.parts["train"].examples
    count = train.count if train.rows is None else _rows(train.table, prepared.binding)
    features = {
        kind: {
            name: _feature(prepared, kind, name, bound, columns) for name, bound in bounds.items()
        }
        for kind, bounds in (
            ("inputs", prepared.binding.inputs),
            ("targets", prepared.binding.targets),
        )
    }
    weights = section(compiled).weights
    return (
        DataFacts(
            parts,
            features["inputs"],
            features["targets"],
            count - train.count,
            columns.get(weights) if weights else None,
            prepared.cache,
            prepared.warnings,
        ),
        prepared,
    )


def _rows(table: Table, binding: Binding) -> int:
    """All rows of a source, those that are left out included."""
    if table.count is not None:
        return table.count
    name = next(name for bound in binding.inputs.values() for name in bound.names)
    return sum(len(block[name]) for block in table.blocks((name,)))


def _members(prepared: Prepared) -> dict[str, list[tuple[str, Array]]]:
    """By source: each part that is cut from it, and the rows of the part."""
    found: dict[str, list[tuple[str, Array]]] = {}
    for part, one in prepared.parts.items():
        rows = one.positions if one.examples.rows is None else one.examples.rows[one.positions]
        found.setdefault(one.examples.table.fingerprint, []).append((part, rows))
    return found


# Columns ------------------------------------------------------------------------------------------


def _columns(
    compiled: Compiled,
    binding: Binding,
    tables: Mapping[str, Table],
    members: Mapping[str, list[tuple[str, Array]]],
) -> dict[str, ColumnFacts]:
    """By name, of the source that is trained on; values are counted in every part's."""
    bounds = (*binding.inputs.values(), *binding.targets.values())
    data = section(compiled)
    names = tuple(
        dict.fromkeys(
            [name for bound in bounds for name in bound.names]
            + ([data.weights] if data.weights else [])
        )
    )
    columns = {name: Column(name) for name in names}
    seen: set[str] = set()
    for part, table in tables.items():
        if table.fingerprint in seen:
            continue
        seen.add(table.fingerprint)
        for start, block in _blocks(table, columns):
            size = len(next(iter(block.values())))
            inside = _inside(members.get(table.fingerprint), part, start, size)
            for name, values in block.items():
                if part == "train":
                    columns[name].add(values, inside)
                else:
                    columns[name].count(values, inside)
    return {name: column.facts() for name, column in columns.items() if column.seen}


def _blocks(
    table: Table, columns: Mapping[str, Column]
) -> Iterator[tuple[int, Mapping[str, Array]]]:
    """All columns in one pass; where one cannot be read, each of the others in a pass of its
    own.
    """
    together = open_columns(table, {}, dict.fromkeys(columns), Findings())
    if together is not None:
        yield from together.blocks()
        return
    for name in columns:
        with suppress(RunError):
            reader = open_columns(table, {}, {name: None}, Findings())
            if reader is not None:
                yield from reader.blocks()


def _inside(
    members: list[tuple[str, Array]] | None, part: str, start: int, size: int
) -> dict[str, Array]:
    """Which rows of a block each part has; all are `rows` where it is not known."""
    if members is None:
        return {"rows": np.ones(size, bool)}
    found: dict[str, Array] = {}
    for name, rows in members:
        first, last = np.searchsorted(rows, (start, start + size))
        inside = np.zeros(size, bool)
        inside[rows[first:last] - start] = True
        found[name] = inside
    return found


# Features -----------------------------------------------------------------------------------------


def _feature(
    prepared: Prepared, kind: str, name: str, bound: Bound, columns: Mapping[str, ColumnFacts]
) -> FeatureFacts:
    train = prepared.parts["train"]
    values = (train.examples.inputs if kind == "inputs" else train.examples.targets)[name]
    state = prepared.state if (kind, name) in prepared.state.features else State({})
    known = state.features.get((kind, name))
    layers = known.layers(bound) if known else bound.chain.layers if bound.chain else ()
    classes = labels(layers) if kind == "targets" and layers else None
    return FeatureFacts(
        tuple(columns[one] for one in bound.names if one in columns),
        tuple(layer.kind() for layer in layers),
        learned_of(layers, known.learned) if known else (),
        dict(known.fill) if known else {},
        values.shape[1:],
        "text" if values.dtype.kind in "OU" else str(values.dtype),
        _spread(values, train.positions),
        tuple(str(one) for one in classes) if classes else None,
    )


def _spread(values: Array, positions: Array) -> Range | None:
    found = Spread()
    if values.dtype.kind not in "biuf":
        return None
    for start in range(0, len(positions), BLOCK):
        found.add(np.asarray(values[positions[start : start + BLOCK]]))
    return found.range()


# Faulty data --------------------------------------------------------------------------------------


def _of_faulty(compiled: Compiled, error: RunError) -> DataFacts:
    """What can be told of data that cannot be used: the columns that can be read."""
    data = section(compiled)
    tables: dict[str, Table] = {}
    for part, source in data.sources.items():
        with suppress(RunError):
            tables[part] = open_source(source, compiled.file.context, data.source_spans.get(part))
    if "train" not in tables or compiled.graph is None:
        return DataFacts({}, {}, {}, diagnostics=error.diagnostics)
    try:
        binding = bind(
            data,
            tuple(compiled.graph.inputs),
            trained_outputs(compiled, tables["train"]),
            tables["train"],
        )
    except RunError:
        return DataFacts({}, {}, {}, diagnostics=error.diagnostics)
    columns = _columns(compiled, binding, tables, {})
    parts = {
        part: PartFacts(table.count, table.name)
        for part, table in tables.items()
        if table.count is not None
    }
    features = [
        {
            name: FeatureFacts(
                tuple(columns[one] for one in bound.names if one in columns),
                tuple(layer.kind() for layer in bound.chain.layers) if bound.chain else (),
            )
            for name, bound in bounds.items()
        }
        for bounds in (binding.inputs, binding.targets)
    ]
    return DataFacts(parts, features[0], features[1], diagnostics=error.diagnostics)
