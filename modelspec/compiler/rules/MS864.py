"""A layer that a player trains although its objective does not depend on it."""

from __future__ import annotations

from modelspec.core.diagnostics import listed
from modelspec.core.source import locate

from .case import Case


def check(case: Case) -> None:
    """Report the layers of each player at once; MS863 reports a player without any other."""
    players = case.players
    if not players.players or not players.known:
        return
    for player in players.players:
        idle = players.idle(player)
        if not idle or len(idle) == len(players.leaves(player)):
            continue
        case.report.warning(
            "MS864",
            f"the player `{player.name}` changes no weights of {listed(idle)}: its objective does"
            " not depend on them",
            locate(player.node, ("trains",)) or player.span,
            help="remove them from `trains`, or write a term that depends on them",
        )
