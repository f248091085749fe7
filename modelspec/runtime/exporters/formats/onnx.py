"""`--to onnx`: an ONNX file, made by tf2onnx and checked with onnxruntime."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from . import Format

if TYPE_CHECKING:
    from ..job import Job
    from ..written import Written

FORMAT = Format(
    __name__,
    "ONNX",
    (".onnx",),
    tolerance=1e-4,
    packages=("onnx", "onnxruntime", "tf2onnx"),
    extra="onnx",
    order=50,
)


def write(job: Job, path: Path) -> Written:
    """The model, with its preparation if ONNX has the operations for it."""
    from ..fallbacks import first_that_works
    from ..onnx_conversion import write_onnx

    whole = job.whole()
    return first_that_works(
        job, "ONNX", lambda inside: write_onnx(whole, path, inside), job.allowed(FORMAT)
    )
