"""The players of a training: for people and programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from modelspec.compiler.infer.player_graphs import PlayerGraph


def player_lines(players: Sequence[PlayerGraph]) -> list[tuple[str, str]]:
    """`player critic`, `2 updates in each step, 129 trainable parameters, Adam`."""
    return [(f"player {one.player.name}", _line(one)) for one in players]


def _line(one: PlayerGraph) -> str:
    count, updates = one.graph.trainable_parameters, one.player.updates
    trainable = "an unknown number of" if count is None else f"{count:,}"
    turns = f"{updates:,} update{'' if updates == 1 else 's'} in each step"
    return f"{turns}, {trainable} trainable parameters, {one.player.optimizer.kind()}"


def player_records(players: Sequence[PlayerGraph]) -> list[dict[str, Any]]:
    """The same as plain values."""
    return [
        {
            "name": player.name,
            "updates": player.updates,
            "trains": list(player.trains),
            "trainable_parameters": graph.trainable_parameters,
            "optimizer": player.optimizer.kind(),
        }
        for player, graph in players
    ]
