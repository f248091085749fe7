"""The inputs of every format: the model, batches to check it with, and the run's own predictions
for them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import keras
import numpy as np

from modelspec.catalog.layers.layer import Layer
from modelspec.compiler.infer import TypedGraph
from modelspec.compiler.pipeline import Compiled

from ..data.adapted_state import labels
from ..data.table import Array
from ..data.target_inverse import has_inverse, inverse
from ..run.decisions import decide, labelled, target_layers
from ..run.open_run import SavedRun
from .checked_batches import Batch, Batches, Sizes
from .difference import difference
from .feature_making import preparing
from .formats import Format
from .preprocessing_graph import Preparing, scales
from .samples import Samples
from .written import Outputs, Written


@dataclass(frozen=True)
class Job:
    """One export."""

    run: SavedRun
    model: keras.Model
    samples: Samples
    wants_preparing: bool
    quantize: str | None = None
    tolerance: float | None = None
    """The allowed difference, if it is not the default of the format."""
    single: bool = False
    """Whether the preparation is to be computed in float32."""
    original: Job | None = None
    """The one of the run's own model, if `model` is another."""
    had_adapters: bool = False
    """Whether the run trained adapters (`training.lora`), which are merged in `model`."""

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

    # What the run predicts ------------------------------------------------------------------------

    @property
    def batches(self) -> tuple[Batch, ...]:
        """The batches on which the export is compared."""
        return tuple(batch for batch, _ in self._predicted.values())

    def plain(self, batch: Batch) -> Outputs:
        """The model's outputs for one of the batches."""
        return self._predicted[id(batch)][1]

    @cached_property
    def _predicted(self) -> Mapping[int, tuple[Batch, Outputs]]:
        """The batches with the model's outputs, one after the other."""
        if self.original is not None:
            return self.original._predicted
        found: dict[int, tuple[Batch, Outputs]] = {}
        _forget(self.model)
        for batch in Batches(self.run, self.samples, self.sizes).all():
            try:
                given_back = self.model.predict_on_batch(given(self.model, batch.inputs))
            except Exception:  # Keras and TensorFlow raise any exception
                if batch.length is None:
                    raise
                continue  # the model itself rejects sequences of this length
            found[id(batch)] = batch, self.by_name(given_back)
        _forget(self.model)
        return found

    @property
    def sizes(self) -> Sizes:
        """The sizes that may vary in a batch."""
        preparing, training = self.preparing, self.compiled.training
        features = {
            column: (feature, raw)
            for feature in preparing.features.values()
            for raw in (preparing.raw[name] for name in feature.given)
            for column in raw.columns
        }
        inner = {
            name: tuple(
                axis for axis, size in enumerate(one.shape[1:]) if not isinstance(size, int)
            )
            for name, one in self.typed.inputs.items()
        }
        return Sizes(
            {name: one.length for name, (one, _) in features.items() if one.length is not None},
            {name: one.free for name, (one, _) in features.items() if one.free},
            {name: axes for name, axes in inner.items() if axes},
            frozenset(name for name, (one, _) in features.items() if one.fills_any),
            frozenset(name for name, (_, raw) in features.items() if raw.text),
            self.fixed_batch,
            training.batch_size if training is not None else 32,
        )

    @property
    def fixed_batch(self) -> int | None:
        """The fixed batch size of the model, if it has one."""
        sizes = (one.shape[0] for one in self.typed.inputs.values())
        return next((size for size in sizes if isinstance(size, int)), None)

    def expected(self, batch: Batch) -> Outputs:
        """The result of `predict` for it: in the units of the targets' columns, if an export
        supports the inverse.
        """
        return {
            name: (
                np.asarray(inverse(self._targets[name], values.astype(np.float64)))
                if name in self.preparing.scales
                else values
            )
            for name, values in self.plain(batch).items()
        }

    @cached_property
    def _targets(self) -> Mapping[str, tuple[Layer, ...]]:
        return target_layers(self.compiled, self.samples.state)

    @property
    def undone(self) -> tuple[str, ...]:
        """The outputs that `predict` returns in the units of their columns."""
        return tuple(
            name
            for name in self.outputs
            if name not in self._classified and has_inverse(self._targets.get(name, ()))
        )

    @cached_property
    def preparing(self) -> Preparing:
        """The steps between rows and model."""
        undone = scales(self.typed.outputs, self._targets, self._classified)
        return preparing(self.samples, self.typed.inputs, undone, single=self.single)

    @cached_property
    def _classified(self) -> tuple[str, ...]:
        """The outputs for which `predict` chooses a class."""
        return tuple(
            decide(
                {name: np.zeros([1] * tensor.rank) for name, tensor in self.typed.outputs.items()},
                self.compiled,
            )
        )

    @cached_property
    def labels(self) -> Mapping[str, tuple[Any, ...]]:
        """The label of every class, by output, if the target was looked up."""
        known = {name: labels(self._targets.get(name, ())) for name in self._classified}
        return {name: one for name, one in known.items() if one is not None}

    @property
    def one_length(self) -> tuple[str, ...]:
        """A note for users about sequences, if there are any."""
        names = [name for name, one in self.preparing.raw.items() if None in one.shape]
        if not names or not any(one.pad is not None for one in self.preparing.features.values()):
            return ()
        said = ", ".join(f"`{name}`" for name in names)
        return (f"the sequences of {said} must have the same length in a batch",)

    # Precision ------------------------------------------------------------------------------------

    @cached_property
    def half(self) -> str | None:
        """The 16-bit dtype in which the model computes, if it does."""
        computed = {str(layer.compute_dtype) for layer in self.model._flatten_layers()}
        return next((name for name in ("bfloat16", "float16") if name in computed), None)

    def whole(self) -> Job:
        """The job for runtimes that compute in 32 bits: for a model of half precision, another
        model with the same weights.
        """
        if self.half is None:
            return self
        model = type(self.model).from_config(_in_float32(self.model.get_config()))
        model.set_weights(self.model.get_weights())
        return replace(self, model=model, original=self.original or self)

    def in_float32(self) -> Job:
        """The job for runtimes without 64-bit numbers."""
        return replace(self, single=True, original=self.original or self)

    @property
    def rounding(self) -> float:
        """The allowed difference between two runtimes due to the precision of the model alone."""
        return {None: 0.0, "float16": 2e-3, "bfloat16": 2e-2}[self.half]

    def allowed(self, form: Format) -> float:
        """The allowed difference."""
        if self.tolerance is not None:
            return self.tolerance
        return max(form.allowed(self.quantize), self.rounding)

    # The comparison -------------------------------------------------------------------------------

    def compared(self, written: Written) -> tuple[Batch, ...]:
        """The batches on which an export is compared: those without rows only if it takes the
        inputs of the model.
        """
        own = written.inside or written.prepares
        return tuple(one for one in self.batches if not (own and one.direct))

    def rows(self, batch: Batch, written: Written) -> int:
        """The number of compared rows of a batch."""
        return batch.size if written.most is None else min(batch.size, written.most)

    def compare(self, written: Written) -> float:
        """The largest difference between an export and the run."""
        return max(self._differences(written), default=float("inf"))

    def _differences(self, written: Written) -> Iterator[float]:
        run = written.open()
        for batch in self.compared(written):
            part = batch.taken(np.arange(self.rows(batch, written)))
            found = run(part)
            expected = self.expected(batch) if written.inside else self.plain(batch)
            scales = self.preparing.scales if written.inside else {}
            yield difference(
                {name: values[: part.size] for name, values in expected.items()}, found, scales
            )
            yield self._of_labels(found)

    def _of_labels(self, found: Outputs) -> float:
        """Infinite if labels do not match the numbers beside them."""
        numbers = {name: found[name] for name in self.outputs if f"{name}_class" in found}
        for name, classes in decide(numbers, self.compiled).items():
            said = found[f"{name}_class"]
            units = max(2, int(classes.max(initial=0)) + 1)
            known = labelled(classes, self._targets.get(name, ()), units)
            if not np.array_equal(said.astype(str), known.astype(str)):
                return float("inf")
        return 0.0

    def by_name(self, found: Any) -> dict[str, Array]:
        """The outputs of a model, by name."""
        if isinstance(found, Mapping):
            return {name: np.asarray(found[name]) for name in self.outputs}
        return {self.outputs[0]: np.asarray(found)}

    def raw(self, batch: Batch, *, texts_done: bool = False) -> dict[str, Array]:
        """A batch in the form for a served model; with `texts_done`, for one without string
        operations.
        """
        found = self.preparing.values(batch.columns, self.samples.table)
        return self.preparing.as_given(found) if texts_done else found


def given(model: keras.Model, inputs: Mapping[str, Array]) -> Any:
    """Inputs by name, in the form for a model."""
    return dict(inputs) if isinstance(model.input, Mapping) else next(iter(inputs.values()))


def _forget(model: keras.Model) -> None:
    """Resets the state that a model keeps between batches to the initial state of `predict`."""
    for layer in model._flatten_layers():
        if getattr(layer, "stateful", False):
            layer.reset_state()


def _in_float32(config: Any) -> Any:
    """The configuration of a model with every 16-bit precision changed to 32 bits."""
    if isinstance(config, Mapping):
        return {key: _in_float32(one) for key, one in config.items()}
    if isinstance(config, (list, tuple)):
        return type(config)(_in_float32(one) for one in config)
    return (
        "float32"
        if config in ("float16", "bfloat16", "mixed_float16", "mixed_bfloat16")
        else config
    )
