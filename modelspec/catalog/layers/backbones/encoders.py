"""Backbones that encode text: Bert and its relatives."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ..layer import Weight
from . import parts
from .backbone import Backbone, OutputOf, sequence, tokens, vector
from .config import Config

_SEGMENTED = ("token_ids", "padding_mask", "segment_ids")


def bert(config: Config) -> Backbone:
    """Bert: an output for each token, and one for the example."""
    size = config.size("hidden_dim")
    return _pooled(
        config,
        (
            *_embeddings(config, "vocabulary_size", size),
            *_layers(config, "transformer_layer_{}"),
        ),
    )


def electra(config: Config) -> Backbone:
    """Electra: as Bert, with embeddings of another size."""
    size, own = config.size("hidden_dim"), config.size("embedding_dim")
    projection = parts.dense("embeddings_projection", own, size) if own != size else ()
    return _pooled(
        config,
        (
            *_embeddings(config, "vocab_size", own),
            *projection,
            *_layers(config, "transformer_layer_{}"),
        ),
    )


def albert(config: Config) -> Backbone:
    """Albert: layers that share their weights in groups."""
    size, own = config.size("hidden_dim"), config.size("embedding_dim")
    heads, inner = _heads(config), config.size("intermediate_dim")
    names = [
        f"group_{group}_inner_layer_{index}"
        for group in range(config.size("num_groups", 1))
        for index in range(config.size("num_inner_repetitions", 1))
    ]
    config.count("num_layers")
    weights = (
        *_embeddings(config, "vocabulary_size", own),
        *parts.dense("embedding_projection", own, size),
        *(one for name in names for one in parts.encoder_layer(name, size, heads, inner)),
    )
    return _pooled(config, weights, hidden={})


def f_net(config: Config) -> Backbone:
    """FNet: Fourier transforms instead of attention."""
    size, inner = config.size("hidden_dim"), config.size("intermediate_dim")
    names = [f"f_net_layer_{index}" for index in range(config.count("num_layers"))]
    weights = (
        *_embeddings(config, "vocabulary_size", size, segments=4),
        *parts.dense("embedding_projection", size, size),
        *(one for name in names for one in _mixing(name, size, inner)),
    )
    hidden = {name: sequence(size) for name in names}
    return _pooled(config, weights, ("token_ids", "segment_ids"), hidden, padding_id=3)


def distil_bert(config: Config) -> Backbone:
    """DistilBert: an output for each token."""
    return _plain(config, "token_and_position_embedding", 0)


def roberta(config: Config) -> Backbone:
    """RoBERTa and XLM-RoBERTa."""
    return _plain(config, "embeddings", 1)


def deberta(config: Config) -> Backbone:
    """DeBERTa of version 3: attention to relative positions."""
    size, heads, inner = config.size("hidden_dim"), _heads(config), config.size("intermediate_dim")
    table = Weight("rel_embedding/rel_embedding", (2 * config.size("bucket_size", 256), size))
    pattern = "disentangled_attention_encoder_layer_{}"
    names = [pattern.format(index) for index in range(config.count("num_layers"))]
    weights = (
        *parts.embedding("token_embedding", config.size("vocabulary_size"), size),
        *parts.norm("embeddings_layer_norm", size),
        table,
        *parts.norm("rel_embedding/rel_embeddings_layer_norm", size),
        *(one for name in names for one in _disentangled(name, size, heads, inner)),
    )
    return Backbone(
        tokens("token_ids", "padding_mask"),
        tuple(weights),
        {"output": sequence(size)},
        {name: sequence(size) for name in names},
        padding_id=0,
    )


def _disentangled(name: str, size: int, heads: int, inner: int) -> Iterator[Weight]:
    joined = f"{name}/self_attention_layer/attention_output/kernel"
    for one in parts.encoder_layer(name, size, heads, inner):
        yield one._replace(shape=(size, size)) if one.name == joined else one


def _mixing(name: str, size: int, inner: int) -> Iterator[Weight]:
    yield from parts.norm(f"{name}/mixing_layer_norm", size)
    yield from parts.norm(f"{name}/output_layer_norm", size)
    yield from parts.dense(f"{name}/intermediate_dense", size, inner)
    yield from parts.dense(f"{name}/output_dense", inner, size)


def _heads(config: Config) -> int:
    config.divided("hidden_dim", "num_heads")
    return config.size("num_heads")


def _embeddings(config: Config, vocabulary: str, size: int, segments: int = 2) -> Iterator[Weight]:
    """Embeddings of tokens, positions and segments."""
    yield from parts.embedding("token_embedding", config.size(vocabulary), size)
    yield from parts.embedding("position_embedding", config.size("max_sequence_length", 512), size)
    yield from parts.embedding("segment_embedding", config.size("num_segments", segments), size)
    yield from parts.norm("embeddings_layer_norm", size)


def _names(config: Config, pattern: str) -> list[str]:
    return [pattern.format(index) for index in range(config.count("num_layers"))]


def _layers(config: Config, pattern: str) -> Iterator[Weight]:
    size, heads, inner = config.size("hidden_dim"), _heads(config), config.size("intermediate_dim")
    for name in _names(config, pattern):
        yield from parts.encoder_layer(name, size, heads, inner)


def _pooled(
    config: Config,
    weights: Iterable[Weight],
    names: tuple[str, ...] = _SEGMENTED,
    hidden: Mapping[str, OutputOf] | None = None,
    padding_id: int = 0,
) -> Backbone:
    """A backbone with an output for each token, and one for the example."""
    size = config.size("hidden_dim")
    if hidden is None:
        hidden = {name: sequence(size) for name in _names(config, "transformer_layer_{}")}
    return Backbone(
        tokens(*names),
        (*weights, *parts.dense("pooled_dense", size, size)),
        {"sequence_output": sequence(size), "pooled_output": vector(size)},
        hidden,
        padding_id,
        config.size("max_sequence_length", 512),
    )


def _plain(config: Config, embeddings: str, padding_id: int) -> Backbone:
    """A backbone with an output for each token."""
    size, longest = config.size("hidden_dim"), config.size("max_sequence_length", 512)
    weights = (
        *parts.embedding(f"{embeddings}/token_embedding", config.size("vocabulary_size"), size),
        *parts.embedding(f"{embeddings}/position_embedding", longest, size),
        *parts.norm("embeddings_layer_norm", size),
        *_layers(config, "transformer_layer_{}"),
    )
    return Backbone(
        tokens("token_ids", "padding_mask"),
        weights,
        {"output": sequence(size)},
        {name: sequence(size) for name in _names(config, "transformer_layer_{}")},
        padding_id,
        longest,
    )
