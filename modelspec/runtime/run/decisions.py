"""The predicted class of each row, and the names of the entries of an output."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

import numpy as np

from modelspec.catalog.layers.layer import Layer
from modelspec.catalog.layers.lookup import Lookup
from modelspec.compiler.pipeline import Compiled
from modelspec.core.diagnostics import listed, nearest
from modelspec.core.settings import Settings

from ..data import RunError
from ..data.adapted_state import State, labels, tokens
from ..data.columns import Bound, binding_of
from ..data.table import Array
from ..data.targets import loss_of

Thresholds: TypeAlias = Mapping[str | None, float | tuple[float, ...]]
"""By label or output; the key None applies to every output that uses a threshold. Several numbers
are one for each label of an output.
"""


@dataclass(frozen=True)
class Decision:
    """How the classes of one output are predicted."""

    name: str
    kind: Literal["one", "two", "several"]
    """One of the entries along the class axis; one of two classes, by one unit; or any number of
    labels.
    """
    labels: tuple[str, ...]
    """The names of the entries as strings; with one unit for two classes, also that of class 0."""
    axis: int = -1
    logits: bool = False
    """Whether the outputs are logits that a softmax or a sigmoid converts to probabilities."""
    margins: bool = False
    """Whether the outputs are scores that are not converted to probabilities."""
    thresholds: tuple[float, ...] | None = None
    """What a probability has to exceed: one number for two labels, one for each of several; None:
    0.5.
    """

    @property
    def takes_threshold(self) -> bool:
        """Whether a threshold applies: between two labels, or for each of several."""
        return not self.margins and (self.kind != "one" or len(self.labels) == 2)

    def shares(self, values: Array) -> Array:
        """The probability of every label, along the last axis; scores if it has no
        probabilities.
        """
        if self.kind == "one":
            last = np.moveaxis(values, self.axis, -1)
            return _like(_softmax(last), values) if self.logits else last
        found = _like(_sigmoid(values), values) if self.logits else values
        if self.kind == "several":
            return found
        found = found if found.ndim > 1 else found[:, None]
        return np.concatenate([1 - found, found], axis=-1)

    def classes(self, values: Array, shares: Array) -> Array:
        """The class number of every row; with several labels, 1 for those that the row has."""
        if self.thresholds is None:
            return _plain(values, self)
        if self.kind == "several":
            return (shares > np.asarray(self.thresholds, shares.dtype)).astype(np.int64)
        found: Array = (shares[..., 1] > self.thresholds[0]).astype(np.int64)
        return found if self.kind == "one" or values.ndim < 2 else found[..., None]

    def chosen(self, classes: Array, shares: Array) -> Array:
        """The probability of the class of every row; classes by number."""
        at = classes[..., 0] if self.kind == "two" and classes.ndim == shares.ndim else classes
        found: Array = np.take_along_axis(shares, at[..., None], axis=-1)[..., 0]
        return found


def _like(found: Array, values: Array) -> Array:
    return found.astype(values.dtype)


def _sigmoid(scores: Array) -> Array:
    x = scores.astype(np.float64)
    found: Array = np.exp(-np.logaddexp(0.0, -x))
    return found


def _softmax(scores: Array) -> Array:
    x = scores.astype(np.float64)
    x = np.exp(x - x.max(axis=-1, keepdims=True))
    found: Array = x / x.sum(axis=-1, keepdims=True)
    return found


def _plain(values: Array, about: Decision) -> Array:
    """The largest of several units, or whether a single unit is above the middle."""
    if about.kind == "one":
        found: Array = values.argmax(axis=about.axis)
        return found
    return (values > (0.0 if about.logits else 0.5)).astype(np.int64)


def decisions(
    compiled: Compiled, state: State | None, thresholds: Thresholds | None = None
) -> dict[str, Decision]:
    """By output: how its classes are predicted, if its loss is a classification loss.

    Raises `RunError` (MS730) for a threshold that applies to none of them, or for an unknown label.
    """
    assert compiled.graph is not None
    layers, bounds = target_layers(compiled, state), binding_of(compiled).targets
    found: dict[str, Decision] = {}
    for name, tensor in compiled.graph.outputs.items():
        loss = loss_of(compiled.training, name)
        if not _decided(loss):
            continue
        assert loss is not None
        axis = getattr(loss, "axis", -1)
        axis = axis if isinstance(axis, int) else -1
        binary = getattr(loss, "targets", "") == "binary"
        size = tensor.shape[axis] if not binary or tensor.rank > 1 else 1
        kind: Any = "one" if not binary else "two" if size == 1 else "several"
        count = 2 if kind == "two" else size if isinstance(size, int) else 0
        about = Decision(
            name,
            kind,
            _names(layers.get(name, ()), bounds.get(name), count, several=kind == "several"),
            axis,
            bool(getattr(loss, "from_logits", False)),
            bool(getattr(loss, "of_margins", False)),
        )
        found[name] = about
    return _with_thresholds(found, thresholds or {})


def check_top(found: Mapping[str, Decision], top: int | None) -> None:
    """Raises `RunError` (MS688) if no output has most probable labels."""
    if top is not None and all(one.kind == "several" for one in found.values()):
        raise RunError.of(
            "MS688",
            "`top` requires an output that predicts one of several labels, and the run has none",
            help="omit `top`",
        )


def _decided(loss: Settings | None) -> bool:
    encoding = getattr(loss, "targets", "")
    if loss is None:
        return False
    if encoding in ("indices", "one_hot"):
        return loss.kind() != "KLDivergence"
    return encoding == "binary" and "Crossentropy" in loss.kind()


def _names(
    layers: tuple[Layer, ...], bound: Bound | None, count: int, *, several: bool
) -> tuple[str, ...]:
    """The names of the entries along the class axis: labels of a lookup, stacked columns, otherwise
    their numbers.
    """
    known: tuple[Any, ...] = labels(layers) or ()
    if several:
        kept = [layer for layer in layers if isinstance(layer, Lookup) and not layer.invert]
        known = tokens(kept[0]) if len(kept) == 1 else ()
        if len(known) != count and bound is not None and bound.stacked:
            known = bound.names
        if len(known) != count:
            known = ()
    names = ["" if one is None else str(one) for one in known]
    return (*names, *map(str, range(len(names), count)))


def _with_thresholds(found: dict[str, Decision], thresholds: Thresholds) -> dict[str, Decision]:
    taking = {name: one for name, one in found.items() if one.takes_threshold}
    for label, value in thresholds.items():
        about = _meant(label, taking)
        if not about:
            raise _no_threshold(label, taking)
        for name in about:
            one = taking[name]
            size = len(one.labels) if one.kind == "several" else 1
            before = one.thresholds or (0.5,) * size
            at = one.labels.index(label) if label in one.labels and size > 1 else None
            after = tuple(
                new if at is None or index == at else old
                for index, (old, new) in enumerate(zip(before, _each(value, size), strict=True))
            )
            taking[name] = replace(one, thresholds=after)
    return {**found, **taking}


def _each(value: float | tuple[float, ...], size: int) -> tuple[float, ...]:
    if isinstance(value, tuple) and len(value) == size:
        return value
    if isinstance(value, tuple):
        raise RunError.of("MS730", f"found {len(value)} thresholds for {size} labels")
    return (value,) * size


def _meant(label: str | None, taking: Mapping[str, Decision]) -> list[str]:
    """The outputs that a threshold applies to."""
    if label is None or label in taking:
        return [name for name in taking if label in (None, name)]
    return [
        name
        for name, one in taking.items()
        if label in (one.labels if one.kind == "several" else one.labels[1:])
    ]


def _no_threshold(label: str | None, taking: Mapping[str, Decision]) -> RunError:
    known = [
        text
        for one in taking.values()
        for text in (one.labels if one.kind == "several" else one.labels[1:])
    ]
    if not taking:
        return RunError.of(
            "MS730",
            "a threshold decides between two labels, or for each of several labels, but no output"
            " of the run has such labels",
            help="omit the threshold: with three or more classes the most probable one is"
            " predicted",
        )
    near = nearest(str(label), known)
    return RunError.of(
        "MS730",
        f"a threshold does not apply to `{label}`",
        help=f"did you mean `{near}`?"
        if near
        else f"a threshold applies to {listed([*known[:10]], 'or')}",
    )


# Labels -------------------------------------------------------------------------------------------


def decide(outputs: Mapping[str, Array], compiled: Compiled) -> dict[str, Array]:
    """The class of every row: the largest of several units, or whether a single unit is above the
    middle.
    """
    found: dict[str, Array] = {}
    for name, values in outputs.items():
        loss = loss_of(compiled.training, name)
        if not _decided(loss):
            continue
        axis = getattr(loss, "axis", -1)
        about = Decision(
            name,
            "several" if getattr(loss, "targets", "") == "binary" else "one",
            (),
            axis if isinstance(axis, int) else -1,
            bool(getattr(loss, "from_logits", False)),
        )
        found[name] = _plain(values, about)
    return found


def target_layers(compiled: Compiled, state: State | None) -> dict[str, tuple[Layer, ...]]:
    """The transform of every target, with its learned state."""
    if state is None:
        return {
            name: bound.chain.layers
            for name, bound in binding_of(compiled).targets.items()
            if bound.chain
        }
    return {
        name: state.features["targets", name].layers(bound)
        for name, bound in binding_of(compiled).targets.items()
        if ("targets", name) in state.features
    }


def labelled(classes: Array, layers: tuple[Layer, ...], units: int) -> Array:
    """Class numbers as labels if the target has a lookup; a class without a label keeps
    its number.
    """
    known = labels(layers)
    if known is None:
        return classes
    names = ["" if one is None else one for one in known]
    found: Array = np.array([*names, *map(str, range(len(names), units))])[classes]
    return found
