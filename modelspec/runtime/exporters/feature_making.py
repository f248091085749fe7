"""How the raw inputs of a served model become the inputs of the model.

Nothing is rounded before it is in the units of the model, as in `predict`: columns of numbers are
float64, unless the rows show that float32 makes no difference.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from modelspec.catalog.layers.layer import Layer
from modelspec.compiler.infer import infer_chain
from modelspec.compiler.spec.arrangement import match
from modelspec.compiler.spec.transform_layers import given_type
from modelspec.core.shapes import Shape, Tensor

from ..data.adapt import Pipeline
from ..data.float_layers import computed_here
from ..data.table import Array
from ..data.transforms import Runner, in_keras
from .graph_steps import Step, step_of
from .preprocessing_graph import Feature, Preparing, Scale
from .raw_inputs import WIDE, Naming, RawInput, direct_column
from .sample_numbers import numbers_of, rounded
from .samples import Samples

_ROUNDING = 1e-6
"""The tolerated error of a model input for float32 instead of float64."""


def preparing(
    samples: Samples,
    types: Mapping[str, Tensor],
    scales: Mapping[str, Scale],
    *,
    single: bool = False,
) -> Preparing:
    """How the raw inputs of a served model become those of the model; `types` are the types of the
    latter. `single`: everything in float32, for runtimes that support nothing else.
    """
    naming = Naming()
    features = {
        name: _direct(name, types[name], naming, outside)
        if (outside := _outside(samples.pipelines.get(name)))
        else _Making(name, samples.pipelines[name], types[name], samples.columns, single).feature(
            naming
        )
        for name in (types if samples.pipelines else ())
    }
    return Preparing(naming.raw, features, scales, "float32" if single else "float64")


def _outside(pipe: Pipeline | None) -> tuple[str, ...]:
    """The steps of a model input that no export supports; empty if all are supported."""
    if pipe is None:
        return ("the random numbers",)
    bound = pipe.feature.bound
    if (
        bound.separator is None
        and not bound.gathers
        and not bound.text_steps
        and not any(layer.not_in_models for layer in pipe.layers)
    ):
        return ()
    words = ["`separator`"] if bound.separator is not None else []
    words += ["`lowercase`"] if bound.lowercase is not None else []
    words += [f"`pad` to {pipe.state.length}"] if bound.pad is not None else []
    words += ["`missing`"] if pipe.state.fill else []
    return (*words, *(f"`{layer.kind()}`" for layer in (*bound.text_steps, *pipe.layers)))


def _direct(name: str, wanted: Tensor, naming: Naming, outside: tuple[str, ...]) -> Feature:
    """A model input that the export takes unchanged."""
    sizes = tuple(size if isinstance(size, int) else None for size in wanted.shape[1:])
    raw = RawInput(name, sizes, wanted.dtype, (direct_column(name),), text=wanted.dtype == "string")
    return Feature(
        given=(naming.add(raw, name),),
        fills=(None,),
        stacked=False,
        lowers=False,
        pad=None,
        length=None,
        first=wanted,
        steps=(),
        kept=(),
        wanted=wanted,
        free=(),
        outside=outside,
    )


@dataclass
class _Making:
    """A feature that the export computes."""

    name: str
    pipe: Pipeline
    wanted: Tensor
    columns: Mapping[str, Array] = field(repr=False)
    single: bool

    def feature(self, naming: Naming) -> Feature:
        pipe, bound = self.pipe, self.pipe.feature.bound
        free = free_axes(pipe, self.wanted)
        types = _types(pipe, _sizes(pipe, free))
        fixed = bool(free) and types is None
        free, types = (() if fixed else free), types or pipe.types or (pipe.given,)
        first = self._in_precision(types[0])
        steps, kept = self._steps(types)
        given, fills, stacked = self._given(naming, free)
        return Feature(
            given=given,
            fills=fills,
            stacked=stacked,
            lowers=bound.lowercase is not None,
            pad=bound.pad,
            length=pipe.state.length,
            first=first,
            steps=steps,
            kept=kept,
            wanted=self.wanted,
            free=free,
            words=self._words(),
            alone=any(layer.one_at_a_time for layer in pipe.layers),
            fixed=fixed,
            outside=("`number`",) if bound.number_format is not None else (),
        )

    def _in_precision(self, one: Tensor) -> Tensor:
        return one._replace(dtype="float32") if self.single and one.dtype == "float64" else one

    def _steps(self, types: tuple[Tensor, ...]) -> tuple[tuple[Step, ...], tuple[Any, ...]]:
        """The function of each layer, and the Keras layers among them."""
        given = tuple(map(self._in_precision, types[: len(self.pipe.layers)]))
        pairs = tuple(zip(map(self._layer, self.pipe.layers), given, strict=True))
        layers = tuple(_computable(layer, one) for layer, one in pairs)
        made = Runner(layers, given).layers if layers else ()
        dtype = "float32" if self.single else "float64"
        steps = tuple(
            step_of(layer, one, keras_layer, dtype)
            for layer, one, keras_layer in zip(layers, given, made, strict=True)
        )
        computed = [step for step, one in zip(steps, made, strict=True) if step is one]
        alone = [one for one, layer in zip(made, layers, strict=True) if layer.one_at_a_time]
        return steps, (*computed, *alone)

    def _layer(self, layer: Layer) -> Layer:
        if self.single and getattr(layer, "dtype", None) == "float64":
            return layer.model_copy(update={"dtype": "float32"})
        return layer

    def _given(
        self, naming: Naming, free: tuple[int, ...]
    ) -> tuple[tuple[str, ...], tuple[Any, ...], bool]:
        """The raw inputs, the replacement for missing values in each, and whether they are
        stacked.
        """
        seen, bound = self.pipe.feature, self.pipe.feature.bound
        fill = self.pipe.state.fill
        if bound.lowercase is not None:
            fill = {name: str(one).lower() for name, one in fill.items()}
        shape = _raw_shape(self.pipe, free)
        if bound.stacked and len(bound.names) > WIDE and not seen.text and bound.pad is None:
            raw = RawInput(
                self.name,
                (len(bound.names),),
                self._dtype(bool(fill)),
                bound.names,
                wide=True,
                written=bound.number_format,
            )
            values = [fill.get(column, np.nan) for column in bound.names]
            return (naming.add(raw, self.name),), (np.array(values) if fill else None,), False
        names = tuple(
            naming.add(
                RawInput(
                    column,
                    shape,
                    self._dtype(column in fill),
                    (column,),
                    seen.text,
                    written=bound.number_format,
                ),
                self.name,
            )
            for column in bound.names
        )
        return names, tuple(fill.get(column) for column in bound.names), bound.stacked

    def _dtype(self, has_gaps: bool) -> str:
        """The dtype of a raw input."""
        if self.pipe.feature.text:
            return "string"
        plain = self.pipe.given.dtype if self.pipe.layers else self.wanted.dtype
        if plain.endswith("float16"):
            plain = "float32"
        if has_gaps and not plain.startswith("float"):
            plain = "float64"  # only floats have NaN, and float32 does not represent large integers
        if plain == "float64" and (self.single or not self._needs_all_digits()):
            return "float32"
        return plain

    def _needs_all_digits(self) -> bool:
        """Whether the model input would change if columns were float32: always possible after a
        discontinuous step.
        """
        pipe, wanted = self.pipe, self.wanted
        if wanted.dtype == "float64" or not wanted.dtype.endswith(("float32", "float16")):
            return True
        if any(layer.affine() is None for layer in pipe.layers):
            return True
        if pipe.feature.bound.separator is not None:
            return True
        names = pipe.feature.bound.names
        block = {name: numbers_of(pipe, name, self.columns[name]) for name in names}
        cut = {name: rounded(values) for name, values in block.items()}
        chosen = np.arange(len(next(iter(block.values()))))
        one, other = (pipe(values, 0, chosen).astype(np.float64) for values in (block, cut))
        return not np.allclose(one, other, rtol=_ROUNDING, atol=_ROUNDING, equal_nan=True)

    def _words(self) -> tuple[str, ...]:
        bound, state = self.pipe.feature.bound, self.pipe.state
        words = ["`lowercase`"] if bound.lowercase is not None else []
        words += [f"`pad` to {state.length}"] if bound.pad is not None else []
        words += ["`missing`"] if state.fill else []
        return (*words, *(f"`{layer.kind()}`" for layer in self.pipe.layers))


def _computable(layer: Layer, given: Tensor) -> Layer:
    """The layer, in float32 if TensorFlow cannot compute it in float64."""
    if layer.dtype != "float64" or computed_here(layer, given) is not None:
        return layer
    zeros = np.zeros([size if isinstance(size, int) else 1 for size in (1, *given.shape[1:])])
    try:
        in_keras(layer, given)(zeros)
    except Exception:  # noqa: BLE001  # Keras and TensorFlow raise any exception
        return layer.model_copy(update={"dtype": "float32"})
    return layer


# Sizes --------------------------------------------------------------------------------------------


def free_axes(pipe: Pipeline, wanted: Tensor) -> tuple[int, ...]:
    """The axes of an example before preparation that may have another size: `predict` accepts
    it.
    """
    sizes, bound = pipe.feature.sizes, pipe.feature.bound
    if bound.pad is not None:
        return ()
    return tuple(
        axis
        for axis in range(len(sizes) - bound.stacked)
        if all(_fits(pipe, (*sizes[:axis], sizes[axis] + more, *sizes[axis + 1 :]), wanted)
               for more in (1, 2))
    )  # fmt: skip


def _fits(pipe: Pipeline, sizes: tuple[int, ...], wanted: Tensor) -> bool:
    types = _types(pipe, sizes)
    if types is None:
        return False
    found = types[-1].shape[1:] if pipe.layers else sizes
    whole = tuple(size for size in found if isinstance(size, int))
    return len(whole) < len(found) or match(whole, wanted.shape[1:]) is not None


def _types(pipe: Pipeline, sizes: Shape) -> tuple[Tensor, ...] | None:
    """The input type of each layer for examples of these sizes, and the type of the result; None if
    a layer rejects them.
    """
    given = given_type(pipe.feature.text, pipe.layers, sizes)
    chain = pipe.feature.bound.chain
    if not pipe.layers or chain is None:
        return (given,)
    checked = infer_chain(chain.uses, pipe.layers, given, chain.span)
    return checked.value if checked.ok else None


def _sizes(pipe: Pipeline, free: tuple[int, ...]) -> Shape:
    sizes = pipe.feature.sized(pipe.state.length)
    return tuple(None if axis in free else size for axis, size in enumerate(sizes))


def _raw_shape(pipe: Pipeline, free: tuple[int, ...]) -> tuple[int | None, ...]:
    """The shape of one raw input."""
    sizes = pipe.feature.sizes[: -1 if pipe.feature.bound.stacked else None]
    if pipe.feature.bound.pad is not None:
        free = (0,)
    return tuple(None if axis in free else size for axis, size in enumerate(sizes))
