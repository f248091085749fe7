"""The weights of layers that several families of backbones have, in Keras's order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeAlias

from ..layer import Weight

Weights: TypeAlias = Iterator[Weight]


def under(name: str, weights: Iterable[Weight]) -> Weights:
    """The weights of a layer inside the layer `name`."""
    for one in weights:
        yield one._replace(name=f"{name}/{one.name}")


def embedding(name: str, rows: int, size: int, *, reverse: bool = False) -> Weights:
    """A table of vectors; with `reverse`, another one from vectors to rows."""
    yield Weight(f"{name}/embeddings", (rows, size))
    if reverse:
        yield Weight(f"{name}/reverse_embeddings", (size, rows))


def norm(name: str, size: int) -> Weights:
    """Layer normalization."""
    yield Weight(f"{name}/gamma", (size,))
    yield Weight(f"{name}/beta", (size,))


def scale(name: str, size: int) -> Weights:
    """Normalization by the root mean square."""
    yield Weight(f"{name}/scale", (size,))


def kernel(name: str, *shape: int, bias: tuple[int, ...] | None = None) -> Weights:
    """A kernel, and a bias of its own shape."""
    yield Weight(f"{name}/kernel", shape)
    if bias is not None:
        yield Weight(f"{name}/bias", bias)


def dense(name: str, given: int, made: int, *, bias: bool = True) -> Weights:
    """A dense layer."""
    return kernel(name, given, made, bias=(made,) if bias else None)


def attention(name: str, size: int, heads: int, *, bias: bool = True) -> Weights:
    """Attention with as many heads for keys as for queries."""
    return grouped_attention(name, size, heads, heads, size // heads, bias=bias, output_bias=bias)


def grouped_attention(
    name: str,
    size: int,
    heads: int,
    key_heads: int,
    head: int,
    *,
    bias: bool = False,
    output_bias: bool = False,
) -> Weights:
    """Attention in which several heads of queries share a head of keys and values."""
    for part, count in (("query", heads), ("key", key_heads), ("value", key_heads)):
        yield from kernel(f"{name}/{part}", size, count, head, bias=(count, head) if bias else None)
    yield from kernel(
        f"{name}/attention_output", heads, head, size, bias=(size,) if output_bias else None
    )


def encoder_layer(name: str, size: int, heads: int, inner: int) -> Weights:
    """A `TransformerEncoder` of KerasHub."""
    yield from attention(f"{name}/self_attention_layer", size, heads)
    yield from norm(f"{name}/self_attention_layer_norm", size)
    yield from norm(f"{name}/feedforward_layer_norm", size)
    yield from dense(f"{name}/feedforward_intermediate_dense", size, inner)
    yield from dense(f"{name}/feedforward_output_dense", inner, size)


def decoder_layer(name: str, size: int, heads: int, inner: int) -> Weights:
    """A `TransformerDecoder` of KerasHub without cross-attention."""
    yield from attention(f"{name}/self_attention", size, heads)
    yield from norm(f"{name}/self_attention_layer_norm", size)
    yield from dense(f"{name}/feedforward_intermediate_dense", size, inner)
    yield from dense(f"{name}/feedforward_output_dense", inner, size)
    yield from norm(f"{name}/feedforward_layer_norm", size)
