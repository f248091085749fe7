"""One process's part of a run: from a built model, at its begin or at a checkpoint, to the end or
an interruption.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelspec.compiler.spec.training_section import Chosen, Training
from modelspec.core.diagnostics import Diagnostic

from ..data import RunError
from .atomic_files import write_bytes, write_whole
from .checkpoints import Store
from .events import Watcher
from .folder import CHECKPOINTS, HISTORY, METRICS, MODEL
from .framework_errors import diverged, told
from .interruption import Abandoned, Interrupted
from .loop_parts import Loop, Measurement
from .manifest import Record
from .positive_labels import positive_labels
from .report import reported
from .result import Run
from .saver import Saver, Snapshot
from .signals import Signals

if TYPE_CHECKING:
    import keras

__all__ = ["Abandoned", "Interrupted", "go", "save", "with_paths_in"]


def go(
    loop: Loop, record: Record, signals: Signals, watcher: Watcher, start: Snapshot | None = None
) -> Run:
    """Train from `start` to the end, evaluate, save. However it ends, the manifest says so.

    Raises `RunError`, `Interrupted` where a signal came, and `Abandoned` where a second one did.
    """
    try:
        with (
            reported(record.folder.path, loop.prepared.compiled),
            _recorded(record, loop, signals),
            _saver(loop, record, signals, start) as saver,
        ):
            history = _train(loop, record, signals, watcher, saver, start)
            return _finish(loop, record, history, watcher)
    except Interrupted:
        raise
    except KeyboardInterrupt:
        raise Abandoned(record.folder.path) from None


def _train(
    loop: Loop,
    record: Record,
    signals: Signals,
    watcher: Watcher,
    saver: Saver,
    start: Snapshot | None,
) -> dict[str, list[float]]:
    from ..backend.compile_model import callbacks
    from .epoch_callbacks import NotFinite, Stopped

    folder = record.folder
    record.begin()
    try:
        with told("the training failed", loop.prepared.compiled):
            own = callbacks(with_paths_in(folder.path, loop.training))
            return loop.fit(
                watcher,
                signals,
                own,
                folder.path,
                history=folder.file(HISTORY),
                saver=saver,
                start=start,
                tried_by=lambda scratch: callbacks(with_paths_in(scratch, _tried(loop.training))),
            )
    except NotFinite as error:
        raise diverged(error, loop.model) from None
    except Stopped:
        save(loop.model, folder.file(MODEL))
        raise _interrupted(loop, record, signals) from None


def _finish(loop: Loop, record: Record, history: dict[str, list[float]], watcher: Watcher) -> Run:
    folder = record.folder
    save(loop.model, folder.file(MODEL))
    with told("the evaluation failed", loop.prepared.compiled):
        measured = {
            part: loop.evaluate(part)
            for part in ("test", "validation")
            if part in loop.prepared.parts
        }
    by_part = {part: one.metrics for part, one in measured.items()}
    write_bytes(folder.file(METRICS), (json.dumps(by_part, indent=2) + "\n").encode())
    counted = {
        part: {output: count._asdict() for output, count in one.counted.items()}
        for part, one in measured.items()
    }
    positive = positive_labels(loop.prepared.compiled, loop.prepared.state)
    named: dict[str, Any] = {"positive": positive} if positive else {}
    if loop.ending is not None:
        named["ending"] = loop.ending.as_json()
    record.end("completed", **_reached(loop), metrics=by_part, counted=counted, **named)
    caveats = _caveats(loop, measured)
    watcher.warned(caveats)
    last = {name: values[-1] for name, values in history.items() if values}
    metrics = next(iter(by_part.values()), last)
    model = loop.model
    return Run(
        folder.path,
        history,
        metrics,
        by_part,
        loop.prepared.compiled,
        lambda: model,
        (*loop.prepared.warnings, *caveats),
    )


def _caveats(loop: Loop, measured: Mapping[str, Measurement]) -> tuple[Diagnostic, ...]:
    """What to know about the training, and about the numbers of the first part."""
    from .caveats import of_training

    steps = loop.fitting.position if loop.fitting is not None else 0
    first = next(iter(measured.values()), None)
    return (*of_training(loop.model, steps), *(first.caveats if first is not None else ()))


@contextmanager
def _saver(loop: Loop, record: Record, signals: Signals, start: Snapshot | None) -> Iterator[Saver]:
    """Checkpoints in the background. What was handed over is on disk afterwards, unless a second
    signal came.
    """
    chosen = loop.training.checkpoint
    saver = Saver(
        Store(record.folder.file(CHECKPOINTS), chosen.keep), chosen.every, loop.plan(None).steps
    )
    if start is not None:
        saver.went_on_from(start)
    try:
        yield saver
    except KeyboardInterrupt:
        if signals.times <= 1:
            saver.close()
        raise
    except BaseException:
        with suppress(RunError):  # the fault at hand is what is to be told
            saver.close()
        raise
    saver.close()


def save(model: keras.Model, path: Path) -> None:
    """The model as one file that plain Keras loads, whole or not at all. Raises `RunError`."""
    with told("the model cannot be saved"):
        write_whole(path, lambda beside: model.save(beside))


def _tried(training: Training) -> Training:
    """With the callbacks that are tried out before a training."""
    found = (one for one in training.callbacks if getattr(one.settings, "tried", True))
    return replace(training, callbacks=tuple(found))


def with_paths_in(folder: Path, training: Training) -> Training:
    """The spec's callbacks, the files they write put into the run folder."""
    return replace(training, callbacks=tuple(_in_folder(one, folder) for one in training.callbacks))


def _in_folder(chosen: Chosen, folder: Path) -> Chosen:
    settings = chosen.settings
    names = getattr(type(settings), "paths", ())
    if isinstance(settings, str) or not names:
        return chosen
    update = {
        name: str(folder / value)
        for name in names
        if isinstance(value := getattr(settings, name), str)
    }
    for path in update.values():
        Path(path).parent.mkdir(parents=True, exist_ok=True)  # Keras does not, for all of them
    return replace(chosen, settings=settings.model_copy(update=update))


# How it ends --------------------------------------------------------------------------------------


def _reached(loop: Loop) -> dict[str, Any]:
    fitting = loop.fitting
    if fitting is None:
        return {"epochs": 0}
    left_out = {"left_out": fitting.numbers.left_out} if fitting.numbers.left_out else {}
    return {
        "epochs": loop.epochs_done,
        "steps": fitting.position,
        "seconds": round(fitting.seconds, 3),
        **left_out,
    }


def _interrupted(loop: Loop, record: Record, signals: Signals) -> Interrupted:
    step = loop.fitting.step if loop.fitting and loop.fitting.epoch == loop.epochs_done else 0
    return Interrupted(record.folder.path, signals.asked or "", loop.epochs_done, step)


@contextmanager
def _recorded(record: Record, loop: Loop, signals: Signals) -> Iterator[None]:
    """However a run ends, the manifest says so."""
    try:
        yield
    except Interrupted:
        record.end("interrupted", signal=signals.asked, **_reached(loop))
        raise
    except KeyboardInterrupt:
        record.end("interrupted", signal=signals.asked, **_reached(loop))
        if signals.times == 1:  # it came while the model was saved or evaluated
            raise _interrupted(loop, record, signals) from None
        raise
    except RunError as error:
        _end_quietly(record, error.diagnostics, loop)
        raise
    except BaseException:  # a bug of ours; the manifest should not say that the run goes on
        _end_quietly(record, (), loop)
        raise


def _end_quietly(record: Record, faults: tuple[Diagnostic, ...], loop: Loop) -> None:
    """The fault at hand is what is to be told, also where the disk is too full to note it down."""
    with suppress(RunError):
        record.end("failed", faults, **_reached(loop))
