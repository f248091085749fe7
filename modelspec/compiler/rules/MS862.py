"""A layer that two players train because of a wildcard."""

from __future__ import annotations

from collections.abc import Iterator

from modelspec.core.diagnostics import Note, Span

from ..infer.low_rank import covered
from ..spec.initial_weights import PatternSet, is_wild
from ..spec.players_section import Player
from .case import Case


def check(case: Case) -> None:
    """Report each pattern once. A layer that the lists of both players name is intended."""
    players = case.players
    if not players.players or not players.known:
        return
    seen = set[Span]()
    for path, (_, by) in players.by_layer.items():
        if len(by) < 2:
            continue
        for player, text, span in _wild(case, path, by):
            if span not in seen:
                seen.add(span)
                other = next(one for one in by if one is not player)
                case.report.error(
                    "MS862",
                    f"`{text}` makes `{player.name}` train `{path}`, which the player"
                    f" `{other.name}` trains too",
                    span,
                    notes=[Note(f"the player `{other.name}`", other.span)],
                    help=f"write a pattern that does not match `{path}`; if both players should"
                    " train it, write its name in both lists",
                )


def _wild(case: Case, path: str, by: tuple[Player, ...]) -> Iterator[tuple[Player, str, Span]]:
    """The players that match a layer by wildcards only, each with its first such pattern."""
    for player in by:
        found = [
            one for one in case.players.patterns(player) if covered(PatternSet((one.text,)), path)
        ]
        if found and all(is_wild(one.text) for one in found):
            yield player, found[0].text, found[0].span
