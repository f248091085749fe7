"""Every layer that a spec may name: one file for each family, imported when a spec names one of its
layers.
"""

from modelspec.core.diagnostics import Fault
from modelspec.core.registry import Registry

from ..library import is_kind

_CODE = "it runs code, which specs do not support"


def _of_the_library(name: str) -> Fault | None:
    """A library architecture is a model; the expansion replaces it where one is allowed."""
    if not is_kind(name):
        return None
    return Fault(
        "MS209",
        f"`{name}` is a model of the library, but this setting takes a layer",
        help="write it as an entry of `layers`, under `shared`, or in `TimeDistributed`",
    )


LAYERS = Registry(
    "layer",
    "modelspec.catalog.layers",
    {
        "core": ("Dense", "Activation", "Identity"),
        "embedding": ("Embedding", "ReversibleEmbedding", "Masking"),
        "einsum": ("EinsumDense",),
        "expression": ("Expression",),
        "reshaping": ("Flatten", "Reshape", "Permute", "RepeatVector"),
        "activation": ("ReLU", "LeakyReLU", "PReLU", "ELU", "Softmax"),
        "merging": (
            "Add",
            "Subtract",
            "Multiply",
            "Average",
            "Maximum",
            "Minimum",
            "Concatenate",
            "Dot",
        ),
        "dropout": ("Dropout",),
        "noise": (
            "AlphaDropout",
            "GaussianDropout",
            "SpatialDropout1D",
            "SpatialDropout2D",
            "SpatialDropout3D",
            "GaussianNoise",
            "ActivityRegularization",
        ),
        "recurrent": ("SimpleRNN", "GRU", "LSTM"),
        "cells": ("RNN", "SimpleRNNCell", "GRUCell", "LSTMCell", "StackedRNNCells"),
        "wrappers": ("Bidirectional", "TimeDistributed"),
        "pipeline": ("Pipeline",),
        "kerashub": ("KerasHub",),
        "kerashub_preparing": ("KerasHubTokenizer", "KerasHubImageConverter"),
        "date_parts": ("DateParts",),
        "categories": ("Hashing", "CategoryEncoding", "Discretization"),
        "crossing": ("HashedCrossing",),
        "lookup": ("StringLookup", "IntegerLookup"),
        "text_vectorization": ("TextVectorization",),
        "text_steps": ("Lowercase", "StripAccents", "Replace", "Marks"),
        "tokenizers": ("WordPiece", "BPE"),
        "audio": ("STFTSpectrogram", "MelSpectrogram"),
        "attention": ("Attention", "AdditiveAttention"),
        "multihead": ("MultiHeadAttention", "GroupQueryAttention"),
        "convolution": ("Conv1D", "Conv2D", "Conv3D"),
        "locally_connected": ("LocallyConnected1D", "LocallyConnected2D"),
        "highway": ("Highway", "MaxoutDense"),
        "curves": ("SReLU", "ParametricSoftplus"),
        "scale": ("LayerScale",),
        "tensors": ("Parameter", "Constant"),
        "transposed": ("Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose"),
        "depthwise": ("DepthwiseConv1D", "DepthwiseConv2D", "SeparableConv1D", "SeparableConv2D"),
        "pooling": (
            "MaxPooling1D",
            "MaxPooling2D",
            "MaxPooling3D",
            "AveragePooling1D",
            "AveragePooling2D",
            "AveragePooling3D",
        ),
        "global_pooling": (
            "GlobalMaxPooling1D",
            "GlobalMaxPooling2D",
            "GlobalMaxPooling3D",
            "GlobalAveragePooling1D",
            "GlobalAveragePooling2D",
            "GlobalAveragePooling3D",
        ),
        "spatial": (
            "UpSampling1D",
            "UpSampling2D",
            "UpSampling3D",
            "Cropping1D",
            "Cropping2D",
            "Cropping3D",
        ),
        "padding": ("ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D"),
        "adaptive": (
            "AdaptiveAveragePooling1D",
            "AdaptiveAveragePooling2D",
            "AdaptiveAveragePooling3D",
            "AdaptiveMaxPooling1D",
            "AdaptiveMaxPooling2D",
            "AdaptiveMaxPooling3D",
        ),
        "batch_normalization": ("BatchNormalization",),
        "normalization": (
            "LayerNormalization",
            "GroupNormalization",
            "RMSNormalization",
            "UnitNormalization",
        ),
        "spectral": ("SpectralNormalization",),
        "standardize": ("Normalization",),
        "past_rows": ("Lags", "RollingMean"),
        "conv_lstm": ("ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"),
        "image": (
            "Rescaling",
            "Resizing",
            "CenterCrop",
            "AutoContrast",
            "Equalization",
            "ContrastLimitedAdaptiveHistogramEqualization",
            "Solarization",
            "MaxNumBoundingBoxes",
        ),
        "augmentation": (
            "RandomFlip",
            "RandomRotation",
            "RandomTranslation",
            "RandomZoom",
            "RandomShear",
            "RandomPerspective",
            "RandomElasticTransform",
            "RandomErasing",
            "RandomCrop",
            "RandomResizedCrop",
        ),
        "augmentation_color": (
            "RandomBrightness",
            "RandomContrast",
            "RandomHue",
            "RandomSaturation",
            "RandomColorDegeneration",
            "RandomSharpness",
            "RandomPosterization",
            "RandomColorJitter",
            "RandomGrayscale",
            "RandomInvert",
            "RandomGaussianBlur",
        ),
        "augmentation_mix": ("MixUp", "CutMix", "AugMix", "RandAugment"),
    },
    {
        **{f"MaxPool{n}D": f"MaxPooling{n}D" for n in (1, 2, 3)},
        **{f"AvgPool{n}D": f"AveragePooling{n}D" for n in (1, 2, 3)},
        **{f"GlobalMaxPool{n}D": f"GlobalMaxPooling{n}D" for n in (1, 2, 3)},
        **{f"GlobalAvgPool{n}D": f"GlobalAveragePooling{n}D" for n in (1, 2, 3)},
        **{f"Convolution{n}D": f"Conv{n}D" for n in (1, 2, 3)},
        **{f"Convolution{n}DTranspose": f"Conv{n}DTranspose" for n in (1, 2, 3)},
        **{f"SeparableConvolution{n}D": f"SeparableConv{n}D" for n in (1, 2)},
    },
    {
        "Lambda": f'{_CODE}; write the computation as a formula: `Expression: "x * 2"`',
        "TFSMLayer": (
            f"{_CODE}, a SavedModel; write the layers, and load their weights with"
            " `training.weights`"
        ),
        "JaxLayer": (f"{_CODE}; combine existing layers, or register the layer from a package"),
        "FlaxLayer": (f"{_CODE}; combine existing layers, or register the layer from a package"),
        "TorchModuleWrapper": (
            f"{_CODE}; combine existing layers, or register the layer from a package"
        ),
        "Layer": (
            "it is the base class of Keras's layers, and does nothing itself; write the layer"
            " you want"
        ),
        "Wrapper": (
            "it is the base class of wrappers; write `TimeDistributed`, `Bidirectional` or"
            " another wrapper"
        ),
        "Input": "inputs are not layers in a spec; write them under `inputs`",
        "InputLayer": "inputs are not layers in a spec; write them under `inputs`",
        "InputSpec": "it describes inputs in Python code; write the shape under `inputs`",
    },
    outdated=True,
    elsewhere=_of_the_library,
)
