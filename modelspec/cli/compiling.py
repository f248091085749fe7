"""Compiles a file, for commands that end soon after."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelspec.core.paused_collection import paused_collection
from modelspec.core.quick_import import owns_process, quick_compiler

from .output import report

if TYPE_CHECKING:
    from modelspec.compiler.pipeline import Compiled
    from modelspec.core.diagnostics import Checked
    from modelspec.core.plugins import Plugins


def begin_collection() -> None:
    """Start the garbage collector, which skips all objects that exist now. (The first collection
    would otherwise follow at once, and search all of them in vain.)
    """
    gc.freeze()
    gc.enable()


def compile_file(file: str, overrides: Mapping[str, Any]) -> Checked[Compiled | None]:
    """Read and check a file; `-` is standard input.

    When the command runs as a program, later garbage collections skip all of these objects.
    """
    with paused_collection(), quick_compiler():  # the import of the compiler too
        from modelspec.compiler.pipeline import compile_spec

        found = compile_spec(file, overrides)
        if owns_process():
            gc.freeze()  # while paused: the first collection would search all of them
    return found


@contextmanager
def own_plugins() -> Iterator[Plugins]:
    """Inside, the plugins of the working directory are in use, which it gives; what is wrong with
    them is reported on standard error.
    """
    from modelspec.core.plugins import plugins_for

    opened = plugins_for(Path.cwd().resolve())
    if opened.diagnostics:
        report(opened.diagnostics, sys.stderr)
    with opened.plugins.active():
        yield opened.plugins
