"""`--to keras`: a model that plain Keras loads in its safe mode, including the preparation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from . import Format

if TYPE_CHECKING:
    from ..checked_batches import Batch
    from ..job import Job
    from ..written import Outputs, Written

FORMAT = Format(
    __name__,
    "a model that plain Keras loads",
    (".keras",),
    quantizations={"int8": 0.15, "int4": 0.5, "float8": 0.15},
    order=10,
)


def write(job: Job, path: Path) -> Written:
    """The model of the run, over the columns of its data if these are prepared for it."""
    import keras

    from ..job import given
    from ..left_out import zipped
    from ..serving_model import predicted, serving_model
    from ..written import Written

    about: tuple[str, ...] = ()
    if job.quantize is not None:
        job, about = _quantized(job, job.quantize)
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
        (*about, *_notices(job, inside)),
        names,
        job.outputs if isinstance(model.output, Mapping) else tuple(model.output_names),
        _left_out(job, inside),
        lambda text: zipped(path, text),
    )


def _quantized(job: Job, mode: str) -> tuple[Job, tuple[str, ...]]:
    """The job for a quantized copy of the model, and notices about it."""
    from ...backend.quantization import quantized

    found = quantized(job.compiled, job.model, mode)
    about = (found.sizes, *((found.about_left,) if found.left else ()))
    return replace(job, model=found.model, original=job.original or job), about


def _left_out(job: Job, inside: bool) -> tuple[str, ...]:
    return tuple(f"{what} of strings, which Keras does not support: apply it first" for what in
                 (job.preparing.on_text if inside else ()))  # fmt: skip


def _notices(job: Job, inside: bool) -> tuple[str, ...]:
    from ...history.used_plugins import keras_paths
    from ..serving_model import own_layers

    notices = list(job.one_length) if inside else []
    if job.wants_preparing and (name := job.preparing.alone):
        notices.append(
            f"the preparation is left out, as that of `{name}` runs one example at a time: pass"
            " the prepared inputs of the model"
        )
    own = own_layers(job.model)
    if own:
        notices.append(
            f"Keras has no {', '.join(f'`{kind}`' for kind in own)}: run `import"
            " modelspec.backend.layers` before loading the file"
        )
    for path, what in keras_paths(job.compiled, in_model=True).items():
        module, _, kind = path.partition(":")
        notices.append(
            f"Keras has no `{kind}`, {what} of a plugin: run `from {module} import"
            f' {kind}`, and load the file with `custom_objects={{"{kind}": {kind}}}`'
        )
    return tuple(notices)
