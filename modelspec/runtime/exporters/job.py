"""What every format is given: the model, rows to check it with, and what the run itself predicts
for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import keras
import numpy as np

from modelspec.compiler.infer import TypedGraph
from modelspec.compiler.pipeline import Compiled

from ..data.adapted_state import labels
from ..data.table import Array
from ..run.open_run import SavedRun
from ..run.predict import decide, target_layers
from .difference import difference
from .preprocessing_graph import Preparing, preparing, scales
from .samples import Samples

Outputs = Mapping[str, Array]


@dataclass(frozen=True)
class Written:
    """What a format made."""

    found: Outputs
    """What it gives for the samples, by output."""
    inside: bool = False
    """Whether it prepares its inputs itself."""
    notices: tuple[str, ...] = ()
    """What whoever uses it should know."""
    inputs: tuple[str, ...] = ()
    """What it takes."""
    labels: Mapping[str, Array] | None = None
    """The label of every sample, where it gives them."""
    compared: int | None = None
    """How many of the samples, from the first on, it was run on; None for all."""


@dataclass(frozen=True)
class Job:
    """One export."""

    run: SavedRun
    model: keras.Model
    samples: Samples
    wants_preparing: bool
    quantize: str | None = None
    served: Preparing | None = None
    """What stands between rows and model, where it is said in other words than the run's."""
    original: Job | None = None
    """The one of the run's own model, where `model` is another."""

    @property
    def compiled(self) -> Compiled:
        return self.run.compiled

    @property
    def typed(self) -> TypedGraph:
        assert self.compiled.graph is not None
        return self.compiled.graph

    @property
    def outputs(self) -> tuple[str, ...]:
        return tuple(self.typed.outputs)

    @cached_property
    def plain(self) -> Outputs:
        """What the model gives for the samples."""
        if self.original is not None:
            return self.original.plain
        return self.by_name(self.model.predict(given(self.model, self.samples.inputs), verbose=0))

    @cached_property
    def expected(self) -> Outputs:
        """What `predict` gives for them: in the numbers of the targets' columns."""
        return {
            name: (
                values * self.preparing.scales[name][0] + self.preparing.scales[name][1]
                if name in self.preparing.scales
                else values
            )
            for name, values in self.plain.items()
        }

    @cached_property
    def preparing(self) -> Preparing:
        """What stands between rows and model."""
        if self.served is not None:
            return self.served
        layers = target_layers(self.compiled, self.samples.state)
        return preparing(
            self.samples, self.typed.inputs, scales(self.typed.outputs, layers, self._classified)
        )

    @cached_property
    def _classified(self) -> tuple[str, ...]:
        """The outputs for whose rows `predict` decides on a class."""
        return tuple(
            decide(
                {name: np.zeros([1] * tensor.rank) for name, tensor in self.typed.outputs.items()},
                self.compiled,
            )
        )

    @cached_property
    def labels(self) -> Mapping[str, tuple[Any, ...]]:
        """The label of every class, by output, where the target was looked up."""
        chains = target_layers(self.compiled, self.samples.state)
        known = {name: labels(chains.get(name, ())) for name in self._classified}
        return {name: one for name, one in known.items() if one is not None}

    @cached_property
    def half(self) -> str | None:
        """The dtype of 16 bits that the model computes in, where it does."""
        computed = {str(layer.compute_dtype) for layer in self.model._flatten_layers()}
        return next((name for name in ("bfloat16", "float16") if name in computed), None)

    def whole(self) -> Job:
        """The job for runtimes that compute in 32 bits: of a model of half precision, one with the
        same weights.
        """
        if self.half is None:
            return self
        model = type(self.model).from_config(_in_float32(self.model.get_config()))
        model.set_weights(self.model.get_weights())
        return replace(self, model=model, original=self.original or self)

    @property
    def rounding(self) -> float:
        """How far two runtimes may be apart for the precision of the model alone."""
        return {None: 0.0, "float16": 2e-3, "bfloat16": 2e-2}[self.half]

    def compare(self, written: Written) -> float:
        """How far an export is from the run."""
        expected = self.expected if written.inside else self.plain
        return difference(
            {name: values[: written.compared] for name, values in expected.items()}, written.found
        )

    def by_name(self, found: Any) -> dict[str, Array]:
        """What a model gives, by output."""
        if isinstance(found, Mapping):
            return {name: np.asarray(found[name]) for name in self.outputs}
        return {self.outputs[0]: np.asarray(found)}

    def raw(self, *, filled_text: bool = False) -> dict[str, Array]:
        """The samples as a served model takes them; with `filled_text`, missing texts filled in."""
        found = {name: one.values for name, one in self.preparing.raw.items()}
        if filled_text:
            for feature in self.preparing.features.values():
                for name, fill in zip(feature.given, feature.fills, strict=True):
                    if isinstance(fill, str):
                        found[name] = np.where(found[name] == "", fill, found[name]).astype(object)
        return found


def given(model: keras.Model, inputs: Mapping[str, Array]) -> Any:
    """Inputs by name as a model takes them."""
    return dict(inputs) if isinstance(model.input, Mapping) else next(iter(inputs.values()))


def _in_float32(config: Any) -> Any:
    """The configuration of a model with every precision of 16 bits made 32."""
    if isinstance(config, Mapping):
        return {key: _in_float32(one) for key, one in config.items()}
    if isinstance(config, (list, tuple)):
        return type(config)(_in_float32(one) for one in config)
    return (
        "float32"
        if config in ("float16", "bfloat16", "mixed_float16", "mixed_bfloat16")
        else config
    )
