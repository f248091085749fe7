"""Layers with weights that no player trains."""

from __future__ import annotations

from collections import Counter

from modelspec.core.diagnostics import Note, listed
from modelspec.core.source import locate

from ..infer.player_graphs import Leaf
from ..spec.players_section import PLAYERS
from .case import Case


def check(case: Case) -> None:
    """Report all such layers at once, if every layer is known."""
    players = case.players
    if not players.players or not players.known:
        return
    every = Counter(leaf.outermost for leaf, _ in players.by_layer.values())
    left = [leaf for leaf, by in players.by_layer.values() if not by]
    unknown = (one for player in players.players for one in players.patterns(player))
    if not left or not all(one.named for one in unknown):  # MS531: a layer is misspelt
        return
    missing = Counter(leaf.outermost for leaf in left)
    names = list(dict.fromkeys(_shown(leaf, missing, every) for leaf in left))
    training, first = case.fitting, left[0].call.call.use.kind_span
    assert training is not None
    case.report.error(
        "MS861",
        f"no player trains {listed(names)}",
        locate(training.node, (PLAYERS,), key=True) or training.span,
        notes=[Note(f"`{left[0].path}` has weights", first)],
        help="add the layer to `trains` of a player, or to `freeze` if its weights should not"
        " change",
    )


def _shown(leaf: Leaf, missing: Counter[str], every: Counter[str]) -> str:
    """The layer, or the sub-model that contains it if no player trains any of its layers."""
    whole = missing[leaf.outermost] == every[leaf.outermost]
    return leaf.outermost if whole else leaf.path
