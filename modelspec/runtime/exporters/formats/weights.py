"""`--to weights`: a `.weights.h5` file as `keras.Model.save_weights` writes it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from . import Format

if TYPE_CHECKING:
    from ..job import Job
    from ..written import Written

FORMAT = Format(__name__, "the weights as Keras saves them", (".weights.h5",), order=20)


def write(job: Job, path: Path) -> Written:
    """The weights; a model that is rebuilt from the spec loads them and predicts."""
    import h5py

    from ..rebuilt_model import of_weights

    job.model.save_weights(path)

    def note(text: str) -> None:
        with h5py.File(path, "r+") as file:
            file.attrs["modelspec"] = text

    return of_weights(job, lambda model: model.load_weights(path), note)
