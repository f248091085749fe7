"""`train`: the stages of a run, from an empty folder to a saved model.

folder    locked, with enough space                before any framework is loaded
data      opened, checked, split
framework loaded, seeded
model     built
loop      trained, with checkpoints
model     saved, evaluated on the test split
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

from modelspec.catalog.components.writing_callbacks import TensorBoard
from modelspec.compiler.pipeline import Compiled
from modelspec.compiler.spec.training_section import Training
from modelspec.core.diagnostics import Diagnostic
from modelspec.core.places import Host

from ..backend.process_state import own_state
from ..data import Prepared, RunError
from ..distributed.agreement import agree
from ..distributed.cluster import current_channel, current_cluster, taking_part
from ..distributed.models import StagesOfReplicas, built_on
from ..distributed.strategy import ChosenDevices
from ..distributed.supported import require_supported
from ..distributed.worker_folder import own_folder, writes_run
from . import framework
from .events import Plan, Watcher
from .folder import MODEL, RunFolder
from .framework import Pins
from .framework_errors import as_run_error
from .initial_weights import starting_weights
from .logging.services import chosen, require_packages
from .loop_parts import Loop
from .manifest import Record
from .masked_steps import balanced_by_masks
from .result import Run
from .run_data import prepared_data
from .session import Interrupted, go, save, with_paths_in
from .signals import Signals
from .trained_stages import TrainedStage

__all__ = ["Interrupted", "Run", "Trial", "make_loop", "require_training", "train", "trial"]

_BYTES_PER_PARAMETER = 12
"""float32 weights, and two more values for each, as kept by optimizers like Adam."""


class CheckedSpec(Protocol):
    """A `Spec` of the Python API."""

    @property
    def compiled(self) -> Compiled: ...


@own_state()
def train(
    spec: CheckedSpec,
    run_dir: Path | None = None,
    *,
    watcher: Watcher | None = None,
    pins: Pins | None = None,
    look: Callable[[Prepared], None] = lambda prepared: None,
    signals: Signals | None = None,
) -> Run:
    """Train a checked spec, evaluate on the test split, and save everything in a run folder.

    `run_dir` must be empty or absent; by default it is the next `runs/<name>/<n>`. Raises
    `RunError` (or its subclass `DataError`) if the data or the run fails, and `Interrupted` after
    SIGINT, SIGTERM or SIGHUP. `pins` are those of the machine by default; `look` is called with the
    data before the model is built, and may raise. `signals` lets a watcher request the end of the
    run: it sets `asked`.
    """
    compiled, watcher = spec.compiled, own_watcher(watcher)
    training = require_training(compiled)
    with (
        taking_part(),
        own_folder(compiled.name, lambda: RunFolder.create(compiled.name, run_dir)) as folder,
        signals or Signals() as signals,
    ):
        with _undone(folder, watcher):
            folder.needs(*room(compiled, training))
            record = Record(folder, compiled)
            prepared = prepared_data(compiled, pins=pins)
            look(prepared)
            record.data(prepared)
            record.starts_from(starting_weights(prepared.compiled))
            watcher.warned(prepared.warnings)
            agree(prepared)
            watcher.loading()
            loop = make_loop(prepared, training, pins)
            signals.require_none()
        return go(loop, record, signals, watcher)


def own_watcher(watcher: Watcher | None) -> Watcher:
    """The watcher; a silent one in a process that does not report the progress."""
    return watcher if watcher is not None and writes_run() else Watcher()


def room(compiled: Compiled, training: Training) -> tuple[int, int]:
    """The size of a large file of the run, and the number of such files: model, checkpoints, and
    the one being written.
    """
    parameters = (compiled.graph and compiled.graph.parameters) or 0
    stages = (one.training for one in training.stages)
    return _BYTES_PER_PARAMETER * parameters, 2 + max(
        one.checkpoint.keep for one in (training, *stages)
    )


@dataclass(frozen=True)
class Trial:
    """The results of a dry run."""

    plan: Plan
    metrics: Mapping[str, float]
    """Loss and metrics of one batch, before any training."""
    warnings: tuple[Diagnostic, ...]


@own_state()
def trial(spec: CheckedSpec) -> Trial:
    """Does everything that a training does, for one step: opens the data, builds the model, runs
    one batch and one training step, ends an epoch with history and callbacks, and saves the model.
    Files are written to a temporary folder.

    Raises `RunError` as `train` does.
    """
    training = require_training(spec.compiled)
    prepared = prepared_data(spec.compiled)
    loop = make_loop(prepared, training)
    from ..backend.compile_model import callbacks

    def tried(folder: Path, stage: TrainedStage) -> list[Any]:
        called = stage.training.callbacks
        kept = tuple(one for one in called if not hasattr(one.settings, "sends_to"))
        return callbacks(with_paths_in(folder, stage.with_callbacks(kept)))

    loop.rehearse(tried)
    with as_run_error("the first batch cannot be computed", prepared.compiled):
        metrics = loop.first_batch()
    with TemporaryDirectory(prefix="modelspec-") as scratch:
        save(loop, Path(scratch) / MODEL)
    return Trial(loop.plan(None), metrics, prepared.warnings)


def require_training(compiled: Compiled) -> Training:
    """The training section of a spec that can be trained. Raises `RunError` (MS705, MS724, or
    MS779).
    """
    written = compiled.file.root.entries  # without what `null` switches off
    missing = [key for key in ("training", "data") if key not in written]
    if compiled.training is None or compiled.data is None:
        names = " and ".join(f"`{key}`" for key in missing)
        raise RunError.of(
            "MS705",
            f"a spec requires {names} to be trained",
            help="`modelspec init` shows an example",
        )
    if (
        any(isinstance(one.settings, TensorBoard) for one in compiled.training.every_callback)
        and find_spec("tensorboard") is None
    ):  # TensorFlow would report this only at the end of the first epoch
        raise RunError.of(
            "MS724",
            "the callback `TensorBoard` requires the package `tensorboard`, which is not installed",
            help="`pip install tensorboard`, or remove the callback",
        )
    require_packages(compiled)
    _require_hosts(compiled, compiled.training)
    return compiled.training


def _require_hosts(compiled: Compiled, training: Training) -> None:
    """Raises `RunError` (MS585) if a callback or a logger sends to a host that the user did not
    allow; a resumed run keeps no grants.
    """
    callbacks = ((one.written, one.settings) for one in training.every_callback)
    loggers = ((one.kind(), one) for one in chosen(compiled))
    for written, settings in (*callbacks, *loggers):
        target = getattr(settings, "sends_to", None)
        if target is not None and not compiled.file.context.places.allow_host(*target):
            host = Host(*target)
            raise RunError.of(
                "MS585",
                f"`{written}` sends to {host}, which is not an allowed host",
                help=f"to allow this run to send there, pass `--allow-host {host}`",
            )


def make_loop(
    prepared: Prepared, training: Training, pins: Pins | None = None, *, pretrained: bool = True
) -> Loop:
    """Load the framework and build the model; if `pretrained`, with the `weights` of the spec."""
    from ..backend import build

    file, graph = prepared.compiled.file, prepared.compiled.graph
    framework.check_memory((graph and graph.parameters) or 0)
    devices = ChosenDevices(file.runtime.devices, current_cluster())
    framework.load(
        file.seed,
        deterministic=file.runtime.deterministic,
        pins=pins,
        choose_devices=devices.choose,
    )
    from ..backend.stage_model import StageModel  # which imports Keras: after its settings

    def built(number: int) -> Any:
        first = pretrained and not number  # the others get its weights
        return build(_first(prepared.compiled), pretrained=first, terms=training.has_objective)

    with as_run_error("the model cannot be built", prepared.compiled):
        models = built_on(devices.names, built)
    prepared = balanced_by_masks(models[0], prepared)
    channel = current_channel()
    framework.trains_on(channel.size if channel is not None else 1, len(models))
    group = devices.group(models, channel)
    if group is not None:
        require_supported(prepared.compiled)
    stages = StagesOfReplicas([StageModel(one) for one in models]) if training.stages else None
    return Loop(models[0], prepared, training, stages, group)


def _first(compiled: Compiled) -> Compiled:
    """The spec from which the model is built: with stages that of the first, with no layer frozen,
    because the stages freeze different ones.
    """
    stages = compiled.stages
    return replace(stages[0], graph=compiled.unfrozen) if stages else compiled


@contextmanager
def _undone(folder: RunFolder, watcher: Watcher) -> Iterator[None]:
    """If a run fails before training begins, its folder is removed, so the same command can be run
    again.
    """
    try:
        yield
    except BaseException:
        watcher.ended()
        folder.discard()
        raise
