"""Preparation adapts to the training split only, in one pass per step: first the replacements of
missing values, then the layers of transforms from the first to the last.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from modelspec.catalog.layers.layer import Layer
from modelspec.catalog.layers.lookup import Lookup
from modelspec.compiler.infer import infer_chain
from modelspec.compiler.spec.transform_layers import given_type
from modelspec.core.diagnostics import Fault
from modelspec.core.shapes import Tensor

from .adapted_state import FeatureState, State
from .columns import Key
from .conform import cast
from .errors import DataError
from .learning import LayerAdapter, adapter_of
from .measured_fills import fills, training_blocks
from .pad_tokens import mask_setting
from .positive import with_positive_last
from .real_steps import RealSteps, real_entries
from .scan import Scan
from .scanned_feature import ScannedFeature
from .shared_vocabulary import join_vocabularies
from .split import Positions
from .table import Array
from .transforms import Runner, from_file, needs_adapting


@dataclass
class Pipeline:
    """Prepares one feature for the model: reads it, fills missing values, and applies the layers
    of its transform.
    """

    feature: ScannedFeature
    state: FeatureState
    layers: tuple[Layer, ...] = ()
    types: tuple[Tensor, ...] = ()
    runner: Runner | None = field(default=None, repr=False)

    def read(self, block: Mapping[str, Array], start: int, chosen: Array) -> Array:
        """The chosen examples of a block, as input of the first layer. Raises `DataError`."""
        try:
            values = self.feature.read(block, start, self.state.length, self.state.fill)
            values = values if len(chosen) == len(values) else values[chosen]
            return (
                self._typed(values, start, chosen)
                if self.feature.bound.chain is not None
                else values
            )
        except Fault as fault:
            raise DataError([fault.at(self.feature.bound.span)]) from None

    def _typed(self, values: Array, start: int, chosen: Array) -> Array:
        given = self.given
        if given.dtype == "string":
            return _shaped(values, given)
        names = ", ".join(f"`{name}`" for name in self.feature.bound.names[:3])
        table = next(iter(self.feature.checks.values())).table
        return cast(
            _shaped(values, given),
            given.dtype,
            f"{names} of {table.name}",
            lambda index: self.feature.bound.place(
                table, (start + int(chosen[index[0]]), *index[1:])
            ),
        )

    def real(self, block: Mapping[str, Array], chosen: Array) -> Array | None:
        """Which entries of the input of the first layer are not padding; None: all of them."""
        marks = real_entries(self.feature, block, chosen, self.state.length)
        return None if marks is None else _shaped(marks, self.given)

    @property
    def given(self) -> Tensor:
        """The type of the input of the transform."""
        chain = self.feature.bound.chain
        layers = chain.layers if chain else ()
        return given_type(self.feature.text, layers, self.feature.sized(self.state.length))

    def __call__(self, block: Mapping[str, Array], start: int, chosen: Array) -> Array:
        """The chosen examples of a block, prepared."""
        values = self.read(block, start, chosen)
        return self.runner(values) if self.runner is not None and len(values) else values


def _shaped(values: Array, given: Tensor) -> Array:
    """Values in the input shape of a layer; lists of different lengths keep their shape."""
    sizes = given.shape[1:]
    return values if None in sizes else values.reshape(len(values), *sizes)


def pipelines(
    scan: Scan, state: State, final: Mapping[Key, str] | None = None
) -> dict[Key, Pipeline]:
    """The pipeline of every feature of a source, with all layers adapted; `final` are the dtypes
    of the results. Raises `DataError` where a transform does not fit.
    """
    found: dict[Key, Pipeline] = {}
    for key, feature in scan.features.items():
        one = state.features[key]
        layers = one.layers(feature.bound)
        pipeline = Pipeline(feature, one, layers)
        if layers:
            types = _types(pipeline, layers)
            runner = Runner(layers, types, (final or {}).get(key))
            pipeline = Pipeline(feature, one, layers, types, runner)
        found[key] = pipeline
    return found


def check_transforms(scan: Scan) -> None:
    """Checks every transform against the type of its column; loads no framework. Raises
    `DataError`.
    """
    for feature in scan.features.values():
        if feature.bound.chain is not None:
            length = _length(feature, np.arange(scan.count)) if feature.bound.pad else None
            layers = feature.bound.chain.layers
            _types(
                Pipeline(feature, FeatureState(feature.text, length=length), layers),
                layers,
                certain=False,
            )


def _types(
    pipeline: Pipeline, layers: tuple[Layer, ...], *, certain: bool = True
) -> tuple[Tensor, ...]:
    """The input type of each layer, and the type of the result. Raises `DataError` where the chain
    cannot run.

    While layers are not adapted (`certain` false), a size that is not known yet is not an error.
    """
    chain = pipeline.feature.bound.chain
    assert chain is not None
    checked = infer_chain(chain.uses[: len(layers)], layers, pipeline.given, chain.span)
    wrong = [
        one
        for one in checked.diagnostics
        if one.severity == "error" and (certain or one.code != "MS405")
    ]
    if wrong:
        raise DataError(wrong)
    return checked.value or (pipeline.given,)


def adapt(scan: Scan, train: Positions) -> State:
    """What preparation learns from the training examples (positions among the examples that are
    kept). Raises `DataError` or `RunError`.
    """
    rows = train if scan.rows is None else scan.rows[train]
    found = {
        key: _FeatureAdaptation(feature, _length(feature, rows))
        for key, feature in scan.features.items()
    }
    for key, fill in fills(scan, rows).items():
        found[key].fill = fill
    while True:
        waiting = [one for one in found.values() if one.advance()]
        if join_vocabularies(found):
            continue
        if not waiting:
            break
        _pass(scan, rows, waiting)
    return State({key: one.state() for key, one in found.items()})


def _pass(scan: Scan, rows: Positions, waiting: list[_FeatureAdaptation]) -> None:
    """One pass over the training examples, for one layer of each feature."""
    for start, block, chosen in training_blocks(scan, rows):
        for one in waiting:
            one.update(block, start, chosen)
    for one in waiting:
        one.finish()


def _length(feature: ScannedFeature, rows: Positions) -> int | None:
    """The length of the padded sequences of a feature."""
    pad = feature.bound.pad
    if pad is None:
        return None
    if pad.length is not None:
        return pad.length
    return max(
        1,
        *(
            int(np.concatenate(feature.lengths[index :: len(feature.checks)])[rows].max(initial=1))
            for index in range(len(feature.checks))
        ),
    )


class _FeatureAdaptation:
    """Adapts the layers of one feature."""

    def __init__(self, feature: ScannedFeature, length: int | None) -> None:
        self.feature = feature
        self.length = length
        self.fill: dict[str, Any] = {}
        self.layers: list[Layer] = []
        self.learned: list[Mapping[str, Any] | None] = []
        self._todo = list(feature.bound.chain.layers) if feature.bound.chain else []
        self._masked: Mapping[str, Any] = {}
        """What the next layer leaves out as padding."""
        self._begun = False
        self._adapter: LayerAdapter | None = None
        self._pipeline: Pipeline | None = None
        self._real: RealSteps | None = None
        self._joined = False

    @property
    def sharing(self) -> Layer | None:
        """The next layer, if other features share its vocabulary and have not been joined yet."""
        if self.feature.bound.shares is None or self._joined or not self._todo:
            return None
        return self._todo[0] if self._todo[0].vocabulary_settings else None

    def mask(self) -> Mapping[str, Any]:
        """The padding that the next layer leaves out."""
        self._masking(self._todo[0])
        return self._masked

    def join(self, mask: Mapping[str, Any], adapter: LayerAdapter | None) -> None:
        """Continues with the common `mask`, and the common adapter of a vocabulary."""
        self._joined = True
        self._masked = mask
        layer = self._todo[0].model_copy(update=dict(mask)) if mask else self._todo[0]
        self._todo[0] = layer
        if adapter is not None:
            self._begin(layer, adapter)

    def input_type(self) -> Tensor:
        """The type of the input of the next layer."""
        pipeline = Pipeline(self.feature, self.state(), tuple(self.layers))
        return _types(pipeline, tuple(self.layers))[-1] if self.layers else pipeline.given

    def advance(self) -> bool:
        """Moves to the next layer that learns from data; returns whether one is left."""
        while self._todo and self._adapter is None and self.sharing is None:
            layer = self._masking(self._todo[0])
            known = from_file(layer)
            if known is not None:
                self._replace(with_positive_last(layer, known, self.feature.bound, fixed=True))
            elif needs_adapting(layer):
                self._begin(layer)
                return True
            else:
                self.layers.append(self._todo.pop(0))
                if len(self.learned) < len(self.layers):
                    self.learned.append(dict(self._masked) or None)
                self._masked, self._begun = {}, False
        return self._adapter is not None

    def _masking(self, layer: Layer) -> Layer:
        """The next layer, with the padding that it leaves out where the spec does not set it."""
        if not self._begun:
            self._begun = True
            feature = self.feature
            self._masked = mask_setting(
                feature.key, feature.bound, layer, self.layers, text=feature.text
            )
            self._todo[0] = layer.model_copy(update=dict(self._masked)) if self._masked else layer
        return self._todo[0]

    def _begin(self, layer: Layer, adapter: LayerAdapter | None = None) -> None:
        pipeline = Pipeline(self.feature, self.state(), tuple(self.layers))
        types = _types(pipeline, tuple(self.layers)) if self.layers else (pipeline.given,)
        if self.layers:
            pipeline.runner = Runner(self.layers, types)
        self._pipeline = pipeline
        self._real = RealSteps(self.layers, types)
        in_order = self.feature.key[0] == "targets"
        self._adapter = adapter or adapter_of(layer, types[-1], in_order=in_order)

    def update(self, block: Mapping[str, Array], start: int, chosen: Array) -> None:
        assert self._pipeline is not None and self._adapter is not None
        if self.feature.lacking is not None:
            chosen = chosen[~self.feature.lacking[start + chosen]]
        self._adapter.update(self._pipeline(block, start, chosen), self._marks(block, chosen))

    def _marks(self, block: Mapping[str, Array], chosen: Array) -> Array | None:
        """Which entries of its input the layer learns from; None: all of them."""
        assert self._pipeline is not None and self._real is not None
        layer = self._todo[0]
        if self._pads_with_token(layer):
            return None
        marks = self._pipeline.real(block, chosen)
        try:
            return None if marks is None else self._real(marks, layer)
        except Fault as fault:
            raise DataError([fault.at(self.feature.bound.span)]) from None

    def _pads_with_token(self, layer: Layer) -> bool:
        """Whether the filler must be a token, because no other index represents it."""
        if not isinstance(layer, Lookup) or layer.num_oov_indices or self.feature.bound.pad is None:
            return False
        filler = self.feature.bound.pad.value
        return bool(layer.mask_token != ("" if self.feature.text and filler == 0 else filler))

    def finish(self) -> None:
        assert self._adapter is not None
        known = self._adapter.settings()
        if known is not None:  # otherwise it needs another pass over all rows
            self._adapter = None
            self._replace(with_positive_last(self._todo[0], known, self.feature.bound))

    def _replace(self, known: Mapping[str, Any]) -> None:
        """Stores what the layer has learned so far; it may have more to learn."""
        self._todo[0] = self._todo[0].model_copy(update=dict(known))
        position = len(self.layers)
        self.learned[position:] = [{**self._masked, **known}]

    def state(self) -> FeatureState:
        learned, wide = tuple(self.learned), self.feature.wide
        return FeatureState(self.feature.text, self.fill, self.length, learned, wide)
