"""The stages of a training as they are run. Without stages, it is one stage without a name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from modelspec.compiler.spec.training_section import Chosen, Training

from ..data import Prepared
from ..data.batches import steps
from .events import PlannedStage
from .saver import Snapshot
from .xla_choices import Choices

if TYPE_CHECKING:
    from .training_loop import Fitting
    from .training_state import KeptCallback


@dataclass(frozen=True)
class TrainedStage:
    """A stage with its data."""

    index: int
    name: str | None
    training: Training
    prepared: Prepared
    of_run: tuple[Chosen, ...]
    """The callbacks that run over all stages."""
    own: tuple[Chosen, ...] = ()
    """The callbacks of this stage."""
    keep: bool = False
    """Whether it continues with the optimizer of the stage before."""
    loads: bool = False
    """Whether it begins with the weights of its own file."""

    @property
    def steps(self) -> int:
        """The steps of an epoch."""
        return steps(self.prepared.parts["train"].epoch_size, self.training.batch_size)

    def with_callbacks(self, callbacks: tuple[Chosen, ...]) -> Training:
        """What it trains with, with some of its callbacks."""
        return replace(self.training, callbacks=callbacks)

    def planned(self) -> PlannedStage:
        """What a watcher shows of it."""
        examples = self.prepared.parts["train"].epoch_size
        batch_size = self.training.batch_size
        return PlannedStage(self.name, self.training.epochs, self.steps, batch_size, examples)


def trained_stages(prepared: Prepared, training: Training) -> tuple[TrainedStage, ...]:
    """The stages of a training, in order."""
    if not training.stages:
        return (TrainedStage(0, None, training, prepared, training.callbacks),)
    return tuple(
        TrainedStage(
            index,
            one.name,
            one.training,
            data,
            one.of_run,
            one.own,
            keep=one.keep is not None,
            loads=one.loads and index > 0,
        )
        for index, (one, data) in enumerate(zip(training.stages, prepared.stages, strict=True))
    )


class Outcome(NamedTuple):
    """How a stage ended."""

    name: str
    epochs: int
    planned: int
    stopped_by: str | None = None
    """The callback of the stage that ended it before its last epoch."""

    def as_json(self) -> dict[str, Any]:
        """Without empty entries."""
        return {key: value for key, value in self._asdict().items() if value is not None}


class Origin(NamedTuple):
    """Where a stage begins in the run."""

    stage: int = 0
    epoch: int = 0
    """The number of completed epochs of the run."""
    position: int = 0
    """The number of completed steps of the run."""
    optimizer: int = 0
    """The same where its optimizer was created."""
    ended: tuple[Outcome, ...] = ()
    """The stages before it."""

    def as_json(self) -> dict[str, Any]:
        """For a checkpoint."""
        return {**self._asdict(), "ended": [one.as_json() for one in self.ended]}

    @classmethod
    def of(cls, start: Snapshot | None) -> Origin:
        """That of the stage in which a snapshot was taken; the beginning without a snapshot, and
        for one of a version without stages.
        """
        found = start.state.get("stage") if start is not None else None
        if not isinstance(found, Mapping):
            return cls()
        ended = found.get("ended")
        before = tuple(Outcome(**one) for one in ended) if isinstance(ended, Sequence) else ()
        stage, epoch = int(found["stage"]), int(found["epoch"])
        return cls(stage, epoch, int(found["position"]), int(found["optimizer"]), before)


START: Final = Origin()
"""The beginning of a run."""


@dataclass(frozen=True)
class StageOfRun:
    """The place of a stage in its run. By default it is the whole run."""

    origin: Origin = START
    is_last: bool = True
    planned: int = 0
    """The planned epochs of the run; 0: those of the stage."""
    callbacks: Sequence[KeptCallback] = ()
    """Those of this stage alone."""
    before: Fitting | None = None
    """The stage before, if this process ran it."""
    choices: Choices = field(default_factory=lambda: Choices(auto=False))
    """Those of the run about XLA."""
