"""The events that a run reports to its watchers. Only `progress.py`, `bars.py` and `verbose.py`
print.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from modelspec.core.diagnostics import Diagnostic

from ..history.ending import Ending

Logs = Mapping[str, float]


def loss_first(logs: Logs) -> dict[str, float]:
    """Logs in reading order: for each part the loss before the metrics, training before
    validation.
    """

    def place(name: str) -> tuple[bool, bool]:
        return name.startswith("val_"), name not in ("loss", "val_loss")

    return {name: logs[name] for name in sorted(logs, key=place)}


@dataclass(frozen=True)
class Plan:
    """The plan of a training."""

    directory: Path | None
    epochs: int
    steps: int
    """Steps per epoch."""
    examples: Mapping[str, int]
    """The number of examples by part."""
    batch_size: int
    stages: tuple[PlannedStage, ...] = ()
    """The stages of the training, if it has any; `steps` and `batch_size` are those of the first.
    """
    drawn: int | None = None
    """The number of examples that `data.balance` draws for an epoch; None: each once."""

    @property
    def per_epoch(self) -> int:
        """The number of training examples of an epoch."""
        return self.examples["train"] if self.drawn is None else self.drawn

    @property
    def length(self) -> str:
        """`20 x 40`: the epochs and their steps; a sum over the stages."""
        stages = [(one.epochs, one.steps) for one in self.stages] or [(self.epochs, self.steps)]
        return " + ".join(f"{epochs} x {steps}" for epochs, steps in stages)


@dataclass(frozen=True)
class PlannedStage:
    """The plan of a stage of a training."""

    name: str | None
    """None for the only stage of a training without stages."""
    epochs: int
    steps: int
    """Steps per epoch."""
    batch_size: int
    examples: int
    """The number of training examples."""


@dataclass(frozen=True)
class BegunStage:
    """A stage, and where it begins or continues in the run."""

    plan: PlannedStage
    first_epoch: int
    """The number of epochs of the stages before."""
    first_step: int
    """The number of their steps."""
    epochs: int
    """The number of epochs of the run, if no stage ends early from here on."""
    total: int
    """The number of its steps."""


@dataclass(frozen=True)
class Epoch:
    """A completed epoch."""

    number: int
    """From 1."""
    logs: Logs
    seconds: float
    """Validation included."""
    training_seconds: float
    examples: int
    """The number of training examples."""
    stage: str | None = None
    """The stage of the training that it belongs to."""

    @property
    def examples_per_second(self) -> float:
        return self.examples / max(self.training_seconds, 1e-9)


class Watcher:
    """Ignores all events; subclass it to receive them."""

    wants_steps = False
    """Whether `step` is called."""

    def warned(self, diagnostics: tuple[Diagnostic, ...]) -> None:
        """Warnings about the data, the run or a checkpoint."""

    def loading(self) -> None:
        """The framework will be loaded, which takes several seconds."""

    def started(self, plan: Plan) -> None:
        """Training begins."""

    def stage(self, begun: BegunStage) -> None:
        """A stage of the training begins, or continues after a resume."""

    def step(self, epoch: int, step: int, logs: Logs) -> None:
        """A step (from 1) of an epoch (from 1) ended; of several quick steps only the last is
        reported.
        """

    def epoch(self, epoch: Epoch) -> None:
        """An epoch ended."""

    def finished(self, ending: Ending) -> None:
        """Training was completed, possibly before its last epoch."""

    def ended(self) -> None:
        """Training ended, or failed before it began."""
