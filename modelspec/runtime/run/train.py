"""`train`: the stages of a run, from an empty folder to a saved model.

folder    locked, and large enough                 before any framework is loaded
data      opened, checked, split
framework loaded, seeded
model     built
loop      fitted, with checkpoints on the way
model     saved, evaluated on the test split
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from modelspec.catalog.components.callbacks import TensorBoard
from modelspec.compiler.pipeline import Compiled
from modelspec.compiler.spec.training_section import Training
from modelspec.core.diagnostics import Diagnostic
from modelspec.core.places import Host

from ..backend.process_state import own_state
from ..data import Prepared, RunError
from . import framework
from .events import Plan, Watcher
from .folder import MODEL, RunFolder
from .framework import Pins
from .framework_errors import told
from .initial_weights import starting_weights
from .loop_parts import Loop
from .manifest import Record
from .masked_steps import balanced_by_masks
from .result import Run
from .run_data import prepared_data
from .session import Interrupted, go, save, with_paths_in
from .signals import Signals

__all__ = ["Interrupted", "Run", "Trial", "make_loop", "require_training", "told", "train", "trial"]

_BYTES_PER_PARAMETER = 12
"""float32 weights, and two more numbers for each that the optimizers of Adam's kind keep."""


class CheckedSpec(Protocol):
    """What the Python API calls a `Spec`."""

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
) -> Run:
    """Train a checked spec, evaluate on the test split, and save everything in a run folder.

    `run_dir` must be empty or absent; by default it is the next `runs/<name>/<n>`. Raises
    `RunError` (or `DataError`, one of its kind) where the data or the run fails, and `Interrupted`
    after SIGINT, SIGTERM or SIGHUP. `pins` are those of the machine by default; `look` sees the
    data before anything is built, and may raise.
    """
    compiled, watcher = spec.compiled, watcher or Watcher()
    training = require_training(compiled)
    with RunFolder.create(compiled.name, run_dir) as folder, Signals() as signals:
        with _undone(folder, watcher):
            folder.needs(*room(compiled, training))
            record = Record(folder, compiled)
            prepared = prepared_data(compiled, pins=pins)
            look(prepared)
            record.data(prepared)
            record.starts_from(starting_weights(prepared.compiled))
            watcher.warned(prepared.warnings)
            watcher.loading()
            loop = make_loop(prepared, training, pins)
        return go(loop, record, signals, watcher)


def room(compiled: Compiled, training: Training) -> tuple[int, int]:
    """The bytes of a large file of the run, and how many it writes: model, checkpoints, and the one
    in the making.
    """
    parameters = (compiled.graph and compiled.graph.parameters) or 0
    return _BYTES_PER_PARAMETER * parameters, 2 + training.checkpoint.keep


@dataclass(frozen=True)
class Trial:
    """What a dry run saw."""

    plan: Plan
    metrics: Mapping[str, float]
    """Of one batch, before any training."""
    warnings: tuple[Diagnostic, ...]


@own_state()
def trial(spec: CheckedSpec) -> Trial:
    """Everything that a training does, for one step: the data opened, the model built, one batch
    through it, a step, the end of an epoch with history and callbacks, the model saved. What is
    written goes to a folder that is removed.

    Raises `RunError` as `train` does.
    """
    training = require_training(spec.compiled)
    prepared = prepared_data(spec.compiled)
    loop = make_loop(prepared, training)
    from ..backend.compile_model import callbacks

    tried = tuple(one for one in training.callbacks if not hasattr(one.settings, "sends_to"))
    tried_out = replace(training, callbacks=tried)
    loop.rehearse(lambda folder: callbacks(with_paths_in(folder, tried_out)))
    with told("the first batch cannot be computed", prepared.compiled):
        metrics = loop.first_batch()
    with TemporaryDirectory(prefix="modelspec-") as scratch:
        save(loop.model, Path(scratch) / MODEL)
    return Trial(loop.plan(None), metrics, prepared.warnings)


def require_training(compiled: Compiled) -> Training:
    """The training section of a spec that can be trained. Raises `RunError` (MS705, MS724)."""
    missing = [
        key for key in ("training", "data") if key not in compiled.file.document.root.entries
    ]
    if compiled.training is None or compiled.data is None:
        names = " and ".join(f"`{key}`" for key in missing)
        raise RunError.of(
            "MS705", f"a spec needs {names} to be trained", help="`modelspec init` shows both"
        )
    if (
        any(isinstance(one.settings, TensorBoard) for one in compiled.training.callbacks)
        and find_spec("tensorboard") is None
    ):  # TensorFlow would say so at the end of the first epoch
        raise RunError.of(
            "MS724",
            "the callback `TensorBoard` writes with the package `tensorboard`, which is not "
            "installed",
            help="`pip install tensorboard`, or leave the callback out",
        )
    _require_hosts(compiled, compiled.training)
    return compiled.training


def _require_hosts(compiled: Compiled, training: Training) -> None:
    """Raises `RunError` (MS585) where a callback sends to a host that the user did not allow: a run
    that continues keeps no grants.
    """
    for one in training.callbacks:
        target = getattr(one.settings, "sends_to", None)
        if target is not None and not compiled.file.context.places.allow_host(*target):
            host = Host(*target)
            raise RunError.of(
                "MS585",
                f"`{one.written}` sends to {host}, a host that is not allowed",
                help=f"if you let this run send there, give `--allow-host {host}`",
            )


def make_loop(
    prepared: Prepared, training: Training, pins: Pins | None = None, *, pretrained: bool = True
) -> Loop:
    """Load the framework and build the model; with the `weights` of the spec where it is
    `pretrained`.
    """
    from ..backend import build

    file, graph = prepared.compiled.file, prepared.compiled.graph
    framework.check_memory((graph and graph.parameters) or 0)
    with framework.seeding:
        framework.load(file.seed, deterministic=file.runtime.deterministic, pins=pins)
        with told("the model cannot be built"):
            model = build(prepared.compiled, pretrained=pretrained)
        prepared = balanced_by_masks(model, prepared)
    return Loop(model, prepared, training)


@contextmanager
def _undone(folder: RunFolder, watcher: Watcher) -> Iterator[None]:
    """A run that fails before training begins leaves no folder behind: the same command can be
    given again.
    """
    try:
        yield
    except BaseException:
        watcher.ended()
        folder.discard()
        raise
