"""The whole text of a script."""

from __future__ import annotations

from dataclasses import dataclass

from modelspec.compiler.infer import TypedGraph
from modelspec.runtime.history.used_plugins import keras_paths

from ..job import Job
from .data_code import DataCode, data_code
from .helper_code import helpers
from .model_code import Models
from .objective_code import kept_tensors
from .python_code import INDENT, docstring, literal
from .training_code import TrainingCode


@dataclass(frozen=True)
class Script:
    """The text of a script."""

    text: str
    prepares: bool
    """Whether it prepares its data."""
    columns: tuple[str, ...]
    """The parts that it prepares."""
    notices: tuple[str, ...]
    """The parts of the training that it leaves out."""


def _holds_a_mode(typed: TypedGraph) -> bool:
    return any(
        "training" in one.call.use.options or (one.inside is not None and _holds_a_mode(one.inside))
        for one in typed.layers
    )


def script(job: Job) -> Script:
    """The script of a run. Raises `RunError` (MS763) if plain Keras does not support the model."""
    models = Models()
    models.model(job.typed, job.compiled.name, kept_tensors(job.compiled))
    functions, notices = list(models.functions), list[str]()
    training = TrainingCode(models.names)
    if job.compiled.training is not None:
        training.add(job.compiled, job.compiled.training, len(job.outputs) > 1)
    data, reason = data_code(job, models.names)
    main = []
    if reason is not None:
        notices.append(
            f"the script reads no data, because it does not support {reason}: call its `train(x,"
            " y)`"
        )
    elif data.main:
        main = [*data.main, f"{INDENT}model.save({literal(f'{job.model.name}.keras')})"]
    functions += [*training.functions, *data.functions]
    notices += training.notices
    if job.had_adapters:
        notices.append(
            "the script trains all weights: it does not add the adapters of `training.lora`"
        )
    if _holds_a_mode(job.typed):
        notices.append(
            "`call: {training: ...}` has no effect in the script: Keras passes the mode of the"
            " model"
            " to every layer"
        )
    functions = [*helpers("\n".join(line for one in functions for line in one)), *functions]
    if main:
        functions.append(["def main() -> None:", docstring("Train, test and save.", INDENT), *main])
    blocks = [
        _header(job, "\n".join(line for one in functions for line in one), data, training),
        *("\n".join(one) for one in functions),
    ]
    if main:
        blocks.append(f'if __name__ == "__main__":\n{INDENT}main()')
    return Script("\n\n\n".join(blocks) + "\n", data.prepares, data.taken, tuple(notices))


def _header(job: Job, body: str, data: DataCode, training: TrainingCode) -> str:
    constants = [f"SEED = {job.compiled.file.seed}"] if training.functions else []
    constants += ["\n".join(one) for one in data.constants]
    body = "\n".join((body, *constants))
    words = job.compiled.file.description or "a Keras model and its training"
    blocks = [
        docstring(f"{job.compiled.name}: {words}."),
        *_imports(body, data, [path.partition(":")[0] for path in keras_paths(job.compiled)]),
        "\n".join(constants),
    ]
    return "\n\n".join(one for one in blocks if one)


def _imports(body: str, data: DataCode, plugins: list[str]) -> tuple[str, str]:
    """The imports of Python's own modules, and those of others, with the modules of plugins."""
    own = [f"import {name}" for name in ("contextlib", "csv", "math") if f"{name}." in body]
    others = ["import keras"]
    if "np." in body:
        others.append("import numpy as np")
    if "sklearn" in data.modules:
        others.append("import sklearn.datasets")
    if "tf." in body:
        others.append("import tensorflow as tf")
    others += [f"import {name}" for name in dict.fromkeys(plugins)]
    parts = [name for name in ("layers", "ops") if f"{name}." in body]
    if parts:
        others.append(f"from keras import {', '.join(parts)}")
    return "\n".join(own), "\n".join(others)
