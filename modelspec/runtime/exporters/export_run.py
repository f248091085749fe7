"""From a run folder to an exported file: written to a temporary path, checked, and only then moved
into place.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..backend.process_state import own_state
from ..data import RunError
from ..run.atomic_files import cannot_write, sweep, write_whole
from ..run.open_run import open_run
from .checks import check_installed, check_path, check_tolerance, format_of
from .formats import Format
from .left_out import left_out, record
from .samples import samples
from .series_samples import of_several_rows

if TYPE_CHECKING:
    from .job import Job
    from .written import Written


@dataclass(frozen=True)
class Exported:
    """The result of an export."""

    path: Path
    to: str
    size: int
    """Bytes."""
    difference: float
    """The largest difference to the run's own predictions: absolute, or relative to the largest
    number of its output if that exceeds 1.
    """
    tolerance: float
    examples: int
    """The number of compared rows."""
    batches: tuple[int, ...]
    """The batch sizes of the comparison."""
    lengths: tuple[int, ...]
    """The sequence lengths of the comparison, if the length is variable."""
    preprocessing: bool
    """Whether it prepares rows itself."""
    inputs: tuple[str, ...]
    """Its inputs, by name."""
    outputs: tuple[str, ...]
    """Its outputs, by name."""
    left_out: tuple[str, ...] = ()
    """The steps of `predict` that it lacks."""
    notices: tuple[str, ...] = ()


@own_state()
def export(
    run_dir: str | PathLike[str],
    to: str,
    path: str | PathLike[str],
    *,
    quantize: str | None = None,
    preprocessing: bool = True,
    data: str | None = None,
    tolerance: float | None = None,
) -> Exported:
    """Write the trained model of a run folder in another format; `modelspec export --help` lists
    the formats.

    `quantize` stores numbers in fewer bits, if the format supports it. With `preprocessing`, the
    export includes the preparation of columns if the format supports it. `data` are rows to check
    the export with, by default the run's own: the results for them are compared with the run's
    predictions, and nothing is written if they differ by more than `tolerance`. Loads TensorFlow.

    Raises `RunError`: MS760 for invalid arguments, MS761 for a missing package, MS762 if the export
    differs from the run's predictions, MS763 if the format does not support the model, MS764
    without rows to check it with, and the errors of opening a run.
    """
    form, target = format_of(to, quantize), Path(fspath(path))
    check_tolerance(tolerance)
    check_path(form, target)
    check_installed(form)
    job = _job(Path(fspath(run_dir)), data, preprocessing, quantize, tolerance)
    written, difference = _written(job, form, target)
    batches = job.compared(written)
    return Exported(
        target,
        to,
        _size(target),
        difference,
        job.allowed(form),
        sum(job.rows(one, written) for one in batches),
        tuple(sorted({job.rows(one, written) for one in batches})),
        tuple(sorted({one.length for one in batches if one.length is not None})),
        (written.inside or written.prepares) and not job.preparing.empty,
        written.inputs,
        written.outputs,
        left_out(job, written),
        written.notices,
    )


def _job(
    run_dir: Path,
    data: str | None,
    preprocessing: bool,
    quantize: str | None,
    tolerance: float | None,
) -> Job:
    """The open run, with rows to check its export with."""
    run = open_run(run_dir)
    model = run.model(measured=False)
    had_adapters = run.compiled.plain is not None
    run = replace(run, compiled=run.compiled.merged)  # as its model is
    rows = samples(run, data)
    preprocessing = preprocessing and not of_several_rows(run.compiled)
    from .job import Job

    return Job(run, model, rows, preprocessing, quantize, tolerance, had_adapters=had_adapters)


def _written(job: Job, form: Format, target: Path) -> tuple[Written, float]:
    """Writes to a temporary path, compares, and moves it into place; returns the difference."""
    from ..run.framework_errors import as_run_error

    done: list[tuple[Written, float]] = []

    def write(beside: Path) -> None:
        with as_run_error(f"the export to `{form.name}` failed"):
            done.append(_compared(job, form, beside))

    _put(target, form, write)
    return done[0]


def _compared(job: Job, form: Format, beside: Path) -> tuple[Written, float]:
    """Raises `RunError` (MS762) if the written model differs from the trained one."""
    written = form.write(job, beside)
    if written.note is not None:
        written.note(record(job, written))
    difference, allowed = job.compare(written), job.allowed(form)
    if not difference <= allowed:
        help = (
            f"`--tolerance {difference * 12:.1g}` allows this difference"
            if np.isfinite(difference)
            else None
        )
        raise RunError.of(
            "MS762",
            f"the export to `{form.name}` differs from the run's predictions by "
            f"{difference:.2g}, more than the allowed {allowed:.2g}; nothing was written",
            help=help,
        )
    return written, difference


def _put(path: Path, form: Format, write: Callable[[Path], None]) -> None:
    if form.endings:
        write_whole(path, write)
        return
    with _beside(path) as folder:
        write(folder)
        try:
            if path.is_dir():
                path.rmdir()  # it is empty
            folder.rename(path)
        except OSError as error:
            raise cannot_write(path, error) from None


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    sweep(path.parent, path.name)
    folder = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _size(path: Path) -> int:
    if path.is_file():
        return path.stat().st_size
    return sum(one.stat().st_size for one in path.rglob("*") if one.is_file())
