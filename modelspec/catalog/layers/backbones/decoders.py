"""Backbones that predict the next token: GPT-2, Llama and their relatives."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from ..layer import Weight
from . import parts
from .backbone import Backbone, sequence, tokens
from .config import Config


def gpt2(config: Config) -> Backbone:
    """GPT-2: positions have embeddings."""
    return _with_positions(config, "", 1024)


def opt(config: Config) -> Backbone:
    """OPT."""
    return _with_positions(config, "embeddings/", 2048, padding_id=1)


def gpt_neo_x(config: Config) -> Backbone:
    """GPT-NeoX: one kernel for queries, keys and values."""
    size, heads = config.size("hidden_dim"), config.size("num_heads")
    head, inner = config.divided("hidden_dim", "num_heads"), config.size("intermediate_dim")

    def layer(name: str) -> Iterator[Weight]:
        joined = f"{name}/self_attention/query_key_value"
        yield from parts.kernel(joined, size, heads, 3 * head, bias=(heads, 3 * head))
        yield from parts.dense(f"{name}/self_attention/attention_output", size, size)
        yield from parts.norm(f"{name}/self_attention_layer_norm", size)
        yield from _feedforward(name, size, inner)
        yield from parts.norm(f"{name}/feedforward_layer_norm", size)

    return _decoder(config, (), layer, parts.norm("layer_norm", size))


def bloom(config: Config) -> Backbone:
    """Bloom: attention with a bias by distance."""
    size, heads = config.size("hidden_dim"), config.size("num_heads")
    head, inner = config.divided("hidden_dim", "num_heads"), config.size("intermediate_dim")

    def layer(name: str) -> Iterator[Weight]:
        yield from parts.norm(f"{name}/pre_attention_layernorm", size)
        for part in ("query", "key", "value"):
            place = f"{name}/self_attention/{part}_dense"
            yield from parts.kernel(place, size, heads, head, bias=(heads, head))
        yield from parts.dense(f"{name}/self_attention/output_dense", size, size)
        yield from parts.norm(f"{name}/post_attention_layernorm", size)
        yield from parts.dense(f"{name}/mlp_intermediate_dense", size, inner)
        yield from parts.dense(f"{name}/mlp_output_dense", inner, size)

    first = parts.norm("embedding_layernorm", size)
    return _decoder(config, first, layer, parts.norm("final_layernorm", size))


def llama(config: Config) -> Backbone:
    """Llama and Llama 3."""
    return _llama(config, reverse=not config.flag("tie_word_embeddings", False))


def mistral(config: Config) -> Backbone:
    """Mistral."""
    return _llama(config, reverse=True)


def qwen(config: Config) -> Backbone:
    """Qwen 2: biases in the attention."""
    return _llama(config, reverse=not config.flag("tie_word_embeddings", True), bias=True)


def phi3(config: Config) -> Backbone:
    """Phi 3: as Llama, with normalization before each part."""
    size, inner = config.size("hidden_dim"), config.size("intermediate_dim")
    heads, key_heads, head = _grouped(config)

    def layer(name: str) -> Iterator[Weight]:
        yield from parts.scale(f"{name}/pre_attention_layernorm", size)
        yield from parts.grouped_attention(f"{name}/attention", size, heads, key_heads, head)
        yield from parts.scale(f"{name}/post_attention_layernorm", size)
        yield from _gated(name, size, inner)

    last = parts.scale("sequence_output_layernorm", size)
    return _decoder(config, (), layer, last, reverse=True)


def gemma(config: Config) -> Backbone:
    """Gemma and Gemma 2."""
    size, head = config.size("hidden_dim"), config.size("head_dim")
    heads, key_heads = config.size("num_query_heads"), config.size("num_key_value_heads")
    inner = config.size("intermediate_dim") // 2
    after_attention = config.flag("use_post_attention_norm", False)
    after_feedforward = config.flag("use_post_ffw_norm", False)

    def layer(name: str) -> Iterator[Weight]:
        yield from parts.scale(f"{name}/pre_attention_norm", size)
        if after_attention:
            yield from parts.scale(f"{name}/post_attention_norm", size)
        for part, count in (("query", heads), ("key", key_heads), ("value", key_heads)):
            yield from parts.kernel(f"{name}/attention/{part}", count, size, head)
        yield from parts.kernel(f"{name}/attention/attention_output", heads, head, size)
        yield from parts.scale(f"{name}/pre_ffw_norm", size)
        if after_feedforward:
            yield from parts.scale(f"{name}/post_ffw_norm", size)
        yield from parts.dense(f"{name}/ffw_gating", size, inner, bias=False)
        yield from parts.dense(f"{name}/ffw_gating_2", size, inner, bias=False)
        yield from parts.dense(f"{name}/ffw_linear", inner, size, bias=False)

    last = parts.scale("final_normalization", size)
    return _decoder(config, (), layer, last, pattern="decoder_block_{}", padding_id=0)


# Parts --------------------------------------------------------------------------------------------


def _with_positions(
    config: Config, prefix: str, longest: int, padding_id: int | None = None
) -> Backbone:
    size, heads = config.size("hidden_dim"), config.size("num_heads")
    config.divided("hidden_dim", "num_heads")
    inner, most = config.size("intermediate_dim"), config.size("max_sequence_length", longest)
    return _decoder(
        config,
        parts.embedding(f"{prefix}position_embedding", most, size),
        lambda name: parts.decoder_layer(name, size, heads, inner),
        parts.norm("layer_norm", size),
        table=f"{prefix}token_embedding",
        padding_id=padding_id,
        longest=most,
    )


def _llama(config: Config, *, reverse: bool, bias: bool = False) -> Backbone:
    size, inner = config.size("hidden_dim"), config.size("intermediate_dim")
    heads, key_heads, head = _grouped(config)

    def layer(name: str) -> Iterator[Weight]:
        place = f"{name}/self_attention"
        yield from parts.grouped_attention(place, size, heads, key_heads, head, bias=bias)
        yield from parts.scale(f"{name}/self_attention_layernorm", size)
        yield from _gated(name, size, inner)
        yield from parts.scale(f"{name}/feedforward_layernorm", size)

    last = parts.scale("sequence_output_layernorm", size)
    return _decoder(config, (), layer, last, reverse=reverse)


def _grouped(config: Config) -> tuple[int, int, int]:
    """The heads of queries, the heads of keys, and the size of each."""
    config.divided("num_query_heads", "num_key_value_heads")
    given = config.settings.get("head_dim")
    head = (
        config.divided("hidden_dim", "num_query_heads")
        if given is None
        else config.size("head_dim")
    )
    return config.size("num_query_heads"), config.size("num_key_value_heads"), head


def _feedforward(name: str, size: int, inner: int) -> Iterator[Weight]:
    yield from parts.dense(f"{name}/feedforward_intermediate_dense", size, inner)
    yield from parts.dense(f"{name}/feedforward_output_dense", inner, size)


def _gated(name: str, size: int, inner: int) -> Iterator[Weight]:
    yield from parts.dense(f"{name}/feedforward_intermediate_dense", size, inner, bias=False)
    yield from parts.dense(f"{name}/feedforward_gate_dense", size, inner, bias=False)
    yield from parts.dense(f"{name}/feedforward_output_dense", inner, size, bias=False)


def _decoder(
    config: Config,
    after_table: Iterable[Weight],
    layer: Callable[[str], Iterable[Weight]],
    last: Iterable[Weight],
    *,
    table: str = "token_embedding",
    pattern: str = "transformer_layer_{}",
    reverse: bool = False,
    padding_id: int | None = None,
    longest: int | None = None,
) -> Backbone:
    """A table of tokens, layers of one kind, and a normalization."""
    size = config.size("hidden_dim")
    names = [pattern.format(index) for index in range(config.count("num_layers"))]
    rows = config.size("vocabulary_size")
    weights = (
        *parts.embedding(table, rows, size, reverse=reverse),
        *after_table,
        *(one for name in names for one in layer(name)),
        *last,
    )
    return Backbone(
        tokens("token_ids", "padding_mask"),
        weights,
        {"output": sequence(size)},
        {name: sequence(size) for name in names},
        padding_id,
        longest,
    )
