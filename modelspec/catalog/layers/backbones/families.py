"""Which function describes which class of backbone."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Final

from . import decoders, encoders, images
from .backbone import Backbone
from .config import Config

FAMILIES: Final[dict[str, Callable[[Config], Backbone]]] = {
    "AlbertBackbone": encoders.albert,
    "BertBackbone": encoders.bert,
    "DebertaV3Backbone": encoders.deberta,
    "DistilBertBackbone": encoders.distil_bert,
    "ElectraBackbone": encoders.electra,
    "FNetBackbone": encoders.f_net,
    "RobertaBackbone": encoders.roberta,
    "XLMRobertaBackbone": encoders.roberta,
    "BloomBackbone": decoders.bloom,
    "GPT2Backbone": decoders.gpt2,
    "GPTNeoXBackbone": decoders.gpt_neo_x,
    "GemmaBackbone": decoders.gemma,
    "Llama3Backbone": decoders.llama,
    "LlamaBackbone": decoders.llama,
    "MistralBackbone": decoders.mistral,
    "OPTBackbone": decoders.opt,
    "Phi3Backbone": decoders.phi3,
    "QwenBackbone": decoders.qwen,
    "Qwen2Backbone": decoders.qwen,
    "ViTBackbone": images.vit,
}
"""Families whose shapes and weights are known here. KerasHub itself describes the others."""


@lru_cache(maxsize=32)
def described(config: Config) -> Backbone:
    """The description of a backbone. Raises `Fault`: MS748 for invalid settings, MS755 if it
    requires KerasHub, which is not installed.
    """
    family = FAMILIES.get(config.kind)
    if family is not None:
        return family(config)
    from .asked import asked

    return asked(config)
