"""A run in hand: what training gives, and what a run folder gives back, whatever state the run is in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..data import RunError
from ..diagnostics import Diagnostic
from ..pipeline import Compiled
from ..records import read_record
from . import framework
from .checkpoints import Store
from .folder import CHECKPOINTS, MODEL
from .load import SavedRun, read_resolved, why_no_model
from .manifest import Manifest
from .probing import Probing
from .saver import Snapshot, latest
from .telling import told

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Run(Probing):
    """A run: what it came to, and its model, which can be looked into (`outputs`, `gradients`)."""

    directory: Path
    history: Mapping[str, list[float]]
    """Losses and metrics by name, an entry for each epoch."""
    metrics: Mapping[str, float]
    """On the test split; on the validation split where there is none; else those of the last epoch."""
    by_part: Mapping[str, Mapping[str, float]]
    """Metrics of the final weights on `test` and `validation`."""
    compiled: Compiled = field(repr=False)
    """The spec as it was run, every size known."""
    load: Callable[[], keras.Model] = field(repr=False)
    warnings: tuple[Diagnostic, ...] = ()
    spec: Any = field(default=None, repr=False)
    """The spec, a `modelspec.Spec`."""
    outcome: str = "completed"
    """`completed`, `interrupted`, `failed`, or `running` where it was killed or still goes on."""

    @cached_property
    def model(self) -> keras.Model:
        """The model with the weights that the run ended with, of a run that did not end those of its last checkpoint.

        Loads TensorFlow when it is first asked for. Raises `RunError`: MS713 where the run left no weights, MS709 where
        they are not those that it saved, MS707 where the model cannot be loaded.
        """
        return self.load()


def opened(directory: Path) -> Run:
    """The run in a folder; nothing is loaded until its model is asked for.

    Raises `RunError` (MS708) where there is none that can be read.
    """
    manifest = Manifest.read(directory)
    compiled = read_resolved(directory, manifest)
    read = read_record(directory)
    if read.value is None:
        raise RunError(read.diagnostics)
    history = {name: list(values) for name, values in read.value.history.items()}
    last = {name: values[-1] for name, values in history.items() if values}
    metrics = next(iter(read.value.by_part.values()), last)
    return Run(directory, history, metrics, read.value.by_part, compiled,
               lambda: _model(directory, manifest, compiled), read.diagnostics, outcome=manifest.outcome)


def _model(directory: Path, manifest: Manifest, compiled: Compiled) -> keras.Model:
    """What a run ended with is in its model file; of one that was stopped otherwise, the newest checkpoint is newer."""
    saved = SavedRun(directory, manifest, compiled)
    left = (directory / MODEL).exists() and manifest.model_hash is not None
    if left and manifest.outcome in ("completed", "interrupted"):
        return saved.model(measured=True)
    start = latest(Store(directory / CHECKPOINTS))
    if start is not None:
        return _from_checkpoint(compiled, start)
    if left:
        return saved.model(measured=True)
    why = why_no_model(directory, manifest)
    raise RunError.of("MS713", f"the run in `{directory}` has no model: {why}, and it has no checkpoint")


def _from_checkpoint(compiled: Compiled, start: Snapshot) -> keras.Model:
    from ..backend import build

    file = compiled.file
    framework.load(file.seed, deterministic=file.runtime.deterministic)
    with told("the model cannot be loaded"):
        from .state import State

        model = build(compiled, pretrained=False)
        model.optimizer.build(model.trainable_variables)
        State(model, ()).restore_weights(start.tensors)
    return model
