"""A compiled spec to an ordinary `keras.Model`: the only package that imports Keras.

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


def build(compiled: Compiled, *, pretrained: bool = True) -> keras.Model:
    """The model of a spec without errors; compiled where the spec has a `training` section.

    Its weights are those from which training starts; with `pretrained` false no file of weights is
    read for them, as where a run's own are loaded after. Raises `data.RunError` for a file that
    cannot be read or does not fit, and `MismatchError` where the model differs from what was
    inferred.
    """
    with own_state():
        import_keras()
        return _built(compiled, pretrained)


def _built(compiled: Compiled, pretrained: bool) -> keras.Model:
    from .compile_model import compile_model
    from .lower import lower

    assert compiled.graph is not None, "a spec with errors cannot be built"
    model = lower(compiled.graph, compiled.name, pretrained=pretrained)
    if pretrained and compiled.training is not None and compiled.training.weights is not None:
        from .weights import load_weights

        load_weights(
            model, compiled.training.weights, compiled.file.context, compiled.training.span
        )
    if compiled.training is not None:
        compile_model(model, compiled.training, compiled.file.runtime.jit)
    return model
