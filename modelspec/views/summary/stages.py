"""The stages of a training: for people and programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from modelspec.compiler.infer.stage_graphs import StageGraph


def stage_lines(stages: Sequence[StageGraph]) -> list[tuple[str, str]]:
    """`stage head`, `5 epochs in batches of 32, 51 trainable parameters, Adam`."""
    return [(f"stage {stage.name}", _line(StageGraph(stage, graph))) for stage, graph in stages]


def _line(one: StageGraph) -> str:
    stage, training = one.stage, one.stage.training
    epochs = f"{training.epochs:,} epoch{'' if training.epochs == 1 else 's'}"
    trainable = one.graph.trainable_parameters
    count = "an unknown number of" if trainable is None else f"{trainable:,}"
    optimizer = training.optimizer.kind() + (", kept" if stage.keep is not None else "")
    size = f"in batches of {training.batch_size:,}"
    return f"{epochs} {size}, {count} trainable parameters, {optimizer}"


def stage_records(stages: Sequence[StageGraph]) -> list[dict[str, Any]]:
    """The same as plain values."""
    return [
        {
            "name": stage.name,
            "epochs": stage.training.epochs,
            "batch_size": stage.training.batch_size,
            "trainable_parameters": graph.trainable_parameters,
            "optimizer": stage.training.optimizer.kind(),
            "keeps_optimizer": stage.keep is not None,
        }
        for stage, graph in stages
    ]
