"""A LiteRT file of a model, checked with the interpreter."""

from __future__ import annotations

import subprocess
import tempfile
import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from modelspec.core import sandbox as apart

from ..data.table import Array
from . import litert_conversion
from .captured_output import quiet
from .fallbacks import said
from .job import Job, Written
from .litert_conversion import convert, one_by_one
from .samples import samples
from .serving_signature import SIGNATURE, save

_CHECKED = 32
"""How many samples are run, one after the other, as a device does."""


def write_litert(job: Job, path: Path, inside: bool) -> Written:
    """For batches of any size; of one example where a layer needs to know."""
    problem: Exception | None = None
    for batch, notice in ((None, None), (1, "it takes one example at a time")):
        try:
            path.write_bytes(_converted(job, inside, batch))
            written = _checked(job, path, inside)
            return replace(written, notices=(notice,) if notice else ())
        except Exception as error:  # noqa: BLE001  # the converter and the interpreter raise anything
            problem = error
    raise ValueError(said(problem) if problem else "it cannot be converted")


def _converted(job: Job, inside: bool, batch: int | None) -> bytes:
    with tempfile.TemporaryDirectory(prefix="modelspec-") as name:
        folder = Path(name)
        with quiet():
            save(job, folder / "model", inside=inside, batch=batch)
            if job.quantize != "int8":
                return convert(folder / "model", SIGNATURE, job.quantize)
        return _converted_apart(job, folder, inside)


def _converted_apart(job: Job, folder: Path, inside: bool) -> bytes:
    """In a process of its own: on some models the converter ends the process that looks for ranges
    of numbers.
    """
    np.savez(folder / "rows.npz", **_representative(job, inside))  # type: ignore[arg-type]
    made = folder / "made.tflite"
    pipe = subprocess.PIPE
    arguments = (str(folder / "model"), SIGNATURE, str(folder / "rows.npz"), str(made))
    with apart.start(
        litert_conversion.__name__, *arguments, stdout=subprocess.DEVNULL, stderr=pipe
    ) as done:
        errors = done.communicate()[1].decode(errors="replace")
    if done.returncode < 0:
        raise ValueError("its converter breaks down over the ranges of the numbers in it")
    if done.returncode or not made.exists():
        last = next(iter(errors.strip().splitlines()[-1:]), "its converter fails")
        raise ValueError(errors if "op is neither" in errors else last)
    return made.read_bytes()


def _representative(job: Job, inside: bool) -> dict[str, Array]:
    """Rows of the training source: what the ranges of numbers are taken from."""
    training = (
        job
        if "test" not in _sources(job) and "validation" not in _sources(job)
        else replace(job, samples=samples(job.run, None, part="train"))
    )
    return training.raw() if inside else dict(training.samples.inputs)


def _sources(job: Job) -> Mapping[str, Any]:
    return job.compiled.data.sources if job.compiled.data is not None else {}


def _checked(job: Job, path: Path, inside: bool) -> Written:
    values = job.raw() if inside else dict(job.samples.inputs)
    with warnings.catch_warnings(), quiet():
        warnings.simplefilter("ignore")
        runner = _interpreter()(model_path=str(path)).get_signature_runner(SIGNATURE)
        count = min(_CHECKED, len(job.samples))
        rows = [runner(**row) for row in one_by_one(values, count)]
    found = {name: np.concatenate([row[name] for row in rows]) for name in job.outputs}
    return Written(found, inside, (), tuple(values), compared=count)


def _interpreter() -> Any:
    """LiteRT's own interpreter where it is installed, else the one that comes with TensorFlow."""
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        return tf.lite.Interpreter
    return Interpreter
