"""Builds an ordinary `keras.Model` from a compiled spec; the only package that imports Keras.

Importing this package loads nothing; `build` loads TensorFlow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .mismatch import MismatchError
from .process_state import import_keras, own_state

if TYPE_CHECKING:
    import keras

    from modelspec.compiler.pipeline import Compiled

__all__ = ["MismatchError", "build"]


def build(compiled: Compiled, *, pretrained: bool = True, terms: bool = False) -> keras.Model:
    """The model of a spec without errors; compiled where the spec has a `training` section.

    Its weights are the initial weights of the training. If `pretrained` is false, no weight file is
    read, e.g. because the weights of a run are loaded afterwards. With `terms` the model can be
    compiled with an objective later. Raises `data.RunError` for a file that cannot be read or does
    not fit, and `MismatchError` if the model differs from what was inferred.
    """
    with own_state():
        import_keras()
        return _built(compiled, pretrained, terms)


def _built(compiled: Compiled, pretrained: bool, terms: bool) -> keras.Model:
    from .compile_model import compile_model
    from .lower import lowered
    from .moving_averages import moving_averages

    assert compiled.graph is not None, "a spec with errors cannot be built"
    model, tensor = lowered(compiled.plain or compiled.graph, compiled.name, pretrained)
    if terms or (compiled.training is not None and compiled.training.has_objective):
        from .attached_objective import remember

        remember(model, compiled.graph, tensor, compiled.file.seed)
    loaded: frozenset[int] = frozenset()
    if pretrained and compiled.training is not None and compiled.training.weights is not None:
        from .weights import load_weights, place_of

        place = place_of(compiled.training, compiled.file.root)
        loaded = load_weights(model, compiled.training.weights, compiled.file.context, place)
    moving_averages(model).begin(loaded)
    if compiled.plain is not None:
        from .adapters import add_adapters

        add_adapters(model, compiled.graph)
    if compiled.training is not None:
        compile_model(model, compiled.training, compiled.file.runtime.jit)
    return model
