"""Errors of the operating system that no command expected: they are not bugs of modelspec."""

from __future__ import annotations

import errno
import os
from typing import Final

_SHOWN: Final = 200
_LONG: Final = (errno.ENAMETOOLONG, errno.ELOOP)
"""A name that cannot exist: the command was given it."""
_REFUSED: Final = (
    *(errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT),
    *(errno.EMFILE, errno.ENFILE, errno.EIO),
)


def is_of_name(error: OSError) -> bool:
    """Whether the system refuses the name itself."""
    return error.errno in _LONG


def described(error: OSError) -> str | None:
    """The file and the reason; None if the error could be a bug, such as a missing file."""
    if error.filename is None or error.errno not in (*_LONG, *_REFUSED):
        return None
    name = os.fsdecode(error.filename) if not isinstance(error.filename, int) else "a file"
    shown = name if len(name) <= _SHOWN else f"{name[:_SHOWN]}..."
    return f"`{shown}`: {error.strerror}"
