"""Compiles a file, for commands that end soon after."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from .output import report

if TYPE_CHECKING:
    from modelspec.compiler.pipeline import Compiled
    from modelspec.core.diagnostics import Checked

OWN_PROCESS: Final = "own process"
"""The `obj` of the context when the command runs as a program, alone in its process."""


def compile_file(file: str, overrides: Mapping[str, Any]) -> Checked[Compiled | None]:
    """Read and check a file; `-` is standard input.

    Cyclic garbage collection is paused meanwhile: nearly all objects are kept, and collection takes
    a twentieth of the time for a small spec, and a third for a spec with thousands of layers. When
    the command runs as a program, later collections skip these objects too.
    """
    rests = gc.isenabled()
    gc.disable()
    try:
        from modelspec.compiler.pipeline import compile_spec

        return compile_spec(file, overrides)
    finally:
        command = click.get_current_context(silent=True)
        if command is not None and command.find_root().obj is OWN_PROCESS:
            gc.freeze()
        if rests:
            gc.enable()


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
