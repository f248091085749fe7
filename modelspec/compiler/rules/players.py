"""The players of a training with the layers that each trains, if every layer could be inferred."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from ..infer import TypedGraph
from ..infer.objective_terms import reached_calls, resolved_terms
from ..infer.player_graphs import Leaf, players_of, reached_leaves
from ..spec.players_section import PLAYERS, Player
from ..spec.training_section import Training
from .layer_patterns import Pattern, complete, patterns


class PlayersCase:
    """What the rules on players have in common. It does not refer to its `Case`: such a cycle would
    keep every checked spec in memory until the next search for cycles.
    """

    def __init__(self, typed: TypedGraph | None, training: Training | None) -> None:
        self._typed = typed
        self._training = training
        self.players: tuple[Player, ...] = training.players if training is not None else ()
        self.known = typed is not None and complete(typed)
        """Whether the layers of the players can be checked."""

    @cached_property
    def by_layer(self) -> Mapping[str, tuple[Leaf, tuple[Player, ...]]]:
        """By path: every layer that training changes, and the players that train it."""
        assert self._typed is not None
        return players_of(self._typed, self.players)

    def leaves(self, player: Player) -> dict[str, Leaf]:
        """The layers that a player trains, by their paths."""
        return {path: leaf for path, (leaf, by) in self.by_layer.items() if player in by}

    def idle(self, player: Player) -> list[str]:
        """The paths of the layers that a player trains, but that its objective does not depend on;
        none if the objective has errors.
        """
        typed = self._typed
        assert typed is not None
        terms = resolved_terms(typed, player.terms)
        if len(terms) < len(player.terms):
            return []
        counted = [one for one in terms if one.term.counts]
        reached = reached_leaves(typed, reached_calls(typed, counted))
        return [path for path in self.leaves(player) if path not in reached]

    def patterns(self, player: Player) -> list[Pattern]:
        """The patterns of `trains`, each with the layers that it matches."""
        training, typed = self._training, self._typed
        assert training is not None and typed is not None
        return patterns(typed, training, (PLAYERS, player.name, "trains"))
