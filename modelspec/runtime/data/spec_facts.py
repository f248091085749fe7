"""The facts of a checked spec that preparing data requires."""

from __future__ import annotations

from collections.abc import Iterator

from modelspec.catalog.layers.layer import Layer
from modelspec.compiler.infer import TypedGraph
from modelspec.compiler.pipeline import Compiled
from modelspec.compiler.spec.data_section import DataSection
from modelspec.compiler.spec.data_window import input_row, target_row
from modelspec.compiler.spec.training_section import Training
from modelspec.core.shapes import Tensor

from .table import Table

ALONE = Tensor((None,), "float32")
"""The type of a target that no output is compared with, which takes the shape of its values."""


def section(compiled: Compiled) -> DataSection:
    """The data section of a spec that has one."""
    assert compiled.data is not None, "the spec has no data section"
    return compiled.data


def typed_graph(compiled: Compiled) -> TypedGraph:
    """The graph of a spec without errors."""
    assert compiled.graph is not None, "the spec has errors"
    return compiled.graph


def row_inputs(compiled: Compiled) -> dict[str, Tensor]:
    """By model input: the type of one prepared row of the data. That is the type of the input,
    unless it takes windows of rows.
    """
    window = section(compiled).window
    return {name: input_row(one, window) for name, one in typed_graph(compiled).inputs.items()}


def row_outputs(compiled: Compiled) -> dict[str, Tensor]:
    """By model output: the type with which one prepared row of the data is compared. A target that
    only an objective reads has no type of its own.
    """
    window = section(compiled).window
    found = {name: target_row(one, window) for name, one in typed_graph(compiled).outputs.items()}
    compared = compared_outputs(compiled.training)
    alone = (one for one in objective_targets(compiled.training) if one not in compared)
    return found | dict.fromkeys(alone, ALONE)


def takers(compiled: Compiled, name: str) -> Iterator[Layer]:
    """The layers of the model that use an input."""
    for call in typed_graph(compiled).layers:
        layer = call.call.callee
        if isinstance(layer, Layer) and any(ref.producer == name for ref in call.call.refs()):
            yield layer


def trained_outputs(compiled: Compiled, table: Table) -> tuple[str, ...]:
    """The outputs with a loss or a metric; without a `training` section, those with targets."""
    if compiled.training is not None:
        return measured_outputs(compiled.training)
    targets, outputs = section(compiled).targets, tuple(typed_graph(compiled).outputs)
    if targets is not None:
        return tuple(targets)
    return outputs if len(outputs) == 1 and table.default_target is not None else ()


def measured_outputs(training: Training | None) -> tuple[str, ...]:
    """The outputs that have a loss or a metric, and the targets that only an objective reads."""
    return tuple(dict.fromkeys((*compared_outputs(training), *objective_targets(training))))


def compared_outputs(training: Training | None) -> tuple[str, ...]:
    """The outputs that have a loss or a metric."""
    if training is None:
        return ()
    return tuple(dict.fromkeys((*training.losses, *training.metrics, *training.weighted_metrics)))


def objective_targets(training: Training | None) -> tuple[str, ...]:
    """The targets that the terms of an objective read, also in stages, each once."""
    if training is None:
        return ()
    every = (training, *(one.training for one in training.stages))
    return tuple(
        dict.fromkeys(
            target
            for one in every
            for term in one.objective.values()
            for target in term.targets.values()
        )
    )
