"""A LiteRT file of a model, checked with the interpreter."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from modelspec.core import sandbox as apart
from modelspec.core.quiet_warnings import ignoring

from ..backend.native_output import quiet
from ..data.table import Array
from . import litert_conversion
from .checked_batches import Batch, Batches
from .fallbacks import said
from .job import Job
from .left_out import zipped
from .litert_conversion import convert, one_by_one
from .samples import samples
from .serving_signature import SIGNATURE, Signature, save
from .written import Written

_CHECKED = 32
"""The number of samples that are run one by one, if a file takes one at a time."""


def write_litert(job: Job, path: Path, inside: bool) -> Written:
    """For batches of any size; for one example if a layer requires a fixed size."""
    problem: Exception | None = None
    fixed = job.fixed_batch
    for batch in (None, 1) if fixed is None else (fixed,):
        try:
            signature = Signature(job, inside, batch)
            path.write_bytes(_converted(job, signature))
            written = _written(signature, path)
            if not np.isfinite(job.compare(written)):
                raise ValueError("its output has the wrong shape")
            return written
        except Exception as error:  # noqa: BLE001  # both raise any exception
            problem = error
    raise ValueError(said(problem) if problem else "it cannot be converted")


def _written(signature: Signature, path: Path) -> Written:
    job, alone = signature.job, signature.batch == 1
    outputs = job.outputs
    return Written(
        lambda: _Interpreted(signature, path),
        signature.inside,
        (
            *(("it takes one example at a time",) if alone else ()),
            *(job.one_length if signature.inside and not alone else ()),
        ),
        tuple(signature.specs),
        outputs,
        note=lambda text: zipped(path, text),
        most=_CHECKED if alone else None,
    )


class _Interpreted:
    """An open LiteRT file."""

    def __init__(self, signature: Signature, path: Path) -> None:
        self._signature = signature
        with quiet(), ignoring():
            found = _interpreter()(model_path=str(path))
            self._runner = found.get_signature_runner(SIGNATURE)

    def __call__(self, batch: Batch) -> dict[str, Array]:
        values = self._signature.values(batch)
        with quiet(), ignoring():
            if self._signature.batch != 1:
                return dict(self._runner(**values))
            rows = [self._runner(**row) for row in one_by_one(values, batch.size)]
        return {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}


def _converted(job: Job, signature: Signature) -> bytes:
    with tempfile.TemporaryDirectory(prefix="modelspec-") as name:
        folder = Path(name)
        with quiet():
            save(signature, folder / "model")
            if job.quantize != "int8":
                return convert(folder / "model", SIGNATURE, job.quantize)
        return _converted_apart(job, folder, signature)


def _converted_apart(job: Job, folder: Path, signature: Signature) -> bytes:
    """In a separate process: on some models the calibration of the converter crashes."""
    np.savez(folder / "rows.npz", **_representative(job, signature))  # type: ignore[arg-type]
    made = folder / "made.tflite"
    pipe = subprocess.PIPE
    arguments = (str(folder / "model"), SIGNATURE, str(folder / "rows.npz"), str(made))
    with apart.start(
        litert_conversion.__name__, *arguments, stdout=subprocess.DEVNULL, stderr=pipe
    ) as done:
        errors = done.communicate()[1].decode(errors="replace")
    if done.returncode < 0:
        raise ValueError("its converter crashed while it calibrated the ranges of numbers")
    if done.returncode or not made.exists():
        last = next(iter(errors.strip().splitlines()[-1:]), "its converter failed")
        raise ValueError(errors if "op is neither" in errors else last)
    return made.read_bytes()


def _representative(job: Job, signature: Signature) -> dict[str, Array]:
    """Rows of the training source, which calibrate the ranges of numbers."""
    found = job.samples
    if "test" in _sources(job) or "validation" in _sources(job):
        found = samples(job.run, None, part="train")
    batch = next(iter(Batches(job.run, found, job.sizes).all()))
    return signature.values(batch)


def _sources(job: Job) -> Mapping[str, Any]:
    return job.compiled.data.sources if job.compiled.data is not None else {}


def _interpreter() -> Any:
    """LiteRT's own interpreter if it is installed, otherwise the one in TensorFlow."""
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        return tf.lite.Interpreter
    return Interpreter
