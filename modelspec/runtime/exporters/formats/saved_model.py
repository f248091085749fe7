"""`--to saved_model`: a TensorFlow SavedModel whose serving signature takes the columns of a row,
including strings.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from . import Format

if TYPE_CHECKING:
    from ..checked_batches import Batch
    from ..job import Job
    from ..written import Outputs, Written

FORMAT = Format(__name__, "a TensorFlow SavedModel with a serving signature", order=40)


def write(job: Job, path: Path) -> Written:
    """The model with its preparation, and the labels of looked-up targets as `<output>_class`."""
    from ..left_out import NOTE
    from ..serving_signature import Served, Signature, save
    from ..written import Written

    inside = job.wants_preparing
    signature = Signature(job, inside, job.fixed_batch)
    save(signature, path, with_labels=True)

    def opened() -> Callable[[Batch], Outputs]:
        serve = Served(path)
        return lambda batch: serve(signature.values(batch))

    def note(text: str) -> None:
        folder = path / "assets.extra"  # TensorFlow ignores this folder
        folder.mkdir(exist_ok=True)
        (folder / NOTE).write_text(text, encoding="utf-8")

    return Written(
        opened,
        inside,
        job.one_length if inside else (),
        tuple(signature.specs),
        Served(path).outputs,
        note=note,
    )
