"""The tokenizers and image converters of KerasHub as layers that prepare data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras

from modelspec.catalog.layers.backbones.preprocessing import image_converter_of, tokenizer_of
from modelspec.runtime.data.errors import RunError

from ..preset_files import keras_hub_for
from .base import own_layer


@own_layer
class KerasHubTokenizer(keras.layers.Layer):
    """The tokens of strings, between the marks of a tokenizer, and padded."""

    def __init__(
        self,
        preset: Any,
        length: Any,
        gives: Any = "token_ids",
        add_start: Any = True,
        add_end: Any = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        keras_hub = keras_hub_for("`KerasHubTokenizer`")
        self.preset, self.length, self.gives = str(preset), length, gives
        self.add_start, self.add_end = add_start, add_end
        if Path(self.preset).is_dir():
            tokenizer_of(Path(self.preset))
        self.tokenizer = _built(keras_hub.tokenizers.Tokenizer, "tokenizer", self.preset)
        self.start = _mark(self.tokenizer, "start_token_id", "cls_token_id")
        self.end = _mark(self.tokenizer, "end_token_id", "sep_token_id")
        self.packer = keras_hub.layers.StartEndPacker(
            length,
            start_value=self.start,
            end_value=self.end,
            pad_value=_mark(self.tokenizer, "pad_token_id") or 0,
            return_padding_mask=True,
        )
        self.built = True

    def call(self, inputs: Any) -> Any:
        import tensorflow as tf

        texts = tf.reshape(inputs, [-1])
        if tf.executing_eagerly():  # KerasHub computes strings of Python without TensorFlow
            texts = [one.decode("utf-8", "replace") for one in texts.numpy()]
        tokens, mask = self.packer(
            self.tokenizer(texts), add_start_value=self.add_start, add_end_value=self.add_end
        )
        found = tf.cast(tokens if self.gives == "token_ids" else mask, "int32")
        return tf.ensure_shape(found, (None, self.length))

    def whole(self, texts: list[str]) -> list[list[int]]:
        """The tokens of texts between the marks, as many as each text has."""
        first = [self.start] if self.add_start and self.start is not None else []
        last = [self.end] if self.add_end and self.end is not None else []
        found = self.tokenizer(texts)
        rows = found.to_list() if hasattr(found, "to_list") else found
        return [[*first, *(int(one) for one in row), *last] for row in rows]

    def compute_output_spec(self, inputs: Any) -> Any:
        return keras.KerasTensor((inputs.shape[0], self.length), "int32")

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "preset": self.preset,
            "length": self.length,
            "gives": self.gives,
            "add_start": self.add_start,
            "add_end": self.add_end,
        }


def _built(kind: Any, noun: str, preset: str, **settings: Any) -> Any:
    """A part of a preset. Raises `RunError` (MS757) if KerasHub cannot build it."""
    try:
        return kind.from_preset(preset, **settings)
    except Exception as error:  # KerasHub and the package tokenizers raise any exception
        last = str(error).split("Exception encountered:")[-1].strip()
        reason = (last.splitlines() or [type(error).__name__])[0]
        raise RunError.of(
            "MS757",
            f"the preset `{Path(preset).name}` cannot prepare data: KerasHub cannot build its"
            f" {noun}: {reason[:300]}",
            help=f"write the preset again, with `save_to_preset` of the {noun}",
        ) from error


def _mark(tokenizer: Any, *names: str) -> int | None:
    """The first mark that a tokenizer has."""
    found = (getattr(tokenizer, name, None) for name in names)
    return next((int(one) for one in found if one is not None), None)


@own_layer
class KerasHubImageConverter(keras.layers.Layer):
    """Resizes and rescales images as a preset expects them."""

    def __init__(self, preset: Any, image_size: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        keras_hub = keras_hub_for("`KerasHubImageConverter`")
        self.preset = str(preset)
        self.image_size = None if image_size is None else tuple(image_size)
        if Path(self.preset).is_dir():
            image_converter_of(Path(self.preset))
        sized = {} if self.image_size is None else {"image_size": self.image_size}
        self.converter = _built(
            keras_hub.layers.ImageConverter,
            "image converter",
            self.preset,
            dtype=self.dtype_policy,
            **sized,
        )
        self.built = True

    def call(self, inputs: Any) -> Any:
        return keras.ops.cast(self.converter(inputs), self.compute_dtype)

    def compute_output_spec(self, inputs: Any) -> Any:
        batch, height, width, channels = inputs.shape
        height, width = self.converter.image_size or (height, width)
        return keras.KerasTensor((batch, height, width, channels), self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "preset": self.preset, "image_size": self.image_size}
