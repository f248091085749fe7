"""The progress of training: a bar on a terminal, a line for each epoch elsewhere."""

from __future__ import annotations

import sys

from modelspec.runtime.run.bars import TerminalBar
from modelspec.runtime.run.events import Watcher
from modelspec.runtime.run.progress import Lines, Quiet, Shown

from .output import report, write


def watcher(*, quiet: bool) -> Watcher:
    """The watcher that fits standard output. Warnings are written to standard error."""
    shown = Shown(write, lambda found: report(found, sys.stderr))
    if quiet:
        return Quiet(shown)
    return TerminalBar(shown) if sys.stdout.isatty() else Lines(shown)
