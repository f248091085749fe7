"""The JSON of a `Tokenizer` of Keras 2 as a model: words in, their numbers out.

A `Tokenizer` numbers words from 1 by their frequency; 0 is padding. A `StringLookup` with the same
vocabulary gives the same numbers. Source: `keras_preprocessing.text.Tokenizer`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .architecture import Unreadable

_KIND = "Tokenizer"
_LARGEST = 8 * 2**20
"""Maximum size of the words of a tokenizer in characters."""


def tokenizer_as_model(value: Any) -> Any:
    """The configuration of the model for a tokenizer; every other value as it is. Raises
    `Unreadable` for a tokenizer without words.
    """
    config = value.get("config") if isinstance(value, Mapping) else None
    if not isinstance(config, Mapping) or value.get("class_name") != _KIND:
        return value
    words = _words(config)
    unknown = config.get("oov_token")
    lookup: dict[str, Any] = {"name": "lookup", "mask_token": "", "num_oov_indices": 0}
    if isinstance(unknown, str) and words[:1] == [unknown]:
        words = words[1:]
        lookup |= {"num_oov_indices": 1, "oov_token": unknown}
    lookup["vocabulary"] = words
    return _model(lookup)


def _words(config: Mapping[str, Any]) -> list[str]:
    """The words by their number, from 1; of a limited tokenizer those that it uses."""
    index = _decoded(config.get("word_index"))
    numbers = {number: word for word, number in index.items() if type(number) is int}
    if not numbers or sorted(numbers) != list(range(1, len(index) + 1)):
        raise Unreadable(
            "this is a `Tokenizer` without numbered words",
            "save it after `fit_on_texts`: `tokenizer.to_json()`",
        )
    most = config.get("num_words")
    used = len(numbers) if type(most) is not int else min(len(numbers), most - 1)
    return [numbers[number] for number in range(1, used + 1)]


def _decoded(value: Any) -> Mapping[str, Any]:
    """The numbers of the words, which Keras writes as JSON in a string."""
    if isinstance(value, str) and len(value) <= _LARGEST:
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            value = None
    return value if isinstance(value, Mapping) else {}


def _model(lookup: dict[str, Any]) -> dict[str, Any]:
    """A functional model of Keras 3 that consists of a lookup of words."""
    words = {"name": "words", "batch_shape": [None, None], "dtype": "string"}
    tensor = {
        "class_name": "__keras_tensor__",
        "config": {
            "shape": [None, None],
            "dtype": "string",
            "keras_history": ["words", 0, 0],
        },
    }
    return {
        "module": "keras.src.models.functional",
        "class_name": "Functional",
        "config": {
            "name": "tokenizer",
            "layers": [
                _layer("InputLayer", words),
                {**_layer("StringLookup", lookup), "inbound_nodes": [{"args": [tensor]}]},
            ],
            "input_layers": [["words", 0, 0]],
            "output_layers": [["lookup", 0, 0]],
        },
    }


def _layer(kind: str, config: dict[str, Any]) -> dict[str, Any]:
    return {"module": "keras.layers", "class_name": kind, "name": config["name"], "config": config}
