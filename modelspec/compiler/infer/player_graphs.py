"""The graphs of the players of a training, which differ in the layers that are trained, and the
players of each layer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from modelspec.core.records import NamedTuple, dataclass

from ..graph import Graph
from ..spec.initial_weights import PatternSet
from ..spec.players_section import Player
from .freeze import freeze_owners, layer_paths, owner_of
from .low_rank import covered
from .typed_graph import TypedCall, TypedGraph


class PlayerGraph(NamedTuple):
    """A player, and the graph in which only its layers are trained."""

    player: Player
    graph: TypedGraph


def player_graphs(typed: TypedGraph, players: Sequence[Player]) -> tuple[PlayerGraph, ...]:
    """The graph of each player, from the graph of the training."""
    return tuple(PlayerGraph(one, _training_only(typed, one.trains)) for one in players)


def _training_only(typed: TypedGraph, patterns: Sequence[str]) -> TypedGraph:
    """The graph in which the layers are frozen that no pattern matches, by themselves or with a
    sub-model.
    """
    chosen = PatternSet(patterns)
    leaves = [
        (path, call)
        for path, call in layer_paths(typed.graph)
        if not isinstance(call.callee, Graph)
    ]
    trained = {owner_of(call) for path, call in leaves if covered(chosen, path)}
    return freeze_owners(typed, {owner_of(call) for _, call in leaves} - trained)


# Layers -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Leaf:
    """A layer with weights that are not frozen, once for all its calls."""

    path: str
    call: TypedCall

    @property
    def outermost(self) -> str:
        """The layer or sub-model of the whole model that contains it."""
        return self.path.partition("/")[0]


def trained_leaves(
    typed: TypedGraph, prefix: str = "", seen: set[int] | None = None
) -> Iterator[Leaf]:
    """Every layer with weights that training changes; layers of sub-models are below their path."""
    seen = set() if seen is None else seen
    if not typed.graph.trainable:
        return
    for call in typed.layers:
        path = f"{prefix}{call.shared or call.name}"
        if call.inside is not None:
            yield from trained_leaves(call.inside, f"{path}/", seen)
            continue
        owner = owner_of(call.call)
        if owner not in seen and any(one.trainable for one in call.weights):
            seen.add(owner)
            yield Leaf(path, call)


def players_of(
    typed: TypedGraph, players: Sequence[Player]
) -> Mapping[str, tuple[Leaf, tuple[Player, ...]]]:
    """By path: every layer that training changes, and the players that train it."""
    chosen = [(one, PatternSet(one.trains)) for one in players]
    return {
        leaf.path: (leaf, tuple(one for one, match in chosen if covered(match, leaf.path)))
        for leaf in trained_leaves(typed)
    }


def reached_leaves(typed: TypedGraph, calls: frozenset[str]) -> frozenset[str]:
    """The paths of the layers with weights that some calls of the model run."""
    found: set[str] = set()
    for call in typed.layers:
        if call.name in calls:
            found |= _inside(call, call.shared or call.name)
    return frozenset(found)


def _inside(call: TypedCall, path: str) -> set[str]:
    if call.inside is None:
        return {path}
    return {
        found
        for one in call.inside.layers
        for found in _inside(one, f"{path}/{one.shared or one.name}")
    }
