"""`train`: the stages of a run, from an empty folder to a saved model.

    folder    locked, and large enough                 before any framework is loaded
    data      opened, checked, split
    framework loaded, seeded
    model     built
    loop      fitted
    model     saved, evaluated on the test split
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ..data import Prepared, RunError, prepare
from ..diagnostics import Diagnostic
from ..pipeline import Compiled
from ..spec.training import Chosen, Training
from . import framework
from .files import write_bytes, write_whole
from .folder import HISTORY, METRICS, MODEL, RunFolder
from .loop import Loop
from .manifest import Record
from .signals import Signals
from .watch import Plan, Watcher

if TYPE_CHECKING:
    import keras

_BYTES_PER_PARAMETER = 12
"""float32 weights, and two more numbers for each that the optimizers of Adam's kind keep."""


class CheckedSpec(Protocol):
    """What the Python API calls a `Spec`."""

    @property
    def compiled(self) -> Compiled: ...


@dataclass(frozen=True)
class Run:
    """A run that was completed."""

    directory: Path
    history: Mapping[str, list[float]]
    """Losses and metrics by name, an entry for each epoch."""
    metrics: Mapping[str, float]
    """On the test split; on the validation split where there is none; else those of the last epoch."""
    model: keras.Model
    by_part: Mapping[str, Mapping[str, float]]
    """Metrics of the final weights on `test` and `validation`."""
    warnings: tuple[Diagnostic, ...] = ()


class Interrupted(KeyboardInterrupt):
    """A signal ended a run. What it had reached is saved in `directory`."""

    def __init__(self, directory: Path, signal: str, epochs: int) -> None:
        self.directory = directory
        self.signal = signal
        self.epochs = epochs
        """How many were completed."""
        super().__init__(f"{signal} after {epochs} epochs; the model as it was is in {directory}")


def train(spec: CheckedSpec, run_dir: Path | None = None, *, watcher: Watcher | None = None) -> Run:
    """Train a checked spec, evaluate on the test split, and save everything in a run folder.

    `run_dir` must be empty or absent; by default it is the next `runs/<name>/<n>`. Raises `RunError` (or `DataError`,
    one of its kind) where the data or the run fails, and `Interrupted` after SIGINT, SIGTERM or SIGHUP.
    """
    compiled, watcher = spec.compiled, watcher or Watcher()
    training = require_training(compiled)
    with RunFolder.create(compiled.name, run_dir) as folder, Signals() as signals:
        with _undone(folder, watcher):
            folder.needs(_BYTES_PER_PARAMETER * ((compiled.graph and compiled.graph.parameters) or 0))
            record = Record(folder, compiled)
            prepared = prepare(compiled)
            record.data(prepared)
            watcher.warned(prepared.warnings)
            watcher.loading()
            loop = _loop(prepared, training)
        with _recorded(record):
            return _run(loop, record, signals, watcher)


@dataclass(frozen=True)
class Trial:
    """What a dry run saw."""

    plan: Plan
    metrics: Mapping[str, float]
    """Of one batch, before any training."""
    warnings: tuple[Diagnostic, ...]


def trial(spec: CheckedSpec) -> Trial:
    """Everything but the training: the data opened, the model built, one batch through it. Writes nothing.

    Raises `RunError` as `train` does.
    """
    training = require_training(spec.compiled)
    prepared = prepare(spec.compiled)
    loop = _loop(prepared, training)
    with told("the first batch cannot be computed"):
        metrics = loop.first_batch()
    return Trial(loop.plan(None), metrics, prepared.warnings)


def require_training(compiled: Compiled) -> Training:
    """The training section of a spec that can be trained. Raises `RunError` (MS705)."""
    missing = [key for key in ("training", "data") if key not in compiled.file.document.root.entries]
    if compiled.training is None or compiled.data is None:
        names = " and ".join(f"`{key}`" for key in missing)
        raise RunError.of("MS705", f"a spec needs {names} to be trained", help="`modelspec init` shows both")
    return compiled.training


def _loop(prepared: Prepared, training: Training) -> Loop:
    """Load the framework and build the model."""
    from ..backend import build

    file, graph = prepared.compiled.file, prepared.compiled.graph
    framework.check_memory((graph and graph.parameters) or 0)
    framework.load(file.seed, deterministic=file.runtime.deterministic)
    with told("the model cannot be built"):
        model = build(prepared.compiled)
    return Loop(model, prepared, training)


def _run(loop: Loop, record: Record, signals: Signals, watcher: Watcher) -> Run:
    from ..backend.training import callbacks
    from .callbacks import NotFinite, Stopped

    folder = record.folder
    record.begin()
    try:
        with told("the training failed"):
            own = callbacks(_with_paths_in(folder.path, loop.training))
            history = loop.fit(watcher, signals, own, folder.path, folder.file(HISTORY))
    except NotFinite as error:
        raise _not_finite(error, loop.model) from None
    except Stopped:
        save(loop.model, folder.file(MODEL))
        raise Interrupted(folder.path, signals.asked or "", loop.epochs_done) from None
    save(loop.model, folder.file(MODEL))
    with told("the evaluation failed"):
        by_part = {part: loop.evaluate(part) for part in ("test", "validation") if part in loop.prepared.parts}
    write_bytes(folder.file(METRICS), (json.dumps(by_part, indent=2) + "\n").encode())
    record.end("completed", epochs=loop.epochs_done, metrics=by_part)
    last = {name: values[-1] for name, values in history.items() if values}
    metrics = next(iter(by_part.values()), last)
    return Run(folder.path, history, metrics, loop.model, by_part, loop.prepared.warnings)


def save(model: keras.Model, path: Path) -> None:
    """The model as one file that plain Keras loads, whole or not at all. Raises `RunError`."""
    with told("the model cannot be saved"):
        write_whole(path, lambda beside: model.save(beside))


def _with_paths_in(folder: Path, training: Training) -> Training:
    """The spec's callbacks, the files they write put into the run folder."""
    return replace(training, callbacks=tuple(_in_folder(one, folder) for one in training.callbacks))


def _in_folder(chosen: Chosen, folder: Path) -> Chosen:
    settings = chosen.settings
    names = getattr(type(settings), "paths", ())
    if isinstance(settings, str) or not names:
        return chosen
    update = {name: str(folder / value) for name in names if isinstance(value := getattr(settings, name), str)}
    for path in update.values():
        Path(path).parent.mkdir(parents=True, exist_ok=True)  # Keras does not, for all of them
    return replace(chosen, settings=settings.model_copy(update=update))


# How it ends ---------------------------------------------------------------------------------------------------------


@contextmanager
def _undone(folder: RunFolder, watcher: Watcher) -> Iterator[None]:
    """A run that fails before training begins leaves no folder behind: the same command can be given again."""
    try:
        yield
    except BaseException:
        watcher.ended()
        folder.discard()
        raise


@contextmanager
def _recorded(record: Record) -> Iterator[None]:
    """However a run ends, the manifest says so."""
    try:
        yield
    except Interrupted as error:
        record.end("interrupted", epochs=error.epochs)
        raise
    except KeyboardInterrupt:
        record.end("interrupted")
        raise
    except RunError as error:
        _end_quietly(record, error.diagnostics)
        raise
    except BaseException:  # a bug of ours; the manifest should not say that the run goes on
        _end_quietly(record, ())
        raise


def _end_quietly(record: Record, faults: tuple[Diagnostic, ...]) -> None:
    """The fault at hand is what is to be told, also where the disk is too full to note it down."""
    with suppress(RunError):
        record.end("failed", faults)


@contextmanager
def told(what: str) -> Iterator[None]:
    """Turns whatever Keras or TensorFlow raises into one `RunError` (MS707): a sentence, never a traceback."""
    from .callbacks import NotFinite, Stopped

    try:
        yield
    except (RunError, NotFinite, Stopped):
        raise
    except Exception as error:  # Keras and TensorFlow raise anything, from KeyError to their own
        raise RunError.of("MS707", f"{what}: {_said(error)}", help=_help(error)) from error


def _said(error: Exception) -> str:
    """The sentence of an error that says most: TensorFlow puts a graph around it, Keras a stack of layers."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    frames = ("Graph execution error", "Detected at node", 'File "')
    said = next((line for line in lines if not line.startswith(frames)), type(error).__name__)
    return said if len(said) <= 300 else said[:297] + "..."


def _help(error: Exception) -> str | None:
    if type(error).__name__ == "ResourceExhaustedError" or isinstance(error, MemoryError):
        return "there is not enough memory: use a smaller `batch_size`, or a smaller model"
    return None


def _not_finite(error: Exception, model: keras.Model) -> RunError:
    from .callbacks import current_learning_rate

    return RunError.of("MS706", f"{error}: nothing can be learned from there on",
                       notes=[f"the learning rate was {current_learning_rate(model):g}"],
                       help="lower the learning rate, set `clipnorm` in the optimizer, or scale inputs and targets to "
                            "about 1")
