"""The players of a training: the weights that each trains, its optimizer, its loss, and the tensors
that its terms read.

    player_weights    model, training -> by player: its layers and their weights
    PlayersOptimizer  the optimizers of all players as the one that a Keras model is compiled with
    PlayersObjective  the terms of all players, and their losses
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from modelspec.compiler.graph import Ref
from modelspec.compiler.infer import TypedGraph
from modelspec.compiler.infer.objective_terms import ResolvedTerm
from modelspec.compiler.infer.player_graphs import player_graphs
from modelspec.compiler.spec.players_section import Player
from modelspec.compiler.spec.training_section import Training

from .attached_objective import inside_of
from .inner_names import inner_name
from .objective import Generators, Objective, Taps, depth_of
from .stage_model import model_in


class Trained(NamedTuple):
    """What a player trains."""

    layers: tuple[Any, ...]
    weights: tuple[Any, ...]
    """The trainable variables of these layers, in the order of the model."""


def player_weights(model: keras.Model, training: Training) -> dict[str, Trained]:
    """By player: what it trains."""
    inside = inside_of(model)
    assert inside is not None  # it was built for a training with terms
    found = {}
    for player, graph in player_graphs(inside.typed, training.players):
        layers = tuple({id(one): one for one in _layers(model, graph)}.values())
        owned = {id(one) for layer in layers for one in layer.trainable_variables}
        weights = tuple(one for one in model.trainable_variables if id(one) in owned)
        found[player.name] = Trained(layers, weights)
    return found


def _layers(model: Any, graph: TypedGraph) -> Iterator[Any]:
    """The layers of a model with weights that are trainable in its graph."""
    if not graph.graph.trainable:
        return
    layers = {one.name: one for one in model.layers}
    for call in graph.layers:
        layer = layers.get(inner_name(call.shared or call.name))
        if layer is None:  # no output depends on it
            continue
        if call.inside is not None:
            yield from _layers(model_in(layer), call.inside)
        elif any(one.trainable for one in call.weights):
            yield layer


# Optimizers ---------------------------------------------------------------------------------------


class PlayersOptimizer(keras.optimizers.MultiOptimizer):
    """The optimizers of players as one optimizer of a Keras model: its variables are those of all
    of them. A training step updates weights with the optimizer of one player.
    """

    built: bool

    def __init__(self, players: Mapping[str, tuple[Any, Trained]]) -> None:
        super().__init__(lambda variable: None, name="players")
        self.by_player = {name: optimizer for name, (optimizer, _) in players.items()}
        self.trained = {name: trained for name, (_, trained) in players.items()}
        self._inner_optimizers = [
            inner for one in self.by_player.values() for inner in _innermost(one)
        ]

    def build(self, var_list: Sequence[Any]) -> None:
        """Create the variables of every optimizer, for the weights of its player."""
        if self.built:
            return
        for name, optimizer in self.by_player.items():
            optimizer.build(list(self.trained[name].weights))
        self.built = True

    @property
    def variables(self) -> list[Any]:
        """Those of all players."""
        return [one for optimizer in self.by_player.values() for one in optimizer.variables]

    def apply(self, grads: Any, trainable_variables: Any = None) -> None:
        """Raises `NotImplementedError`: one gradient has no meaning for several players."""
        raise NotImplementedError(
            "a model with `training.players` is trained by `spec.train()`, not by `model.fit`:"
            " each player has its own loss"
        )


def _innermost(optimizer: Any) -> list[Any]:
    """The optimizers inside a loss scale and inside a `MultiOptimizer`."""
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    return list(getattr(inner, "optimizers", [inner]))


# Objectives ---------------------------------------------------------------------------------------


class PlayersObjective(Objective):
    """The terms of all players, which are logged by their names, and the losses of the players."""

    def __init__(
        self,
        terms: Sequence[ResolvedTerm],
        generators: Generators,
        players: Sequence[Player],
        trained: Mapping[str, Trained],
    ) -> None:
        super().__init__(terms, generators)
        self.players = tuple(players)
        self._layers = {one.name: trained[one.name].layers for one in players}
        self.losses = {one.name: keras.metrics.Mean(name=inner_name(one.loss)) for one in players}
        terms_of = {one.name: [self.means[name] for name in one.terms] for one in players}
        self._means = [
            mean for name, loss in self.losses.items() for mean in (loss, *terms_of[name])
        ]

    @property
    def metrics(self) -> list[Any]:
        """Each loss, followed by the terms of its player."""
        return self._means

    def loss(self, player: Player, values: Mapping[str, Any], taps: Taps, *, training: bool) -> Any:
        """The loss of a player on a batch: the weighted sum of its terms, and the regularization of
        the layers that it trains, as far as `taps` ran them.
        """
        own = {name: value for name, value in values.items() if name in player.terms}
        total = self.total(own, training=training)
        added = [
            tf.cast(one, total.dtype)
            for layer in self.layers_of(player, taps)
            for one in layer.losses
        ]
        return tf.add_n([total, *added])

    def layers_of(self, player: Player, taps: Taps) -> list[Any]:
        """The layers that a player trains, as far as `taps` ran them."""
        run = set(map(id, taps.model._flatten_layers()))
        return [layer for layer in self._layers[player.name] if id(layer) in run]

    def measure(self, values: Mapping[str, Any], examples: Any, taps: Taps) -> None:
        """Adds the values and losses of a measured batch to the means."""
        super().update_means(values, examples)
        for player in self.players:
            loss = self.loss(player, values, taps, training=False)
            self.losses[player.name].update_state(loss, sample_weight=examples)


class Turn(NamedTuple):
    """A player with what its updates need."""

    player: Player
    taps: Taps
    """The tensors that its terms read."""
    weights: tuple[Any, ...]
    optimizer: Any


def turns(
    model: keras.Model,
    training: Training,
    terms: Iterable[ResolvedTerm],
    tensor: Callable[[Ref], Any],
) -> tuple[Turn, ...]:
    """The players of a compiled model, in order. The last one computes the outputs of the model
    too, if they have metrics.
    """
    by_name = {one.name: one for one in terms}
    optimizer = model.optimizer
    measured = bool(training.metrics or training.weighted_metrics)
    found = []
    for player in training.players:
        own = [by_name[name] for name in player.terms]
        refs = [ref for one in own for ref in one.tensors.values()]
        whole = measured and player is training.players[-1]
        taps = Taps(model, refs, tensor, depth_of(own), outputs=whole)
        weights = optimizer.trained[player.name].weights
        found.append(Turn(player, taps, weights, optimizer.by_player[player.name]))
    return tuple(found)
