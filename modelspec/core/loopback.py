"""Which requests a server on the loopback interface answers."""

from __future__ import annotations

import re
from typing import Final

LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
"""The addresses of this machine that no other machine reaches."""
_OF_THIS_MACHINE: Final = re.compile(r"(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?", re.IGNORECASE)


def is_own_host(header: str) -> bool:
    """Whether the `Host` of a request is this machine. A page of another site whose name resolves
    to this machine (DNS rebinding) sends its own name.
    """
    return _OF_THIS_MACHINE.fullmatch(header) is not None
