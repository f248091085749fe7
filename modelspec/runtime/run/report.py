"""`report.html` in the run folder, however a run ended. That it cannot be written changes nothing
about the run.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from modelspec.compiler.pipeline import Compiled

from ..data.errors import RunError
from ..history import read_record
from ..history.html_report import page
from ..history.run_files import REPORT, SPEC
from .atomic_files import write_bytes
from .interruption import Interrupted


@contextmanager
def reported(folder: Path, compiled: Compiled) -> Iterator[None]:
    """Writes the report when what is inside has ended: well, with a fault, or by a signal that was
    heeded.

    A second Ctrl-C is not made to wait for it.
    """
    try:
        yield
    except (RunError, Interrupted):
        write_report(folder, compiled)
        raise
    write_report(folder, compiled)


def write_report(folder: Path, compiled: Compiled) -> bool:
    """Whether it could be written. Whatever is wrong with it, the run is not."""
    try:
        record = read_record(folder).value
        if record is None:
            return False
        spec = (folder / SPEC).read_text(encoding="utf-8", errors="replace")
        write_bytes(folder / REPORT, page(record, compiled.graph, spec).encode())
    except Exception:  # noqa: BLE001  # a report is told of what was done; nothing in it may undo that
        return False
    return True
