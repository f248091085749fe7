"""The objective of a compiled model, and the inner tensors that its terms read.

A Keras model does not keep the names of a spec, so the tensors are remembered when it is built.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import keras

from modelspec.compiler.graph import Ref
from modelspec.compiler.infer import TypedGraph
from modelspec.compiler.infer.objective_terms import ResolvedTerm, resolved_terms
from modelspec.compiler.spec.training_section import Training

from .objective import Generators, Objective, Taps, depth_of

if TYPE_CHECKING:
    from .players import Turn


class Attached(NamedTuple):
    """An objective and the tensors that it reads."""

    taps: Taps
    objective: Objective
    turns: tuple[Turn, ...] = ()
    """Those of the players, if the training has players."""

    @property
    def variables(self) -> list[Any]:
        """The variables beside those of the model on which the next step depends."""
        own = {id(one): one for taps in self._every_taps for one in taps.variables}
        return [*own.values(), *self.objective.variables]

    @property
    def _every_taps(self) -> tuple[Taps, ...]:
        return (self.taps, *(one.taps for one in self.turns))


class Inside:
    """What is known about the inside of a built model."""

    def __init__(self, typed: TypedGraph, tensor: Callable[[Ref], Any], seed: int) -> None:
        self.typed = typed
        self.tensor = tensor
        self.generators = Generators(seed)
        self.attached: Attached | None = None


def remember(
    model: keras.Model, typed: TypedGraph, tensor: Callable[[Ref], Any], seed: int
) -> None:
    """Keeps the typed graph of a model, and the function from its references to Keras tensors."""
    model.modelspec_inside = Inside(typed, tensor, seed)


def inside_of(model: keras.Model) -> Inside | None:
    """What was remembered of a model; None if nothing was."""
    return getattr(model, "modelspec_inside", None)


def attach(model: keras.Model, training: Training) -> None:
    """Makes the terms of a training the objective of the model, in place of earlier ones."""
    inside = inside_of(model)
    if inside is None:
        return
    if inside.attached is not None:
        for mean in inside.attached.objective.metrics:
            model._metrics.remove(mean)
    inside.attached = None
    terms = resolved_terms(inside.typed, training.objective)
    if terms:
        refs = [ref for one in terms for ref in one.tensors.values()]
        taps = Taps(model, refs, inside.tensor, depth_of(terms))
        inside.attached = _attached(model, inside, training, terms, taps)
        # The list of Keras, so that its logs and its reset contain these means.
        model._metrics.extend(inside.attached.objective.metrics)


def _attached(
    model: keras.Model,
    inside: Inside,
    training: Training,
    terms: tuple[ResolvedTerm, ...],
    taps: Taps,
) -> Attached:
    if not training.players:
        return Attached(taps, Objective(terms, inside.generators))
    from .players import PlayersObjective, turns

    trained = model.optimizer.trained
    objective = PlayersObjective(terms, inside.generators, training.players, trained)
    return Attached(taps, objective, turns(model, training, terms, inside.tensor))


def at_place(model: keras.Model, epoch: int, step: int) -> None:
    """Measures the objective of a model, if it has one, with the weights of the step before."""
    found = attached(model)
    if found is not None:
        found.objective.at(epoch, step)


def has_players(model: keras.Model) -> bool:
    """Whether players train a model."""
    found = attached(model)
    return found is not None and bool(found.turns)


def loss_names(model: keras.Model) -> tuple[str, ...]:
    """The logged names of the losses that training minimizes."""
    found = attached(model)
    turns = found.turns if found is not None else ()
    return tuple(one.player.loss for one in turns) or ("loss",)


def attached(model: keras.Model) -> Attached | None:
    """The objective of a model, if it has one."""
    inside = inside_of(model)
    return inside.attached if inside is not None else None
