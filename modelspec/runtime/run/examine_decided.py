"""Outputs that predict one class for each value, or any number of labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from ..data.table import Array
from ..history.findings import Classes
from .decisions import Decision
from .examine_classes import classes, several
from .examine_images import mask_png
from .examine_scored import Pictures, Predicted, Scored, Text, real, shortened

_CLASSES: Final = 2_000
"""The number of classes above which a matrix takes too much memory, e.g. words of a language."""
_UNNAMED: Final = 50
"""The maximum number of unnamed labels in a table."""


@dataclass(frozen=True)
class OneClass:
    about: Decision
    encoding: str
    ignored: int | None
    pictured: Pictures

    def scored(self, found: Predicted) -> Scored | None:
        if self.about.kind == "one" and found.values.shape[self.about.axis] > _CLASSES:
            return None
        shares = self.about.shares(found.values)
        decided = self.about.classes(found.values, shares)
        decided = decided[..., 0] if decided.ndim == shares.ndim else decided
        true = self._true(found.targets, decided.shape, shares.shape[-1])
        if true is None:
            return self.pictured.scored(found)
        kept = real(found.mask, decided.shape)
        if self.ignored is not None:
            kept &= true != self.ignored
        true = np.where(kept, true, 0)
        if not kept.any() or true.min() < 0 or true.max() >= shares.shape[-1]:
            return None
        unit: Literal["examples", "steps", "pixels"] = (
            "examples" if decided.ndim == 1 else "pixels" if decided.ndim == 3 else "steps"
        )
        measured = classes(
            true[kept],
            decided[kept],
            shares[kept] if unit == "examples" else shares[kept][:0],
            self.about.labels,
            unit=unit,
            probable=not self.about.margins,
        )
        if unit == "examples":
            return self._of_examples(true, decided, shares, measured)
        return self._of_steps(true, decided, kept, measured)

    def _true(self, targets: Array, shape: tuple[int, ...], count: int) -> Array | None:
        """The true class of each value; None if targets are probabilities of several classes."""
        if self.encoding == "one_hot":
            last = np.moveaxis(targets, self.about.axis, -1)
            if last.shape != (*shape, count) or not np.isin(last, (0, 1)).all():
                return None
            hot: Array = last.argmax(axis=-1)
            return hot if (last.sum(axis=-1) <= 1).all() else None
        if targets.size != np.prod(shape) or not np.all(targets == np.floor(targets)):
            return None
        found: Array = targets.reshape(shape).astype(np.int64)
        return found if self.encoding != "binary" or np.isin(found, (0, 1)).all() else None

    def _of_examples(self, true: Array, decided: Array, shares: Array, measured: Classes) -> Scored:
        own = np.take_along_axis(shares, true[:, None], axis=-1)[:, 0].astype(np.float64)
        best = np.take_along_axis(shares, decided[:, None], axis=-1)[:, 0].astype(np.float64)
        probable = not self.about.margins

        def error(at: int) -> str:
            if not probable:
                return "" if true[at] == decided[at] else "wrong"
            if true[at] == decided[at]:
                return f"right, probability {best[at]:.1%}"
            return f"wrong, {best[at]:.1%}; the true class has {own[at]:.1%}"

        return Scored(
            1 - own if probable else best - own,
            lambda at: self._label(true[at]),
            lambda at: self._label(decided[at]),
            error,
            classes=measured,
        )

    def _of_steps(self, true: Array, decided: Array, kept: Array, measured: Classes) -> Scored:
        axes = tuple(range(1, true.ndim))
        with np.errstate(all="ignore"):
            wrong = ((true != decided) & kept).sum(axes) / kept.sum(axes)
        pixels = measured.unit == "pixels"

        def text(of: Array) -> Text:
            if pixels:
                return lambda at: ""
            return lambda at: shortened([self._label(one) for one in of[at][kept[at]]])

        def images(at: int) -> tuple[tuple[str, bytes], ...]:
            masks = (("true", true[at]), ("predicted", decided[at]))
            return tuple((name, mask_png(one, kept[at])) for name, one in masks)

        return Scored(
            wrong,
            text(true),
            text(decided),
            lambda at: f"{wrong[at]:.1%} of its {measured.unit} wrong",
            images if pixels else lambda at: (),
            classes=measured,
        )

    def _label(self, number: int) -> str:
        labels = self.about.labels
        return labels[number] if number < len(labels) else str(number)


@dataclass(frozen=True)
class Several:
    about: Decision
    pictured: Pictures

    def scored(self, found: Predicted) -> Scored | None:
        values, true = found.values, found.targets
        count = values.shape[-1]
        names = self.about.labels or tuple(map(str, range(count)))
        unnamed = names == tuple(map(str, range(count))) and count > _UNNAMED
        binary = true.shape == values.shape and np.isin(true, (0, 1)).all()
        if values.ndim != 2 or not binary or unnamed or len(names) != count:
            return self.pictured.scored(found)
        shares = self.about.shares(values)
        decided, true = self.about.classes(values, shares), true.astype(np.int64)

        def text(of: Array) -> Text:
            return lambda at: (
                shortened([names[one] for one in np.flatnonzero(of[at])], ", ") or "none"
            )

        wrong = (true != decided).sum(axis=-1)
        return Scored(
            np.abs(true - shares.astype(np.float64)).sum(axis=-1),
            text(true),
            text(decided),
            lambda at: f"{wrong[at]} of {count} labels wrong",
            labels=several(true, decided, shares, names),
        )
