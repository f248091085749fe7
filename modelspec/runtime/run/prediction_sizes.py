"""How many rows the batches of a prediction or a measurement have. Loads no framework."""

from __future__ import annotations

from modelspec.compiler.infer.memory import training_memory
from modelspec.compiler.pipeline import Compiled
from modelspec.compiler.rules.loss_terms import penalty

from ..history.used_plugins import used_plugins

_MOST_ROWS = 1024
"""The rows of a batch: more do not make a small model faster."""
_ACTIVATIONS = 32 * 2**20
"""Maximum bytes of the tensors of all layers for a batch with more rows than in training."""


def fixed_size(compiled: Compiled) -> int | None:
    """The batch size that the model is built for; None if it takes any."""
    assert compiled.graph is not None  # a run was trained
    sizes = (one.batch_size for one in compiled.graph.graph.inputs or ())
    return next((size for size in sizes if size), None)


def batch_size(compiled: Compiled) -> int:
    """The number of rows of a batch, unless an option sets it: a fixed size of the model, otherwise
    at least that of the training; more while the tensors of all layers stay small. A model that may
    combine the rows of a batch keeps that of the training: one with layers of plugins, or with a
    layer that is called in training mode (`BatchNormalization` with the statistics of the batch).
    """
    fixed = fixed_size(compiled)
    if fixed is not None:
        return fixed
    trained = compiled.training.batch_size if compiled.training else 32
    assert compiled.graph is not None  # a run was trained
    if used_plugins(compiled) or any(
        one.call.use.options.get("training") for one in compiled.graph.layers
    ):
        return trained
    held = activations(compiled)
    if held is None:
        return trained
    fitting = min(_MOST_ROWS, _ACTIVATIONS // held)
    return max(trained, 1 << fitting.bit_length() - 1 if fitting else 0)


def measuring_size(compiled: Compiled) -> int:
    """The same for the loss and metrics on another source than that of the run.

    A loss that depends on how the examples are split into batches keeps the batch size of the
    training: terms of an objective, penalties of layers, a sum or no reduction.
    """
    training, graph = compiled.training, compiled.graph
    assert training is not None and graph is not None  # a run was trained
    means = all(
        getattr(one.settings, "reduction", None) == "sum_over_batch_size"
        for one in training.losses.values()
    )
    if means and not training.has_objective and penalty(graph) is None:
        return batch_size(compiled)
    return training.batch_size


def activations(compiled: Compiled) -> int | None:
    """The bytes of the tensors of all layers for one row; None if that is unknown."""
    assert compiled.graph is not None  # a run was trained
    memory = training_memory(compiled.graph, None, 1)
    return None if memory is None else max(memory.activations, 1)
