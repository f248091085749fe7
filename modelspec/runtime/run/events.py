"""What a run tells whoever watches it. Nothing in this package prints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from modelspec.core.diagnostics import Diagnostic

from ..history.ending import Ending

Logs = Mapping[str, float]


def loss_first(logs: Logs) -> dict[str, float]:
    """Logs as a person reads them: of each part the loss before the metrics, training before
    validation.
    """

    def place(name: str) -> tuple[bool, bool]:
        return name.startswith("val_"), name not in ("loss", "val_loss")

    return {name: logs[name] for name in sorted(logs, key=place)}


@dataclass(frozen=True)
class Plan:
    """What is about to be done."""

    directory: Path | None
    epochs: int
    steps: int
    """Steps of an epoch."""
    examples: Mapping[str, int]
    """By part."""
    batch_size: int


@dataclass(frozen=True)
class Epoch:
    """One epoch that ended."""

    number: int
    """From 1."""
    logs: Logs
    seconds: float
    """Validation included."""
    training_seconds: float
    examples: int
    """How many it trained on."""

    @property
    def examples_per_second(self) -> float:
        return self.examples / max(self.training_seconds, 1e-9)


class Watcher:
    """Watches nothing; subclass it to be told."""

    wants_steps = False
    """Whether `step` is to be called."""

    def warned(self, diagnostics: tuple[Diagnostic, ...]) -> None:
        """The data, the run or a checkpoint has something that may be wrong."""

    def loading(self) -> None:
        """The framework is about to be loaded, which takes seconds."""

    def started(self, plan: Plan) -> None:
        """Training begins."""

    def step(self, epoch: int, step: int, logs: Logs) -> None:
        """A step (from 1) of an epoch (from 1) ended; of several quick ones only the last is told
        of.
        """

    def epoch(self, epoch: Epoch) -> None:
        """An epoch ended."""

    def finished(self, ending: Ending) -> None:
        """Training came to its end, which may be before its last epoch."""

    def ended(self) -> None:
        """Training ended, or failed before it began."""
