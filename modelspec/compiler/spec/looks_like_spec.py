"""Whether a text is meant to be a spec: other files of a folder must not be reported as broken
specs, and a spec with mistakes must not be skipped.

The text is not parsed, so that one with a syntax error is recognized too. It is a spec if

1. it has a key `modelspec`, or
2. it has a `model`, and in it `inputs`, `layers`, `outputs` or `shared`, or
3. it has a `model` with `training` or `data`, or an `extends`, and all of its keys are those of a
   spec.

A misspelled key counts as the key that it is nearest to.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Final

from modelspec.core.diagnostics import nearest
from modelspec.core.ignored_keys import is_ignored

from .model_section import MODEL_KEYS
from .spec_file import EXPANDED, KEYS

_KNOWN: Final = (*KEYS, *EXPANDED)
_IN_MODEL: Final = tuple(key for key in MODEL_KEYS if key != "image_data_format")
_MOST: Final = 200
"""Keys that are compared with those of a spec."""
_LINE: Final = re.compile(r"^([ \t]{0,40})(?!#|---|%|\s)", re.MULTILINE)
"""The first line that is not a comment or marker."""
_KEY: Final = r"""(?:"([^"\n]{1,80})"|'([^'\n]{1,80})'|([^\W\d][\w.-]{0,80}))[ \t]*:(?=\s|$)"""
_IN_BLOCK: Final = re.compile(
    rf"""(?:^[ \t]+|[{{,]\s*)(?:{_KEY}|"([^"\n]{{1,80}})"[ \t]*:)""", re.MULTILINE
)


def looks_like_spec(text: str) -> bool:
    """Whether a text is a spec, or was meant to be one."""
    keys = _keys(text.removeprefix("\ufeff"))
    meant = {_meant(key): key for key in list(keys)[:_MOST]}
    if "modelspec" in keys:
        return True
    model = meant.get("model")
    if model is not None and any(_near(key, _IN_MODEL) for key in keys[model][:_MOST]):
        return True
    begun = "extends" in keys or (model is not None and not meant.keys().isdisjoint(_BESIDE))
    return begun and None not in meant and len(keys) <= _MOST


_BESIDE: Final = ("training", "data")


def _meant(key: str) -> str | None:
    """The spec key that it is, or is nearest to."""
    return key if is_ignored(key) else _near(key, _KNOWN)


@cache
def _near(key: str, known: tuple[str, ...]) -> str | None:
    return key if key in known else nearest(key, known)


def _keys(text: str) -> Mapping[str, list[str]]:
    """The keys of a text, each with the keys below it."""
    first = _LINE.search(text)
    if first is None:
        return {}
    if text.startswith("{", first.end()):
        return _of_flow(text)
    found: dict[str, list[str]] = {}
    lines = list(re.finditer(rf"^{first[1]}{_KEY}", text, re.MULTILINE))
    ends = [*(one.start() for one in lines[1:]), len(text)]
    for line, end in zip(lines, ends, strict=False):
        key = line[1] or line[2] or line[3]
        found.setdefault(key, []).extend(_below(text[line.end() : end]))
    return found


def _of_flow(text: str) -> Mapping[str, list[str]]:
    """The keys of a text in braces, which is JSON; otherwise the levels are unknown, and every key
    may be a top-level key.
    """
    try:
        read = json.loads(text)
    except (ValueError, RecursionError):
        every = list(_below(text))
        return dict.fromkeys(every, every)
    return {
        key: list(value) if isinstance(value, dict) else []
        for key, value in (read.items() if isinstance(read, dict) else ())
    }


def _below(text: str) -> Iterator[str]:
    """The keys in a part of a text, at any level."""
    for found in _IN_BLOCK.finditer(text):
        yield found[1] or found[2] or found[3] or found[4]
