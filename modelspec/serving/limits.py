"""The limits of one request and of all requests, and the answer to refused requests."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from modelspec.core.diagnostics import Diagnostic

RETRY = 1
"""Seconds after which a client that was refused by a limit of time or number may try again."""
_LARGER = 10
"""The largest ratio of the size of an answer to that of a request."""


@dataclass(frozen=True)
class Limits:
    """The limits of requests."""

    bytes: int = 10_000_000
    """The most bytes of the body of a request."""
    rows: int = 10_000
    """The most rows of a request."""
    seconds: float = 30.0
    """The time from the first byte of a request to its answer."""
    requests: int = 32
    """The most requests in progress or waiting."""

    @property
    def answer(self) -> int:
        """The most bytes of an answer."""
        return _LARGER * self.bytes


class Refused(Exception):
    """Raised for a request without predictions: the HTTP status and the faults of the answer."""

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
        """The invalid rows: number from 1, place, and the reason."""
        self.retry = retry
        """Seconds after which to try again."""

    @classmethod
    def of(cls, status: int, code: str, message: str, help: str | None = None) -> Refused:
        """One fault; a 503 includes when to try again."""
        fault = Diagnostic(code, "error", message, None, (), help)
        return cls(status, [fault], retry=RETRY if status == 503 else None)


def too_large(what: str, help: str) -> Refused:
    """413 (MS782)."""
    return Refused.of(413, "MS782", what, help)
