"""`--to keras`: a model that plain Keras loads in its safe mode, preparation inside."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from . import Format

if TYPE_CHECKING:
    from ..job import Job, Written

FORMAT = Format(__name__, "a model that plain Keras loads", (".keras",), order=10)


def write(job: Job, path: Path) -> Written:
    """The model of the run, over the columns of its data where these are prepared for it."""
    import keras

    from ..job import Written, given
    from ..serving_model import predicted, serving_model

    inside = job.wants_preparing and not job.preparing.empty
    model = serving_model(job) if inside else job.model
    model.save(path)
    loaded = keras.models.load_model(path)
    values = job.raw(filled_text=True) if inside else job.samples.inputs
    found = (
        predicted(loaded, values) if inside else loaded.predict(given(loaded, values), verbose=0)
    )
    return Written(job.by_name(found), inside, _notices(job, inside), tuple(values))


def _notices(job: Job, inside: bool) -> tuple[str, ...]:
    from ..serving_model import own_layers

    notices = []
    own = own_layers(job.model)
    if own:
        notices.append(
            f"Keras has no {', '.join(f'`{kind}`' for kind in own)}: `import"
            " modelspec.backend.layers` before the file is loaded"
        )
    if inside and job.preparing.fills_text:
        notices.append(
            "a missing text is not filled in: the file takes the text that `missing` gives in its"
            " place"
        )
    return tuple(notices)
