"""Batches that an export is compared on: rows of the run's data as they are, in batches of several
sizes, with sequences of several lengths, and with gaps where something takes their place.

What `predict` itself does not take is left out: an export need not take it.
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
"""How many rows there are of each length."""
_SIZES = (1, 2, 5)
_BYTES = 64 * 2**20
"""How large a batch may be that is there for its size alone."""
_UNKNOWN = "a text that no row has"


@dataclass(frozen=True)
class Batch:
    """Rows that are given at once."""

    columns: Mapping[str, Array]
    """As the source has them; the sequences of a column all have one length."""
    inputs: Mapping[str, Array]
    """As the model takes them."""
    size: int
    length: int | None = None
    """Of its sequences, where that was chosen."""
    direct: bool = False
    """Whether the inputs follow from no columns."""

    def taken(self, rows: Array) -> Batch:
        """Some of its rows, in this order, also several times."""
        return replace(
            self,
            columns={name: values[rows] for name, values in self.columns.items()},
            inputs={name: values[rows] for name, values in self.inputs.items()},
            size=len(rows),
        )


@dataclass(frozen=True)
class Sizes:
    """What may vary."""

    padded: Mapping[str, int]
    """Columns of sequences that are brought to a length, and that length."""
    free: Mapping[str, tuple[int, ...]]
    """Columns of arrays, and the axes that may have any size."""
    model: Mapping[str, tuple[int, ...]]
    """Model inputs, and the axes that may have any size."""
    filled: frozenset[str] = frozenset()
    """Columns in which something takes the place of missing values."""
    texts: frozenset[str] = frozenset()
    fixed_batch: int | None = None
    """How many rows the model takes, where it takes no other number."""
    trained_batch: int = 32


@dataclass
class Batches:
    """All batches of an export."""

    run: SavedRun
    samples: Samples
    sizes: Sizes
    _made: list[Batch] = field(default_factory=list)

    def all(self) -> tuple[Batch, ...]:
        """The batches, those of rows as they are first."""
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
        """Rows as the run prepares them, where it does."""
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
        """Shorter and longer than what sequences are brought to, or are."""
        if not self.sizes.padded and not self.sizes.free:
            return ()
        usual = self._usual()
        return tuple(dict.fromkeys((1, 2, usual, usual + 1, 2 * usual + 3)))

    def _with_lengths(
        self, columns: Mapping[str, Array], length: int
    ) -> Mapping[str, Array] | None:
        """The same rows with sequences of one length, their values one after the other again and
        again.
        """
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
        """Rows that lack every value that something takes the place of, and texts that the run has
        never seen.
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
        """Some rows in batches of one, of a few, and of more than training has."""
        if (fixed := self.sizes.fixed_batch) is not None:
            yield first.taken((np.arange(fixed) + 1) % first.size)
            return
        per_row = sum(values.nbytes for values in first.inputs.values()) // max(1, first.size)
        most = max(_SIZES[-1], min(self.sizes.trained_batch + 1, _BYTES // max(1, per_row)))
        for size in dict.fromkeys((*_SIZES, most)):
            yield first.taken(np.arange(size) % first.size)

    def _of_size(self, batch: Batch) -> Batch:
        """Of the size that the model takes, where it takes no other."""
        size = self.sizes.fixed_batch
        return batch if size is None else batch.taken(np.arange(size) % batch.size)

    # The model's own inputs -----------------------------------------------------------------------

    def _direct(self) -> Iterator[Batch]:
        """What the model takes without what stands before it, in sizes that no column gives."""
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
    """Sequences of one length; None where one has no values to go on with."""
    rows = [np.asarray(one) for one in values]
    if not all(len(one) for one in rows):
        rows = [one if len(one) else next((x for x in rows if len(x)), one) for one in rows]
        if not all(len(one) for one in rows):
            return None
    found = np.empty(len(rows), object)
    for row, one in enumerate(rows):
        found[row] = one[np.arange(length) % len(one)]
    return found
