"""The parameter `verbose` of `train` and `resume`: the progress that a program shows."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from .bars import NotebookBar, TerminalBar, is_terminal
from .events import Watcher
from .progress import BarLines, Lines, Shown

if TYPE_CHECKING:
    from modelspec.core.diagnostics import Diagnostic

Verbose: TypeAlias = Literal["auto", 0, 1, 2]
"""The values of Keras: 0 shows nothing, 1 a bar, 2 a line for each epoch. `"auto"` is 1 in a
notebook and on a terminal, and 0 elsewhere.
"""


def watcher_for(verbose: Verbose) -> Watcher:
    """Shows a training according to `verbose`. Raises `ValueError` for another value.

    A terminal has room for one bar: a training in a thread beside the main one gets lines for 1,
    and nothing for `"auto"`.
    """
    if verbose not in ("auto", 0, 1, 2):
        raise ValueError(
            f'`verbose` must be "auto", 0 (nothing), 1 (a bar) or 2 (a line for each epoch), not'
            f" {verbose!r}"
        )
    shown = Shown(_write, _warn)
    if verbose == 2:
        return Lines(shown)
    if verbose != 0:
        display = _notebook_display()
        if display is not None:
            return NotebookBar(display)
        if is_terminal(sys.stdout) and threading.current_thread() is threading.main_thread():
            return TerminalBar(shown)
    return BarLines(shown) if verbose == 1 else Watcher()


def _notebook_display() -> Callable[..., Any] | None:
    """IPython's `display` if a kernel runs this program. It imports nothing: a kernel has already
    loaded IPython.
    """
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if getattr(shell, "kernel", None) is None:
        return None
    from IPython.display import display

    found: Callable[..., Any] = display
    return found


def _write(text: str) -> None:
    """Print a line. A stream that cannot be written does not stop the training."""
    stream = sys.stdout
    encoding = getattr(stream, "encoding", None) or "utf-8"
    with suppress(OSError, ValueError, AttributeError):
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")
        stream.flush()


def _warn(diagnostics: tuple[Diagnostic, ...]) -> None:
    for one in diagnostics:
        _write(str(one))
