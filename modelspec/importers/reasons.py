"""Unsupported layers by the reason: a message for each reason, not for each layer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from modelspec.core.diagnostics import listed


class Reason(NamedTuple):
    """Why some layers are not supported."""

    names: tuple[str, ...]
    text: str
    help: str | None = None

    @property
    def shown(self) -> str:
        """The names, of which many are counted: `a`, `b`, `c` and 497 more."""
        return listed(self.names)


def by_reason(found: Iterable[tuple[str, str, str | None]]) -> Sequence[Reason]:
    """Names, reasons and fixes of layers, by reason and fix, in the order of the first of each."""
    groups: dict[tuple[str, str | None], list[str]] = {}
    for name, text, help in found:
        groups.setdefault((text, help), []).append(name)
    return [Reason(tuple(names), *key) for key, names in groups.items()]
