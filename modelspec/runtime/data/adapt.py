"""Preparation adapts to the training split alone, one pass for each thing after another: what takes
the place of missing values, then the layers of transforms from the first to the last.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from modelspec.catalog.layers.layer import Layer
from modelspec.compiler.infer import infer_chain
from modelspec.compiler.spec.data_features import MEASURED, POLICIES
from modelspec.compiler.spec.transform_layers import given_type
from modelspec.core.diagnostics import Fault
from modelspec.core.shapes import Tensor

from .adapted_state import FeatureState, State
from .cells import ready
from .columns import Key
from .conform import cast
from .errors import DataError, Findings
from .scan import Scan, ScannedFeature
from .split import Positions
from .table import Array
from .transforms import Runner, adapter_of, from_file, needs_adapting


@dataclass
class Pipeline:
    """One feature on its way to the model: read, filled, and through the layers of its
    transform.
    """

    feature: ScannedFeature
    state: FeatureState
    layers: tuple[Layer, ...] = ()
    types: tuple[Tensor, ...] = ()
    runner: Runner | None = field(default=None, repr=False)

    def read(self, block: Mapping[str, Array], start: int, chosen: Array) -> Array:
        """The chosen examples of a block, as the first layer takes them. Raises `DataError`."""
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
            return values.reshape(len(values), *given.shape[1:])
        names = ", ".join(f"`{name}`" for name in self.feature.bound.names[:3])
        table = next(iter(self.feature.checks.values())).table
        return cast(
            values.reshape(len(values), *given.shape[1:]),
            given.dtype,
            f"{names} of {table.name}",
            lambda index: self.feature.bound.place(
                table, (start + int(chosen[index[0]]), *index[1:])
            ),
        )

    @property
    def given(self) -> Tensor:
        """What the transform gets."""
        chain = self.feature.bound.chain
        layers = chain.layers if chain else ()
        return given_type(self.feature.text, layers, self.feature.sized(self.state.length))

    def __call__(self, block: Mapping[str, Array], start: int, chosen: Array) -> Array:
        """The chosen examples of a block, prepared."""
        values = self.read(block, start, chosen)
        return self.runner(values) if self.runner is not None and len(values) else values


def pipelines(scan: Scan, state: State) -> dict[Key, Pipeline]:
    """Every feature of a source with nothing left to learn. Raises `DataError` where a transform
    does not fit.
    """
    found: dict[Key, Pipeline] = {}
    for key, feature in scan.features.items():
        one = state.features[key]
        layers = one.layers(feature.bound)
        pipeline = Pipeline(feature, one, layers)
        if layers:
            types = _types(pipeline, layers)
            pipeline = Pipeline(feature, one, layers, types, Runner(layers, types))
        found[key] = pipeline
    return found


def check_transforms(scan: Scan) -> None:
    """Every transform against the type of the column that it gets; loads no framework. Raises
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
    """The type that each layer gets, and that of the result. Raises `DataError` where the chain
    cannot run.

    With something still to be learned (`certain` false) a size that is not known yet is no fault.
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
    """What the training examples (positions among those kept) say. Raises `DataError` or
    `RunError`.
    """
    rows = train if scan.rows is None else scan.rows[train]
    found = {
        key: _FeatureAdaptation(feature, _length(feature, rows))
        for key, feature in scan.features.items()
    }
    for key, fill in _fills(scan, rows).items():
        found[key].fill = fill
    while waiting := [one for one in found.values() if one.advance()]:
        _pass(scan, rows, waiting)
    return State({key: one.state() for key, one in found.items()})


def _pass(scan: Scan, rows: Positions, waiting: list[_FeatureAdaptation]) -> None:
    """One pass over the training examples, for one layer of each feature."""
    for start, block, chosen in _training_blocks(scan, rows):
        for one in waiting:
            one.update(block, start, chosen)
    for one in waiting:
        one.finish()


def _training_blocks(
    scan: Scan, rows: Positions
) -> Iterator[tuple[int, Mapping[str, Array], Array]]:
    """Each block that holds training examples, with the places of these in it."""
    for start, block in scan.reader.blocks():
        size = len(next(iter(block.values())))
        first, last = np.searchsorted(rows, (start, start + size))
        if last > first:
            yield start, block, rows[first:last] - start


def _length(feature: ScannedFeature, rows: Positions) -> int | None:
    """How long the padded sequences of a feature are."""
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
    """One feature while it is learned."""

    def __init__(self, feature: ScannedFeature, length: int | None) -> None:
        self.feature = feature
        self.length = length
        self.fill: dict[str, Any] = {}
        self.layers: list[Layer] = []
        self.learned: list[Mapping[str, Any] | None] = []
        self._todo = list(feature.bound.chain.layers) if feature.bound.chain else []
        self._adapter: Any = None
        self._pipeline: Pipeline | None = None

    def advance(self) -> bool:
        """Goes on to the next layer that is to be learned from data; whether there is one."""
        while self._todo:
            layer = self._todo[0]
            known = from_file(layer)
            if known is not None:
                self._replace(known)
            elif needs_adapting(layer):
                self._begin(layer)
                return True
            else:
                self.layers.append(self._todo.pop(0))
                if len(self.learned) < len(self.layers):
                    self.learned.append(None)
        return False

    def _begin(self, layer: Layer) -> None:
        pipeline = Pipeline(self.feature, self.state(), tuple(self.layers))
        types = _types(pipeline, tuple(self.layers)) if self.layers else (pipeline.given,)
        if self.layers:
            pipeline.runner = Runner(self.layers, types)
        self._pipeline = pipeline
        self._adapter = adapter_of(layer, types[-1])

    def update(self, block: Mapping[str, Array], start: int, chosen: Array) -> None:
        assert self._pipeline is not None
        self._adapter.update(self._pipeline(block, start, chosen))

    def finish(self) -> None:
        self._replace(self._adapter.settings())

    def _replace(self, known: Mapping[str, Any]) -> None:
        """The layer with what is known of it now; it may have more to learn."""
        self._todo[0] = self._todo[0].model_copy(update=dict(known))
        position = len(self.layers)
        self.learned[position:] = [dict(known)]

    def state(self) -> FeatureState:
        return FeatureState(self.feature.text, self.fill, self.length, tuple(self.learned))


# Missing values -----------------------------------------------------------------------------------


def _fills(scan: Scan, rows: Positions) -> dict[Key, dict[str, Any]]:
    """What takes the place of a missing value, by feature and column."""
    found: dict[Key, dict[str, Any]] = {}
    measured: list[_Measured] = []
    for key, feature in scan.features.items():
        policy = feature.bound.missing
        if policy in MEASURED:
            measured.extend(_Measured(key, name, feature) for name in feature.checks)
        elif policy not in POLICIES:
            found[key] = dict.fromkeys(feature.checks, policy)
    if measured:
        _measure(scan, rows, measured)
    for one in measured:
        found.setdefault(one.key, {})[one.name] = one.value()
    return found


def _measure(scan: Scan, rows: Positions, columns: list[_Measured]) -> None:
    """One pass over the training examples. Raises `DataError` (MS628) where a column has no value
    in any of them.
    """
    for _, block, chosen in _training_blocks(scan, rows):
        for one in columns:
            one.add(block[one.name][chosen])
    findings = Findings()
    for one in columns:
        if not one.count:
            findings.error(
                "MS628",
                f"`{one.name}` has no value in the training split to take the {one.policy} of",
                one.feature.bound.at(one.name),
                help="leave the column out, or give a constant: `missing: 0`",
            )
    findings.stop_if_wrong()


class _Measured:
    """A column whose missing values are replaced by the mean, median or most frequent of the
    others.
    """

    def __init__(self, key: Key, name: str, feature: ScannedFeature) -> None:
        self.key = key
        self.name = name
        self.feature = feature
        self.policy = feature.bound.missing
        self.count = 0
        self._sum = 0.0
        self._kept: list[Array] = []

    def add(self, column: Array) -> None:
        cells = ready(column, self.feature.text)
        values = cells.values if cells.missing is None else cells.values[~cells.missing]
        self.count += values.size
        if self.policy == "mean":
            self._sum += float(values.sum(dtype=np.float64))
        else:
            self._kept.append(values.ravel())

    def value(self) -> Any:
        """What takes the place of a missing value."""
        if self.policy == "mean":
            return self._sum / self.count
        values = np.concatenate(self._kept)
        return float(np.median(values)) if self.policy == "median" else _most_frequent(values)


def _most_frequent(values: Array) -> Any:
    """The most frequent value, of several the smallest."""
    found, counts = np.unique(values, return_counts=True)
    value = found[np.argmax(counts)]
    return str(value) if isinstance(value, str) else float(value)
