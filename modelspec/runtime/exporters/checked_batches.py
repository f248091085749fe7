"""Batches on which an export is compared: rows of the run's data, in batches of several sizes, with
sequences of several lengths, and with missing values where they are replaced.

Inputs that `predict` itself rejects are left out: an export does not have to accept them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from ..data import RunError
from ..data.random_inputs import inputs_of
from ..data.sequences import is_ragged, lengths
from ..data.table import Array
from ..run.open_run import SavedRun
from ..run.run_data import prepared_source
from .raw_inputs import dense, direct_column
from .samples import RowsOf, Samples

FEW = 3
"""The number of rows of each length."""
_SIZES = (1, 2, 5)
_BYTES = 64 * 2**20
"""The largest batch that only tests the batch size."""
_UNKNOWN = "a string that no row has"


@dataclass(frozen=True)
class Batch:
    """Rows that are passed at once."""

    columns: Mapping[str, Array]
    """As stored in the source; all sequences of a column have the same length."""
    inputs: Mapping[str, Array]
    """As the model takes them."""
    size: int
    length: int | None = None
    """The length of its sequences, if it was chosen."""
    direct: bool = False
    """Whether the inputs are not made from columns."""

    def taken(self, rows: Array) -> Batch:
        """Some of its rows, in this order, possibly repeated."""
        return replace(
            self,
            columns={name: values[rows] for name, values in self.columns.items()},
            inputs={name: values[rows] for name, values in self.inputs.items()},
            size=len(rows),
        )


@dataclass(frozen=True)
class Sizes:
    """The sizes that may vary."""

    padded: Mapping[str, int]
    """Columns of sequences that are padded to a length, and that length."""
    free: Mapping[str, tuple[int, ...]]
    """Columns of arrays, and their axes of any size."""
    model: Mapping[str, tuple[int, ...]]
    """Model inputs, and their axes of any size."""
    filled: frozenset[str] = frozenset()
    """Columns in which missing values are replaced."""
    texts: frozenset[str] = frozenset()
    fixed_batch: int | None = None
    """The fixed batch size of the model, if it has one."""
    trained_batch: int = 32


@dataclass
class Batches:
    """All batches of an export."""

    run: SavedRun
    samples: Samples
    sizes: Sizes
    _made: list[Batch] = field(default_factory=list)

    def all(self) -> tuple[Batch, ...]:
        """The batches, beginning with unchanged rows."""
        if not self._made:
            self._made = [self._of_size(one) for one in (*self._rows(), *self._direct())]
        return tuple(self._made)

    def _rows(self) -> Iterator[Batch]:
        columns = dict(self.samples.columns)
        if any(is_ragged(values) for values in columns.values()):
            yield from self._by_length(columns)
            first = self._first_of(self._with_lengths(columns, self._usual()))
        else:
            first = _batch(columns, self.samples.inputs, len(self.samples))
            yield first
        few = {name: values[:FEW] for name, values in columns.items()}
        for length in self._lengths():
            yield from self._prepared(self._with_lengths(few, length), length)
        yield from self._prepared(self._with_gaps(few))
        if first is not None:
            yield from self._in_batches(first)

    def _prepared(
        self, columns: Mapping[str, Array] | None, length: int | None = None
    ) -> Iterator[Batch]:
        """Rows as the run prepares them, if it does."""
        if columns is None:
            return
        table = RowsOf(self.samples.table, columns)
        try:
            found, _, _ = prepared_source(
                self.run.compiled, table, self.run.directory, with_targets=False
            )
        except RunError:
            return
        inputs = {name: np.asarray(values) for name, values in inputs_of(found).items()}
        yield _batch(columns, inputs, len(next(iter(inputs.values()))), length)

    def _first_of(self, columns: Mapping[str, Array] | None) -> Batch | None:
        return next(self._prepared(columns), None)

    def _by_length(self, columns: Mapping[str, Array]) -> Iterator[Batch]:
        """Rows whose sequences have the same lengths: the shortest, the longest, and two more."""
        ragged = [values for values in columns.values() if is_ragged(values)]
        keys, group = np.unique(
            np.stack([lengths(values) for values in ragged], -1), axis=0, return_inverse=True
        )
        for key in np.unique(np.linspace(0, len(keys) - 1, 4).astype(np.int64)):
            rows = np.flatnonzero(group.reshape(-1) == key)
            same = {name: values[rows] for name, values in columns.items()}
            yield from self._prepared(same, int(keys[key][0]) if len(ragged) == 1 else None)

    # Lengths --------------------------------------------------------------------------------------

    def _usual(self) -> int:
        known = [
            *self.sizes.padded.values(),
            *(
                self.samples.columns[name].shape[axis + 1]
                for name, axes in self.sizes.free.items()
                for axis in axes
            ),
        ]
        return max(1, *known) if known else 1

    def _lengths(self) -> tuple[int, ...]:
        """Lengths below and above the padded length, or the actual one."""
        if not self.sizes.padded and not self.sizes.free:
            return ()
        usual = self._usual()
        return tuple(dict.fromkeys((1, 2, usual, usual + 1, 2 * usual + 3)))

    def _with_lengths(
        self, columns: Mapping[str, Array], length: int
    ) -> Mapping[str, Array] | None:
        """The same rows with sequences of one length, made by repeating their values."""
        found = dict(columns)
        for name in self.sizes.padded:
            values = _resized_rows(columns[name], length)
            if values is None:
                return None
            found[name] = values
        for name, axes in self.sizes.free.items():
            found[name] = _resized(dense(columns[name]), axes, length)
        return found

    # Gaps -----------------------------------------------------------------------------------------

    def _with_gaps(self, columns: Mapping[str, Array]) -> Mapping[str, Array] | None:
        """Rows in which every replaceable value is missing, and strings that the run has never
        seen.
        """
        found = dict(columns)
        plain = [name for name, values in columns.items() if not is_ragged(values)]
        for name in self.sizes.filled.intersection(plain):
            text = found[name].dtype.kind in "OUS"
            found[name] = np.full(
                found[name].shape, "" if text else np.nan, object if text else float
            )
        for name in self.sizes.texts.intersection(plain) - self.sizes.filled:
            found[name] = np.full(found[name].shape, _UNKNOWN, object)
        usual = self._usual() if self.sizes.padded else None
        varied = self._with_lengths(found, usual) if usual is not None else found
        return varied if self.sizes.filled or self.sizes.texts else None

    # Batches --------------------------------------------------------------------------------------

    def _in_batches(self, first: Batch) -> Iterator[Batch]:
        """Some rows in batches of one, of a few, and of more than in training."""
        if (fixed := self.sizes.fixed_batch) is not None:
            yield first.taken((np.arange(fixed) + 1) % first.size)
            return
        per_row = sum(values.nbytes for values in first.inputs.values()) // max(1, first.size)
        most = max(_SIZES[-1], min(self.sizes.trained_batch + 1, _BYTES // max(1, per_row)))
        for size in dict.fromkeys((*_SIZES, most)):
            yield first.taken(np.arange(size) % first.size)

    def _of_size(self, batch: Batch) -> Batch:
        """Of the fixed batch size, if the model has one."""
        size = self.sizes.fixed_batch
        return batch if size is None else batch.taken(np.arange(size) % batch.size)

    # The model's own inputs -----------------------------------------------------------------------

    def _direct(self) -> Iterator[Batch]:
        """The model's inputs without the preparation, in sizes that no column has."""
        if not self.sizes.model:
            return
        inputs = {name: values[:FEW] for name, values in self.samples.inputs.items()}
        usual = max(
            inputs[name].shape[axis + 1] for name, axes in self.sizes.model.items() for axis in axes
        )
        for length in (1, 2, usual + 3):
            varied = dict(inputs)
            for name, axes in self.sizes.model.items():
                varied[name] = _resized(inputs[name], axes, length)
            yield Batch({}, varied, len(next(iter(inputs.values()))), length, direct=True)


def _batch(
    columns: Mapping[str, Array], inputs: Mapping[str, Array], size: int, length: int | None = None
) -> Batch:
    """A batch that also has the model's own inputs, for an export that takes these."""
    own = {direct_column(name): np.asarray(values) for name, values in inputs.items()}
    return Batch({**columns, **own}, inputs, size, length)


def _resized(values: Array, axes: tuple[int, ...], length: int) -> Array:
    for axis in axes:
        values = np.take(values, np.arange(length) % values.shape[axis + 1], axis=axis + 1)
    return values


def _resized_rows(values: Array, length: int) -> Array | None:
    """Sequences of one length; None if one has no values to repeat."""
    rows = [np.asarray(one) for one in values]
    if not all(len(one) for one in rows):
        rows = [one if len(one) else next((x for x in rows if len(x)), one) for one in rows]
        if not all(len(one) for one in rows):
            return None
    found = np.empty(len(rows), object)
    for row, one in enumerate(rows):
        found[row] = one[np.arange(length) % len(one)]
    return found
