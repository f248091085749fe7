"""The initial weight files of a training, by their contents: a run is reproducible only with the
same files.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from modelspec.compiler.infer import TypedGraph
from modelspec.compiler.pipeline import Compiled
from modelspec.compiler.spec.initial_weights import IMAGENET
from modelspec.core.settings import Context

from .atomic_files import digest


def starting_weights(compiled: Compiled) -> dict[str, str]:
    """SHA-256 of every weight file of a spec, by its path as written; loads no framework.

    Weights that Keras provides are not included: Keras verifies their hashes. Raises `RunError`
    (MS750, MS210) for a file that does not exist or is outside the project.
    """
    return {written: digest(path) for written, path in _files(compiled)}


def _files(compiled: Compiled) -> Iterator[tuple[str, Path]]:
    if compiled.graph is not None:
        yield from _of_models(compiled.graph)
    training = compiled.training
    for one in [stage.training for stage in training.stages] or [training] if training else ():
        if one.weights is not None:
            yield one.weights.path, _located(one.weights.path, compiled.file.context)


def _of_models(graph: TypedGraph) -> Iterator[tuple[str, Path]]:
    for call in graph.layers:
        if call.inside is not None:
            source = call.inside.graph.weights
            if source is not None and source.value != IMAGENET:
                yield source.value, _located(source.value, source.context)
            yield from _of_models(call.inside)


def _located(path: str, context: Context) -> Path:
    from ..backend.weights import located

    return located(path, context)
