"""Columns that a spec selects by patterns, once the source is open."""

from __future__ import annotations

from dataclasses import replace

from modelspec.compiler.pipeline import Compiled, linted
from modelspec.compiler.spec.known_columns import Chooser, Columns, is_open

from .errors import DataError, Findings
from .spec_facts import section
from .table import Table


def with_columns(compiled: Compiled, table: Table) -> Compiled:
    """The spec in which every feature names its columns, as the training table has them; unchanged
    if no feature selects columns by patterns, or they were known before.

    Raises `DataError` for a pattern without columns, and where the number of columns does not fit
    the model.
    """
    data = section(compiled)
    every = (*(data.inputs or {}).values(), *(data.targets or {}).values())
    if not any(map(is_open, every)):
        return compiled
    findings, places = Findings(), dict(data.spans)
    columns = Columns(table.names, f"`{table.name}`")
    chooser = Chooser(columns, places, findings)
    known = replace(
        data,
        inputs=None if data.inputs is None else chooser.chosen(data.inputs, "inputs"),
        targets=None if data.targets is None else chooser.chosen(data.targets, "targets"),
        spans=places,
        columns=columns,
    )
    findings.stop_if_wrong()
    resolved = replace(compiled, data=known)
    found = linted(resolved)
    if any(one.severity == "error" for one in found):
        raise DataError(found)
    return resolved
