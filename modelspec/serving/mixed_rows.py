"""JSON rows with a cell of another type than the rest of its column: a string among numbers, a
number among strings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from modelspec.compiler.pipeline import Compiled
from modelspec.core.diagnostics import Diagnostic
from modelspec.runtime.data.adapted_state import State
from modelspec.runtime.data.columns import Bound, binding_of
from modelspec.runtime.data.errors import Findings
from modelspec.runtime.data.python_values import Shape

Rows = Sequence[Mapping[str, Any]]
_STRING = "a string"


def mixed(
    rows: Rows, name: str, compiled: Compiled, state: State | None
) -> tuple[dict[int, str], tuple[Diagnostic, ...]]:
    """The rows with such cells: the reason by number from 1, and the faults (MS653). `name` is the
    name of the rows in messages.
    """
    wrong: dict[int, str] = {}
    findings = Findings()
    for feature, bound in binding_of(compiled).inputs.items():
        text = takes_text(feature, bound, compiled, state)
        for column in bound.names:
            kinds = _kinds(rows, column)
            taken = _taken(kinds, text)
            for number, kind in kinds.items():
                if kind != taken:
                    said = f"`{column}` holds {kind} at row {number} of {name}, but {taken} in"
                    wrong.setdefault(number, f"{said} other rows")
                    findings.error(
                        "MS653",
                        f"{said} other rows",
                        None,
                        help="all values of a column must have the same type",
                    )
    return wrong, findings.diagnostics


def takes_text(name: str, bound: Bound, compiled: Compiled, state: State | None) -> bool | None:
    """Whether an input takes strings: as learned by the run, else by the spec; None where both are
    possible.
    """
    known = state.features.get(("inputs", name)) if state is not None else None
    if known is not None and known.text is not None:
        return known.text
    assert compiled.graph is not None
    tensor = compiled.graph.inputs.get(name)
    dtype = tensor.dtype if tensor is not None else None
    return bound.written.takes_text(dtype) if bound.written is not None else None


def _kinds(rows: Rows, column: str) -> dict[int, str]:
    """The type of the cell of each row in a column, by number; without rows that have none."""
    names: dict[type, str | None] = {}
    found: dict[int, str] = {}
    for number, row in enumerate(rows, 1):
        value = row.get(column)
        kind = type(value)
        if kind not in names:
            shape = Shape()
            shape.add(value, 0)
            names[kind] = shape.kind
        named = names[kind]
        if named is not None:
            found[number] = named
    return found


def _taken(kinds: Mapping[int, str], text: bool | None) -> str | None:
    """The type of a column: the first that fits what the run learned."""
    fitting = (
        kind
        for kind in kinds.values()
        if text is None or kind == "a list" or (kind == _STRING) == text
    )
    return next(fitting, next(iter(kinds.values()), None))
