"""Data that a program passes in place of the sources of its spec."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from modelspec.catalog.sources.common.source import Source
from modelspec.compiler.pipeline import Compiled
from modelspec.compiler.spec.data_section import SPLITS

from .assumed_section import assumed_section
from .python_objects import table_from
from .table import Table
from .unnamed_parts import names_of, weighted


class Given(Source):
    """A source that is already open. Specs cannot name it."""

    table: Table

    @classmethod
    def kind(cls) -> str:
        return "given"


def with_data(compiled: Compiled, data: Any) -> Compiled:
    """The spec with other sources: `data` is one object, split by `split` of the spec, or a mapping
    of `train`, `validation` and `test` to one object each. See `table_from` for the supported
    objects.

    Without a `data` section, columns feed the inputs and targets of the same names. Raises
    `DataError` (MS651) for an unsupported object, and where an input or target has no column.
    """
    by_part = isinstance(data, Mapping) and "train" in data and set(data) <= set(SPLITS)
    parts = data if by_part else {"train": data}
    names = names_of(compiled)
    tables = {
        part: table_from(one, f"data[{part!r}]" if by_part else "data", names)
        for part, one in parts.items()
    }
    section = compiled.data or assumed_section(compiled, tables["train"])
    section = weighted(section, tables["train"].names, parts["train"])
    sources: dict[str, Source] = {part: Given(table=table) for part, table in tables.items()}
    return replace(
        compiled,
        data=replace(
            section, sources=sources, source_spans={}, split=None if by_part else section.split
        ),
    )
