"""The graphs of the stages of a training, which differ in the layers that are frozen."""

from __future__ import annotations

from modelspec.core.records import NamedTuple

from ..spec.stages import Stage
from .freeze import freeze
from .typed_graph import TypedGraph


class StageGraph(NamedTuple):
    """A stage, and the graph with the layers that it freezes."""

    stage: Stage
    graph: TypedGraph


def stage_graphs(typed: TypedGraph, stages: tuple[Stage, ...]) -> tuple[StageGraph, ...]:
    """The graph of each stage, from the graph of the model."""
    return tuple(StageGraph(one, freeze(typed, one.training.freeze)) for one in stages)
