"""The table of functions that sort and select elements, transform signals, and work on images.

Their names, parameters and defaults are Keras's (`keras.ops`, `keras.ops.image`), those of `ssim`
are TensorFlow's (`tf.image.ssim`).
"""

from __future__ import annotations

from typing import Final

from . import images, reductions, selecting, spectra
from .function import COMPLEX, Function, Parameter

_X: Final = Parameter("x")
_LAST: Final = (_X, Parameter("axis", "axis", -1))
_TRANSFORM: Final = (
    Parameter("sequence_length", "whole"),
    Parameter("sequence_stride", "whole"),
    Parameter("fft_length", "whole"),
)
_WINDOW: Final = (
    Parameter("window", "text", "hann", nullable=True),
    Parameter("center", "flag", True),
)
_SEGMENTS: Final = (
    Parameter("data"),
    Parameter("segment_ids"),
    Parameter("num_segments", "whole"),
)
_BLOCKS: Final = (
    _X,
    Parameter("block_size", "whole"),
    Parameter("data_format", "text", "channels_last"),
)

ARRAYS: Final = (
    Function("sort", _LAST, selecting.sort, joins=reductions.axes_in),
    Function("argsort", _LAST, selecting.argsort, joins=reductions.axes_in),
    Function(
        "top_k",
        (_X, Parameter("k", "whole"), Parameter("sorted", "flag", True)),
        selecting.top_k,
        joins=selecting.last_axis,
        results=("the values", "the indices"),
    ),
    Function(
        "take_along_axis",
        (_X, Parameter("indices"), Parameter("axis", "axis")),
        selecting.take_along_axis,
        joins=reductions.axes_in,
    ),
    Function("segment_sum", _SEGMENTS, selecting.segment, joins=selecting.rows),
    Function("segment_max", _SEGMENTS, selecting.segment, joins=selecting.rows),
    Function(
        "rfft",
        (_X, Parameter("fft_length", "whole", None)),
        spectra.rfft,
        joins=spectra.last_axis,
        results=COMPLEX,
    ),
    Function(
        "irfft",
        (Parameter("x", "pair"), Parameter("fft_length", "whole", None)),
        spectra.irfft,
        joins=spectra.last_axis,
    ),
    Function(
        "stft",
        (_X, *_TRANSFORM, *_WINDOW),
        spectra.stft,
        joins=spectra.last_axis,
        results=COMPLEX,
    ),
    Function(
        "istft",
        (Parameter("x", "pair"), *_TRANSFORM, Parameter("length", "whole", None), *_WINDOW),
        spectra.istft,
        joins=spectra.last_two_axes,
    ),
    Function("space_to_depth", _BLOCKS, images.space_to_depth, joins=images.inner_axes("x")),
    Function("depth_to_space", _BLOCKS, images.depth_to_space, joins=images.inner_axes("x")),
    Function(
        "pad",
        (
            _X,
            Parameter("pad_width", "pairs"),
            Parameter("mode", "text", "constant"),
            Parameter("constant_values", "number", None),
        ),
        images.pad,
        joins=images.padded_axes,
    ),
    Function(
        "resize",
        (
            Parameter("images"),
            Parameter("size", "sizes"),
            Parameter("interpolation", "text", "bilinear"),
            Parameter("antialias", "flag", False),
        ),
        images.resize,
        settled=True,
        joins=images.inner_axes("images"),
    ),
    Function(
        "patches",
        (
            Parameter("images"),
            Parameter("size", "wholes"),
            Parameter("strides", "wholes", None),
            Parameter("dilation_rate", "whole", 1),
            Parameter("padding", "text", "valid"),
        ),
        images.patches,
        joins=images.inner_axes("images"),
    ),
    Function(
        "convolve",
        (
            Parameter("inputs"),
            Parameter("kernel"),
            Parameter("strides", "whole", 1),
            Parameter("padding", "text", "valid"),
            Parameter("dilation_rate", "whole", 1),
        ),
        images.convolve,
        images.convolve_cost,
        joins=images.inner_axes("inputs"),
    ),
    Function(
        "ssim",
        (
            Parameter("img1"),
            Parameter("img2"),
            Parameter("max_val", "number"),
            Parameter("filter_size", "whole", 11),
            Parameter("filter_sigma", "number", 1.5),
            Parameter("k1", "number", 0.01),
            Parameter("k2", "number", 0.03),
        ),
        images.ssim,
        joins=images.inner_axes("img1"),
    ),
)
