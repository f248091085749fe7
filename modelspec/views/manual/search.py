"""Search for topics by words: `modelspec explain "learning rate"`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from modelspec.core.diagnostics.pages import codes
from modelspec.core.diagnostics.pages import page as code_page

from ..schema.field_docs import text_of
from . import key_pages as keys
from . import kind_pages as kinds
from . import library_pages as library
from . import topic_pages as purposes
from .page import Page, Row, Table

_WORD: Final = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z0-9]+|[A-Z]+")
_SUFFIXES: Final = ("ations", "ation", "ions", "ion", "ings", "ing", "ers", "er", "es", "s")
_COMMON: Final = re.compile(
    "a|about|an|and|are|by|can|do|does|for|from|get|how|i|in|is|it|my|of|on|or|set|the|to|use|what"
    "|when|where|which|with"
)
"""Words of a query that are ignored."""
_MOST: Final = 10
"""Maximum number of rows of a table: for more results the user should add words."""
_ENOUGH: Final = 3
"""With this many topics with a matching name, topics that only mention the words are not shown."""


class _Topic(NamedTuple):
    name: str
    text: str
    words: str
    """The displayed name; usually the name itself."""


def page(query: str, commands: Mapping[str, str]) -> Page | None:
    """The topics with all words of the query in their name or in their description, matching names
    first; None without results. `commands` are descriptions by command.
    """
    words = [_stem(word) for word in _words(query) if not _COMMON.fullmatch(word)]
    if not words:
        return None
    found = ((name, _best(words, topics)) for name, topics in _groups(commands))
    tables = [_table(name, topics) for name, topics in found if topics]
    if not tables:
        return None
    shown = tuple(Table(one.heading, one.rows[:_MOST], one.columns) for one in tables)
    more = ((one.heading.lower(), len(one.rows) - _MOST) for one in tables)
    cut = [
        f"{count} more {name}: add a word to narrow the search."
        for name, count in more
        if count > 0
    ]
    notes = ("`modelspec explain TOPIC` shows the page of a topic.", *cut)
    return Page(query, "topics", "Topics with these words:", shown, notes)


def _table(name: str, topics: list[_Topic]) -> Table:
    rows = tuple(Row(topic.name, topic.text) for topic in topics)
    return Table(name, rows, ("topic", "what it is", ""))


# Words --------------------------------------------------------------------------------------------


def _words(text: str) -> list[str]:
    """The words of a name: `LearningRateScheduler` and `learning_rate_scheduler` are equal."""
    return [word.lower() for word in _WORD.findall(text)]


def _stem(word: str) -> str:
    """The word without a common suffix: `regulariz` of `regularization`."""
    ending = next((one for one in _SUFFIXES if word.endswith(one)), "")
    stem = word.removesuffix(ending)
    if len(stem) >= 4:
        return stem
    return word.removesuffix("s") if len(word) > 4 else word


def _has(words: list[str], text: set[str]) -> bool:
    """Whether a text contains all words of the query; short words must match exactly."""
    return all(
        word in text or (len(word) >= 4 and any(one.startswith(word) for one in text))
        for word in words
    )


def _best(words: list[str], topics: Iterable[_Topic]) -> list[_Topic]:
    """The topics with these words: exact names, then names that contain them, then descriptions
    that contain them.
    """
    ranked: list[tuple[int, _Topic]] = []
    for topic in topics:
        called = _words(topic.words)
        named = {*called, topic.words.lower(), *re.split(r"[ .]", topic.words.lower())}
        if _has(words, named):
            ranked.append((0 if len(called) == len(words) else 1, topic))
        elif _has(words, named | {*_words(topic.text)}):
            ranked.append((2, topic))
    if sum(rank < 2 for rank, _ in ranked) >= _ENOUGH:
        ranked = [one for one in ranked if one[0] < 2]
    return [topic for _, topic in sorted(ranked, key=lambda one: one[0])]


# Topics -------------------------------------------------------------------------------------------


def _groups(commands: Mapping[str, str]) -> Iterator[tuple[str, Iterator[_Topic]]]:
    about = map(purposes.topic, purposes.names())
    yield (
        "Topics",
        (_Topic(one.name, one.title, " ".join((one.name, *one.also))) for one in about),
    )
    listed = keys.list_page().tables[0].rows
    yield "Keys", (_Topic(row.name, _sentence(row.takes), row.name) for row in listed)
    yield "Settings", _settings()
    for plural, family in kinds.families().items():
        yield (
            plural.capitalize(),
            (
                _Topic(kind, kinds.summary(family, kind), " ".join((kind, *_aliases(plural, kind))))
                for kind in family.kinds()
            ),
        )
    yield (
        "Library",
        (_Topic(row.name, row.takes, row.name) for row in library.list_page().tables[0].rows),
    )
    yield "Commands", (_Topic(name, text, name) for name, text in commands.items())
    pages = (found for code in codes() if (found := code_page(code)))
    yield "Codes", (_Topic(found.code, found.title, found.code) for found in pages)


def _aliases(plural: str, kind: str) -> Iterator[str]:
    """Other names of a kind."""
    family = kinds.families()[plural]
    return (alias for alias, named in family.aliases.items() if named == kind)


def _settings() -> Iterator[_Topic]:
    """Settings by name and meaning: one topic if several kinds share both."""
    owners: dict[tuple[str, str], list[str]] = {}
    for family in kinds.families().values():
        for kind in family.kinds():
            cls = family.find(kind)
            for name in cls.model_fields if cls is not None else ():
                assert cls is not None
                owners.setdefault((name, text_of(cls, name) or ""), []).append(kind)
    for (name, text), found in owners.items():
        more = len(found) - 1
        others = f" Also of {more} other kind{'s' * (more > 1)}." if more else ""
        yield _Topic(f"{found[0]}.{name}", _sentence(text) + others, name)


def _sentence(text: str) -> str:
    """The first sentence of a text."""
    first, end, _ = text.partition(". ")
    return first + "." if end else text


def setting_names() -> Iterator[str]:
    """The names of all settings."""
    return (topic.words for topic in _settings())
