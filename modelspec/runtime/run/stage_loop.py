"""Runs the stages of a training one after the other, as one run with one history. A training
without stages is a single stage.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, TypeAlias

from .callback_logs import rewind
from .epoch_callbacks import Finite, History
from .events import BegunStage, Watcher
from .folder import HISTORY
from .framework_errors import as_run_error
from .saver import Saver, Snapshot
from .signals import Signals
from .trained_stages import Origin, Outcome, StageOfRun, TrainedStage
from .training_ending import stopping_callback
from .training_loop import Fitting
from .training_state import kept

if TYPE_CHECKING:
    from .loop_parts import Loop

_TRIAL = ".trial-"
CallbacksOf: TypeAlias = Callable[[TrainedStage], Sequence[Any]]
"""Creates the callbacks of a stage alone."""
TriedCallbacks: TypeAlias = Callable[[Path, TrainedStage], Sequence[Any]]
"""Creates the callbacks for a trial of a stage, which write their files to a folder."""


@dataclass(frozen=True)
class Given:
    """What a run is given besides its loop."""

    watcher: Watcher
    signals: Signals
    callbacks: Sequence[Any]
    """Those that run over all stages."""
    own: CallbacksOf
    directory: Path | None
    history: History
    saver: Saver | None
    tried_by: TriedCallbacks | None


class StageLoop:
    """The stages of a run, from the start or from the stage of a checkpoint to the end."""

    def __init__(self, loop: Loop, given: Given) -> None:
        self.loop, self.given = loop, given
        self.fitting: Fitting | None = None
        self.outcomes: list[Outcome] = []

    def run(self, start: Snapshot | None) -> Fitting:
        """The last stage that was run. Raises as `Fitting.run` does."""
        origin, resumed = Origin.of(start), start
        self.outcomes = [*origin.ended]
        fitting: Fitting | None = None
        for stage in self.loop.stages[origin.stage :]:
            self.loop.enter(stage, continues=fitting is not None, loads=resumed is None)
            own = list(self.given.own(stage))
            rewind(own, resumed, len(self.given.callbacks), origin.epoch)
            fitting = self._fitting(stage, origin, fitting, own)
            self.loop.fitting = fitting
            if resumed is None and not stage.index and self.given.tried_by is not None:
                trial(fitting, stage, self.given.tried_by, self.given.directory, self.loop)
            self._begin(stage, origin)
            fitting.run(resumed)
            self._note(stage, fitting)
            if fitting.ends_run:
                break
            origin, resumed = self._following(fitting), None
        assert fitting is not None
        return fitting

    def _fitting(
        self, stage: TrainedStage, origin: Origin, before: Fitting | None, own: list[Any]
    ) -> Fitting:
        """The history comes first, so that the row of a stopped epoch is written; the callbacks of
        the spec come last, so that they never get weights that are not finite.
        """
        given, loop = self.given, self.loop
        if not stage.keep:
            origin = origin._replace(optimizer=origin.position)
        place = StageOfRun(
            origin,
            is_last=stage is loop.stages[-1],
            planned=loop.training.epochs,
            callbacks=kept(stage.own, own, origin.epoch),
            before=before,
            choices=loop.choices,
        )
        return Fitting(
            loop.model,
            loop.task(stage, origin),
            history=given.history,
            own=[Finite()],
            saver=given.saver,
            signals=given.signals,
            watcher=given.watcher,
            callbacks=kept(stage.of_run, given.callbacks),
            on_nan=stage.training.on_nan,
            stage=place,
            group=loop.group,
        )

    def _begin(self, stage: TrainedStage, origin: Origin) -> None:
        given, planned = self.given, stage.planned()
        given.history.begin_stage(stage.name, planned.examples)
        if given.saver is not None:
            given.saver.begin_stage(stage.training.checkpoint, planned.steps, origin.position)
        if stage.name is not None:
            left = self.loop.stages[stage.index :]
            epochs = origin.epoch + sum(one.training.epochs for one in left)
            total = origin.position + sum(one.steps * one.training.epochs for one in left)
            begun = BegunStage(planned, origin.epoch, origin.position, epochs, total)
            given.watcher.stage(begun)

    def _note(self, stage: TrainedStage, fitting: Fitting) -> None:
        if stage.name is None:
            return
        epochs, planned = fitting.history.epochs - fitting.origin.epoch, stage.training.epochs
        by = stopping_callback(fitting) if epochs < planned else None
        self.outcomes.append(Outcome(stage.name, epochs, planned, by))

    def _following(self, fitting: Fitting) -> Origin:
        """The place of the next stage."""
        return Origin(
            fitting.origin.stage + 1,
            fitting.history.epochs,
            fitting.position,
            fitting.origin.optimizer,
            tuple(self.outcomes),
        )


def trial(
    fitting: Fitting,
    stage: TrainedStage,
    callbacks: TriedCallbacks,
    folder: Path | None,
    loop: Loop,
) -> None:
    """Run the first step of a stage and the end of an epoch after it, with separate callbacks; the
    model is restored. Files are written to a temporary folder in `folder`, or in that of the
    system, which is removed. Raises `RunError` (MS727).
    """
    for left in folder.glob(f"{_TRIAL}*") if folder is not None else ():
        rmtree(left, ignore_errors=True)  # left by a process that was killed
    with (
        as_run_error("one step of the training fails", loop.prepared.compiled, code="MS727"),
        TemporaryDirectory(prefix=_TRIAL, dir=folder) as scratch,
    ):
        record = History(Path(scratch) / HISTORY, Watcher(), 0)
        fitting.rehearse([record, *callbacks(Path(scratch), stage)])
