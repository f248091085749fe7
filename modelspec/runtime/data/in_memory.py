"""Data that a program gives in place of the sources of its spec."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from modelspec.catalog.sources.common.source import Source
from modelspec.compiler.pipeline import Compiled
from modelspec.compiler.spec.data_section import SPLITS

from .errors import DataError
from .python_objects import table_from
from .table import Table


class Given(Source):
    """A source that is open already. No spec can name it."""

    table: Table

    @classmethod
    def kind(cls) -> str:
        return "given"


def with_data(compiled: Compiled, data: Any) -> Compiled:
    """The spec with other sources: `data` is one object, which the spec's `split` cuts, or a
    mapping of `train`, `validation` and `test` to one each. See `table_from` for what an object may
    be.

    Raises `DataError`: MS651 for what is no data, and where the spec has no `data` section to say
    what feeds what.
    """
    section = compiled.data
    if section is None:
        raise DataError.of(
            "MS651",
            "the spec has no `data` section, so nothing says which column feeds which input",
            help="add one, with `inputs`, `targets` and the source that it has elsewhere",
        )
    by_part = isinstance(data, Mapping) and "train" in data and set(data) <= set(SPLITS)
    parts = data if by_part else {"train": data}
    tables = {
        part: table_from(one, f"data[{part!r}]" if by_part else "data")
        for part, one in parts.items()
    }
    sources: dict[str, Source] = {part: Given(table=table) for part, table in tables.items()}
    return replace(
        compiled,
        data=replace(
            section, sources=sources, source_spans={}, split=None if by_part else section.split
        ),
    )
