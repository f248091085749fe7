"""The part of a run in one process: from a built model, at the start or at a checkpoint, to the end
or an interruption.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelspec.compiler.spec.training_section import Chosen, Training
from modelspec.core.diagnostics import Diagnostic

from ..data import RunError
from ..distributed.supported import without_effect
from ..history.slices import SliceResult, as_results, flat_examples, flat_few, flat_metrics
from .atomic_files import write_bytes, write_whole
from .checkpoints import Store
from .decided import decided
from .events import Watcher
from .folder import CHECKPOINTS, HISTORY, METRICS, MODEL
from .framework_errors import as_run_error, diverged
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
    """Train from `start` to the end, evaluate, save. The outcome is recorded in the manifest in all
    cases.

    Raises `RunError`, `Interrupted` after a signal, and `Abandoned` after a second one.
    """
    from .examine import examine as examined
    from .logging import logged

    if loop.group is not None and not loop.group.is_chief:
        return _assist(loop, record, signals, start)
    if loop.group is not None:
        watcher.warned(without_effect(loop.prepared.compiled))
    try:
        with (
            logged(loop, record, watcher, start) as watched,
            reported(record.folder.path, loop.prepared.compiled, lambda: examined(loop)),
            _recorded(record, loop, signals),
            _saver(loop, record, signals, start) as saver,
        ):
            history = _train(loop, record, signals, watched, saver, start)
            return _finish(loop, record, history, watched, signals)
    except Interrupted:
        raise
    except KeyboardInterrupt:
        raise Abandoned(record.folder.path) from None


def _assist(loop: Loop, record: Record, signals: Signals, start: Snapshot | None) -> Run:
    """The part of a run in a process that only computes: the chief saves."""
    try:
        with _recorded(record, loop, signals):
            history = _train(loop, record, signals, Watcher(), None, start)
            signals.require_none()
            _measured(loop)
            record.end("completed", **_reached(loop))
    except Interrupted:
        raise
    except KeyboardInterrupt:
        raise Abandoned(record.folder.path) from None
    return _as_run(loop, record.folder.path, history, {})


def _train(
    loop: Loop,
    record: Record,
    signals: Signals,
    watcher: Watcher,
    saver: Saver | None,
    start: Snapshot | None,
) -> dict[str, list[float]]:
    from .epoch_callbacks import NotFinite, Stopped

    folder = record.folder
    record.begin()
    loop.choices.keep(record.values.get("execution"), record.chose)
    try:
        with as_run_error("the training failed", loop.prepared.compiled):
            of_run = loop.stages[0]
            return loop.fit(
                watcher,
                signals,
                _called(loop, folder.path, of_run.with_callbacks(of_run.of_run)),
                folder.path,
                history=folder.file(HISTORY),
                saver=saver,
                start=start,
                tried_by=lambda scratch, stage: _called(loop, scratch, _tried(stage.training)),
                own=lambda stage: _called(loop, folder.path, stage.with_callbacks(stage.own)),
            )
    except NotFinite as error:
        raise diverged(error, loop.model) from None
    except Stopped:
        if saver is not None:
            save(loop, folder.file(MODEL))
        raise _interrupted(loop, record, signals) from None


def _called(loop: Loop, folder: Path, training: Training) -> list[Any]:
    """The callbacks of the section, with their output files in a folder. Of several processes, only
    the chief reports to servers.
    """
    from ..backend.compile_model import callbacks

    found = callbacks(with_paths_in(folder, training))
    if loop.group is not None and not loop.group.is_chief:
        for one in found:
            if hasattr(one, "reports"):  # kept: all processes restore the state of every callback
                one.reports = False
    return found


def _finish(
    loop: Loop,
    record: Record,
    history: dict[str, list[float]],
    watcher: Watcher,
    signals: Signals,
) -> Run:
    signals.require_none()
    reached = _reached(loop)
    save(loop, record.folder.file(MODEL))
    measured, slices = _measured(loop)
    signals.require_none()
    by_part = {part: one.metrics for part, one in measured.items()}
    numbers = (history, by_part, flat_metrics(slices), flat_few(slices))
    expect = decided(loop.prepared.compiled, record, reached, *numbers)
    results = {**by_part, **as_results(slices), **({"expect": expect} if expect else {})}
    results |= {"stages": _stages(loop, history)} if loop.outcomes else {}
    write_bytes(record.folder.file(METRICS), (json.dumps(results, indent=2) + "\n").encode())
    record.end("completed", **reached, metrics=by_part, **_of_results(loop, measured))
    caveats = _caveats(loop, measured)
    watcher.warned(caveats)
    run = _as_run(loop, record.folder.path, history, by_part)
    return replace(
        run,
        warnings=(*loop.prepared.warnings, *caveats),
        slices=flat_metrics(slices),
        slice_examples=flat_examples(slices),
        few_slices=frozenset(flat_few(slices)),
        expectations=expect,
    )


def _measured(loop: Loop) -> tuple[dict[str, Measurement], dict[str, tuple[SliceResult, ...]]]:
    """The results on the test and the validation part, and on their slices. Every process of the
    run calls this, and measures its share.
    """
    with as_run_error("the evaluation failed", loop.prepared.compiled):
        loop.equalize()
        parts = [part for part in ("test", "validation") if part in loop.prepared.parts]
        measured = {part: loop.evaluate(part) for part in parts}
        slices = {part: loop.evaluate_slices(part) for part in parts}
    return measured, slices


def _of_results(loop: Loop, measured: Mapping[str, Measurement]) -> dict[str, Any]:
    """What the manifest records of the results, besides the metrics."""
    counted = {
        part: {output: count._asdict() for output, count in one.counted.items()}
        for part, one in measured.items()
    }
    positive = positive_labels(loop.prepared.compiled, loop.prepared.state)
    named: dict[str, Any] = {"positive": positive} if positive else {}
    if loop.ending is not None:
        named["ending"] = loop.ending.as_json()
    return {"counted": counted, **named}


def _as_run(
    loop: Loop,
    folder: Path,
    history: dict[str, list[float]],
    by_part: dict[str, dict[str, float]],
) -> Run:
    """The run with the metrics of its first measured part, or else those of the last epoch."""
    last = {name: values[-1] for name, values in history.items() if values}
    metrics = next(iter(by_part.values()), last)
    compiled, model = loop.prepared.compiled, loop.model
    return Run(folder, history, metrics, by_part, compiled, lambda: model, ())


def _stages(loop: Loop, history: Mapping[str, Sequence[float]]) -> list[dict[str, Any]]:
    """How each stage ended, with what it logged in its last epoch."""
    found, ended = [], 0
    for one in loop.outcomes:
        ended += one.epochs
        last = {name: values[ended - 1] for name, values in history.items() if one.epochs}
        logged = {name: value for name, value in last.items() if not math.isnan(value)}
        found.append({**one.as_json(), "metrics": logged})
    return found


def _caveats(loop: Loop, measured: Mapping[str, Measurement]) -> tuple[Diagnostic, ...]:
    """Warnings about the training, and about the results of the first part."""
    from .caveats import of_training

    fitting = loop.fitting
    steps = 0
    if fitting is not None and fitting.stage.is_last:  # else its optimizer has taken none
        steps = fitting.position - fitting.origin.optimizer
    first = next(iter(measured.values()), None)
    return (*of_training(loop.model, steps), *(first.caveats if first is not None else ()))


@contextmanager
def _saver(loop: Loop, record: Record, signals: Signals, start: Snapshot | None) -> Iterator[Saver]:
    """Writes checkpoints in the background. Queued checkpoints are on disk afterwards, unless a
    second signal came.
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
        with suppress(RunError):  # the original error must be reported
            saver.close()
        raise
    saver.close()


def save(loop: Loop, path: Path) -> None:
    """Saves the model atomically as one file that plain Keras loads, with its adapters merged into
    the kernels. Raises `RunError`.
    """
    with as_run_error("the model cannot be saved", loop.prepared.compiled):
        model = _without_adapters(loop)
        write_whole(path, lambda beside: model.save(beside))


def _without_adapters(loop: Loop) -> keras.Model:
    compiled = loop.prepared.compiled
    if compiled.plain is None:
        return loop.model
    from ..backend.adapters import merged

    model = merged(compiled, loop.model, measured=True)
    model.optimizer.build(model.trainable_variables)  # plain Keras expects its values in the file
    return model


def _tried(training: Training) -> Training:
    """Creates the callbacks for the trial before a training."""
    found = (one for one in training.callbacks if getattr(one.settings, "tried", True))
    return replace(training, callbacks=tuple(found))


def with_paths_in(folder: Path, training: Training) -> Training:
    """The callbacks of the spec, with their output files in the run folder."""
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
        Path(path).parent.mkdir(parents=True, exist_ok=True)  # not all of them do this in Keras
    return replace(chosen, settings=settings.model_copy(update=update))


# The end of a run ---------------------------------------------------------------------------------


def _reached(loop: Loop) -> dict[str, Any]:
    fitting = loop.fitting
    if fitting is None:
        return {"epochs": 0}
    left_out = {"left_out": fitting.numbers.left_out} if fitting.numbers.left_out else {}
    stages = {"stages": [one.as_json() for one in loop.outcomes]} if loop.outcomes else {}
    return {
        **stages,
        "epochs": loop.epochs_done,
        "steps": fitting.position,
        "seconds": round(fitting.seconds, 3),
        "execution": fitting.execution,
        **left_out,
    }


def _interrupted(loop: Loop, record: Record, signals: Signals) -> Interrupted:
    step = loop.fitting.step if loop.fitting and loop.fitting.epoch == loop.epochs_done else 0
    return Interrupted(record.folder.path, signals.asked or "", loop.epochs_done, step)


@contextmanager
def _recorded(record: Record, loop: Loop, signals: Signals) -> Iterator[None]:
    """Records the outcome in the manifest, however the run ends."""
    try:
        yield
    except Interrupted:
        record.end("interrupted", signal=signals.asked, **_reached(loop))
        raise
    except KeyboardInterrupt:
        record.end("interrupted", signal=signals.asked, **_reached(loop))
        if signals.times == 1:  # the signal came while the model was saved or evaluated
            raise _interrupted(loop, record, signals) from None
        raise
    except RunError as error:
        _end_quietly(record, error.diagnostics, loop)
        raise
    except BaseException:  # a bug: the manifest must not remain `running`
        _end_quietly(record, (), loop)
        raise


def _end_quietly(record: Record, faults: tuple[Diagnostic, ...], loop: Loop) -> None:
    """The original error is reported, even if the disk is too full to record it."""
    with suppress(RunError):
        record.end("failed", faults, **_reached(loop))
