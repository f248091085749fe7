"""How much one request, and all of them together, may take; and what a refused one is answered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from modelspec.core.diagnostics import Diagnostic

RETRY = 1
"""Seconds after which a client that was refused for lack of time or place may ask again."""
_LARGER = 10
"""How many times larger an answer may be than a request."""


@dataclass(frozen=True)
class Limits:
    """What requests may take."""

    bytes: int = 10_000_000
    """The body of one request."""
    rows: int = 10_000
    """Rows of one request."""
    seconds: float = 30.0
    """From the first byte of a request to its answer."""
    requests: int = 32
    """At work or waiting at a time."""

    @property
    def answer(self) -> int:
        """Bytes of one answer."""
        return _LARGER * self.bytes


class Refused(Exception):
    """A request that gets no predictions: the HTTP status and the faults that it is answered."""

    def __init__(
        self,
        status: int,
        diagnostics: Iterable[Diagnostic],
        rows: Sequence[dict[str, Any]] = (),
        retry: int | None = None,
    ) -> None:
        super().__init__(status)
        self.status = status
        self.diagnostics = tuple(diagnostics)
        self.rows = tuple(rows)
        """The rows at fault: number from 1, place, and what is wrong with it."""
        self.retry = retry
        """Seconds after which to ask again."""

    @classmethod
    def of(cls, status: int, code: str, message: str, help: str | None = None) -> Refused:
        """One fault; a 503 says when to ask again."""
        fault = Diagnostic(code, "error", message, None, (), help)
        return cls(status, [fault], retry=RETRY if status == 503 else None)


def too_large(what: str, help: str) -> Refused:
    """413 (MS782)."""
    return Refused.of(413, "MS782", what, help)
