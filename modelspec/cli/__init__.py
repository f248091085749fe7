"""The command line. Only this package prints, reads argv and sets an exit status.

This module imports nothing that a cached check does not need: `program` is the group of commands.
"""

from __future__ import annotations

import gc
import os
import sys

TYPE_CHECKING = False  # as `typing.TYPE_CHECKING`, without the import of typing
if TYPE_CHECKING:
    from typing import NoReturn

    from .program import command_modules, main

__all__ = ["command_modules", "main", "run"]


def run() -> None:
    """The program `modelspec`."""
    try:
        status = _status_of_check()
    except OSError:  # the output cannot be written: the full command reports it
        status = None
    if status is not None:
        _leave(status)
    from .program import main

    main(prog_name="modelspec")


def _status_of_check() -> int | None:
    """The exit status of a check that needs neither click nor the other commands; None for any
    other command.
    """
    from .check_cache.quick import cached_status

    status = cached_status(sys.argv[1:])
    if status is not None:
        return status
    gc.disable()  # until the command begins: imports create objects, and nearly all are kept
    from modelspec.core.quick_import import own_process

    own_process()
    from .plain_check import status_of_plain

    return status_of_plain(sys.argv[1:])


def _leave(status: int) -> NoReturn:
    """End the process without freeing every object first, which takes a thirtieth of a check."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if not TYPE_CHECKING:  # a type checker accepts every name where such a function exists

    def __getattr__(name: str) -> object:
        """The group of commands, imported on first use."""
        if name not in __all__:
            raise AttributeError(f"module 'modelspec.cli' has no attribute {name!r}")
        from . import program

        return getattr(program, name)
