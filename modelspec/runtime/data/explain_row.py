"""The results of the transforms of a run for one row, step by step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from modelspec.compiler.pipeline import Compiled

from .adapt import Pipeline, pipelines
from .adapted_state import State
from .columns import bind
from .errors import Findings
from .open_columns import with_columns
from .scan import scan
from .spec_facts import section, typed_graph
from .table import Array, Table
from .transforms import Runner


@dataclass(frozen=True)
class FeatureSteps:
    """The steps from the cells of a row to one input of a model."""

    columns: Mapping[str, Any]
    """The cells, by column."""
    read: Any
    """The values that are read: numbers or text, missing values filled, columns stacked."""
    steps: tuple[tuple[str, Any], ...]
    """Each layer of the transform with its output."""
    given: Any = None
    """The input of the model."""


def feature_steps(
    compiled: Compiled, table: Table, state: State | None, load: Callable[[], None]
) -> dict[str, FeatureSteps]:
    """By input: the steps for the first row of a table. Raises `DataError`."""
    compiled = with_columns(compiled, table)
    binding = bind(
        section(compiled), tuple(typed_graph(compiled).inputs), (), table, with_targets=False
    )
    findings = Findings()
    scanned = scan(table, binding, compiled, findings, state=state, with_targets=False, once=True)
    findings.stop_if_wrong()
    assert scanned is not None
    if any(bound.chain is not None for bound in binding.features.values()):
        load()
    pipes = pipelines(scanned, state or State.kept_by_none(binding.features))
    _, block = next(iter(scanned.reader.blocks()))
    return {name: _of(pipe, block) for (_, name), pipe in pipes.items()}


def _of(pipe: Pipeline, block: Mapping[str, Array]) -> FeatureSteps:
    cells = {name: _plain(block[name][0]) for name in pipe.feature.checks}
    read = pipe.read(block, 0, np.arange(1))
    given, steps = _of_text(pipe, block)
    for count in range(1, len(pipe.layers) + 1):
        values = Runner(pipe.layers[:count], pipe.types[:count])(read)
        steps.append((pipe.layers[count - 1].kind(), _plain(values[0])))
    return FeatureSteps(cells, given, tuple(steps))


def _of_text(pipe: Pipeline, block: Mapping[str, Array]) -> tuple[Any, list[tuple[str, Any]]]:
    """The value before the steps on strings, and the result of each of them."""
    feature, bound = pipe.feature, pipe.feature.bound
    assert bound.written is not None or not bound.text_steps
    found: list[Any] = []
    for count in range(len(bound.text_steps) + 1):
        written = bound.written.with_steps(count) if bound.written is not None else None
        shortened = replace(feature, bound=bound._replace(written=written))
        values = replace(pipe, feature=shortened).read(block, 0, np.arange(1))
        found.append(_plain(values[0]))
    kinds = [layer.kind() for layer in bound.text_steps]
    return found[0], list(zip(kinds, found[1:], strict=True))


def _plain(value: Any) -> Any:
    """A number or string as a Python value; an array unchanged."""
    found = np.asarray(value)
    if found.ndim:
        return found
    return found.item()
