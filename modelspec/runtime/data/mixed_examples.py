"""Tensors of a batch whose examples `augment` mixes with each other, each with the same partner and
the same weight as its image.
"""

from __future__ import annotations

from typing import Any, Literal


def mixed(
    x: Any,
    drawn: dict[str, Any],
    by: Literal["mean", "region"],
    *,
    has_pixels: bool,
    channels_first: bool,
) -> Any:
    """The examples of a tensor mixed as a layer of Keras mixes its images: `drawn` are the random
    numbers of the layer (`get_random_transformation`).

    `has_pixels`: the tensor has the height and width of the images; a region is then replaced in
    it, otherwise it is weighted by the share of the region.
    """
    import tensorflow as tf

    others = tf.gather(x, drawn["permutation_order"])
    if by == "region" and has_pixels:
        # The region is repeated for each channel of the image; the tensor may have others.
        region = drawn["batch_masks"]
        region = region[:, :1] if channels_first else region[..., :1]
        return tf.where(region, others, x)
    weight = tf.cast(drawn["mix_weight"], x.dtype)
    weight = tf.reshape(weight, [-1, *(1,) * (x.shape.rank - 1)])
    return weight * x + (1 - weight) * others
