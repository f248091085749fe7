"""What a run of a trial reports: its epochs to the storage and to the display, and the end of the
run where the pruner asks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from modelspec.compiler.spec.expect_section import PREFIXES
from modelspec.compiler.spec.sweep_section import Objective
from modelspec.runtime.run.events import Epoch, Watcher
from modelspec.runtime.run.signals import Signals

PRUNED: Final = "the pruner"
"""What the manifest of a pruned run names as its signal."""


def logged_name(objective: Objective) -> str | None:
    """The name of an objective in the training log: `val_accuracy`, `accuracy` for
    `train_accuracy`; None if it is not measured after each epoch.
    """
    if objective.key.startswith("val_") and "@" not in objective.key:
        return objective.key
    if objective.key.startswith("train_"):
        return objective.key.removeprefix("train_")
    return None


def is_measured(objective: Objective) -> bool:
    """Whether an objective is a metric of the run, and not a number of the model."""
    return any(objective.key.startswith(one) for one in PREFIXES)


class TrialWatcher(Watcher):
    """Reports the first objective after each epoch; `prunes` returns whether the run ends there."""

    def __init__(
        self,
        name: str | None,
        signals: Signals,
        reported: Callable[[int, float, Mapping[str, float]], bool],
    ) -> None:
        self._name, self._signals, self._reported = name, signals, reported

    def epoch(self, epoch: Epoch) -> None:
        """An epoch ended."""
        value = epoch.logs.get(self._name) if self._name is not None else None
        if value is None:
            return
        if self._reported(epoch.number, float(value), epoch.logs) and self._signals.asked is None:
            self._signals.asked = PRUNED
