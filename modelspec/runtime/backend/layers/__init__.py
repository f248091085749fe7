"""Layers of modelspec that Keras 3 does not have. They use Keras operations only and run on every
Keras backend.

They are registered under the package `modelspec` when this package is imported, so a saved model
that contains one loads after `import modelspec.backend.layers`, or with `modelspec.load_model`.
"""

from .activations import hard_sigmoid_keras2
from .curves import ParametricSoftplus, SReLU
from .highway import Highway
from .kerashub import KerasHub
from .kerashub_preparing import KerasHubImageConverter, KerasHubTokenizer
from .layer_scale import LayerScale
from .locally_connected import LocallyConnected1D, LocallyConnected2D
from .maxout import MaxoutDense
from .random_resized_crop import RandomResizedCrop
from .tensors import Constant, Parameter

__all__ = [
    "Constant",
    "Highway",
    "KerasHub",
    "KerasHubImageConverter",
    "KerasHubTokenizer",
    "LayerScale",
    "LocallyConnected1D",
    "LocallyConnected2D",
    "MaxoutDense",
    "Parameter",
    "ParametricSoftplus",
    "RandomResizedCrop",
    "SReLU",
    "hard_sigmoid_keras2",
]
