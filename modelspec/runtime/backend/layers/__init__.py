"""Layers of modelspec that Keras 3 does not have, in Keras's own terms: they run on every backend
of it.

They are registered under the package `modelspec` when this package is imported, so a saved model
that has one loads after `import modelspec.backend.layers`, or with `modelspec.load_model`.
"""

from .curves import ParametricSoftplus, SReLU
from .highway import Highway
from .layer_scale import LayerScale
from .locally_connected import LocallyConnected1D, LocallyConnected2D
from .maxout import MaxoutDense

__all__ = [
    "Highway",
    "LayerScale",
    "LocallyConnected1D",
    "LocallyConnected2D",
    "MaxoutDense",
    "ParametricSoftplus",
    "SReLU",
]
