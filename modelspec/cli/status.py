"""Exit statuses."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from modelspec.core.diagnostics import Diagnostic

OK: Final = 0
ERRORS: Final = 1
"""The spec has errors."""
DIFFERS: Final = 1
"""Two specs differ, and `--exit-code` was given."""
USAGE: Final = 2
FAILED: Final = 3
"""The run failed: data, backend."""
UNMET: Final = 4
"""An expectation does not hold."""
BUG: Final = 70
"""modelspec itself failed; BSD's `EX_SOFTWARE`."""
INTERRUPTED: Final = 75
"""Interrupted, and the run can be resumed; BSD's `EX_TEMPFAIL`."""
KILLED_BY_INTERRUPT: Final = 130
"""Ctrl-C with no run to resume: 128 + SIGINT, as in shells."""
KILLED_BY_PIPE: Final = 141
"""The reader closed the output: 128 + SIGPIPE."""


def of_spec(diagnostics: Iterable[Diagnostic]) -> int:
    """The status of a spec with faults: an argument that cannot be read is wrong usage. (A file
    that a spec uses has a place in that spec.)
    """
    unread = any(one.code == "MS701" and one.span is None for one in diagnostics)
    return USAGE if unread else ERRORS
