"""Runs that `EarlyStopping` ended before their last epoch, and how they continue.

With a larger patience a run continues as if it had begun with it. With more epochs alone the stop
is not repeated: the epochs without improvement are counted again from the last one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from modelspec.catalog.components.callbacks import EarlyStopping
from modelspec.compiler.spec.training_section import Chosen, Training

from .manifest import Manifest
from .saver import Snapshot
from .trained_stages import TrainedStage


def was_stopped(manifest: Manifest) -> bool:
    """Whether a callback ended the run before its last epoch."""
    ending = manifest.values.get("ending")
    return isinstance(ending, dict) and ending.get("stopped_by") is not None


def raises_patience(was: Training, now: Training) -> bool:
    """Whether an `EarlyStopping` waits longer than before."""
    before, after = list(_patiences(was)), list(_patiences(now))
    same = len(before) == len(after)
    return same and any(new > old for old, new in zip(before, after, strict=True))


def _patiences(training: Training) -> Iterator[int]:
    chosen = [*training.callbacks, *(one for stage in training.stages for one in stage.own)]
    for one in chosen:
        if isinstance(one.settings, EarlyStopping):
            yield one.settings.patience


def counted_again(start: Snapshot, stage: TrainedStage) -> Snapshot:
    """The snapshot before the end of the last epoch, with callbacks that do not stop there."""
    saved = start.state["callbacks"]
    chosen = (*stage.of_run, *stage.own)
    if len(saved) != len(chosen):
        return start
    callbacks = [_waiting(*both) for both in zip(saved, chosen, strict=True)]
    return replace(start, state={**start.state, "callbacks": callbacks})


def _waiting(saved: dict[str, Any], chosen: Chosen) -> dict[str, Any]:
    """The state of a callback that has not waited as long as its patience after one more epoch."""
    settings, values = chosen.settings, saved.get("values")
    if not isinstance(settings, EarlyStopping) or not isinstance(values, dict):
        return saved
    wait = values.get("wait")
    if not isinstance(wait, int) or wait + 1 < settings.patience:
        return saved
    return {**saved, "values": {**values, "wait": min(-1, settings.patience - 2)}}
