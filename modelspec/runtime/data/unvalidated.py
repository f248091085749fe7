"""Callbacks that monitor validation data when the data have none."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from modelspec.compiler.pipeline import Compiled
from modelspec.compiler.rules.case import Case
from modelspec.compiler.rules.MS521 import check
from modelspec.core.diagnostics import Collector

from .errors import Findings
from .in_memory import Given
from .spec_facts import section


def check_validated(compiled: Compiled, parts: Collection[str], findings: Findings) -> None:
    """MS521 for callbacks that monitor a validation part which only the data could provide: a
    column of parts, or data from a program.
    """
    data = section(compiled)
    column = None if data.split is None else data.split.column
    given = any(isinstance(one, Given) for one in data.sources.values())
    if "validation" in parts or not (given or column is not None):
        return
    found = Collector()
    without = replace(data, split=None)
    check(Case(compiled.graph, compiled.training, without, compiled.file, found))
    help = (
        "pass it: `data={'train': ..., 'validation': ...}`; or set `data.split`"
        if column is None
        else f"no row has `validation` in `{column}`: add some, or map values in `parts`"
    )
    findings.extend(replace(one, help=help) for one in found.diagnostics)
