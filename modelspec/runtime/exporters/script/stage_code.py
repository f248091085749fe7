"""The stages of a training in a script: the layers that each of them freezes."""

from __future__ import annotations

from collections.abc import Iterator

from modelspec.compiler.infer import TypedGraph
from modelspec.compiler.spec.stages import Stage
from modelspec.compiler.spec.training_section import Training
from modelspec.runtime.backend.inner_names import inner_name
from modelspec.runtime.data.errors import RunError

from .python_code import INDENT, docstring

FREEZE = [
    "def freeze(model, paths) -> None:",
    docstring("Make all layers trainable except those at some paths.", INDENT),
    f"{INDENT}model.trainable = True",
    f"{INDENT}for path in paths:",
    f"{INDENT * 2}layer = model",
    f'{INDENT * 2}for name in path.split("/"):',
    f'{INDENT * 3}layer = getattr(layer, "layer", layer).get_layer(name)',
    f"{INDENT * 2}layer.trainable = False",
]


def frozen_layers(graph: TypedGraph) -> list[str]:
    """The paths of the layers and sub-models that are not trained, in the names of Keras."""
    return list(dict.fromkeys(_frozen(graph, "")))


def _frozen(graph: TypedGraph, prefix: str) -> Iterator[str]:
    for call in graph.alive:
        path = f"{prefix}{inner_name(call.shared or call.name)}"
        if call.inside is not None and call.inside.graph.trainable:
            yield from _frozen(call.inside, f"{path}/")
        elif call.inside is not None or not getattr(call.call.callee, "trainable", True):
            yield path


def refuse_objective(stage: Stage) -> None:
    """Raises `RunError` (MS763) if a stage has terms beside the losses of its outputs."""
    if stage.training.objective:
        raise RunError.of(
            "MS763",
            f"a Python script supports no `objective` in stages: `{stage.name}` has one",
            help="choose another format, e.g. `--to keras`",
        )


def refuse_players(training: Training) -> None:
    """Raises `RunError` (MS763) if players train the model."""
    if training.players:
        raise RunError.of(
            "MS763",
            "a Python script supports no `players`: `model.fit` of Keras has one loss and one"
            " optimizer",
            help="choose another format for the model, e.g. `--to keras`",
        )


def stage_notices(stage: Stage, *, keeps: bool) -> list[str]:
    """What the script does not do as the run did. `keeps`: the stage trains the same weights as the
    one before.
    """
    found = []
    if stage.data.where is not None or stage.data.augment is not None:
        found.append(
            f"`data` of the stage `{stage.name}` is left out of the script: every stage trains on"
            " the same `x` and `y`"
        )
    if stage.keep is not None and not keeps:
        found.append(
            f"the script creates a new optimizer for the stage `{stage.name}`, which trains other"
            " weights than the stage before"
        )
    if stage.loads:
        found.append(f"the stage `{stage.name}` of the script reads no file of weights")
    return found
