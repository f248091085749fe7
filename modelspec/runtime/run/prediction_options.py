"""What predictions are to have beside the outputs of the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, Literal

from ..data import RunError
from .decisions import Thresholds

Threshold = float | Mapping[str, float] | None


@dataclass(frozen=True)
class Options:
    """Everything that a prediction may be asked for."""

    layers: tuple[str, ...] = ()
    """Inner layers, whose tensors take the place of the outputs."""
    id: str | None = None
    """The column that tells the rows apart."""
    keep: str | Sequence[str] = ()
    """Columns of the source that are written beside the predictions, or `all`."""
    top: int | None = None
    """How many of the most probable labels take the place of the probability of each."""
    threshold: Threshold = None
    """What a probability has to exceed, or such numbers by label or output."""
    errors: Literal["stop", "skip"] = "stop"
    """What to do about rows that cannot be read: `skip` leaves them out and lists them."""
    batch_size: int | None = None
    """How many rows are computed at once; None: as many as in training."""
    numbered: bool = True
    """Whether rows without a column `id` are numbered."""

    def checked(self) -> Options:
        """The same. Raises `RunError`: MS732 for a number that is out of range, MS688 for what has
        no meaning for inner layers.
        """
        for name, given in (("top", self.top), ("threshold", self.threshold)):
            if self.layers and given is not None:
                raise RunError.of(
                    "MS688",
                    f"`{name}` is for the labels of the outputs, but inner layers have none",
                    help=f"leave out `{name}`, or the layers",
                )
        count: Any  # a program may give anything
        for name, count in (("top", self.top), ("batch size", self.batch_size)):
            whole = isinstance(count, Integral) and not isinstance(count, bool)
            if count is not None and (not whole or count < 1):
                said = "must be a whole number, at least 1"
                raise RunError.of("MS732", f"the {name} is {count!r}, but {said}")
        if self.errors not in ("stop", "skip"):
            said = f"`errors` is {self.errors!r}, but must be `stop` or `skip`"
            raise RunError.of("MS732", said)
        for label, share in self.thresholds.items():
            values: tuple[Any, ...] = share if isinstance(share, tuple) else (share,)
            if not all(isinstance(value, Real) and 0 <= float(value) <= 1 for value in values):
                of = f" of `{label}`" if label is not None else ""
                said = f"the threshold{of} is {share!r}, but must be a number from 0 to 1"
                raise RunError.of("MS732", said)
        return self

    @property
    def thresholds(self) -> Thresholds:
        """By label or output; under None that of all."""
        if self.threshold is None:
            return {}
        if isinstance(self.threshold, Mapping):
            return {label: value for label, value in self.threshold.items()}  # noqa: C416  # other keys
        return {None: self.threshold}
