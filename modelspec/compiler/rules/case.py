"""What a rule may ask: the parts of a spec as far as they could be understood, and what follows
from them, computed when the first rule asks.
"""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

from modelspec.catalog.components.optimizer import Gradient
from modelspec.core.diagnostics import Collector
from modelspec.core.shapes import Size

from ..infer import TypedGraph
from ..spec.data_section import DataSection
from ..spec.spec_file import SpecFile
from ..spec.training_section import Training
from .data_chains import DataChains, infer_chains
from .graph_walk import distinct
from .layer_patterns import FREEZE, Pattern, patterns
from .logged_quantities import FileValue, Monitor, file_values, monitors
from .mask_propagation import MaskEnds, follow_masks
from .measured_outputs import Measured, measured
from .output_heads import Head, heads
from .trained_outputs import TrainedOutput, trained_outputs
from .trained_weights import TrainedWeight, with_optimizers


class Parts(NamedTuple):
    """The parts of a spec. One that is missing, or in error, is None."""

    typed: TypedGraph | None
    training: Training | None
    data: DataSection | None
    file: SpecFile | None
    report: Collector
    """Where rules report to."""


class Case(Parts):
    """One spec, and what follows from its parts."""

    @property
    def fitting(self) -> Training | None:
        """The training, where there is a model for it."""
        return self.training if self.typed is not None else None

    @cached_property
    def graphs(self) -> tuple[TypedGraph, ...]:
        """The graph and those of the sub-models that it calls; one that several calls infer alike
        once.
        """
        return tuple(distinct(self.typed)) if self.typed is not None else ()

    @cached_property
    def heads(self) -> dict[str, Head]:
        """By output: what makes it, where it has a type."""
        return heads(self.typed) if self.typed is not None else {}

    @cached_property
    def trained(self) -> tuple[TrainedOutput, ...]:
        """The outputs that a loss trains, each with its loss and its target."""
        if self.fitting is None:
            return ()
        return tuple(trained_outputs(self.heads, self.fitting, self.data))

    @cached_property
    def measured(self) -> tuple[Measured, ...]:
        """The metrics of the outputs, each with its head and loss."""
        if self.fitting is None:
            return ()
        return tuple(measured(self.heads, self.fitting))

    @cached_property
    def frozen(self) -> tuple[Pattern, ...]:
        """What `freeze` names."""
        if self.typed is None or self.fitting is None:
            return ()
        return tuple(patterns(self.typed, self.fitting, FREEZE))

    @cached_property
    def optimized(self) -> tuple[tuple[TrainedWeight, Gradient], ...]:
        """The weights that are trained, each with what trains it."""
        if self.typed is None or self.fitting is None:
            return ()
        return tuple(with_optimizers(self.typed, self.fitting))

    @cached_property
    def masks(self) -> MaskEnds:
        """Where masks do not come to what would use them."""
        return follow_masks(self.typed)

    @cached_property
    def chains(self) -> DataChains:
        """What the layers under `data` make of the columns and the inputs."""
        return infer_chains(self.typed, self.data)

    @cached_property
    def monitors(self) -> tuple[Monitor, ...]:
        """What the callbacks watch."""
        if self.fitting is None:
            return ()
        return tuple(monitors(self.fitting, self.data, self._units))

    @cached_property
    def file_values(self) -> tuple[FileValue, ...]:
        """What is in braces in the paths of files that callbacks write."""
        if self.fitting is None:
            return ()
        return tuple(file_values(self.fitting, self.data, self._units))

    @cached_property
    def _units(self) -> dict[str, Size]:
        return {name: head.units for name, head in self.heads.items()}
