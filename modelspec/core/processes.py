"""The processes of this host, by number."""

from __future__ import annotations

import os


def is_running(process: int) -> bool:
    """Whether a process with a number exists on this host."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
