"""Heads beside the losses that train them, and the columns that are their targets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from modelspec.catalog.components.loss import Loss
from modelspec.core.diagnostics import Span
from modelspec.core.dtypes import is_float
from modelspec.core.source import Scalar

from ..spec.data_section import DataSection, Feature
from ..spec.training_section import Chosen, Training
from .output_heads import Head

if TYPE_CHECKING:
    from modelspec.catalog.sources.common.source import Source

Misfit: TypeAlias = Literal[
    "not floating point",
    "one choice for several",
    "softmax of one",
    "one unit for classes",
    "probabilities for logits",
    "logits for probabilities",
]


class Target(NamedTuple):
    """The column that an output is compared with, as its source has it: no transform in between."""

    feature: Feature
    source: Source
    span: Span | None


class TrainedOutput(NamedTuple):
    """An output, the loss that trains it, and its target where one is known."""

    head: Head
    loss: Chosen
    settings: Loss
    target: Target | None
    misfits: frozenset[Misfit]
    """In what ways the head is not what the loss takes: each is the subject of a rule."""

    @property
    def written_as_name(self) -> bool:
        """Whether the loss is one word, which another can take the place of."""
        return isinstance(self.loss.node, Scalar)

    @property
    def columns(self) -> int | None:
        """How many columns the target has, for a head that is what its loss takes; None where that
        cannot be told: an array or an image may have any shape, which only the data shows.
        """
        if self.target is None or self.misfits or not self.target.source.one_value_cells:
            return None
        return len(self.target.feature.names)


def trained_outputs(
    heads: Mapping[str, Head], training: Training, data: DataSection | None
) -> Iterator[TrainedOutput]:
    """Every output whose head and loss are known."""
    for output, loss in training.losses.items():
        head = heads.get(output)
        if head is not None and isinstance(loss.settings, Loss):
            misfits = frozenset(_misfits(head, loss.settings))
            yield TrainedOutput(head, loss, loss.settings, _target(head, data), misfits)


def _target(head: Head, data: DataSection | None) -> Target | None:
    feature = (data.targets or {}).get(head.output) if data else None
    source = data.sources.get("train") if data else None
    if data is None or feature is None or source is None or feature.prepared or feature.read:
        return None  # what a transform makes is checked with the transforms, and with the data
    if data.window_in_error or (data.window is not None and data.window.horizon):
        return None  # several rows: see MS571
    return Target(feature, source, data.spans.get(("targets", head.output)))


def _misfits(head: Head, loss: Loss) -> Iterator[Misfit]:
    if is_float(head.tensor.dtype):
        yield from _wrong_choice(head, loss)
        yield from _wrong_range(head, loss)
    else:
        yield "not floating point"


def _wrong_choice(head: Head, loss: Loss) -> Iterator[Misfit]:
    """The activation and the units against the targets."""
    # An overlap (Dice) takes a softmax too.
    binary = loss.targets == "binary" and loss.has_from_logits()
    categorical = loss.targets in ("indices", "one_hot")
    softmax, one = head.activation == "softmax", head.units == 1
    if softmax and one and (binary or categorical):
        yield "softmax of one"
    elif softmax and binary:
        yield "one choice for several"
    elif one and categorical:
        yield "one unit for classes"


def _wrong_range(head: Head, loss: Loss) -> Iterator[Misfit]:
    """`from_logits` says whether the head leaves the softmax or sigmoid to the loss."""
    if not loss.has_from_logits():
        return
    from_logits = getattr(loss, "from_logits")  # noqa: B009  # a field that only some losses have
    if from_logits and head.gives_probabilities:
        yield "probabilities for logits"
    elif not from_logits and head.activation == "linear":
        yield "logits for probabilities"
