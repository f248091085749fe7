"""The default `data` section of a spec without one, for data that a program passes: columns feed
the inputs and targets of the same names.
"""

from __future__ import annotations

from collections.abc import Iterable

from modelspec.compiler.pipeline import Compiled
from modelspec.compiler.spec.data_features import Feature
from modelspec.compiler.spec.data_section import DataSection
from modelspec.core.diagnostics import listed, nearest

from .errors import DataError
from .memory_table import WEIGHT, X, Y
from .spec_facts import typed_graph
from .table import Table


def assumed_section(compiled: Compiled, table: Table) -> DataSection:
    """Each input and each target reads the column of its name. The arrays of `(x, y)` feed a single
    input and a single output, whatever their names; `sample_weight` is the weight of an example.

    Raises `DataError` (MS651) that lists every input and output without a column of its name.
    """
    graph = typed_graph(compiled)
    inputs = _by_name(graph.inputs, X, table)
    targets = _by_name(graph.outputs, Y, table)
    absent = [("input", name) for name in graph.inputs if name not in inputs]
    absent += [("output", name) for name in graph.outputs if name not in targets]
    if absent:
        raise _no_columns(absent, table)
    root = compiled.file.document.root
    return DataSection(
        root.span,
        sources={},
        source_spans={},
        split=None,
        inputs={name: Feature(column=column) for name, column in inputs.items()},
        targets={name: Feature(column=column) for name, column in targets.items()},
        spans={},
        weights=WEIGHT if WEIGHT in table else None,
    )


def _by_name(names: Iterable[str], unnamed: str, table: Table) -> dict[str, str]:
    """The column of each name. An unnamed array feeds the only input or output."""
    names = list(names)
    found = {name: name for name in names if name in table}
    if not found and len(names) == 1 and unnamed in table:
        return {names[0]: unnamed}
    return found


def _no_columns(absent: list[tuple[str, str]], table: Table) -> DataError:
    _, name = absent[0]
    wanted = ", ".join(f"{kind} `{name}`" for kind, name in absent)
    near = nearest(name, table.names)
    return DataError.of(
        "MS651",
        f"the data has no column for {wanted}; it has {listed(table.names)}",
        help=(
            f"rename `{near}` to `{name}`"
            if near
            else f"pass a mapping with `{name}`, or add a `data` section that names the columns"
        ),
    )
