"""A player that trains nothing."""

from __future__ import annotations

from modelspec.core.diagnostics import Note
from modelspec.core.source import locate

from .case import Case


def check(case: Case) -> None:
    """Report a player whose layers have no weights to train, or whose objective depends on none of
    them.
    """
    players = case.players
    if not players.players or not players.known:
        return
    for player in players.players:
        trains = locate(player.node, ("trains",)) or player.span
        leaves = players.leaves(player)
        if not leaves:
            if all(one.named for one in players.patterns(player)):  # MS531 reports the others
                case.report.error(
                    "MS863",
                    f"the player `{player.name}` trains nothing: its layers have no weights that"
                    " are trained",
                    trains,
                    help="name layers with weights that are not frozen",
                )
        elif len(players.idle(player)) == len(leaves):
            case.report.error(
                "MS863",
                f"the objective of the player `{player.name}` depends on none of the layers that"
                " it trains",
                locate(player.node, ("objective",), key=True) or player.span,
                notes=[Note("the layers that it trains", trains)],
                help="write a term that depends on them, or train other layers",
            )
