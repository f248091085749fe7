"""The examples in a report: the worst, and some random ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ..data import Part
from ..data.columns import Bound
from ..data.contact_sheet import is_image, is_images
from ..data.table import Array, Table
from ..history.findings import Example
from .carried_columns import FILE, ROW, carried
from .examine_images import image_png
from .examine_scored import Scored

if TYPE_CHECKING:
    from .loop_parts import Loop

SHOWN: Final = 8
"""The number of the worst examples, and of random ones."""
_COLUMNS: Final = 12
_LETTERS: Final = 280
"""Maximum length of a string."""
_HELD: Final = 2**29
"""Maximum size in bytes of a table from which a column of images is read."""


class Inputs:
    """The inputs of the predicted examples."""

    def __init__(self, loop: Loop, name: str, part: Part) -> None:
        self._loop, self._name, self._part = loop, name, part
        self._table = part.examples.table
        self._bounds = loop.prepared.binding.inputs
        self._columns = _columns(self._table, self._bounds)

    @property
    def id_name(self) -> str:
        """The kind of identification of an example: `row` or `file`."""
        return ROW if self._table.file_names is None else FILE

    def chosen(
        self, scored: Scored, random: np.random.Generator
    ) -> tuple[list[Example], list[Example]]:
        """The worst examples, the worst first, and random others in their order."""
        wrongness = np.nan_to_num(scored.wrongness.astype(np.float64), nan=-np.inf)
        worst = np.argsort(-wrongness, kind="stable")[:SHOWN]
        others = np.setdiff1d(np.arange(len(wrongness)), worst)
        drawn = np.sort(random.choice(others, min(SHOWN, len(others)), replace=False))
        every = np.sort(np.concatenate([worst, drawn]))
        shown = dict(zip(every.tolist(), self._examples(every, scored), strict=True))
        return [shown[at] for at in worst.tolist()], [shown[at] for at in drawn.tolist()]

    def _examples(self, chosen: Array, scored: Scored) -> list[Example]:
        positions = self._part.positions[chosen]
        rows = self._part.examples.rows
        places = positions if rows is None else rows[positions]
        cells, images = self._cells(places), self._images(positions, places)
        found = []
        for at, number in enumerate(chosen.tolist()):
            id = cells.get(self.id_name)
            shown = tuple(
                (name, _text(values[at])) for name, values in cells.items() if name != self.id_name
            )
            pictures = tuple((name, image_png(values[at])) for name, values in images.items())
            found.append(
                Example(
                    "" if id is None else str(id[at]),
                    scored.true(number),
                    scored.predicted(number),
                    scored.error(number),
                    shown,
                    (*pictures, *scored.images(number)),
                )
            )
        return found

    def _cells(self, places: Array) -> Mapping[str, Array]:
        order = np.argsort(places, kind="stable")
        rows, back = np.unique(places[order], return_inverse=True)
        of = carried(self._table, rows, id=None, keep=self._columns, numbered=True)
        found = next(of.batches(iter([len(rows)])))
        undone = np.empty_like(order)
        undone[order] = back
        return {name: values[undone] for name, values in found.items()}

    def _images(self, positions: Array, places: Array) -> dict[str, Array]:
        if self._part.examples.windows is not None:
            return {}
        (batch,) = self._loop.feed(self._name).plain(positions, len(positions))
        inputs = batch[0]
        named = inputs if isinstance(inputs, Mapping) else {next(iter(self._bounds)): inputs}
        found = {}
        for name, bound in self._bounds.items():
            values = self._raw(bound, places)
            if values is None:
                values = _prepared(named.get(name))
            if values is not None:
                found[name] = values
        return found

    def _raw(self, bound: Bound, places: Array) -> Array | None:
        """The images of a column of arrays, unchanged from the source."""
        table = self._table
        hint = table.size_hint or 0
        if table.file_names is not None or len(bound.names) != 1 or bound.reading or hint > _HELD:
            return None
        (name,) = bound.names
        if name in self._columns or name not in table:
            return None
        values = table.column(name)
        return values[places] if values.dtype == np.uint8 and is_images(values) else None


def _prepared(values: Any) -> Array | None:
    """The input of the model, if it is an image."""
    if values is None:
        return None
    found = np.asarray(values)
    sizes = found.shape[1:]
    return found if len(sizes) == 3 and found.dtype.kind in "uif" and is_image(sizes) else None


def _columns(table: Table, bounds: Mapping[str, Bound]) -> tuple[str, ...]:
    """The input columns with one number or string for each row."""
    names = dict.fromkeys(
        name
        for bound in bounds.values()
        if not bound.reading
        for name in bound.names
        if name in table
    )
    first: Mapping[str, Array] = (
        next(iter(table.blocks((*names,), 1, (*names,))), {}) if names else {}
    )
    return tuple(name for name in names if _is_plain(first.get(name)))[:_COLUMNS]


def _is_plain(values: Array | None) -> bool:
    if values is None or values.ndim != 1 or not len(values):
        return False
    return values.dtype.kind != "O" or isinstance(values[0], str)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, (float, np.floating)):
        return "" if np.isnan(value) else f"{value:.6g}"
    text = " ".join(str(value).split())
    return text if len(text) <= _LETTERS else text[:_LETTERS].rstrip() + " ..."
