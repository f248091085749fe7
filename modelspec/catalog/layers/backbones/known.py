"""The classes that the configuration of a preset may name."""

from typing import Final

POLICIES: Final = frozenset({"DTypePolicy"})
"""Classes of Keras."""

_NAMES: Final = """
    Albert BASNet Bart Bert Bloom CLIP CSPNet DINOV2 DINOV3 DebertaV3 DeepLabV3 DeiT DenseNet
    DepthAnything DistilBert ESM ESM2 EfficientNet Electra FNet Falcon GPT2 GPTNeoX Gemma Gemma3
    GptOss HGNetV2 Llama Llama3 MetaCLIP2 MiT Mistral Mixtral MobileNet MobileNetV5 Moonshine OPT
    PaliGemma Phi3 Qwen Qwen2 Qwen3 Qwen3Moe QwenMoe RWKV7 ResNet RetinaNet Roberta RoformerV2 SAM
    SegFormer SigLIP SmolLM SmolLM3 SwinTransformer T5 T5Gemma VGG ViT ViTDet VideoPrism Whisper
    XLMRoberta XLNet Xception
"""
BACKBONES: Final = frozenset(f"{name}Backbone" for name in _NAMES.split())
"""Classes of `keras_hub.models`."""
OTHERS: Final = frozenset(_NAMES.split())
"""The first part of the names of tokenizers and image converters."""
