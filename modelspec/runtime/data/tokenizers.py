"""WordPiece and BPE, computed by the package tokenizers. A tokenizer that was learned, or read from
a JSON file, is kept as the bytes of its JSON.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from math import prod
from pathlib import Path
from typing import Any, Final

import numpy as np

from modelspec.catalog.layers.text_patterns import nested_repetition
from modelspec.catalog.layers.tokenizers import PADDING_TOKEN, Tokenizer
from modelspec.core.source.regular_files import read_regular

from .errors import RunError
from .state_arrays import Arrays
from .table import Array

MOST_BYTES: Final = 2**27
"""The largest file of a tokenizer."""
_MOST_GROWTH: Final = 500
"""How many times as long a step of a file may make a text: a block of texts must fit in memory."""
_LONGEST: Final = 10_000
"""The longest regular expression of a file."""
_NAME: Final = "tokenizer"
_PADDING_NAMES: Final = (PADDING_TOKEN, "<pad>", "<|pad|>", "<PAD>")


def library() -> Any:
    """The package tokenizers. Raises `RunError` (MS689) if it is not installed."""
    try:
        import tokenizers
    except ImportError:
        raise RunError.of(
            "MS689",
            "`WordPiece` and `BPE` require the package tokenizers, which is not installed",
            help="`pip install 'modelspec[text]'`",
        ) from None
    return tokenizers


# State --------------------------------------------------------------------------------------------


def state_of(content: bytes) -> Mapping[str, Any]:
    return {"state": Arrays({_NAME: np.frombuffer(content, np.uint8)})}


def content_of(layer: Tokenizer) -> str:
    """The JSON of a tokenizer that has learned."""
    return bytes(layer.state[_NAME]).decode("utf-8")


def tokens_of(layer: Tokenizer) -> dict[str, int]:
    """The index of each token of a tokenizer that has learned, in the order of the indices."""
    found = json.loads(content_of(layer))
    every = dict(found["model"]["vocab"])
    every.update((one["content"], one["id"]) for one in found.get("added_tokens", ()))
    return dict(sorted(every.items(), key=lambda item: item[1]))


def unknown_token_of(layer: Tokenizer) -> str | None:
    """The token for unknown characters of a tokenizer that has learned, or was read from a file."""
    found = json.loads(content_of(layer))["model"].get("unk_token")
    return found if isinstance(found, str) else None


def from_json(layer: Tokenizer) -> Mapping[str, Any] | None:
    """The state of a tokenizer with a `file`; None without, and if it is known. Raises `RunError`
    (MS690).
    """
    if layer.file is None or layer.is_adapted:
        return None
    path = Path(layer.file)
    try:
        content = read_regular(path, MOST_BYTES)
    except OSError as error:
        raise _unusable(path, f"cannot be read: {error.strerror or error}") from None
    try:
        read = json.loads(content)
        kind = read["model"]["type"]
        costly = _costly(read)
    except (ValueError, KeyError, TypeError, RecursionError):
        raise _unusable(path, "is not the JSON of a tokenizer") from None
    if kind != layer.kind():
        raise _unusable(path, f"contains {str(kind)[:40]!r}, not `{layer.kind()}`")
    if costly is not None:
        raise _unusable(path, costly)
    found = state_of(content)
    configured(layer.model_copy(update=dict(found)), layer.length)
    return found


def _expressions(value: Any) -> Iterator[str]:
    """The regular expressions in a JSON."""
    if isinstance(value, dict):
        pattern = value.get("Regex")
        if isinstance(pattern, str):
            yield pattern
        for key, one in value.items():
            if key != "vocab":
                yield from _expressions(one)
    elif isinstance(value, list) and value and not isinstance(value[0], str):
        for one in value:
            yield from _expressions(one)


def _costly(read: Mapping[str, Any]) -> str | None:
    """Why the steps of a tokenizer may take too much time or memory; None if they do not."""
    grown = max(_growth(read.get(step)) for step in ("normalizer", "pre_tokenizer", "decoder"))
    if max(grown, *_template_sizes(read.get("post_processor"))) > _MOST_GROWTH:
        return f"may make a text more than {_MOST_GROWTH:,} times as long"
    for pattern in _expressions(read):
        if len(pattern) > _LONGEST:
            return f"has a regular expression of more than {_LONGEST:,} characters"
        if nested_repetition(pattern):
            return (
                f"repeats a repetition or alternatives, which may take very long: {pattern[:80]!r}"
            )
    return None


def _growth(value: Any) -> int:
    """How many times as long a normalizer may make a text of one character."""
    if isinstance(value, list):
        return prod(map(_growth, value))
    if not isinstance(value, dict):
        return 1
    added = [one for key in ("content", "prepend") if isinstance(one := value.get(key), str)]
    inner = [one for one in value.values() if isinstance(one, (list, dict))]
    return prod([*(len(one) + 1 for one in added), *map(_growth, inner)])


def _template_sizes(value: Any) -> Iterator[int]:
    """How many parts the templates of a post-processor give: the text itself and marks, each with
    its number of tokens.
    """
    yield 1
    for one in value if isinstance(value, list) else ():
        yield from _template_sizes(one)
    if not isinstance(value, dict):
        return
    for key in ("single", "processors"):
        parts = value.get(key)
        yield len(parts) if isinstance(parts, list) else 1
    marks = value.get("special_tokens")
    for mark in marks.values() if isinstance(marks, dict) else ():
        yield len(mark["ids"])
    yield from _template_sizes(value.get("processors"))


def _unusable(path: Path, what: str) -> RunError:
    return RunError.of(
        "MS690",
        f"the tokenizer file `{path.name}` {what}",
        help="write it with `Tokenizer.save` of the package tokenizers, or learn the vocabulary",
    )


def _loaded(content: str, name: str) -> Any:
    """The tokenizer of a JSON. Raises `RunError` (MS690)."""
    made = library().Tokenizer.from_str
    try:
        return made(content)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # noqa: BLE001  # also a panic of Rust
        reason = (str(error).splitlines() or ["unknown"])[0]
        raise _unusable(Path(name), f"cannot be loaded: {reason[:200]}") from None


def configured(layer: Tokenizer, length: int | None) -> Any:
    """The tokenizer of a layer, which brings each text to `length`; None: its own number of tokens.
    Raises `RunError` (MS690).
    """
    name = Path(layer.file).name if layer.file is not None else "of the run"
    made = _loaded(content_of(layer), name)
    padding = _padding(layer, made, name)
    if layer.text_marks:
        made.post_processor = _marks(layer, made, name)
    made.no_truncation()
    made.no_padding()
    if length is not None:
        try:
            side = {"pre": "left", "post": "right"}
            made.enable_truncation(length, direction=side[layer.truncating])
            index, token = padding
            made.enable_padding(
                direction=side[layer.padding], pad_id=index, pad_token=token, length=length
            )
        except Exception as error:  # noqa: BLE001  # the package raises any exception
            raise _unusable(Path(name), f"does not support `length: {length}`: {error}") from None
    return made


def _padding(layer: Tokenizer, made: Any, name: str) -> tuple[int, str]:
    """The index and the name of the padding token."""
    if layer.padding_token is not None:
        return _index(made, layer.padding_token, "padding_token", name), layer.padding_token
    if made.padding is not None:
        return int(made.padding["pad_id"]), str(made.padding["pad_token"])
    for token in _PADDING_NAMES:
        if (index := made.token_to_id(token)) is not None:
            return int(index), token
    raise RunError.of(
        "MS690",
        f"the tokenizer file `{name}` has no padding token",
        help='name one of its tokens: `padding_token: "..."`',
    )


def _index(made: Any, token: str, setting: str, name: str) -> int:
    index = made.token_to_id(token)
    if index is None:
        raise RunError.of(
            "MS690",
            f"`{setting}` is {token!r}, which is not a token of the tokenizer file `{name}`",
            help="name one of its tokens",
        )
    return int(index)


def _marks(layer: Tokenizer, made: Any, name: str) -> Any:
    """The tokens before and after each text."""
    parts: list[str] = [] if layer.start is None else [layer.start]
    parts += ["$A"] if layer.end is None else ["$A", layer.end]
    pairs = [
        (token, _index(made, token, setting, name))
        for setting, token in (("start", layer.start), ("end", layer.end))
        if token is not None
    ]
    return library().processors.TemplateProcessing(
        single=parts, special_tokens=list(dict.fromkeys(pairs))
    )


# Computing ----------------------------------------------------------------------------------------


def tokenized(layer: Tokenizer) -> Callable[[Array], Array]:
    """A function that computes a layer that has learned."""
    made = configured(layer, layer.length)

    def apply(texts: Array) -> Array:
        found = encoded(made, [str(text) for text in texts.flat])
        width = layer.length or max(map(len, found), default=0)
        return np.array(found, np.int64).reshape(len(texts), width)

    return apply


def encoded(made: Any, texts: list[str]) -> list[list[int]]:
    """The indices of the tokens of each text. Raises `RunError` (MS690)."""
    try:
        return [one.ids for one in made.encode_batch_fast(texts)]
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # noqa: BLE001  # also a panic of Rust
        reason = (str(error).splitlines() or ["unknown"])[0]
        raise RunError.of("MS690", f"the tokenizer cannot split a text: {reason[:200]}") from None


def decoded(layer: Tokenizer, indices: Iterable[int]) -> str:
    """The text of the indices of tokens, without special ones."""
    made = configured(layer, None)
    return str(made.decode([int(one) for one in indices], skip_special_tokens=True))
