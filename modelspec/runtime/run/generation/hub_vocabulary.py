"""The vocabulary of a tokenizer of KerasHub, and its tokens of texts."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from modelspec.catalog.layers.kerashub_preparing import KerasHubTokenizer


def tokens_of(layer: KerasHubTokenizer) -> tuple[list[str | None], frozenset[int]]:
    """The text of each token number, and the numbers of unknown tokens. A padding token has no
    text.
    """
    made = _made(layer).tokenizer
    texts: list[str | None] = [made.id_to_token(at) for at in range(made.vocabulary_size())]
    padding = getattr(made, "pad_token", None)  # without a name it is also an ordinary token
    if padding is not None and (at := made.pad_token_id) is not None and at < len(texts):
        texts[at] = None
    unknown = [getattr(made, name, None) for name in ("oov_token", "unk_token")]
    return texts, frozenset(at for at, text in enumerate(texts) if text and text in unknown)


def text_of(layer: KerasHubTokenizer, numbers: Sequence[int]) -> str:
    """The text of several tokens, without the special ones."""
    made = _made(layer).tokenizer
    special = {int(one) for one in made.special_token_ids}
    kept = [one for one in numbers if one not in special]
    found = made.detokenize(kept)
    if hasattr(found, "numpy"):
        found = found.numpy()
    return found.decode("utf-8", "replace") if isinstance(found, bytes) else str(found)


def whole_tokens(layer: KerasHubTokenizer, texts: list[str]) -> list[list[int]]:
    """The tokens of texts between their marks, as many as each has."""
    found: list[list[int]] = _made(layer).whole(texts)
    return found


def _made(layer: KerasHubTokenizer) -> Any:
    vocabulary = layer.vocabulary_given
    return _opened(str(layer.preset), layer.length, layer.add_start, layer.add_end, vocabulary)


@lru_cache(maxsize=8)
def _opened(preset: str, length: int, start: bool, end: bool, _vocabulary: str | None) -> Any:
    from ...backend.layers import KerasHubTokenizer as Computed

    return Computed(preset, length, add_start=start, add_end=end)
