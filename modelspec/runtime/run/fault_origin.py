"""The origin in a spec of an error of Keras or TensorFlow: the layer, metric, loss, optimizer or
callback that raised it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import keras

from modelspec.compiler.infer import TypedGraph
from modelspec.compiler.pipeline import Compiled
from modelspec.compiler.spec.training_section import Chosen, Training
from modelspec.core.diagnostics import Span
from modelspec.core.registry import snake_case

from ..backend.inner_names import spec_name

_NODE = re.compile(r"Detected at node (\S+)|\{\{node (\S+?)\}\}")
_COUNTED = re.compile(r"_\d+$")


class Origin(NamedTuple):
    """The component that raised an error."""

    what: str
    """Its description: "layer `conv`"."""
    span: Span | None
    """Its place in the spec."""


def origin(error: BaseException, compiled: Compiled) -> Origin | None:
    """The component that raised an error, from the traceback or TensorFlow's message; None if
    neither contains it.
    """
    for one in _objects(error):
        if (found := _place(one, compiled)) is not None:
            return found
    return _in_node(str(error), compiled)


def _objects(error: BaseException) -> Iterator[Any]:
    """The objects whose methods are in the traceback, the innermost first."""
    frames = []
    trace = error.__traceback__
    while trace is not None:
        frames.append(trace.tb_frame)
        trace = trace.tb_next
    for frame in reversed(frames):
        one = frame.f_locals.get("self")
        if one is not None:
            yield one


def _place(one: Any, compiled: Compiled) -> Origin | None:
    training = compiled.training
    if isinstance(one, keras.layers.Layer):
        name = spec_name(one.name)
        span = _layer(compiled.graph, name)
        return Origin(f"layer `{name}`", span) if span is not None else None
    if training is None:
        return None
    if isinstance(one, keras.metrics.Metric):
        return _chosen("metric", one, _metrics(training))
    if isinstance(one, keras.losses.Loss):
        return _chosen("loss", one, training.losses.values())
    if isinstance(one, keras.optimizers.Optimizer):
        player = next((player for player in training.players if player.name == one.name), None)
        entry = (player.node if player else training.node).entries.get("optimizer")
        return Origin(
            f"optimizer `{type(one).__name__}`", entry.value.span if entry else training.span
        )
    if isinstance(one, keras.callbacks.Callback):
        return _chosen("callback", one, training.callbacks)
    return None


def _layer(typed: TypedGraph | None, name: str) -> Span | None:
    """The place of a layer in the spec; it may be shared or in a sub-model."""
    for call in typed.layers if typed is not None else ():
        if name in (call.name, call.shared) and call.inside is None:
            return call.call.use.kind_span
        if call.inside is not None and (found := _layer(call.inside, name)) is not None:
            return found
    return None


def _metrics(training: Training) -> Iterator[Chosen]:
    for by_output in (training.metrics, training.weighted_metrics):
        for metrics in by_output.values():
            yield from metrics


def _chosen(noun: str, one: Any, every: Iterable[Chosen]) -> Origin | None:
    """The component of the spec that an object was created from, by name or class."""
    kind = type(one).__name__
    names = {spec_name(getattr(one, "name", "") or ""), kind, snake_case(kind)}
    for chosen in every:
        settings = chosen.settings
        own = {chosen.written} if isinstance(settings, str) else {settings.kind()}
        if name := getattr(settings, "log_name", None) or getattr(settings, "name", None):
            own = {name}
        if own & names:
            return Origin(f"{noun} `{chosen.written}`", chosen.span)
    return None


def _in_node(message: str, compiled: Compiled) -> Origin | None:
    """By the scopes of the operation that TensorFlow names, the innermost first."""
    for match in _NODE.finditer(message):
        for part in reversed((match[1] or match[2]).split("/")):
            for inner in (part, _COUNTED.sub("", part)):
                span = _layer(compiled.graph, spec_name(inner))
                if span is not None:
                    return Origin(f"layer `{spec_name(inner)}`", span)
    return None
