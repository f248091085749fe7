"""`--to saved_model`: a TensorFlow SavedModel whose serving signature takes the columns of a row,
text included.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from . import Format

if TYPE_CHECKING:
    from ..job import Job, Written

FORMAT = Format(__name__, "a TensorFlow SavedModel with a serving signature", order=40)


def write(job: Job, path: Path) -> Written:
    """The model with its preparation inside, and the labels of looked-up targets as
    `<output>_class`.
    """
    from ..job import Written
    from ..serving_signature import save, served, texts

    save(job, path, inside=job.wants_preparing, batch=None, with_labels=True)
    values = job.raw() if job.wants_preparing else dict(job.samples.inputs)
    found = served(path, values)
    return Written(
        {name: found[name] for name in job.outputs},
        job.wants_preparing,
        (),
        tuple(values),
        {name: texts(found[f"{name}_class"]) for name in job.labels},
    )
