"""Names and settings of layers in Keras 1 and 2, and their current equivalents.

Sources: the documentation of Keras 1.2.2, 2.3.1 and of tf.keras 2.15, and Keras 2's conversion of
Keras 1's settings. Names that Keras 3 accepts as aliases (`Convolution2D`, `GlobalAvgPool2D`) are
in the catalog of layers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from .table_rows import LEFT_OUT, Dropped, Kind, Packed, Renamed, Reworded, Row, Split, Wrapped

KINDS: Final[Mapping[str, Kind]] = {
    **{f"Atrous{word}{n}D": Kind(f"Conv{n}D") for word in ("Convolution", "Conv") for n in (1, 2)},
    **{
        f"{word}{n}D": Kind(f"Conv{n}DTranspose")
        for word in ("Deconvolution", "Deconv")
        for n in (2, 3)
    },
    "TimeDistributedDense": Kind("Dense"),
    "ThresholdedReLU": Kind("ReLU", "theta", {"threshold": 1.0}),
    "CuDNNLSTM": Kind("LSTM"),
    "CuDNNGRU": Kind("GRU"),
    "BatchNormalizationV1": Kind("BatchNormalization"),
    "BatchNormalizationV2": Kind("BatchNormalization"),
    "SyncBatchNormalization": Kind("BatchNormalization", None, {"synchronized": True}),
}

MERGE: Final = "Merge"
MODES: Final[Mapping[str, Kind]] = {
    "sum": Kind("Add", merges=True),
    "mul": Kind("Multiply", merges=True),
    "concat": Kind("Concatenate", merges=True),
    "ave": Kind("Average", merges=True),
    "max": Kind("Maximum", merges=True),
    "dot": Kind("Dot", adds={"axes": -1}, merges=True),
    "cos": Kind("Dot", adds={"axes": -1, "normalize": True}, merges=True),
}
"""The current layer for `Merge`, by its `mode`; `sum` was the default."""

_OUTSIDE = "the input shapes of a model are set under `inputs` of the model"
INPUT_SETTINGS: Final[Mapping[str, Dropped]] = {
    name: Dropped(_OUTSIDE)
    for name in (
        "input_shape",
        "batch_input_shape",
        "input_dim",
        "input_length",
        "input_dtype",
        "batch_shape",
    )
}
"""Settings of every layer that described its input. A layer that currently has a setting of the
name keeps it.
"""
OWN_INPUT_SETTINGS: Final = {"Embedding": ("input_dim",), "ReversibleEmbedding": ("input_dim",)}
SEQUENCES: Final = frozenset({"LSTM", "GRU", "SimpleRNN", "Conv1D", "LocallyConnected1D"})
"""Layers whose `input_length` and `input_dim` were the two sizes of a sequence."""

ANY: Final[Mapping[str, Row]] = {
    "activity_regularizer": Dropped("`null` is the current behavior", only=(None,)),
    "batch_size": Dropped("`null` is the current behavior", only=(None,)),
}
"""Of layers that currently have no setting of the name."""

_IMAGE_FORMATS: Final[Mapping[Any, Any]] = {
    "tf": "channels_last",
    "th": "channels_first",
    "default": LEFT_OUT,
}
_DIM_ORDERING: Final[Mapping[str, Row]] = {"dim_ordering": Renamed("data_format", _IMAGE_FORMATS)}
_BIAS: Final[Mapping[str, Row]] = {
    "b_regularizer": Renamed("bias_regularizer"),
    "b_constraint": Renamed("bias_constraint"),
    "bias": Renamed("use_bias"),
}
_WEIGHTS: Final[Mapping[str, Row]] = {
    "init": Renamed("kernel_initializer"),
    "W_regularizer": Renamed("kernel_regularizer"),
    "W_constraint": Renamed("kernel_constraint"),
    **_BIAS,
}
_UNITS: Final[Mapping[str, Row]] = {"output_dim": Renamed("units")}
_WINDOW: Final[Mapping[str, Row]] = {
    "nb_filter": Renamed("filters"),
    "border_mode": Renamed("padding"),
    "subsample": Renamed("strides"),
}
_DILATED: Final[Mapping[str, Row]] = {"atrous_rate": Renamed("dilation_rate")}
_UNDILATED: Final[Mapping[str, Row]] = {**_WINDOW, **_WEIGHTS, **_DIM_ORDERING}
_CONVOLUTION: Final[Mapping[str, Row]] = {**_UNDILATED, **_DILATED}
_ALONG_ONE: Final[Mapping[str, Row]] = {
    "filter_length": Renamed("kernel_size"),
    "subsample_length": Renamed("strides"),
}
_ANY_WAY = Dropped("all implementations give the same numbers")
_LOCAL: Final[Mapping[str, Row]] = {"implementation": _ANY_WAY}
_FOLLOWS = Dropped(
    "the output size follows from the input size, `strides`, `padding` and `output_padding`"
)
_TWO_KERNELS = Dropped("the layer has no such kernel, and never used the setting")
_NO_KERNEL: Final[Mapping[str, Row]] = {
    **dict.fromkeys(
        ("kernel_initializer", "kernel_regularizer", "kernel_constraint"), _TWO_KERNELS
    ),
    "groups": Dropped("1 is the current behavior", only=(1,)),
    "filters": Dropped("`null` is the current behavior", only=(None,)),
}
_DEPTHWISE: Final[Mapping[str, Row]] = {
    **{key: row for key, row in _WINDOW.items() if key != "nb_filter"},
    **_DILATED,
    **_BIAS,
    **_DIM_ORDERING,
    **_NO_KERNEL,
    "init": Renamed("depthwise_initializer"),
}
_SEPARABLE: Final[Mapping[str, Row]] = {
    **{key: row for key, row in _DEPTHWISE.items() if key != "filters"},
    "nb_filter": Renamed("filters"),
    "init": Split(("depthwise_initializer", "pointwise_initializer")),
}
_POOLING: Final[Mapping[str, Row]] = {"border_mode": Renamed("padding"), **_DIM_ORDERING}
_ALONG_STEPS: Final[Mapping[str, Row]] = {
    "pool_length": Renamed("pool_size"),
    "stride": Renamed("strides"),
    "border_mode": Renamed("padding"),
}
_SEQUENCES: Final[Mapping[str, Row]] = {
    "time_major": Dropped("sequences are always (batch, time, features)", only=(False,)),
}
_RECURRENT: Final[Mapping[str, Row]] = {
    **_WEIGHTS,
    **_SEQUENCES,
    "inner_init": Renamed("recurrent_initializer"),
    "U_regularizer": Renamed("recurrent_regularizer"),
    "dropout_W": Renamed("dropout"),
    "dropout_U": Renamed("recurrent_dropout"),
    "consume_less": _ANY_WAY,
    "implementation": _ANY_WAY,
    "zero_output_for_mask": Dropped("the wrapper sets it", only=(), inside="Bidirectional"),
}
_GATED: Final[Mapping[str, Row]] = {
    **_RECURRENT,
    "inner_activation": Renamed("recurrent_activation"),
}
_FORGET: Final[Mapping[str, Row]] = {
    "forget_bias_init": Renamed(
        "unit_forget_bias", {"one": True, "ones": True, "zero": False, "zeros": False}
    ),
}
_NORMALIZATION: Final[Mapping[str, Row]] = {
    "beta_init": Renamed("beta_initializer"),
    "gamma_init": Renamed("gamma_initializer"),
    "mode": Dropped("it always normalizes over the batch", only=(0,)),
    "fused": _ANY_WAY,
    "virtual_batch_size": Dropped("`null` is the current behavior", only=(None,)),
    "adjustment": Dropped("`null` is the current behavior", only=(None,)),
}
_OUTPUT_MODES: Final = Reworded({"binary": "multi_hot", "tf-idf": "tf_idf"})
_MERGE: Final[Mapping[str, Row]] = dict.fromkeys(
    (
        "layers",
        "output_shape",
        "output_mask",
        "arguments",
        "node_indices",
        "tensor_indices",
        "mode_type",
        "output_shape_type",
        "output_mask_type",
    ),
    Dropped("`from` lists the merged tensors, and the shape follows from them"),
)
_OTHER_MODE = Dropped("only other modes of `Merge` used it")
_JOINED: Final[Mapping[str, Row]] = {**_MERGE, "concat_axis": _OTHER_MODE, "dot_axes": _OTHER_MODE}
MERGE_SETTINGS: Final[Mapping[str, Mapping[str, Row]]] = {
    "Concatenate": {**_JOINED, "concat_axis": Renamed("axis")},
    "Dot": {**_JOINED, "dot_axes": Renamed("axes")},
    "Add": _JOINED,
    "Multiply": _JOINED,
    "Average": _JOINED,
    "Maximum": _JOINED,
}
"""Of `Merge`, by the current layer of its mode."""
_LOOKUP: Final[Mapping[str, Row]] = {
    "max_values": Renamed("max_tokens"),
    "num_oov_tokens": Renamed("num_oov_indices"),
    "mask_value": Renamed("mask_token"),
    "oov_value": Renamed("oov_token"),
    "output_mode": _OUTPUT_MODES,
}

SETTINGS: Final[Mapping[str, Mapping[str, Row]]] = {
    "Dense": {**_UNITS, **_WEIGHTS},
    "Embedding": {
        "init": Renamed("embeddings_initializer"),
        "W_regularizer": Renamed("embeddings_regularizer"),
        "W_constraint": Renamed("embeddings_constraint"),
        "dropout": Dropped("0 means no dropout", only=(0,)),
    },
    "Dropout": {"p": Renamed("rate")},
    "GaussianDropout": {"p": Renamed("rate")},
    "GaussianNoise": {"sigma": Renamed("stddev")},
    **{
        f"SpatialDropout{n}D": {"p": Renamed("rate"), **(_DIM_ORDERING if n > 1 else {})}
        for n in (1, 2, 3)
    },
    "ReLU": {"theta": Renamed("threshold")},
    "LeakyReLU": {"alpha": Renamed("negative_slope")},
    "PReLU": {"init": Renamed("alpha_initializer")},
    "Conv1D": {**_CONVOLUTION, **_ALONG_ONE},
    "Conv2D": _CONVOLUTION,
    "Conv3D": _CONVOLUTION,
    "Conv2DTranspose": {**_CONVOLUTION, "output_shape": _FOLLOWS},
    "Conv3DTranspose": {**_CONVOLUTION, "output_shape": _FOLLOWS},
    "SeparableConv1D": {**_SEPARABLE, **_ALONG_ONE},
    "SeparableConv2D": _SEPARABLE,
    "DepthwiseConv1D": _DEPTHWISE,
    "DepthwiseConv2D": _DEPTHWISE,
    "LocallyConnected1D": {**_UNDILATED, **_ALONG_ONE, **_LOCAL},
    "LocallyConnected2D": {**_UNDILATED, **_LOCAL},
    **{f"ConvLSTM{n}D": _SEQUENCES for n in (1, 3)},
    "ConvLSTM2D": {**_GATED, **_CONVOLUTION, **_FORGET},
    **{f"{name}Pooling1D": _ALONG_STEPS for name in ("Max", "Average")},
    **{f"{name}Pooling{n}D": _POOLING for name in ("Max", "Average") for n in (2, 3)},
    **{f"Global{name}Pooling{n}D": _DIM_ORDERING for name in ("Max", "Average") for n in (2, 3)},
    "UpSampling1D": {"length": Renamed("size")},
    **{
        f"{name}{n}D": _DIM_ORDERING
        for name in ("UpSampling", "ZeroPadding", "Cropping")
        for n in (2, 3)
    },
    "SimpleRNN": {**_UNITS, **_RECURRENT},
    "GRU": {**_UNITS, **_GATED},
    "LSTM": {**_UNITS, **_GATED, **_FORGET},
    "RNN": _SEQUENCES,
    **{f"{name}Cell": {"implementation": _ANY_WAY} for name in ("SimpleRNN", "GRU", "LSTM")},
    "BatchNormalization": _NORMALIZATION,
    "Highway": {**_WEIGHTS, "transform_bias": Wrapped("gate_bias_initializer", "Constant")},
    "MaxoutDense": {**_UNITS, **_WEIGHTS, "nb_feature": Renamed("pieces")},
    "SReLU": {
        f"{name}_init": Renamed(f"{name}_initializer")
        for name in ("t_left", "a_left", "t_right", "a_right")
    },
    "ParametricSoftplus": {
        "alpha_init": Wrapped("alpha_initializer", "Constant"),
        "beta_init": Wrapped("beta_initializer", "Constant"),
    },
    "Attention": {"causal": Dropped("`call: {use_causal_mask: true}` replaces it", only=(False,))},
    "AdditiveAttention": {
        "causal": Dropped("`call: {use_causal_mask: true}` replaces it", only=(False,))
    },
    "Discretization": {"bins": Renamed("bin_boundaries")},
    "CategoryEncoding": {
        "max_tokens": Renamed("num_tokens"),
        "output_mode": Reworded({"binary": "multi_hot"}),
    },
    "TextVectorization": {"output_mode": _OUTPUT_MODES},
    "StringLookup": _LOOKUP,
    "IntegerLookup": _LOOKUP,
}
"""By the current name of the layer: the current word for each old one."""

_ROWS_AND_COLUMNS = (Packed(("nb_row", "nb_col"), "kernel_size"),)
PACKED: Final[Mapping[str, tuple[Packed, ...]]] = {
    **dict.fromkeys(
        ("Conv2D", "Conv2DTranspose", "SeparableConv2D", "LocallyConnected2D", "ConvLSTM2D"),
        _ROWS_AND_COLUMNS,
    ),
    **dict.fromkeys(
        ("Conv3D", "Conv3DTranspose"),
        (Packed(("kernel_dim1", "kernel_dim2", "kernel_dim3"), "kernel_size"),),
    ),
}
"""By the current name of the layer: settings that are now one list."""

WRAPPERS: Final = frozenset(
    {
        "TimeDistributed",
        "Bidirectional",
        "SpectralNormalization",
        "RNN",
        "StackedRNNCells",
        "Pipeline",
    }
)
"""Layers that contain others."""
INNER_SETTINGS: Final = ("layer", "backward_layer", "cell", "cells", "layers")
"""Their settings that contain a layer, or a list of layers."""
