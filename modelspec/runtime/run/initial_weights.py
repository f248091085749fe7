"""The files of weights that a training starts from, by what they hold: a run repeats itself only
from the same ones.
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
    """SHA-256 of every file of weights that a spec names, by its path as written; loads no
    framework.

    Weights that Keras has of its own are not among them: it compares those with hashes that it
    knows. Raises `RunError` (MS750, MS210) for a file that is not there, or is out of bounds.
    """
    return {written: digest(path) for written, path in _files(compiled)}


def _files(compiled: Compiled) -> Iterator[tuple[str, Path]]:
    if compiled.graph is not None:
        yield from _of_models(compiled.graph)
    if compiled.training is not None and compiled.training.weights is not None:
        written = compiled.training.weights.path
        yield written, _located(written, compiled.file.context)


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
