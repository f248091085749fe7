"""`inspect`: facts about the data of a spec, opened, scanned and prepared as for training."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace

import numpy as np

from modelspec.compiler.pipeline import Compiled

from .adapted_state import FeatureState, State, labels
from .column_reader import open_columns
from .columns import Binding, Bound, bind
from .errors import Findings, RunError
from .examples import Examples, Part, Prepared
from .learned_facts import learned_of
from .open_columns import with_columns
from .prepare import prepare
from .profile import (
    ColumnFacts,
    ColumnProfile,
    DataFacts,
    FeatureFacts,
    PartFacts,
    Range,
    RunningRange,
    WindowFacts,
)
from .random_inputs import random_inputs
from .row_facts import row_facts
from .sources import open_source
from .spec_facts import section, trained_outputs
from .table import BLOCK, Array, Table
from .transforms import load_keras
from .unit_labels import unit_labels
from .wanted import text_columns


def inspect(
    compiled: Compiled, *, load: Callable[[], None] = load_keras
) -> tuple[DataFacts, Prepared | None]:
    """The facts about the data of a spec with a `data` section, including errors; and the prepared
    data where it has no errors.

    Never raises for the contents of data: `diagnostics` has the errors, besides the facts that
    could be read.
    """
    try:
        prepared = prepare(compiled, load=load)
    except RunError as error:
        return _of_invalid(compiled, error), None
    return _of_valid(compiled, prepared), prepared


def _of_valid(compiled: Compiled, prepared: Prepared) -> DataFacts:
    """The facts about data without errors."""
    tables = {part: one.examples.table for part, one in prepared.parts.items()}
    columns = _columns(compiled, prepared.binding, tables, _members(prepared), prepared.state)
    parts = {
        part: PartFacts(
            len(one.rows), one.examples.table.name, _windows(one), _drawn_size(one, part)
        )
        for part, one in prepared.parts.items()
    }
    train = prepared.parts["train"].examples
    every = train.rows is None or train.windows is not None
    count = train.count if every else _rows(train.table, prepared.binding)
    weights = section(compiled).weights
    return DataFacts(
        parts,
        {**_features(prepared, "inputs", prepared.binding.inputs, columns), **_drawn(compiled)},
        _features(prepared, "targets", prepared.binding.targets, columns),
        count - train.count,
        columns.get(weights) if weights else None,
        row_facts(section(compiled), tables.values()),
        prepared.cache,
        prepared.warnings,
    )


def _drawn_size(one: Part, part: str) -> int | None:
    balanced = part == "train" and one.examples.sampling is not None
    return one.epoch_size if balanced else None


def _windows(part: Part) -> WindowFacts | None:
    windows = part.examples.windows
    return None if windows is None else WindowFacts(len(part), windows.by_series(part.positions))


def _rows(table: Table, binding: Binding) -> int:
    """The number of rows of a source, including those that are left out."""
    if table.count is not None:
        return table.count
    name = next(name for bound in binding.inputs.values() for name in bound.names)
    return sum(len(block[name]) for block in table.blocks((name,)))


def _members(prepared: Prepared) -> dict[str, list[tuple[str, Array]]]:
    """By source: each part that is split from it, with the rows of the part."""
    found: dict[str, list[tuple[str, Array]]] = {}
    for part, one in prepared.parts.items():
        rows = one.rows
        found.setdefault(one.examples.table.fingerprint, []).append((part, rows))
    return found


# Columns ------------------------------------------------------------------------------------------


def _columns(
    compiled: Compiled,
    binding: Binding,
    tables: Mapping[str, Table],
    members: Mapping[str, list[tuple[str, Array]]],
    state: State | None = None,
) -> dict[str, ColumnFacts]:
    """The columns of the training source, by name; values are counted in all sources."""
    weights = section(compiled).weights
    names = dict.fromkeys((*binding.columns, *([weights] if weights else [])))
    lists = {
        name: bound.separator
        for bound in binding.features.values()
        for name in bound.names
        if bound.gathers or bound.separator is not None
    }
    columns = {
        name: ColumnProfile(name, lists=name in lists, separator=lists.get(name)) for name in names
    }
    for part, table in _each_once(tables):
        texts = text_columns(binding, table, compiled, state)
        for start, block in _blocks(table, columns, texts):
            size = len(next(iter(block.values())))
            inside = _inside(members.get(table.fingerprint), part, start, size)
            for name, values in block.items():
                if part == "train":
                    columns[name].add(values, inside)
                else:
                    columns[name].count(values, inside)
    return {name: column.facts() for name, column in columns.items() if column.seen}


def _each_once(tables: Mapping[str, Table]) -> Iterator[tuple[str, Table]]:
    """The sources, which may have several parts, each with the first of its parts."""
    done: set[str] = set()
    for part, table in tables.items():
        if table.fingerprint not in done:
            done.add(table.fingerprint)
            yield part, table


def _blocks(
    table: Table, columns: Mapping[str, ColumnProfile], texts: Collection[str]
) -> Iterator[tuple[int, Mapping[str, Array]]]:
    """All columns in one pass; where one cannot be read, each of the others in a separate pass."""
    together = open_columns(table, (), dict.fromkeys(columns), Findings(), texts=texts)
    if together is not None:
        yield from together.blocks()
        return
    for name in columns:
        with suppress(RunError):
            reader = open_columns(table, (), {name: None}, Findings(), texts=texts)
            if reader is not None:
                yield from reader.blocks()


def _inside(
    members: list[tuple[str, Array]] | None, part: str, start: int, size: int
) -> dict[str, Array]:
    """The rows of a block that are in each part; all are in `rows` where this is unknown."""
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


def _features(
    prepared: Prepared, kind: str, bounds: Mapping[str, Bound], columns: Mapping[str, ColumnFacts]
) -> dict[str, FeatureFacts]:
    train = prepared.parts["train"]
    arrays = train.examples.inputs if kind == "inputs" else train.examples.targets
    found: dict[str, FeatureFacts] = {}
    for name, bound in bounds.items():
        values = arrays[name]
        facts = _adapted(bound, columns, prepared.state.features.get((kind, name)), kind)
        found[name] = replace(
            facts,
            shape=_example_shape(values, kind, train.examples),
            dtype="text" if values.dtype.kind in "OU" else str(values.dtype),
            range=_range(values, train.rows_of(kind)),
        )
    return found


def _drawn(compiled: Compiled) -> dict[str, FeatureFacts]:
    """The random inputs, which no column feeds."""
    return {
        name: FeatureFacts((), shape=one.shape, dtype=one.dtype, random=one.kind)
        for name, one in random_inputs(compiled).items()
    }


def _example_shape(values: Array, kind: str, examples: Examples) -> tuple[int, ...]:
    """The shape of one example; a window includes the axis of its rows."""
    if examples.windows is None:
        return values.shape[1:]
    window = examples.windows.window
    steps = window.length if kind == "inputs" else window.horizon
    return (steps, *values.shape[1:]) if steps else values.shape[1:]


def _adapted(
    bound: Bound, columns: Mapping[str, ColumnFacts], state: FeatureState | None, kind: str
) -> FeatureFacts:
    """The facts about a feature, including what its transform learned."""
    found = _unprepared(bound, columns)
    if state is None:
        return found
    layers = state.layers(bound)
    known = labels(layers) or unit_labels(layers)
    classes = known if kind == "targets" and layers else None
    return replace(
        found,
        learned=learned_of(layers, state.learned),
        fill={} if bound.missing == "drop" else dict(state.fill),
        classes=tuple(str(one) for one in classes) if classes else None,
    )


def _range(values: Array, positions: Array) -> Range | None:
    found = RunningRange()
    if values.dtype.kind not in "biuf":
        return None
    for start in range(0, len(positions), BLOCK):
        found.add(np.asarray(values[positions[start : start + BLOCK]]))
    return found.range()


# Invalid data -------------------------------------------------------------------------------------


def _of_invalid(compiled: Compiled, error: RunError) -> DataFacts:
    """The facts about data with errors: the columns that can be read."""
    tables = _readable(compiled)
    binding = _binding(compiled, tables)
    if binding is None:
        return DataFacts({}, {}, {}, diagnostics=error.diagnostics)
    columns = _columns(compiled, binding, tables, {})
    parts = {
        part: PartFacts(table.count, table.name)
        for part, table in tables.items()
        if table.count is not None
    }
    inputs, targets = (
        {name: _unprepared(bound, columns) for name, bound in bounds.items()}
        for bounds in (binding.inputs, binding.targets)
    )
    return DataFacts(parts, inputs, targets, diagnostics=error.diagnostics)


def _readable(compiled: Compiled) -> dict[str, Table]:
    """The sources that can be opened."""
    data = section(compiled)
    found: dict[str, Table] = {}
    for part, source in data.sources.items():
        with suppress(RunError):
            found[part] = open_source(source, compiled.file.context, data.source_spans.get(part))
    return found


def _binding(compiled: Compiled, tables: Mapping[str, Table]) -> Binding | None:
    if "train" not in tables or compiled.graph is None:
        return None
    train = tables["train"]
    with suppress(RunError):
        known = with_columns(compiled, train)
        trained = trained_outputs(known, train)
        return bind(section(known), tuple(compiled.graph.inputs), trained, train)
    return None


def _unprepared(bound: Bound, columns: Mapping[str, ColumnFacts]) -> FeatureFacts:
    layers = (*bound.text_steps, *(bound.chain.layers if bound.chain else ()))
    return FeatureFacts(
        tuple(columns[one] for one in bound.names if one in columns),
        tuple(layer.kind() for layer in layers),
    )
