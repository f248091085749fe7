"""What validators and readers of settings raise."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NoReturn

from ..diagnostics import Fault, Path


class Faults(ValueError):
    """All faults of one value."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(fault.message for fault in self.faults))


class Unfit(ValueError):
    """Raised by a validator of one setting: what the value must be. `settings` completes the
    sentence.

    `path` leads to the invalid item of a list.
    """

    def __init__(
        self,
        expected: str,
        *,
        help: str | None = None,
        suggestion: str | None = None,
        code: str = "MS204",
        path: Path = (),
    ) -> None:
        super().__init__(expected)
        self.expected = expected
        self.path = path
        self.help = help
        self.suggestion = suggestion
        self.code = code


def refuse(
    message: str, code: str = "MS205", *path: str | int, help: str | None = None
) -> NoReturn:
    """For a validator that checks several settings: a full sentence, at the setting that `path`
    names.
    """
    raise Fault(code, message, path, help=help)
