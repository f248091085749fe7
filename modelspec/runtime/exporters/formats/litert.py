"""`--to litert`: a LiteRT (TensorFlow Lite) file, in floats or quantized, checked with the
interpreter.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from . import Format

if TYPE_CHECKING:
    from ..job import Job
    from ..written import Written

FORMAT = Format(
    __name__,
    "LiteRT (TensorFlow Lite)",
    (".tflite", ".litert"),
    tolerance=1e-4,
    quantizations={"float16": 2e-3, "dynamic": 5e-2, "int8": 0.15},
    order=60,
)


def write(job: Job, path: Path) -> Written:
    """The model, with its preparation if LiteRT has the operations for it."""
    from ..fallbacks import first_that_works
    from ..litert_file import write_litert

    whole = job.whole().in_float32()
    return first_that_works(
        job, "LiteRT", lambda inside: write_litert(whole, path, inside), job.allowed(FORMAT)
    )
