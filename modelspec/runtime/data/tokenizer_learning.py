"""Learns the vocabulary of WordPiece and BPE from training texts.

What is learned depends on the texts alone. The package tokenizers numbers the parts of words that
continue a word in the order of a hash table, which differs between processes, and breaks ties by
these numbers; so they are given to it in their order, as special tokens of the training.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from tempfile import TemporaryFile
from typing import Any, Final

from modelspec.catalog.layers.tokenizers import Tokenizer, WordPiece
from modelspec.core.shapes import Tensor

from .errors import RunError
from .learning import LayerAdapter
from .table import Array
from .tokenizers import configured, encoded, library, state_of

_PREFIX: Final = "##"
_THREADS: Final = "TOKENIZERS_PARALLELISM"


class Texts:
    """The training texts, in a temporary file: they may be larger than memory."""

    def __init__(self) -> None:
        self._file = TemporaryFile("w+", encoding="utf-8", newline="\n")  # noqa: SIM115
        self.count = 0

    def add(self, texts: Iterable[Any]) -> None:
        for text in texts:
            if text != "":
                self._file.write(json.dumps(str(text)) + "\n")
                self.count += 1

    def __iter__(self) -> Iterator[str]:
        self._file.seek(0)
        for line in self._file:
            yield json.loads(line)

    def close(self) -> None:
        self._file.close()


class TokenizerAdapter(LayerAdapter):
    """Learns the vocabulary of a tokenizer. `marks` are special tokens of other features that share
    it.
    """

    def __init__(self, layer: Tokenizer, given: Tensor, marks: tuple[str, ...] = ()) -> None:
        super().__init__(layer, given)
        library()
        self._tokenizer = layer
        self._specials = tuple(dict.fromkeys((*layer.specials, *marks)))
        self._texts = Texts()

    def update(self, values: Array, real: Array | None) -> None:
        self._texts.add(values.flat)

    def settings(self) -> Mapping[str, Any]:
        if not self._texts.count:
            raise RunError.of(
                "MS635",
                f"`{self.layer.kind()}` has no values in the training split to learn from",
                help="check whether the column is empty, or a layer before it leaves nothing",
            )
        with _one_thread():
            content = learned(self._tokenizer, self._texts, self._specials)
        self._texts.close()
        return state_of(content.encode())


class Longest(LayerAdapter):
    """The number of tokens of the longest training text, to which all others are padded."""

    def __init__(self, layer: Tokenizer, given: Tensor) -> None:
        super().__init__(layer, given)
        self._known = layer.state
        self._made = configured(layer, None)
        self._longest = 1

    def update(self, values: Array, real: Array | None) -> None:
        found = encoded(self._made, [str(text) for text in values.flat])
        self._longest = max(self._longest, *map(len, found))

    def settings(self) -> Mapping[str, Any]:
        return {"state": self._known, "length": self._longest}


def tokenizer_adapter(layer: Tokenizer, given: Tensor, marks: tuple[str, ...]) -> LayerAdapter:
    """The adapter for what a tokenizer has to learn next."""
    return Longest(layer, given) if layer.is_adapted else TokenizerAdapter(layer, given, marks)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Lets the package use one thread."""
    before = os.environ.get(_THREADS)
    os.environ[_THREADS] = "false"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_THREADS]
        else:
            os.environ[_THREADS] = before


def learned(layer: Tokenizer, texts: Iterable[str], specials: tuple[str, ...]) -> str:
    """The JSON of the tokenizer that is learned from texts. The texts are read several times."""
    find = _word_piece if isinstance(layer, WordPiece) else _byte_pairs
    return str(find(layer, texts, specials).to_str())


def _byte_pairs(layer: Tokenizer, texts: Iterable[str], specials: tuple[str, ...]) -> Any:
    package = library()
    made = package.Tokenizer(package.models.BPE())
    made.pre_tokenizer = package.pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = package.decoders.ByteLevel()
    trainer = package.trainers.BpeTrainer(
        vocab_size=layer.vocabulary_size,
        min_frequency=layer.min_frequency,
        special_tokens=list(specials),
        initial_alphabet=sorted(package.pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    made.train_from_iterator(_without(texts, specials), trainer)
    return made


def _word_piece(layer: Tokenizer, texts: Iterable[str], specials: tuple[str, ...]) -> Any:
    package = library()
    assert layer.vocabulary_size is not None
    words = package.pre_tokenizers.BertPreTokenizer()
    first, following = _characters(texts, specials, words, layer.vocabulary_size - len(specials))
    trained = package.Tokenizer(package.models.WordPiece(unk_token=layer.unknown_token))
    trained.pre_tokenizer = words
    trainer = package.trainers.WordPieceTrainer(
        vocab_size=layer.vocabulary_size,
        min_frequency=layer.min_frequency,
        special_tokens=[*specials, *(f"{_PREFIX}{one}" for one in following)],
        initial_alphabet=first,
        limit_alphabet=len(first),
        continuing_subword_prefix=_PREFIX,
        show_progress=False,
    )
    trained.train_from_iterator(_without(texts, specials), trainer)
    # A new tokenizer, in which the parts of words are not special.
    found = package.Tokenizer(
        package.models.WordPiece(
            vocab=trained.get_vocab(with_added_tokens=False),
            unk_token=layer.unknown_token,
            continuing_subword_prefix=_PREFIX,
        )
    )
    found.pre_tokenizer = words
    found.decoder = package.decoders.WordPiece(prefix=_PREFIX)
    found.add_special_tokens(list(specials))
    return found


def _without(texts: Iterable[str], specials: tuple[str, ...]) -> Iterator[str]:
    """Texts without the special tokens, which are not part of any word."""
    for text in texts:
        for token in specials:
            text = text.replace(token, " ") if token in text else text
        yield text


def _characters(
    texts: Iterable[str], specials: tuple[str, ...], words: Any, room: int
) -> tuple[list[str], list[str]]:
    """The characters that become tokens, and those of them that continue a word: as many of the
    most frequent as have room. Each is sorted.
    """
    counts: Counter[str] = Counter()
    for text in _without(texts, specials):
        counts.update(text)
    of_words, alone = set[str](), set[str]()
    for one in counts:
        pieces = [piece for piece, _ in words.pre_tokenize_str(f"a{one}a")]
        if len(pieces) == 1:
            of_words.add(one)
        elif one in pieces:
            alone.add(one)
    inside = _continuing(_without(texts, specials), of_words, words)
    first: list[str] = []
    following: list[str] = []
    for one in sorted(of_words | alone, key=lambda one: (-counts[one], one)):
        room -= 2 if one in inside else 1
        if room < 0:
            break
        first.append(one)
        if one in inside:
            following.append(one)
    return sorted(first), sorted(following)


def _continuing(texts: Iterable[str], of_words: set[str], words: Any) -> set[str]:
    """The characters that occur within words, behind another one."""
    found: set[str] = set()
    for text in texts:
        if (of_words - found).isdisjoint(text):
            continue
        for piece, _ in words.pre_tokenize_str(text):
            found.update(piece[1:])
    return found & of_words
