"""A source that is open: named columns, and where each value of them stands."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from numpy.typing import NDArray

from ..diagnostics import Diagnostic, Fault, Span, listed, nearest
from .errors import DataError

Array = NDArray[Any]


class Table(ABC):
    """Columns by name, each an array whose first axis counts the examples.

    A kind of source is a subclass. Columns are read when they are asked for, so that what is wrong with one that
    nothing uses hurts nobody. A column of numbers has a number dtype; a text column is an array of `str`, in which
    `""` stands for nothing.
    """

    def __init__(self, name: str, names: tuple[str, ...], fingerprint: str, span: Span | None) -> None:
        self.name = name
        """What messages call it: `penguins.csv`."""
        self.names = names
        self.fingerprint = fingerprint
        """SHA-256 of what was read."""
        self.span = span
        """Where the spec names the source."""
        self._known = frozenset(names)
        self._read: dict[str, Array] = {}

    @property
    def default_features(self) -> tuple[str, ...] | None:
        """The columns that feed a single input which names none; None: every column that is no target."""
        return None

    @property
    def default_target(self) -> str | None:
        """The column that a single output is trained on where the spec names none."""
        return None

    def __contains__(self, name: str) -> bool:
        return name in self._known

    def column(self, name: str, span: Span | None = None) -> Array:
        """A column. Raises `DataError`, at `span`, where there is none of this name or it cannot be read."""
        if name not in self._read:
            if name not in self:
                raise DataError([self._unknown(name).at(span or self.span)])
            try:
                self._read[name] = self.read(name)
            except Fault as fault:
                raise DataError([fault.at(span or self.span)]) from None
        return self._read[name]

    @abstractmethod
    def read(self, name: str) -> Array:
        """Reads a column that the table has. Raises `Fault`."""

    @abstractmethod
    def place(self, name: str, index: tuple[int, ...]) -> str:
        """Where an entry of a column stands, as a person finds it: `penguins.csv:7`, `x[7, 2] of mnist.npz`."""

    def _unknown(self, name: str) -> Fault:
        near = nearest(name, self.names)
        some = list(self.names[:12])
        more = f" and {len(self.names) - 12} more" if len(self.names) > 12 else ""
        return Fault("MS607", f"{self.name} has no column `{name}`", suggestion=near,
                     help=f"did you mean `{near}`?" if near else f"it has {listed(some, ',' if more else 'and')}{more}")


def fail(fault: Fault, span: Span | None) -> DataError:
    """The fault as an error at a place."""
    found: Diagnostic = fault.at(span)
    return DataError([found])
