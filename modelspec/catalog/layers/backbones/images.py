"""Backbones of images."""

from __future__ import annotations

from collections.abc import Iterator

from modelspec.core.diagnostics import Fault

from ..layer import Weight
from . import parts
from .backbone import BATCH, Backbone, InputOf, OutputOf
from .config import Config


def vit(config: Config) -> Backbone:
    """ViT: a vector for each patch, and one for the class token."""
    height, width, channels = config.sizes("image_shape", 3)
    patch = config.sizes("patch_size", 2)
    size, inner = config.size("hidden_dim"), config.size("mlp_dim")
    heads = config.size("num_heads")
    config.divided("hidden_dim", "num_heads")
    if height % patch[0] or width % patch[1]:
        raise Fault(
            "MS748",
            f"the images of `{config.kind}` have {height} x {width} pixels, which patches of"
            f" {patch[0]} x {patch[1]} do not divide: {config.where}",
        )
    first = config.flag("use_class_token", True)
    steps = (height // patch[0]) * (width // patch[1]) + first
    bias = config.flag("use_patch_bias", True)
    place = "vit_patching_and_embedding"
    weights: list[Weight] = [Weight(f"{place}/class_token", (1, 1, size))] if first else []
    weights += parts.kernel(
        f"{place}/patch_embedding", *patch, channels, size, bias=(size,) if bias else None
    )
    weights += parts.embedding(f"{place}/position_embedding", steps, size)
    for index in range(config.count("num_layers")):
        name = f"vit_encoder/transformer_block_{index + 1}"
        weights += _block(config, name, size, heads, inner)
    weights += parts.norm("vit_encoder/ln", size)
    return Backbone(
        (InputOf("images", (None, height, width, channels), "float32"),),
        tuple(weights),
        {"output": OutputOf((BATCH, steps, size))},
    )


def _block(config: Config, name: str, size: int, heads: int, inner: int) -> Iterator[Weight]:
    bias = config.flag("use_mlp_bias", True)
    yield from parts.norm(f"{name}/ln_1", size)
    yield from parts.attention(f"{name}/mha", size, heads, bias=config.flag("use_mha_bias", True))
    yield from parts.norm(f"{name}/ln_2", size)
    yield from parts.dense(f"{name}/mlp/dense_1", size, inner, bias=bias)
    yield from parts.dense(f"{name}/mlp/dense_2", inner, size, bias=bias)
