"""Computes the steps on strings: lower case, accents, regular expressions, marks.

Regular expressions are those of RE2, through Arrow: linear in the length of the text, without a
framework.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final
from unicodedata import category, normalize

import numpy as np

from modelspec.catalog.layers.layer import Layer
from modelspec.catalog.layers.text_steps import Lowercase, Marks, Replace, StripAccents
from modelspec.core.diagnostics import Fault

from .errors import RunError
from .letter_case import lowered
from .table import Array

MOST_CHARACTERS: Final = 2**26
"""The most characters that `Replace` makes at once, so the longest text that it may make."""

Apply = Callable[[Array], Array]


class TextFault(Fault):
    """A string that a step cannot compute; `index` is its position."""

    index: int = 0


def text_step(layer: Layer) -> Apply | None:
    """A function that computes a step on an array of strings; None for another layer."""
    if isinstance(layer, Lowercase):
        return lowered
    if isinstance(layer, StripAccents):
        return lambda texts: _each(texts, without_accents)
    if isinstance(layer, Marks):
        before = "" if layer.start is None else f"{layer.start} "
        behind = "" if layer.end is None else f" {layer.end}"
        return lambda texts: _each(texts, lambda text: f"{before}{text}{behind}")
    return _replacing(layer) if isinstance(layer, Replace) else None


def later_step(layer: Layer) -> Apply | None:
    """The same for a layer behind others of a transform: it raises `RunError`."""
    step = text_step(layer)
    if step is None:
        return None

    def apply(texts: Array) -> Array:
        try:
            return step(texts)
        except TextFault as fault:
            raise RunError([fault.at(None)]) from None

    return apply


def apply_steps(layers: Iterable[Layer], texts: Array) -> Array:
    """Strings after all steps. Raises `TextFault`."""
    for layer in layers:
        step = text_step(layer)
        assert step is not None, layer
        texts = step(texts)
    return texts


def _each(texts: Array, function: Callable[[str], str]) -> Array:
    found = np.empty(texts.shape, object)
    for index, text in enumerate(texts.flat):
        found.flat[index] = function(str(text))
    return found


def without_accents(text: str) -> str:
    """A string without combining marks."""
    if text.isascii():
        return text
    letters = (one for one in normalize("NFD", text) if category(one) != "Mn")
    return normalize("NFC", "".join(letters))


# Regular expressions ------------------------------------------------------------------------------


def _replacing(layer: Replace) -> Apply:
    growth = _Growth(layer.replacement)

    def apply(texts: Array) -> Array:
        found = np.empty(texts.shape, object)
        flat = [str(text) for text in texts.flat]
        for part in growth.parts(flat):
            found.flat[part] = _replaced(layer, flat[part], part.start, growth)
        return found

    return apply


class _Growth:
    """How long a text may become."""

    def __init__(self, replacement: str) -> None:
        self._groups = len(re.findall(r"\\[0-9]", replacement))
        self._letters = len(replacement)

    def most(self, length: int, matches: int) -> int:
        """The longest result for a text of this length with so many matches."""
        return length + matches * self._letters + self._groups * length

    def parts(self, texts: list[str]) -> Iterator[slice]:
        """Consecutive texts whose results are small enough to be computed at once."""
        start, size = 0, 0
        for index, text in enumerate(texts):
            one = self.most(len(text), len(text) + 1)
            if index > start and size + one > MOST_CHARACTERS:
                yield slice(start, index)
                start, size = index, 0
            size += one
        if start < len(texts):
            yield slice(start, len(texts))


def _replaced(layer: Replace, texts: list[str], start: int, growth: _Growth) -> list[str]:
    """The texts after `Replace`; `start` is the position of the first. Raises `TextFault`."""
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        strings = pa.array(texts, pa.large_string())
        if len(texts) == 1 and growth.most(len(texts[0]), len(texts[0]) + 1) > MOST_CHARACTERS:
            matches = pc.count_substring_regex(strings, layer.pattern)[0].as_py()
            if growth.most(len(texts[0]), matches) > MOST_CHARACTERS:
                raise _fault(
                    f"`Replace` may make more than {MOST_CHARACTERS:,} characters of a text of"
                    f" {len(texts[0]):,}",
                    start,
                    "shorten the `replacement`, or split the text into several rows",
                )
        changed = pc.replace_substring_regex(
            strings, pattern=layer.pattern, replacement=layer.replacement
        )
    except UnicodeEncodeError:
        at = next(index for index, text in enumerate(texts) if not _is_unicode(text))
        raise _fault(
            "a text has half of a surrogate pair, which is not a character of Unicode",
            start + at,
            "correct the text, e.g. by `errors='replace'` where it is written",
        ) from None
    except pa.ArrowException as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise _fault(
            f"RE2 does not support the `pattern` of `Replace`: {reason}",
            start,
            "write a regular expression of RE2: https://github.com/google/re2/wiki/Syntax",
        ) from None
    found: list[str] = changed.to_pylist()
    return found


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _fault(message: str, index: int, help: str) -> TextFault:
    fault = TextFault("MS674", message, help=help)
    fault.index = index
    return fault


def stepped(layers: tuple[Layer, ...], values: Array, kept: Array | None) -> Array:
    """Strings after the steps, except the entries that are `kept`: padding. Raises `Fault`."""
    if values.ndim > 1 and any(layer.text_marks for layer in layers):
        raise Fault(
            "MS401",
            "`Marks` takes one text for each example, but the column has lists of strings",
            help="leave out `Marks`, or use a column of texts",
        )
    if kept is None:
        return apply_steps(layers, values)
    found: Any = values.astype(object)
    found[~kept] = apply_steps(layers, values[~kept])
    return np.asarray(found)
