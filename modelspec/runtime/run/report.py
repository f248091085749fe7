"""Writes `report.html` to the run folder, however the run ended. If it cannot be written, the run
is not affected.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from modelspec.compiler.pipeline import Compiled

from ..data.errors import RunError
from ..history import read_record
from ..history.findings import Findings
from ..history.html_report import page
from ..history.run_files import REPORT, SPEC
from .atomic_files import write_bytes
from .directions import smaller_is_better
from .interruption import Interrupted


@contextmanager
def reported(
    folder: Path, compiled: Compiled, examine: Callable[[], Findings | None]
) -> Iterator[None]:
    """Writes the report when the body of the context has ended: successfully, with an error, or by
    a signal. `examine` returns the predictions of a successful run.

    A second Ctrl-C does not wait for it.
    """
    try:
        yield
    except (RunError, Interrupted):
        write_report(folder, compiled)
        raise
    write_report(folder, compiled, _examined(examine))


def _examined(examine: Callable[[], Findings | None]) -> Findings | None:
    """The predictions; None if there are none, or if Ctrl-C interrupts this: the run is complete by
    then.
    """
    try:
        return examine()
    except KeyboardInterrupt:
        return None
    except Exception as error:  # noqa: BLE001  # nothing in a report undoes the run
        _warn(f"the report of the run does not include predictions: {error!r}")
        return None


def write_report(folder: Path, compiled: Compiled, findings: Findings | None = None) -> bool:
    """Whether it could be written. Errors of the report do not fail the run."""
    try:
        record = read_record(folder).value
        if record is None:
            return False
        spec = (folder / SPEC).read_text(encoding="utf-8", errors="replace")
        is_small = smaller_is_better(compiled)
        written = page(record, compiled.graph, spec, findings, is_small)
        write_bytes(folder / REPORT, written.encode(errors="replace"))
    except Exception as error:  # noqa: BLE001  # nothing in a report undoes the run
        _warn(f"the report of the run in `{folder}` cannot be written: {error!r}")
        return False
    return True


def _warn(message: str) -> None:
    """An incomplete report does not fail the run, but is reported as a warning."""
    warnings.warn(message, RuntimeWarning, stacklevel=2)
