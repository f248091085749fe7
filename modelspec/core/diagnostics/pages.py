"""The manual pages of the codes, read from the package on demand."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Final, NamedTuple

_CODE = re.compile(r"MS[0-9]{3}")
_TITLE = re.compile(r"# (MS[0-9]{3}): (.+)")
_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_RUN: Final = ("yaml", "json")
_RULES: Final = "compiler/rules"
_FOLDERS: Final = (
    "core/diagnostics/pages",
    _RULES,
    *(f"{_RULES}/{package}" for package in ("of_expectations", "of_generation", "of_sweeps")),
)
"""The folders of pages in the package: the page of a rule is beside the rule."""


class Example(NamedTuple):
    """A fenced block of a page: `yaml` and `json` are whole specs, others are only shown."""

    language: str
    text: str

    @property
    def runs(self) -> bool:
        return self.language in _RUN


class Page(NamedTuple):
    """A manual page: what a code means, specs that have the fault (`bad`), and the corrected specs
    (`good`).
    """

    code: str
    title: str
    prose: str
    bad: tuple[Example, ...]
    good: tuple[Example, ...]
    text: str
    """The page as it is written, in Markdown."""


def codes() -> list[str]:
    """Every code that has a page, in order."""
    names = (
        entry.name.removesuffix(".md")
        for folder in _folders()
        for entry in folder.iterdir()
        if entry.name.endswith(".md")
    )
    return sorted(name for name in names if _CODE.fullmatch(name))


@cache
def page(code: str) -> Page | None:
    """The page of a code, or None where there is none."""
    if not _CODE.fullmatch(code):
        return None
    files = (folder / f"{code}.md" for folder in _folders())
    file = next((file for file in files if file.is_file()), None)
    return parse(file.read_text(encoding="utf-8")) if file is not None else None


def parse(text: str) -> Page:
    """A page from its Markdown. Raises `ValueError` where it does not have the required form."""
    head, *sections = re.split(r"^## (Bad|Good)\n", text, flags=re.MULTILINE)
    title = _TITLE.match(head)
    if title is None or sections[::2] != ["Bad", "Good"]:
        raise ValueError(
            "a page has a title `# MSnnn: ...`, prose, and the sections `## Bad` and `## Good`"
        )
    bad, good = (_examples(section) for section in sections[1::2])
    prose = head[title.end() :].strip()
    if not (prose and bad and good):
        raise ValueError(f"the page of {title[1]} lacks prose or an example")
    return Page(title[1], title[2].strip(), prose, bad, good, text)


def _examples(section: str) -> tuple[Example, ...]:
    return tuple(Example(*fence) for fence in _FENCE.findall(section))


def _folders() -> Iterator[Traversable]:
    root = resources.files(__package__.partition(".")[0])
    return (root / folder for folder in _FOLDERS)
