"""Heads with the losses that train them, and the columns that are their targets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Literal, TypeAlias

from modelspec.catalog.components.loss import Loss
from modelspec.core.diagnostics import Span
from modelspec.core.dtypes import is_float
from modelspec.core.records import NamedTuple
from modelspec.core.source import Scalar

from ..spec.data_section import DataSection, Feature
from ..spec.known_columns import is_open
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
    """The column that is the target of an output, without a transform."""

    feature: Feature
    source: Source
    span: Span | None


class TrainedOutput(NamedTuple):
    """An output, the loss that trains it, and its target if known."""

    head: Head
    loss: Chosen
    settings: Loss
    target: Target | None
    misfits: frozenset[Misfit]
    """How the head does not fit the loss: a rule reports each of these."""

    @property
    def written_as_name(self) -> bool:
        """Whether the loss is a single name, which can be replaced by another name."""
        return isinstance(self.loss.node, Scalar)

    @property
    def columns(self) -> int | None:
        """The number of target columns, for a head that fits its loss; None if it is unknown: the
        shape of an array or an image depends on the data.
        """
        if self.target is None or self.misfits or not self.target.source.one_value_cells:
            return None
        if is_open(self.target.feature):
            return None
        return len(self.target.feature.names)


def trained_outputs(
    heads: Mapping[str, Head], training: Training, data: DataSection | None
) -> Iterator[TrainedOutput]:
    """Every output with a known head and loss."""
    for output, loss in training.losses.items():
        head = heads.get(output)
        if head is not None and isinstance(loss.settings, Loss):
            misfits = frozenset(_misfits(head, loss.settings))
            yield TrainedOutput(head, loss, loss.settings, _target(head, data), misfits)


def _target(head: Head, data: DataSection | None) -> Target | None:
    feature = (data.targets or {}).get(head.output) if data else None
    source = data.sources.get("train") if data else None
    if data is None or feature is None or source is None or feature.prepared or feature.read:
        return None  # the result of a transform is checked with the transforms, and with the data
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
    """Compare the activation and the units with the targets."""
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
    """Compare the activation with `from_logits`, which makes the loss apply the softmax or
    sigmoid.
    """
    if not loss.has_from_logits():
        return
    from_logits = getattr(loss, "from_logits")  # noqa: B009  # a field that only some losses have
    if from_logits and head.gives_probabilities:
        yield "probabilities for logits"
    elif not from_logits and head.activation == "linear":
        yield "logits for probabilities"
