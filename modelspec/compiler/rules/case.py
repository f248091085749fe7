"""The input of a rule: the parts of a spec as far as they could be parsed, and what is derived
from them, computed on first use.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from modelspec.catalog.components.optimizer import Gradient
from modelspec.core.diagnostics import Collector
from modelspec.core.records import NamedTuple
from modelspec.core.shapes import Size

from ..infer import TypedGraph
from ..infer.low_rank import Target, targets
from ..infer.stage_graphs import StageGraph
from ..infer.trained_weights import TrainedWeight, with_optimizers
from ..spec.coordinates import CoordinateFormat, coordinate_format
from ..spec.data_section import DataSection
from ..spec.spec_file import SpecFile
from ..spec.training_section import Training
from .data_chains import DataChains, features, infer_chains
from .graph_walk import distinct
from .layer_calls import LayerCalls
from .layer_patterns import ADAPTED, FREEZE, Pattern, patterns
from .logged_quantities import FileValue, Monitor, file_values, monitors
from .mask_propagation import MaskEnds, follow_masks, may_have_mask
from .measured_outputs import Measured, OutputMetric, measured, output_metrics
from .objective_terms import TypedTerm, typed_terms
from .output_heads import Head, heads
from .players import PlayersCase
from .trained_outputs import TrainedOutput, trained_outputs

if TYPE_CHECKING:
    from ..infer.generation_types import TypedGeneration
    from .expected_quantities import Expected, Quantities


class Parts(NamedTuple):
    """The parts of a spec. A part that is missing or has errors is None."""

    typed: TypedGraph | None
    training: Training | None
    data: DataSection | None
    file: SpecFile | None
    report: Collector
    """Collects what rules report."""
    stages: tuple[StageGraph, ...] = ()
    """The stages of the whole training; empty for one of them alone."""


class Case(Parts):
    """One spec, and what is derived from its parts."""

    @property
    def fitting(self) -> Training | None:
        """The training, if there is a model for it."""
        return self.training if self.typed is not None else None

    @cached_property
    def generation(self) -> TypedGeneration | None:
        """The types of the `generate` section; None without one, or after reporting its errors."""
        generation = self.file.generation if self.file is not None else None
        if generation is None or self.typed is None:
            return None
        from ..infer.generation import typed_generation  # most specs have no such section

        return typed_generation(generation, self.typed, self.report)

    @cached_property
    def graphs(self) -> tuple[TypedGraph, ...]:
        """The graph and the graphs of the sub-models that it calls; a graph that several calls
        share appears once.
        """
        return tuple(distinct(self.typed)) if self.typed is not None else ()

    @cached_property
    def layers(self) -> LayerCalls:
        """The calls of layers in those graphs."""
        return LayerCalls(self.graphs)

    @cached_property
    def heads(self) -> dict[str, Head]:
        """By output: the layer that produces it, if it has a type."""
        return heads(self.typed) if self.typed is not None else {}

    @cached_property
    def trained(self) -> tuple[TrainedOutput, ...]:
        """The outputs that a loss trains, each with its loss and its target."""
        if self.fitting is None:
            return ()
        return tuple(trained_outputs(self.heads, self.fitting, self.data))

    @cached_property
    def metrics(self) -> tuple[OutputMetric, ...]:
        """The metrics of the outputs, each with its head."""
        if self.fitting is None:
            return ()
        return tuple(output_metrics(self.heads, self.fitting))

    @cached_property
    def measured(self) -> tuple[Measured, ...]:
        """The metrics of the outputs that have a loss, each with its head and loss."""
        if self.fitting is None:
            return ()
        return tuple(measured(self.metrics, self.fitting))

    @cached_property
    def objective(self) -> tuple[TypedTerm, ...]:
        """The terms of the objective, each with the types of what it reads."""
        return tuple(typed_terms(self))

    @property
    def weighs_examples(self) -> bool:
        """Whether the examples have weights, from a column or from classes. With class weights the
        examples of every output have weights: 1 if an output has no class weights.
        """
        if self.data is not None and self.data.weights is not None:
            return True
        return self.fitting is not None and bool(self.fitting.class_weights)

    @cached_property
    def frozen(self) -> tuple[Pattern, ...]:
        """The patterns of `freeze`."""
        if self.typed is None or self.fitting is None:
            return ()
        return tuple(patterns(self.typed, self.fitting, FREEZE))

    @cached_property
    def adaptable(self) -> tuple[Target, ...]:
        """The weights that can have low-rank adapters."""
        return tuple(targets(self.typed)) if self.typed is not None else ()

    @cached_property
    def adapted(self) -> tuple[Pattern, ...]:
        """The patterns of `layers` in `lora`."""
        if self.typed is None or self.fitting is None:
            return ()

        def inner() -> list[str]:
            return [one.path for one in self.adaptable]

        return tuple(patterns(self.typed, self.fitting, ADAPTED, inner))

    @cached_property
    def optimized(self) -> tuple[tuple[TrainedWeight, Gradient], ...]:
        """The trained weights, each with its optimizer."""
        if self.typed is None or self.fitting is None or self.fitting.players:
            return ()  # each player is checked as a separate training
        return tuple(with_optimizers(self.typed, self.fitting))

    @cached_property
    def players(self) -> PlayersCase:
        """The players of the training, and the layers that each trains."""
        return PlayersCase(self.typed, self.fitting)

    @cached_property
    def masks(self) -> MaskEnds:
        """Where masks do not reach the layers that would use them."""
        if not any(map(may_have_mask, self.layers.all)):
            return MaskEnds()
        return follow_masks(self.typed)

    @cached_property
    def chains(self) -> DataChains:
        """The types that the layers under `data` make from the columns and the inputs."""
        return infer_chains(self.typed, self.data)

    @cached_property
    def coordinates(self) -> dict[str, CoordinateFormat]:
        """The inputs and targets that are points or boxes in an image, by name."""
        every = features(self.data) if self.data is not None else ()
        return {
            name: coordinate_format(one.coordinates)
            for (_, name), one in every
            if one.coordinates is not None
        }

    @cached_property
    def monitors(self) -> tuple[Monitor, ...]:
        """The quantities that callbacks monitor."""
        if self.fitting is None:
            return ()
        return tuple(monitors(self.fitting, self.data, self._units))

    @cached_property
    def file_values(self) -> tuple[FileValue, ...]:
        """The placeholders in braces in the file paths of callbacks."""
        if self.fitting is None:
            return ()
        return tuple(file_values(self.fitting, self.data, self._units))

    @cached_property
    def quantities(self) -> Quantities:
        """The quantities that expectations may refer to."""
        from .expected_quantities import Quantities

        return Quantities(self.training, self.data, self._units)

    @cached_property
    def expected(self) -> tuple[Expected, ...]:
        """The expectations, each with its quantity."""
        from .expected_quantities import expected  # most specs expect nothing

        return tuple(expected(self))

    @cached_property
    def _units(self) -> dict[str, Size]:
        return {name: head.units for name, head in self.heads.items()}
