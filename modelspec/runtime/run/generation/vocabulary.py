"""The vocabulary of a run: the text of each token number, and texts from token numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from modelspec.catalog.layers.kerashub_preparing import KerasHubTokenizer
from modelspec.catalog.layers.layer import Layer
from modelspec.catalog.layers.lookup import StringLookup
from modelspec.catalog.layers.text_vectorization import TextVectorization
from modelspec.catalog.layers.tokenizers import PADDING_TOKEN, Tokenizer

from ...data.adapted_state import tokens
from ...data.table import Array


@dataclass(frozen=True)
class Vocabulary:
    """The tokens of one tokenizing layer."""

    tokens: tuple[str | None, ...]
    """By number; None for a number without text, such as padding."""
    unknown: frozenset[int] = frozenset()
    """The numbers of tokens that the vocabulary does not contain."""
    between: str = " "
    """What separates the tokens of a text."""
    joined: Callable[[Sequence[int]], str] | None = field(default=None, compare=False)
    """The text of several numbers, where the tokenizer has its own rules for it."""

    @cached_property
    def numbers(self) -> dict[str, int]:
        """The number of each token; of equal tokens the first one."""
        found: dict[str, int] = {}
        for number, token in enumerate(self.tokens):
            if token is not None and number not in self.unknown:
                found.setdefault(token, number)
        return found

    def text(self, numbers: Iterable[int]) -> str:
        """The text of some numbers."""
        listed = [int(number) for number in numbers]
        if self.joined is not None:
            return self.joined(listed)
        return self.between.join(self.tokens[one] or "" for one in listed)

    def allowed(self, count: int) -> Array:
        """Which of `count` classes are tokens with a text, as [count] of `bool`."""
        found = np.zeros(count, bool)
        known = self.tokens[:count]
        found[: len(known)] = [token is not None for token in known]
        return found

    def translated(self, to: Vocabulary) -> Array:
        """By number: the number of the same token in another vocabulary; the first unknown one, or
        -1, if it does not contain the token.
        """
        other = min(to.unknown, default=-1)
        if self.tokens == to.tokens:
            return np.arange(len(self.tokens))
        return np.array(
            [
                other if token is None or at in self.unknown else to.numbers.get(token, other)
                for at, token in enumerate(self.tokens)
            ],
            np.int64,
        )


def vocabulary_of(layer: Layer, separator: str | None) -> Vocabulary | None:
    """The vocabulary of an adapted layer that gives a number for each token; None for another
    layer. `separator` separates the tokens in the cells of its column.
    """
    if isinstance(layer, TextVectorization):
        if layer.lookup.mode != "int" or layer.ngrams is not None:
            return None
        return _of_lookup(layer.lookup, "" if layer.split == "character" else " ")
    if isinstance(layer, StringLookup):
        known = layer.mode == "int" and not layer.invert
        return _of_lookup(layer, " " if separator is None else separator) if known else None
    if isinstance(layer, KerasHubTokenizer):
        return _of_hub(layer) if layer.gives == "token_ids" else None
    return _of_tokenizer(layer) if isinstance(layer, Tokenizer) else None


def _of_lookup(layer: StringLookup, between: str) -> Vocabulary:
    masked = layer.special - layer.num_oov_indices
    texts = [None if at < masked else str(token) for at, token in enumerate(tokens(layer))]
    return Vocabulary(tuple(texts), frozenset(range(masked, layer.special)), between)


def _of_tokenizer(layer: Tokenizer) -> Vocabulary:
    from ...data.tokenizers import configured, tokens_of, unknown_token_of

    known = tokens_of(layer)
    made = configured(layer, None)
    texts: list[str | None] = [None] * (max(known.values(), default=-1) + 1)
    for token, number in known.items():
        texts[number] = token
    padding = layer.padding_token or PADDING_TOKEN
    if padding in known:
        texts[known[padding]] = None
    missing = unknown_token_of(layer)
    unknown = frozenset({known[missing]} if missing in known else ())

    def joined(numbers: Sequence[int]) -> str:
        return str(made.decode(list(numbers), skip_special_tokens=True))

    return Vocabulary(tuple(texts), unknown, " ", joined)


def _of_hub(layer: KerasHubTokenizer) -> Vocabulary:
    from .hub_vocabulary import text_of, tokens_of

    texts, unknown = tokens_of(layer)
    return Vocabulary(tuple(texts), unknown, " ", lambda numbers: text_of(layer, numbers))


def all_tokens(layer: Tokenizer | KerasHubTokenizer, texts: list[str]) -> list[list[int]]:
    """The tokens of texts, as many as each has."""
    from ...data.tokenizers import configured, encoded
    from .hub_vocabulary import whole_tokens

    if isinstance(layer, KerasHubTokenizer):
        return whole_tokens(layer, texts)
    return encoded(configured(layer, None), texts)


def untruncated(layer: Layer) -> Layer:
    """The layer without the length that it truncates texts to."""
    if isinstance(layer, TextVectorization):
        return layer.model_copy(update={"output_sequence_length": None})
    return layer
