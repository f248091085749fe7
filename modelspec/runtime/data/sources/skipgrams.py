"""`skipgrams`: pairs of nearby words, and random ones, like the `skipgrams` function of older
Keras.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import numpy as np

from modelspec.catalog.sources import kind_of, read_source
from modelspec.catalog.sources.skipgrams import skipgrams
from modelspec.core.diagnostics import Fault, Span
from modelspec.core.settings import Context

from ..table import Array, Table
from .formats import files
from .formats.text_lines import lines

Words = list[int]
_COLUMNS = ("target", "context", "label")


class PairTable(Table):
    """`target` and `context` (word indices) and `label` (1 for nearby words)."""

    def __init__(
        self, name: str, columns: dict[str, Array], fingerprint: str, span: Span | None
    ) -> None:
        super().__init__(name, _COLUMNS, fingerprint, span)
        self._columns = columns

    @property
    def count(self) -> int:
        return len(self._columns["label"])

    @property
    def size_hint(self) -> int:
        return sum(values.nbytes for values in self._columns.values())

    @property
    def default_target(self) -> str:
        return "label"

    def read(self, name: str) -> Array:
        return self._columns[name]

    def place(self, name: str, index: tuple[int, ...]) -> str:
        return f"pair {index[0] + 1:,} of {self.name}"


def open_table(source: skipgrams, context: Context, span: Span | None) -> PairTable:
    """The table of a `skipgrams` source. Raises `Fault` or `DataError`."""
    found = files.locate_all(source.path, context)
    if source.column is None:
        texts = [words for one in found for words in _of_lines(one, source)]
        prints = [files.fingerprint_of(one.path, one.shown) for one in found]
    else:
        table = _table(source, context, span)
        texts = list(_of_column(table, source.column, source))
        prints = [table.fingerprint]
    columns = draw(texts, source)
    if not len(columns["label"]):
        raise Fault(
            "MS604",
            f"{files.name_of(source.path)} has no pair of nearby words",
            help="write one text per line: its word indices, separated by spaces",
        )
    settings = source.model_dump_json(exclude={"path"})
    return PairTable(
        files.name_of(source.path), columns, files.fingerprint_of_all([*prints, settings]), span
    )


def _table(source: skipgrams, context: Context, span: Span | None) -> Table:
    from . import open_source

    first = source.path if isinstance(source.path, str) else source.path[0]
    kind = kind_of(first)
    if kind is None:
        raise Fault(
            "MS601",
            f"cannot infer the format of the table with the column `{source.column}` from the"
            f" extension of `{first}`",
        )
    return open_source(read_source({kind: source.path}, context), context, span)


def _of_lines(found: files.Found, source: skipgrams) -> Iterator[Words]:
    for line, text in lines(found):
        yield [_word(one, source, f"{found.shown}:{line}") for one in text.split()]


def _of_column(table: Table, column: str, source: skipgrams) -> Iterator[Words]:
    """A text: a list of indices, a row of an array of indices, or a string that contains them."""
    values = table.column(column)
    for row, one in enumerate(values if values.ndim > 1 or values.dtype.kind == "O" else [values]):
        items = one.split() if isinstance(one, str) else np.ravel(one).tolist()
        yield [_word(item, source, table.place(column, (row,))) for item in items]


def _word(written: Any, source: skipgrams, place: str) -> int:
    try:
        word = int(written)
    except ValueError:
        word = -1
    if (
        word < 0
        or (not isinstance(written, str) and written != word)
        or (isinstance(written, str) and "_" in written)
    ):
        raise Fault(
            "MS655",
            f"`{written}` at {place} is not a word index",
            help="write integers from 0, where 0 is not a word",
        )
    if word >= source.vocabulary_size:
        raise Fault(
            "MS655",
            f"word index {word:,} at {place} is outside `vocabulary_size:"
            f" {source.vocabulary_size}`",
            ("vocabulary_size",),
            help=f"`vocabulary_size` is the largest index plus 1: at least {word + 1}",
        )
    return word


def draw(texts: list[Words], source: skipgrams) -> dict[str, Array]:
    """The pairs of all texts. For a single text they equal those of Keras's `skipgrams` after
    `random.seed(seed)`.
    """
    random = Random(source.seed)  # noqa: S311  # must be repeatable, not secure
    kept = (
        sampling_table(source.vocabulary_size, source.sampling_factor)
        if source.sampling_factor
        else None
    )
    pairs: list[tuple[int, int]] = []
    labels: list[int] = []
    for words in texts:
        near = list(_near(words, source.window_size, kept, random))
        far = int(len(near) * source.negative_samples)
        targets = [target for target, _ in near]
        if source.negative_samples > 0:
            random.shuffle(targets)
        pairs += near
        pairs += [
            (targets[i % len(targets)], random.randint(1, source.vocabulary_size - 1))
            for i in range(far)
        ]
        labels += [1] * len(near) + [0] * far
    order = list(range(len(pairs)))
    if source.shuffle:
        Random(source.seed).shuffle(order)  # noqa: S311
    found = np.array(pairs, np.int64).reshape(-1, 2)[order]
    return {
        "target": found[:, 0].copy(),
        "context": found[:, 1].copy(),
        "label": np.array(labels, np.int64)[order],
    }


def _near(
    words: Words, window: int, kept: Array | None, random: Random
) -> Iterator[tuple[int, int]]:
    for at, word in enumerate(words):
        if not word or (kept is not None and kept[word] < random.random()):
            continue
        for other in range(max(0, at - window), min(len(words), at + window + 1)):
            if other != at and words[other]:
                yield word, words[other]


def sampling_table(size: int, factor: float) -> Array:
    """The sampling probability of the word of each rank, [size], after Mikolov et al., "Distributed
    Representations of Words and Phrases and their Compositionality" (2013), with Zipf's law for the
    frequencies.
    """
    rank = np.arange(size)
    rank[0] = 1
    inverse = rank * (np.log(rank) + 0.577) + 0.5 - 1.0 / (12.0 * rank)
    scaled = factor * inverse
    found: Array = np.minimum(1.0, scaled / np.sqrt(scaled))
    return found
