"""`--to keras`: a model that plain Keras loads in its safe mode, preparation inside."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from . import Format

if TYPE_CHECKING:
    from ..checked_batches import Batch
    from ..job import Job
    from ..written import Outputs, Written

FORMAT = Format(__name__, "a model that plain Keras loads", (".keras",), order=10)


def write(job: Job, path: Path) -> Written:
    """The model of the run, over the columns of its data where these are prepared for it."""
    import keras

    from ..job import given
    from ..left_out import zipped
    from ..serving_model import predicted, serving_model
    from ..written import Written

    inside = job.wants_preparing and not job.preparing.empty and job.preparing.alone is None
    model = serving_model(job) if inside else job.model
    model.save(path)
    names = tuple(job.preparing.raw if inside else job.typed.inputs)

    def opened() -> Callable[[Batch], Outputs]:
        loaded = keras.models.load_model(path)
        if inside:
            return lambda batch: job.by_name(predicted(loaded, job.raw(batch, texts_done=True)))
        return lambda batch: job.by_name(loaded.predict_on_batch(given(loaded, batch.inputs)))

    return Written(
        opened,
        inside,
        _notices(job, inside),
        names,
        job.outputs if isinstance(model.output, Mapping) else tuple(model.output_names),
        _left_out(job, inside),
        lambda text: zipped(path, text),
    )


def _left_out(job: Job, inside: bool) -> tuple[str, ...]:
    return tuple(f"{what} of texts, which Keras does not do: give them so" for what in
                 (job.preparing.on_text if inside else ()))  # fmt: skip


def _notices(job: Job, inside: bool) -> tuple[str, ...]:
    from ..serving_model import own_layers

    notices = list(job.one_length) if inside else []
    if job.wants_preparing and (name := job.preparing.alone):
        notices.append(
            f"the preparation is left out, as that of `{name}` takes one example at a time: give"
            " the model what it takes itself"
        )
    own = own_layers(job.model)
    if own:
        notices.append(
            f"Keras has no {', '.join(f'`{kind}`' for kind in own)}: `import"
            " modelspec.backend.layers` before the file is loaded"
        )
    return tuple(notices)
