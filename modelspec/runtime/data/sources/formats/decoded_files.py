"""Columns of files that are decoded to arrays of one shape and dtype, a few at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from itertools import islice
from typing import Any, NamedTuple, Protocol

import numpy as np

from modelspec.core.diagnostics import Fault, Span
from modelspec.runtime.data.errors import Findings
from modelspec.runtime.data.table import BLOCK, Array

from . import files
from .class_folders import Member
from .stored_arrays import fitting

_THREADS, _AT_ONCE = 4, 8
"""The number of files that a thread decodes at a time: assigning one costs as much as decoding a
small one.
"""


class Expected(NamedTuple):
    """The known properties of every array."""

    shown: str
    """The file from which they are known; empty if no file can be decoded."""
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def size(self) -> int:
        """Bytes of an array."""
        return int(np.prod(self.shape)) * self.dtype.itemsize


class Decoder(Protocol):
    """How a file becomes an array."""

    def __call__(self, member: Member) -> Array:
        """Raises `Fault` or `OSError`."""

    @property
    def assumed(self) -> Expected:
        """The properties of the arrays if no file can be decoded."""
        ...

    def misfit(self, member: Member, found: Array, first: Expected) -> Fault:
        """The fault of a file whose array has another shape than the first one."""
        ...

    def quiet(self) -> AbstractContextManager[None]:
        """Suppresses the warnings of the library that decodes."""
        ...


class DecodedFiles:
    """A column of files, in their order."""

    def __init__(self, name: str, found: list[Member], decoder: Decoder, span: Span | None) -> None:
        self.name = name
        """The column and its source, in the form for messages."""
        self.members = found
        self.decoder = decoder
        self._span = span
        self._found: Expected | None = None

    def keep(self, places: Sequence[int]) -> None:
        """Keeps only these files."""
        self.members = [self.members[place] for place in places]
        self._found = None

    def read(self) -> Array:
        """All arrays. Raises `Fault` or `DataError`."""
        first = self.first
        size = first.size * len(self.members)
        files.believe(size, size, self.name)
        found = np.empty((len(self.members), *first.shape), first.dtype)
        for start, block in self.blocks(BLOCK):
            found[start : start + len(block)] = block
        return found

    def rows_of_block(self, rows: int) -> int:
        """How many may be decoded at once, at most."""
        return fitting(rows, [self.first.size])

    def blocks(self, rows: int) -> Iterator[tuple[int, Array]]:
        """Blocks of arrays with the position of the first. Raises `DataError` with every file that
        has a problem.
        """
        findings = Findings()
        block: list[Array] = []
        start = 0
        for at, found in enumerate(self.each()):
            if isinstance(found, Fault):
                findings.extend([found.at(self._span)])
            if not findings.ok:
                block = []
                continue  # problems of the other files are reported too
            assert not isinstance(found, Fault)
            block.append(found)
            if len(block) == rows or at == len(self.members) - 1:
                yield start, np.stack(block)
                start, block = at + 1, []
        findings.stop_if_wrong()

    def each(self) -> Iterator[Array | Fault]:
        """Every array, or its fault, decoded a few at a time."""
        waiting = iter(self.members)
        with ThreadPoolExecutor(_THREADS) as pool:
            while some := list(islice(waiting, _AT_ONCE * _THREADS)):
                parts = [some[at : at + _AT_ONCE] for at in range(0, len(some), _AT_ONCE)]
                with self.decoder.quiet():
                    found = list(pool.map(self._some, parts))
                for each in found:
                    yield from each

    @property
    def first(self) -> Expected:
        """The properties required of every array: those of the first readable one."""
        if self._found is None:
            self._found = self._look()
        return self._found

    def _look(self) -> Expected:
        for one in self.members:
            try:
                with self.decoder.quiet():
                    found = self.decoder(one)
                return Expected(one.shown, found.shape, found.dtype)
            except (Fault, OSError):
                continue
        return self.decoder.assumed

    def _some(self, members: list[Member]) -> list[Array | Fault]:
        return [self._one(one) for one in members]

    def _one(self, member: Member) -> Array | Fault:
        try:
            found = self.decoder(member)
        except Fault as fault:
            return fault
        except OSError as error:
            return files.cannot_read(member.shown, error)
        first = self.first
        if found.shape != first.shape:
            return self.decoder.misfit(member, found, first)
        return found
