"""Compiles a file, for commands that end soon after."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from modelspec.core.paused_collection import paused_collection

from .output import report

if TYPE_CHECKING:
    from modelspec.compiler.pipeline import Compiled
    from modelspec.core.diagnostics import Checked

OWN_PROCESS: Final = "own process"
"""The `obj` of the context when the command runs as a program, alone in its process."""


def compile_file(file: str, overrides: Mapping[str, Any]) -> Checked[Compiled | None]:
    """Read and check a file; `-` is standard input.

    When the command runs as a program, later garbage collections skip all of these objects.
    """
    with paused_collection():  # the import of the compiler too
        from modelspec.compiler.pipeline import compile_spec

        found = compile_spec(file, overrides)
    command = click.get_current_context(silent=True)
    if command is not None and command.find_root().obj is OWN_PROCESS:
        gc.freeze()
    return found


@contextmanager
def own_plugins() -> Iterator[None]:
    """Inside, the plugins of the working directory are in use; what is wrong with them is
    reported on standard error.
    """
    from modelspec.core.plugins import plugins_for

    opened = plugins_for(Path.cwd().resolve())
    if opened.diagnostics:
        report(opened.diagnostics, sys.stderr)
    with opened.plugins.active():
        yield
