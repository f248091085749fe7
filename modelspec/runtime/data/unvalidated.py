"""What watches validation data where a column of parts turns out to have none."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from modelspec.compiler.pipeline import Compiled
from modelspec.compiler.rules.case import Case
from modelspec.compiler.rules.MS521 import check
from modelspec.core.diagnostics import Collector

from .errors import Findings
from .spec_facts import section


def check_validated(compiled: Compiled, parts: Collection[str], findings: Findings) -> None:
    """MS521 for callbacks that watch a validation which only the column of parts could promise."""
    data = section(compiled)
    if data.split is None or data.split.column is None or "validation" in parts:
        return
    found = Collector()
    without = replace(data, split=None)
    check(Case(compiled.graph, compiled.training, without, compiled.file, found))
    help = f"no row has `validation` in `{data.split.column}`: give it some, or say so in `parts`"
    findings.extend(replace(one, help=help) for one in found.diagnostics)
