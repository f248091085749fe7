"""Pages of topics: what somebody wants to do (`gan`, `finetune`, `kfold`), with a complete spec.

A topic is a file `topics/NAME.md`: a title, other words that find it, prose with a spec and
commands, and where to read more. `parse` describes the form.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from importlib import resources
from typing import Final, NamedTuple

from .page import Page, Row, Table

TOPIC: Final = "topics"
_FOLDER: Final = "topics"
_HEAD: Final = re.compile(r"# ([^:\n]+): ([^\n]+)\n\nAlso: ([^\n]+)\n\nSee: ([^\n]+)\n\n")
_SEPARATORS: Final = re.compile(r"[\s_/-]+")


class Topic(NamedTuple):
    name: str
    title: str
    """A phrase that describes it."""
    also: tuple[str, ...]
    """Other words for it."""
    see: tuple[str, ...]
    """Topics of `explain`, documents (`docs/stages.md`) and configs, with more about it."""
    text: str
    """What to do, in Markdown, with a spec."""


def names() -> tuple[str, ...]:
    """The topics, in alphabetical order."""
    return tuple(_topics())


def words() -> Iterator[str]:
    """The names of the topics, and their other words."""
    for one in _topics().values():
        yield one.name
        yield from one.also


def topic(name: str) -> Topic:
    """A topic of `names`."""
    return _topics()[name]


def called(text: str) -> str | None:
    """The name of the topic with this name or this other word: `k-fold` and `K fold` are equal."""
    return _by_words().get(spaced(text))


def nearly_called(text: str) -> str | None:
    """The same without regard to separators: `kfold` and `k-fold` are equal."""
    return _by_letters().get(spaced(text).replace(" ", ""))


def page(name: str) -> Page:
    """The page of a topic."""
    one = topic(name)
    return Page(f"{name}: {one.title}", "topic", one.text, notes=tuple(_notes(one)))


def list_page() -> Page:
    """Every topic."""
    text = (
        "What people look for, each with a complete spec, or with what to do instead where a spec"
        " cannot express it. `modelspec explain TOPIC` shows the page; other words for it"
        " (`k-fold`, `fine-tuning`, `unet`) find it too."
    )
    return Page(TOPIC, "", text, (table(),))


def table() -> Table:
    """The topics, with their titles."""
    rows = tuple(Row(one.name, one.title) for one in _topics().values())
    return Table("Topics", rows, ("topic", "what it is", ""))


def parse(text: str) -> Topic:
    """A topic from its Markdown:

        # kfold: cross-validation

        Also: k-fold, cross-validation, folds

        See: data.split, evaluate, docs/rows.md

        Prose, a spec in a `yaml` block, commands in an `sh` block.

    Raises `ValueError` for another form.
    """
    head = _HEAD.match(text)
    if head is None:
        raise ValueError("a topic begins with `# NAME: TITLE`, `Also: ...` and `See: ...`")
    name, title, also, see = head.groups()
    return Topic(name, title, tuple(also.split(", ")), tuple(see.split(", ")), text[head.end() :])


def spaced(text: str) -> str:
    """Words in lower case, with single spaces."""
    return _SEPARATORS.sub(" ", text.lower()).strip()


def _notes(one: Topic) -> Iterator[str]:
    pages = (see if "/" in see else f"modelspec explain {see}" for see in one.see)
    yield f"See {', '.join(f'`{page}`' for page in pages)}."
    yield f"Also found as {', '.join(f'`{word}`' for word in one.also)}."


@cache
def _topics() -> dict[str, Topic]:
    folder = resources.files(__package__) / _FOLDER
    files = (entry for entry in folder.iterdir() if entry.name.endswith(".md"))
    found = (parse(file.read_text(encoding="utf-8")) for file in files)
    return {one.name: one for one in sorted(found, key=lambda one: one.name)}


@cache
def _by_words() -> dict[str, str]:
    return {spaced(word): one.name for one in _topics().values() for word in (one.name, *one.also)}


@cache
def _by_letters() -> dict[str, str]:
    return {word.replace(" ", ""): name for word, name in _by_words().items()}
