"""Presets of KerasHub for tests: small, random, and written without KerasHub where it is not needed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

TEXT: dict[str, Any] = {
    "vocabulary_size": 20,
    "num_layers": 2,
    "num_heads": 2,
    "hidden_dim": 8,
    "intermediate_dim": 16,
    "max_sequence_length": 12,
}
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "quick", "brown", "fox", "##es", "un"]


def config(kind: str, settings: dict[str, Any]) -> dict[str, Any]:
    """The content of `config.json`, as KerasHub writes it."""
    policy = {"module": "keras", "class_name": "DTypePolicy", "config": {"name": "float32"}}
    return {
        "module": f"keras_hub.src.models.{kind.lower()}",
        "class_name": kind,
        "config": {"name": "backbone", "trainable": True, "dtype": policy, **settings},
        "registered_name": f"keras_hub>{kind}",
    }


def write_config(folder: Path, kind: str, settings: dict[str, Any]) -> Path:
    """A preset without weights."""
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config(kind, settings)))
    return folder


def write_tokenizer(
    folder: Path, words: list[str] | None = None, kind: str = "Bert", **settings: Any
) -> None:
    """The files of a WordPiece tokenizer."""
    assets = folder / "assets" / "tokenizer"
    assets.mkdir(parents=True, exist_ok=True)
    (assets / "vocabulary.txt").write_text("".join(f"{word}\n" for word in words or WORDS))
    value = config("BertTokenizer", {})
    value["registered_name"] = f"keras_hub>{kind}Tokenizer"
    value["module"] = "keras_hub.src.models.bert.bert_tokenizer"
    value["config"]["dtype"]["config"]["name"] = "int32"
    value["config"] |= {"vocabulary": None, "lowercase": True, **settings}
    (folder / "tokenizer.json").write_text(json.dumps(value))


def bert(folder: Path) -> Path:
    """A random Bert with weights and a tokenizer, written by KerasHub."""
    import keras_hub

    models = keras_hub.models
    models.BertTokenizer(vocabulary=WORDS, lowercase=True).save_to_preset(str(folder))
    models.BertBackbone(**{**TEXT, "num_layers": 1}).save_to_preset(str(folder))
    return folder
