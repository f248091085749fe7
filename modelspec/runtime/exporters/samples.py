"""Some rows of a run's data, as the source has them and as the model takes them: what an export is
checked with.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from modelspec.compiler.pipeline import Compiled

from ..data import RunError, Table, open_source
from ..data.adapt import Pipeline, adapt, pipelines
from ..data.adapted_state import State
from ..data.cells import Numbers
from ..data.columns import Binding, bind
from ..data.errors import Findings
from ..data.python_objects import MemoryTable
from ..data.scan import scan
from ..data.spec_facts import section
from ..data.split import everything
from ..data.table import Array, is_nothing
from ..data.wanted import text_columns
from ..run.open_run import SavedRun, table_for
from ..run.run_data import prepared_source, saved_state

ROWS = 128
"""How many rows are looked at, at most."""
_FIRST = 8192
"""Among how many rows of the source they are chosen."""


@dataclass(frozen=True)
class Samples:
    """Rows of one source."""

    table: Table
    columns: Mapping[str, Array]
    """By column, as the source has them."""
    inputs: Mapping[str, Array]
    """By model input, as the model takes them."""
    pipelines: Mapping[str, Pipeline]
    """By model input: how the one becomes the other."""
    state: State | None
    """What the run learned from its data."""

    def __len__(self) -> int:
        return len(next(iter(self.inputs.values())))


def samples(run: SavedRun, source: str | None, *, part: str | None = None) -> Samples:
    """Rows of `source` (a path, or `kind=path`), or of the run's own data: of its test source where
    it has one of its own, else of the validation's, else of that it was trained on; `part` asks for
    one of them.

    Raises `RunError`: MS764 where the run's own data cannot be had.
    """
    try:
        table = table_for(run, source) if source is not None else _own(run.compiled, part)
        rows = _rows(run, table)
        inputs, state, _ = prepared_source(run.compiled, rows, run.directory, with_targets=False)
    except RunError as error:
        if source is not None:
            raise
        first = error.diagnostics[0].message if error.diagnostics else str(error)
        raise RunError.of(
            "MS764",
            f"the export cannot be checked, as the run's own data cannot be read: {first}",
            help="name data to check it with: `--data SOURCE`",
        ) from error
    columns = {name: rows.column(name) for name in rows.names}
    return Samples(rows, columns, inputs.inputs, _pipelines(run, rows, state), state)


def _own(compiled: Compiled, part: str | None) -> Table:
    data = section(compiled)
    name = part or next(name for name in ("test", "validation", "train") if name in data.sources)
    return open_source(data.sources[name], compiled.file.context, data.source_spans.get(name))


def _rows(run: SavedRun, table: Table) -> MemoryTable:
    """Up to `ROWS` rows that lack nothing that nothing takes the place of, spread over the first
    ones.
    """
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
    """Rows of a table, whose texts are read as its are."""

    def __init__(self, table: Table, columns: Mapping[str, Array]) -> None:
        super().__init__(table.name, columns)
        self._table = table

    def numbers(self, texts: Array) -> Numbers:
        return self._table.numbers(texts)


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
    if state is None:  # nothing is learned then: `saved_state` has made sure
        state = adapt(found, everything(found.kept))
    return {name: pipe for (_, name), pipe in pipelines(found, state).items()}


__all__ = ["ROWS", "RowsOf", "Samples", "samples"]
