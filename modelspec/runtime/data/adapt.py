"""What preparing data needs to know of them, learned from the training split alone, one pass for
each thing after another: what takes the place of missing values, then the layers of transforms from
the first to the last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from modelspec.catalog.layers.layer import Layer
from modelspec.compiler.infer import infer_chain
from modelspec.compiler.rules.features import given_type
from modelspec.compiler.spec.data_features import MEASURED, POLICIES
from modelspec.core.diagnostics import Fault
from modelspec.core.shapes import Tensor

from .adapted_state import FeatureState, State
from .cells import ready
from .conform import cast
from .errors import DataError, Findings
from .scan import Key, Seen, Survey
from .split import Positions
from .table import Array
from .transforms import Runner, from_file, learner, needs


@dataclass
class Pipeline:
    """One feature on its way to the model: read, filled, and through the layers of its
    transform.
    """

    seen: Seen
    state: FeatureState
    layers: tuple[Layer, ...] = ()
    types: tuple[Tensor, ...] = ()
    runner: Runner | None = field(default=None, repr=False)

    def read(self, block: Mapping[str, Array], start: int, chosen: Array) -> Array:
        """The chosen examples of a block, as the first layer takes them. Raises `DataError`."""
        try:
            values = self.seen.read(block, start, self.state.length, self.state.fill)
            values = values if len(chosen) == len(values) else values[chosen]
            return (
                self._typed(values, start, chosen) if self.seen.bound.chain is not None else values
            )
        except Fault as fault:
            raise DataError([fault.at(self.seen.bound.span)]) from None

    def _typed(self, values: Array, start: int, chosen: Array) -> Array:
        given = self.given
        if given.dtype == "string":
            return values.reshape(len(values), *given.shape[1:])
        names = ", ".join(f"`{name}`" for name in self.seen.bound.names[:3])
        table = next(iter(self.seen.checks.values())).table
        return cast(
            values.reshape(len(values), *given.shape[1:]),
            given.dtype,
            f"{names} of {table.name}",
            lambda index: self.seen.bound.place(table, (start + int(chosen[index[0]]), *index[1:])),
        )

    @property
    def given(self) -> Tensor:
        """What the transform gets."""
        chain = self.seen.bound.chain
        layers = chain.layers if chain else ()
        return given_type(self.seen.text, layers, self.seen.sized(self.state.length))

    def __call__(self, block: Mapping[str, Array], start: int, chosen: Array) -> Array:
        """The chosen examples of a block, prepared."""
        values = self.read(block, start, chosen)
        return self.runner(values) if self.runner is not None and len(values) else values


def pipelines(survey: Survey, state: State) -> dict[Key, Pipeline]:
    """Every feature of a source with nothing left to learn. Raises `DataError` where a transform
    does not fit.
    """
    found: dict[Key, Pipeline] = {}
    for key, seen in survey.seen.items():
        one = state.features[key]
        layers = one.layers(seen.bound)
        pipeline = Pipeline(seen, one, layers)
        if layers:
            types = _types(pipeline, layers)
            pipeline = Pipeline(seen, one, layers, types, Runner(layers, types))
        found[key] = pipeline
    return found


def check_transforms(survey: Survey) -> None:
    """Every transform against the type of the column that it gets; loads no framework. Raises
    `DataError`.
    """
    for seen in survey.seen.values():
        if seen.bound.chain is not None:
            length = _length(seen, np.arange(survey.count)) if seen.bound.pad else None
            layers = seen.bound.chain.layers
            _types(
                Pipeline(seen, FeatureState(seen.text, length=length), layers),
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
    chain = pipeline.seen.bound.chain
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


def learn(survey: Survey, train: Positions) -> State:
    """What the training examples (positions among those kept) say. Raises `DataError` or
    `RunError`.
    """
    rows = train if survey.rows is None else survey.rows[train]
    found = {key: _Progress(seen, _length(seen, rows)) for key, seen in survey.seen.items()}
    for key, fill in _fills(survey, rows).items():
        found[key].fill = fill
    while waiting := [one for one in found.values() if one.advance()]:
        for start, block, chosen in _training_blocks(survey, rows):
            for one in waiting:
                one.update(block, start, chosen)
        for one in waiting:
            one.finish()
    return State({key: one.state() for key, one in found.items()})


def _training_blocks(
    survey: Survey, rows: Positions
) -> Iterator[tuple[int, Mapping[str, Array], Array]]:
    """Each block that holds training examples, with the places of these in it."""
    for start, block in survey.reader.blocks():
        size = len(next(iter(block.values())))
        first, last = np.searchsorted(rows, (start, start + size))
        if last > first:
            yield start, block, rows[first:last] - start


def _length(seen: Seen, rows: Positions) -> int | None:
    """How long the padded sequences of a feature are."""
    pad = seen.bound.pad
    if pad is None:
        return None
    if pad.length is not None:
        return pad.length
    return max(
        1,
        *(
            int(np.concatenate(seen.lengths[index :: len(seen.checks)])[rows].max(initial=1))
            for index in range(len(seen.checks))
        ),
    )


class _Progress:
    """One feature while it is learned."""

    def __init__(self, seen: Seen, length: int | None) -> None:
        self.seen = seen
        self.length = length
        self.fill: dict[str, Any] = {}
        self.layers: list[Layer] = []
        self.learned: list[Mapping[str, Any] | None] = []
        self._todo = list(seen.bound.chain.layers) if seen.bound.chain else []
        self._learner: Any = None
        self._pipeline: Pipeline | None = None

    def advance(self) -> bool:
        """Goes on to the next layer that is to be learned from data; whether there is one."""
        while self._todo:
            layer = self._todo[0]
            known = from_file(layer)
            if known is not None:
                self._replace(known)
            elif needs(layer):
                self._begin(layer)
                return True
            else:
                self.layers.append(self._todo.pop(0))
                if len(self.learned) < len(self.layers):
                    self.learned.append(None)
        return False

    def _begin(self, layer: Layer) -> None:
        pipeline = Pipeline(self.seen, self.state(), tuple(self.layers))
        types = _types(pipeline, tuple(self.layers)) if self.layers else (pipeline.given,)
        if self.layers:
            pipeline.runner = Runner(self.layers, types)
        self._pipeline = pipeline
        self._learner = learner(layer, types[-1])

    def update(self, block: Mapping[str, Array], start: int, chosen: Array) -> None:
        assert self._pipeline is not None
        self._learner.update(self._pipeline(block, start, chosen))

    def finish(self) -> None:
        self._replace(self._learner.learned())

    def _replace(self, known: Mapping[str, Any]) -> None:
        """The layer with what is known of it now; it may have more to learn."""
        self._todo[0] = self._todo[0].model_copy(update=dict(known))
        position = len(self.layers)
        self.learned[position:] = [dict(known)]

    def state(self) -> FeatureState:
        return FeatureState(self.seen.text, self.fill, self.length, tuple(self.learned))


# Missing values -----------------------------------------------------------------------------------


def _fills(survey: Survey, rows: Positions) -> dict[Key, dict[str, Any]]:
    """What takes the place of a missing value, by feature and column."""
    found: dict[Key, dict[str, Any]] = {}
    measured: list[tuple[Key, str]] = []
    for key, seen in survey.seen.items():
        policy = seen.bound.missing
        if policy in MEASURED:
            measured.extend((key, name) for name in seen.checks)
        elif policy not in POLICIES:
            found[key] = dict.fromkeys(seen.checks, policy)
    if measured:
        for key, name, value in _measured(survey, rows, measured):
            found.setdefault(key, {})[name] = value
    return found


def _measured(
    survey: Survey, rows: Positions, columns: list[tuple[Key, str]]
) -> Iterator[tuple[Key, str, Any]]:
    kept: dict[tuple[Key, str], list[Array]] = {column: [] for column in columns}
    sums = dict.fromkeys(columns, (0.0, 0))
    for _, block, chosen in _training_blocks(survey, rows):
        for key, name in columns:
            seen = survey.seen[key]
            cells = ready(block[name][chosen], seen.text)
            values = cells.values if cells.missing is None else cells.values[~cells.missing]
            if seen.bound.missing == "mean":
                total, count = sums[key, name]
                sums[key, name] = (total + float(values.sum(dtype=np.float64)), count + values.size)
            else:
                kept[key, name].append(values.ravel())
    findings = Findings()
    for key, name in columns:
        seen = survey.seen[key]
        total, count = sums[key, name]
        values = np.concatenate(kept[key, name]) if kept[key, name] else np.zeros(0)
        if not count and not len(values):
            findings.error(
                "MS628",
                f"`{name}` has no value in the training split to take the {seen.bound.missing} of",
                seen.bound.at(name),
                help="leave the column out, or give a constant: `missing: 0`",
            )
            continue
        yield key, name, total / count if count else _BY_POLICY[seen.bound.missing](values)
    findings.stop_if_wrong()


def _most_frequent(values: Array) -> Any:
    """The value that stands most often, of several the smallest."""
    found, counts = np.unique(values, return_counts=True)
    value = found[np.argmax(counts)]
    return str(value) if isinstance(value, str) else float(value)


_BY_POLICY: dict[str, Callable[[Array], Any]] = {
    "median": lambda values: float(np.median(values)),
    "most_frequent": _most_frequent,
}
