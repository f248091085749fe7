"""The way from a run folder to a file that others use: written beside, checked, and only then put
in its place.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..backend.process_state import own_state
from ..data import RunError
from ..run.atomic_files import cannot_write, write_whole
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
    """What an export made."""

    path: Path
    to: str
    size: int
    """Bytes."""
    difference: float
    """The largest difference to the run's own predictions: absolute, or as a share of the largest
    number of its output where that is over 1.
    """
    tolerance: float
    examples: int
    """On how many rows it was compared."""
    batches: tuple[int, ...]
    """In batches of how many rows."""
    lengths: tuple[int, ...]
    """With sequences of which lengths, where their length is open."""
    preprocessing: bool
    """Whether it prepares rows itself."""
    inputs: tuple[str, ...]
    """What it takes, by name."""
    outputs: tuple[str, ...]
    """What it gives, by name."""
    left_out: tuple[str, ...] = ()
    """What `predict` does and it does not."""
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

    `quantize` keeps numbers in fewer bits, where the format has a way to. With `preprocessing`,
    what the spec does to columns is inside where the format can hold it. `data` names rows to check
    the export with, where not the run's own: what it gives for them is compared with what the run
    predicts, and nothing is written where they differ by more than `tolerance`. Loads TensorFlow.

    Raises `RunError`: MS760 for what cannot be asked for, MS761 where a package is not installed,
    MS762 where the export does not give the run's predictions, MS763 where the format cannot hold
    the model, MS764 where there are no rows to check it with, and what opening a run raises.
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
    """The run opened, with rows to check its export with."""
    run = open_run(run_dir)
    model = run.model(measured=False)
    rows = samples(run, data)
    preprocessing = preprocessing and not of_several_rows(run.compiled)
    from .job import Job

    return Job(run, model, rows, preprocessing, quantize, tolerance)


def _written(job: Job, form: Format, target: Path) -> tuple[Written, float]:
    """Writes beside, compares, and puts it in its place; how far it is from the run."""
    from ..run.framework_errors import told

    done: list[tuple[Written, float]] = []

    def write(beside: Path) -> None:
        with told(f"the export to `{form.name}` failed"):
            done.append(_compared(job, form, beside))

    _put(target, form, write)
    return done[0]


def _compared(job: Job, form: Format, beside: Path) -> tuple[Written, float]:
    """Raises `RunError` (MS762) where what was written is not what was trained."""
    written = form.write(job, beside)
    if written.note is not None:
        written.note(record(job, written))
    difference, allowed = job.compare(written), job.allowed(form)
    if not difference <= allowed:
        help = (
            f"`--tolerance {difference * 12:.1g}` lets it pass" if np.isfinite(difference) else None
        )
        raise RunError.of(
            "MS762",
            f"the export to `{form.name}` differs from the run's own predictions by "
            f"{difference:.2g}, and {allowed:.2g} are let pass; nothing was written",
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
    folder = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _size(path: Path) -> int:
    if path.is_file():
        return path.stat().st_size
    return sum(one.stat().st_size for one in path.rglob("*") if one.is_file())
