"""The options of predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, Literal

from ..data import RunError, Table
from .decisions import Thresholds

Threshold = float | Mapping[str, float] | None


@dataclass(frozen=True)
class Options:
    """All options of a prediction."""

    layers: tuple[str, ...] = ()
    """Inner layers whose tensors replace the outputs."""
    id: str | None = None
    """The column that identifies the rows."""
    keep: str | Sequence[str] = ()
    """Columns of the source that are added to the predictions, or `all`."""
    top: int | None = None
    """The number of most probable labels, which replace the probability of each label."""
    threshold: Threshold = None
    """The threshold that a probability has to exceed, or thresholds by label or output."""
    errors: Literal["stop", "skip"] = "stop"
    """The treatment of unreadable rows: `skip` skips and lists them."""
    batch_size: int | None = None
    """The batch size; None: that of the training, or a larger one (`prediction_batches.py`)."""
    decode: str | None = None
    """How outputs with a CTC loss are decoded: `ctc_greedy` or `ctc_beam`; None: not at all."""
    beam_width: int | None = None
    """The number of beams of `ctc_beam`; None: 100."""
    top_paths: int | None = None
    """The number of most probable label sequences of `ctc_beam`; None: one."""
    nearest: int | None = None
    """The number of nearest items of each row, in place of the outputs; `layers` are then the
    tensors of the two towers, or of both.
    """
    items: str | Table | None = None
    """The items."""
    item_id: str | None = None
    """The column that identifies the items."""
    similarity: Literal["dot", "cosine"] | None = None
    """How vectors are compared; None: as the model compares them, or by the dot product."""
    numbered: bool = True
    """Whether rows without a column `id` are numbered."""

    def checked(self) -> Options:
        """Checks the options. Raises `RunError`: MS732 for a number that is out of range, MS688 for
        an option that does not apply to inner layers, MS788 for options of the decoding that do not
        fit together, MS789 for those of a search for the nearest items.
        """
        from .decoding import check_decoding
        from .nearest import check_nearest

        check_decoding(self)
        check_nearest(self)
        for name, given in (("top", self.top), ("threshold", self.threshold)):
            if self.layers and given is not None:
                raise RunError.of(
                    "MS688",
                    f"`{name}` applies to the labels of outputs, but inner layers have no labels",
                    help=f"omit `{name}`, or the layers",
                )
        count: Any  # a program may pass anything
        for name, count in (("top", self.top), ("batch size", self.batch_size)):
            whole = isinstance(count, Integral) and not isinstance(count, bool)
            if count is not None and (not whole or count < 1):
                message = "must be an integer, at least 1"
                raise RunError.of("MS732", f"the {name} is {count!r}, but {message}")
        if self.errors not in ("stop", "skip"):
            message = f"`errors` is {self.errors!r}, but must be `stop` or `skip`"
            raise RunError.of("MS732", message)
        for label, share in self.thresholds.items():
            values: tuple[Any, ...] = share if isinstance(share, tuple) else (share,)
            if not all(isinstance(value, Real) and 0 <= float(value) <= 1 for value in values):
                of = f" of `{label}`" if label is not None else ""
                message = f"the threshold{of} is {share!r}, but must be a number from 0 to 1"
                raise RunError.of("MS732", message)
        return self

    @property
    def thresholds(self) -> Thresholds:
        """By label or output; the key None applies to all."""
        if self.threshold is None:
            return {}
        if isinstance(self.threshold, Mapping):
            return {label: value for label, value in self.threshold.items()}  # noqa: C416  # other keys
        return {None: self.threshold}
