"""Parts of images of random size, aspect ratio and position, resized to one size."""

from __future__ import annotations

from collections.abc import Sequence
from math import log
from typing import Any, Final

import keras
from keras import ops

from .base import OwnLayer, own_layer

_DRAWS: Final = 10
"""How often a part is drawn until it fits into the image."""


def _check_range(name: str, ends: Sequence[float], most: float) -> None:
    if len(ends) != 2 or not 0 < ends[0] <= ends[1] <= most:
        raise ValueError(f"`{name}` must be two numbers above 0 and at most {most}, found {ends}")


@own_layer
class RandomResizedCrop(OwnLayer):
    """Crops a random part of each image and resizes it; in evaluation, resizes the whole image. The
    result of bilinear interpolation is that of `keras.layers.Resizing` for the part.
    """

    kept = ("height", "width", "scale", "ratio", "interpolation", "seed", "data_format")

    def __init__(
        self,
        height: int,
        width: int,
        scale: Sequence[float] = (0.08, 1.0),
        ratio: Sequence[float] = (0.75, 4 / 3),
        interpolation: str = "bilinear",
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        _check_range("scale", scale, 1)
        _check_range("ratio", ratio, 1000)
        if interpolation not in ("bilinear", "nearest"):
            raise ValueError(f"`interpolation` must be bilinear or nearest, found {interpolation}")
        self._keep(
            height=height,
            width=width,
            scale=tuple(scale),
            ratio=tuple(ratio),
            interpolation=interpolation,
            seed=seed,
            data_format=data_format or keras.config.image_data_format(),
        )
        self.generator = keras.random.SeedGenerator(seed)

    def call(self, data: Any, training: bool = False) -> Any:
        images = ops.cast(data, self.compute_dtype)
        if training:
            part = self.get_random_transformation(images)
        else:
            part = self._whole(images)
        rows, columns = (2, 3) if self.data_format == "channels_first" else (1, 2)
        shape = ops.shape(images)
        down = self._weights(part["top"], part["height"], shape[rows], self.height)
        across = self._weights(part["left"], part["width"], shape[columns], self.width)
        if self.data_format == "channels_first":
            return ops.einsum("byh,bchw,bxw->bcyx", down, images, across)
        return ops.einsum("byh,bhwc,bxw->byxc", down, images, across)

    def get_random_transformation(self, images: Any, training: bool = True) -> dict[str, Any]:
        """The part of each image: the first pixel in both directions, and the size in pixels. The
        name is that of the layers of Keras that augment images.
        """
        count, height, width = self._sizes(images)
        shape = (count, _DRAWS)
        areas = height * width * self._uniform(shape, *self.scale)
        ratios = ops.exp(self._uniform(shape, log(self.ratio[0]), log(self.ratio[1])))
        wide = ops.round(ops.sqrt(areas * ratios))
        high = ops.round(ops.sqrt(areas / ratios))
        fits = ops.logical_and(
            ops.logical_and(wide >= 1, wide <= width), ops.logical_and(high >= 1, high <= height)
        )
        first = ops.cast(ops.argmax(ops.cast(fits, "int32"), axis=1), "int32")[:, None]
        chosen = (ops.squeeze(ops.take_along_axis(each, first, axis=1), 1) for each in (wide, high))
        wide, high = (
            ops.where(ops.any(fits, axis=1), one, largest)
            for one, largest in zip(chosen, self._largest(height, width), strict=True)
        )
        any_fits = ops.any(fits, axis=1)
        drawn = self._uniform((count, 2), 0.0, 1.0)
        place = ops.where(any_fits[:, None], drawn, 0.5)
        left = ops.minimum(ops.floor(place[:, 0] * (width - wide + 1)), width - wide)
        top = ops.minimum(ops.floor(place[:, 1] * (height - high + 1)), height - high)
        return {"top": top, "left": left, "height": high, "width": wide}

    def _largest(self, height: Any, width: Any) -> tuple[Any, Any]:
        """The width and height of the largest part with an allowed aspect ratio."""
        lowest, highest = self.ratio
        wide = ops.minimum(width, ops.maximum(ops.round(height * highest), 1.0))
        high = ops.minimum(height, ops.maximum(ops.round(width / lowest), 1.0))
        return wide, high

    def _whole(self, images: Any) -> dict[str, Any]:
        count, height, width = self._sizes(images)
        each = ops.ones((count,), "float32")
        return {"top": 0 * each, "left": 0 * each, "height": height * each, "width": width * each}

    def _sizes(self, images: Any) -> tuple[Any, Any, Any]:
        shape = ops.shape(images)
        sizes = shape[2:] if self.data_format == "channels_first" else shape[1:3]
        return (shape[0], *(ops.cast(size, "float32") for size in sizes))

    def _uniform(self, shape: tuple[Any, ...], low: float, high: float) -> Any:
        return low + (high - low) * keras.random.uniform(shape, seed=self.generator)

    def _weights(self, start: Any, length: Any, size: Any, wanted: int) -> Any:
        """The weights of the pixels of an image, for each pixel of the result: [examples, wanted,
        size]. Pixels outside of the part have no weight.
        """
        start, length = start[:, None], length[:, None]
        centers = (ops.arange(wanted, dtype="float32") + 0.5)[None] * length / wanted
        pixels = ops.cast(ops.arange(size), "float32")[None, None]
        if self.interpolation == "nearest":
            places = start + ops.minimum(ops.floor(centers), length - 1)
            found = ops.equal(pixels, places[..., None])
        else:
            places = start + ops.clip(centers - 0.5, 0.0, length - 1)
            found = ops.maximum(0.0, 1 - ops.abs(pixels - places[..., None]))
        return ops.cast(found, self.compute_dtype)

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> Any:
        size = (self.height, self.width)
        if self.data_format == "channels_first":
            return (*input_shape[:2], *size)
        return (input_shape[0], *size, input_shape[-1])
