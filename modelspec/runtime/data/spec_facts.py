"""What preparing data asks of a checked spec."""

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


def section(compiled: Compiled) -> DataSection:
    """The data section of a spec that has one."""
    assert compiled.data is not None, "the spec has no data section"
    return compiled.data


def typed_graph(compiled: Compiled) -> TypedGraph:
    """The graph of a spec without errors."""
    assert compiled.graph is not None, "the spec has errors"
    return compiled.graph


def row_inputs(compiled: Compiled) -> dict[str, Tensor]:
    """By model input: the type of what one row of the data becomes. That is the input's own, but
    where it takes windows of rows.
    """
    window = section(compiled).window
    return {name: input_row(one, window) for name, one in typed_graph(compiled).inputs.items()}


def row_outputs(compiled: Compiled) -> dict[str, Tensor]:
    """By model output: the type that what one row of the data becomes is compared with."""
    window = section(compiled).window
    return {name: target_row(one, window) for name, one in typed_graph(compiled).outputs.items()}


def takers(compiled: Compiled, name: str) -> Iterator[Layer]:
    """The layers of the model that take an input."""
    for call in typed_graph(compiled).layers:
        layer = call.call.callee
        if isinstance(layer, Layer) and any(ref.producer == name for ref in call.call.refs()):
            yield layer


def trained_outputs(compiled: Compiled, table: Table) -> tuple[str, ...]:
    """The outputs that something is measured against; without a `training` section those that have
    targets.
    """
    if compiled.training is not None:
        return measured_outputs(compiled.training)
    targets, outputs = section(compiled).targets, tuple(typed_graph(compiled).outputs)
    if targets is not None:
        return tuple(targets)
    return outputs if len(outputs) == 1 and table.default_target is not None else ()


def measured_outputs(training: Training | None) -> tuple[str, ...]:
    """The outputs that have a loss or a metric."""
    if training is None:
        return ()
    return tuple(dict.fromkeys((*training.losses, *training.metrics, *training.weighted_metrics)))
