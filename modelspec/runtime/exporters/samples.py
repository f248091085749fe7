"""Some rows of a run's data, as stored in the source and as the model takes them: an export is
checked with these.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..data import RunError, Table, open_source
from ..data.adapt import Pipeline, adapt, pipelines
from ..data.adapted_state import State
from ..data.cells import Numbers
from ..data.columns import Binding, bind
from ..data.errors import Findings
from ..data.file_columns import with_files
from ..data.filtered import filtered
from ..data.python_objects import MemoryTable
from ..data.random_inputs import inputs_of
from ..data.scan import scan
from ..data.spec_facts import section
from ..data.split import everything
from ..data.table import Array, is_nothing
from ..data.wanted import text_columns
from ..run.open_run import SavedRun, table_for
from ..run.run_data import prepared_source, saved_state
from .series_samples import of_several_rows, some_inputs

ROWS = 128
"""The most rows that are used."""
_FIRST = 8192
"""The number of rows of the source from which they are chosen."""


@dataclass(frozen=True)
class Samples:
    """Rows of one source."""

    table: Table
    columns: Mapping[str, Array]
    """By column, as stored in the source."""
    inputs: Mapping[str, Array]
    """By model input, as the model takes them."""
    pipelines: Mapping[str, Pipeline]
    """By model input: how the columns become the input."""
    state: State | None
    """The state that the run learned from its data."""

    def __len__(self) -> int:
        return len(next(iter(self.inputs.values())))


def samples(run: SavedRun, source: str | None, *, part: str | None = None) -> Samples:
    """Rows of `source` (a path, or `kind=path`), or of the run's own data: of its test source if it
    has one, otherwise of the validation source, otherwise of the training source; `part` selects
    one of them.

    Raises `RunError`: MS764 if the run's own data are not available.
    """
    try:
        table = table_for(run, source) if source is not None else _own(run, part)
        if of_several_rows(run.compiled):
            return _of_model(run, table)
        rows = _rows(run, _with_files(run, table))
        inputs, state, _ = prepared_source(run.compiled, rows, run.directory, with_targets=False)
    except RunError as error:
        if source is not None:
            raise
        first = error.diagnostics[0].message if error.diagnostics else str(error)
        raise RunError.of(
            "MS764",
            f"the export cannot be checked, because the run's data cannot be read: {first}",
            help="set data to check it with: `--data SOURCE`",
        ) from error
    columns = {name: rows.column(name) for name in rows.names}
    return Samples(rows, columns, inputs_of(inputs), _pipelines(run, rows, state), state)


def _of_model(run: SavedRun, table: Table) -> Samples:
    """The model's inputs, for examples that are made of several rows."""
    found, state, _ = prepared_source(run.compiled, table, run.directory, with_targets=False)
    return Samples(table, {}, some_inputs(found), {}, state)


def _with_files(run: SavedRun, table: Table) -> Table:
    """The table with the images that its columns of paths name."""
    compiled = run.compiled
    return with_files(table, section(compiled), compiled.file.context, Findings(), targets=False)


def _own(run: SavedRun, part: str | None) -> Table:
    """The rows of a source that are examples of the run."""
    data, context = section(run.compiled), run.compiled.file.context
    name = part or next(name for name in ("test", "validation", "train") if name in data.sources)
    table = open_source(data.sources[name], context, data.source_spans.get(name))
    findings, state = Findings(), saved_state(run.compiled, run.directory)
    table = filtered(table, run.compiled, _bound(run, table), findings, state=state)
    findings.stop_if_wrong()
    return table


def _rows(run: SavedRun, table: Table) -> MemoryTable:
    """Up to `ROWS` rows without irreplaceable missing values, spread over the first ones."""
    binding = _bound(run, table)
    names = tuple(dict.fromkeys(name for bound in binding.inputs.values() for name in bound.names))
    state = saved_state(run.compiled, run.directory)
    block = next(table.blocks(names, _FIRST, text_columns(binding, table, run.compiled, state)))
    usable = np.ones(len(block[names[0]]), bool)
    for bound in binding.inputs.values():
        if bound.missing in ("error", "drop"):
            for name in bound.names:
                lacking = is_nothing(block[name])
                usable &= ~lacking.reshape(len(lacking), -1).any(axis=1)
    found = np.flatnonzero(usable)
    if not len(found):
        raise RunError.of("MS764", f"{table.name} has no row to check an export with")
    chosen = found[
        np.unique(np.linspace(0, len(found) - 1, min(ROWS, len(found))).astype(np.int64))
    ]
    return RowsOf(table, {name: values[chosen] for name, values in block.items()})


class RowsOf(MemoryTable):
    """Rows of a table, with its format of numbers."""

    def __init__(self, table: Table, columns: Mapping[str, Array]) -> None:
        super().__init__(table.name, columns)
        self._table = table

        self.decimal, self.thousands = table.decimal, table.thousands

    def numbers(self, texts: Array) -> Numbers:
        return self._table.numbers(texts)

    def shape_of(self, name: str) -> tuple[int, ...] | None:
        """The shape of one value of a column of the table, also of one that these rows lack; None
        if the table has no such column.
        """
        return self._table.column(name).shape[1:] if name in self._table else None


def _bound(run: SavedRun, table: Table) -> Binding:
    assert run.compiled.graph is not None
    return bind(
        section(run.compiled), tuple(run.compiled.graph.inputs), (), table, with_targets=False
    )


def _pipelines(run: SavedRun, rows: MemoryTable, state: State | None) -> dict[str, Pipeline]:
    findings = Findings()
    found = scan(rows, _bound(run, rows), run.compiled, findings, state=state, with_targets=False)
    findings.stop_if_wrong()
    assert found is not None
    if state is None:  # then nothing is learned: `saved_state` has checked it
        state = adapt(found, everything(found.kept))
    return {name: pipe for (_, name), pipe in pipelines(found, state).items()}


__all__ = ["ROWS", "RowsOf", "Samples", "samples"]
