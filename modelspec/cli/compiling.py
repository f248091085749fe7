"""A file through the whole chain, for the commands that end soon after."""

from __future__ import annotations

import gc
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from modelspec.compiler.pipeline import Compiled
    from modelspec.core.diagnostics import Checked

OWN_PROCESS: Final = "own process"
"""The `obj` of the context where the program runs, and nothing but the command is in the process.
"""


def compile_file(file: str, overrides: Mapping[str, Any]) -> Checked[Compiled | None]:
    """Read and check a file; `-` is standard input.

    Python's search for cyclic garbage rests meanwhile: nearly all that is made is kept, and to look
    through it again and again takes a twentieth of the time of a small spec, and a third of that of
    a spec with thousands of layers. In a process of its own, what was made is left out of every
    later search too.
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
