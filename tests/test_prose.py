"""The words of messages, manual pages, documents, docstrings and comments.

The table "Words" of CONTRIBUTING.md lists phrases and what to write instead. Phrases that a user
would read in a message are forbidden; in docstrings and comments a few are tolerated.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from .test_project_files import rows

ROOT = Path(__file__).parent.parent
MOST = 30
"""How many places may hold a listed phrase, over all files."""

PATTERNS = {
    "stands": r"\bstands?\b(?!-alone)",
    "told": r"\btold\b",
    "hands on": r"\bhand(?:s|ed|ing)\b(?:\s+[^\s.;:]+){0,5}?\s+on\b",
    "whole number": r"\bwhole\s+numbers?\b",
    "is no": r"\b(?:is|are)\s+no\b(?!\s+(?:longer|more|less|fewer|later|earlier)\b)",
    "thing": r"\bthings?\b",
}
FORBIDDEN = ("stands", "told", "hands on", "whole number")
"""Those that no message, manual page or document may hold."""

READ = ("message", "document")
CODE = re.compile(r"`[^`\n]*`")


@dataclass(frozen=True)
class Prose:
    """A text that somebody reads: which kind, in which file, and the line that it begins at."""

    kind: str
    path: str
    line: int
    text: str


@dataclass(frozen=True)
class Found:
    """A phrase in a text."""

    phrase: str
    kind: str
    path: str
    line: int
    words: str

    def __str__(self) -> str:
        better = replacements()[self.phrase]
        return f"{self.path}:{self.line}: {self.kind}: `{self.words}`; write {better}"


# Texts --------------------------------------------------------------------------------------------


def docstrings(tree: ast.AST) -> set[int]:
    """The constants of a module that are docstrings, or strings below a field."""
    return {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }


def pieces(node: ast.JoinedStr) -> str:
    """What an f-string prints, with `x` for each value."""
    return "".join(
        one.value if isinstance(one, ast.Constant) and isinstance(one.value, str) else "`x`"
        for one in node.values
    )


def strings(path: str, source: str) -> Iterator[Prose]:
    """String literals with at least two words, and docstrings. A literal of several parts is one
    text.
    """
    tree = ast.parse(source, path)
    documented = docstrings(tree)
    inside = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr)
        for part in ast.walk(node)
        if part is not node
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            text = pieces(node)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value
        else:
            continue
        kind = "docstring" if id(node) in documented else "message"
        if " " in text.strip() and (isinstance(node, ast.JoinedStr) or id(node) not in inside):
            yield Prose(kind, path, node.lineno, text)


def comments(path: str, source: str) -> Iterator[Prose]:
    """Comments; those on lines that follow each other are one text."""
    block: list[str] = []
    first = last = 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT:
            continue
        line = token.start[0]
        if block and line != last + 1:
            yield Prose("comment", path, first, "\n".join(block))
            block = []
        first, last = (first if block else line), line
        block.append(token.string.lstrip("#"))
    if block:
        yield Prose("comment", path, first, "\n".join(block))


def of_file(path: Path) -> Iterator[Prose]:
    source = path.read_text("utf-8")
    name = path.relative_to(ROOT).as_posix()
    if path.suffix == ".py":
        yield from strings(name, source)
        yield from comments(name, source)
    else:
        yield Prose("document", name, 1, re.sub(r"(?m)^\s*#+", "", source))


def files() -> list[Path]:
    """Everything that is read, but what is generated from it."""
    package = ROOT / "modelspec"
    found = [
        *(path for ending in ("py", "md", "yaml") for path in package.rglob(f"*.{ending}")),
        *ROOT.glob("*.md"),
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "docs").rglob("*.py"),
        *(ROOT / "configs").rglob("*.yaml"),
        *(ROOT / "benchmarks").glob("*.py"),
        *(ROOT / "tests/tools").glob("*.py"),
    ]
    return sorted(path for path in found if path != ROOT / "docs/reference.md")


# Phrases ------------------------------------------------------------------------------------------


def phrases_in(prose: Prose) -> Iterator[Found]:
    """The listed phrases in a text, outside of code in backticks, which is quoted."""
    text = CODE.sub(lambda code: "`" + "x" * (len(code[0]) - 2) + "`", prose.text)
    for phrase, pattern in PATTERNS.items():
        for match in re.finditer(pattern, text, re.IGNORECASE):
            line = prose.line + text.count("\n", 0, match.start())
            words = " ".join(match[0].split())
            yield Found(phrase, prose.kind, prose.path, line, words)


@cache
def all_prose() -> tuple[Prose, ...]:
    return tuple(prose for path in files() for prose in of_file(path))


@cache
def found() -> tuple[Found, ...]:
    return tuple(one for prose in all_prose() for one in phrases_in(prose))


@cache
def replacements() -> dict[str, str]:
    """What to write instead of each phrase, from the table of CONTRIBUTING.md."""
    return {now.strip("`"): better for now, better in rows("CONTRIBUTING.md", "Words")}


def listed(places: list[Found]) -> str:
    """Places as lines, by file, with how many each file has."""
    by_file = Counter(one.path for one in places)
    counts = "\n".join(f"{count:5}  {path}" for path, count in by_file.most_common())
    return "\n".join(["", *map(str, places), "", counts])


# Tests --------------------------------------------------------------------------------------------


def test_every_pattern_has_a_replacement() -> None:
    assert list(replacements())[: len(PATTERNS)] == list(PATTERNS)


def test_messages_and_documents_hold_no_forbidden_phrase() -> None:
    places = [one for one in found() if one.phrase in FORBIDDEN and one.kind in READ]
    assert not places, listed(places)


def test_listed_phrases_are_rare() -> None:
    places = list(found())
    assert len(places) <= MOST, f"{len(places)} places, at most {MOST}{listed(places)}"


def test_all_kinds_of_text_are_read() -> None:
    kinds = Counter(prose.kind for prose in all_prose())
    assert min(kinds[kind] for kind in ("message", "docstring", "comment", "document")) > 100


SOURCE = '''\
"""A standard page.

It stands here."""
# what is told, by a whole
# number
x = "a whole " "number"  # stand-alone
y = f"expected {x}, " f"which is no longer in `things`, but {x!r} is no list"
z = {"told": "hands"}
'''


def test_phrases_are_found_in_python() -> None:
    texts = [*strings("a.py", SOURCE), *comments("a.py", SOURCE)]
    places = [(one.phrase, one.kind, one.line) for text in texts for one in phrases_in(text)]
    assert sorted(places) == [
        ("is no", "message", 7),
        ("stands", "docstring", 3),
        ("told", "comment", 4),
        ("whole number", "comment", 4),
        ("whole number", "message", 6),
    ]


@pytest.mark.parametrize(
    ("text", "phrases"),
    [
        ("standard, standalone, stand-alone", []),
        ("hands the mask of its input on", ["hands on"]),
        ("a hand-written loop on a GPU", []),
        ("There are no files, nothing is no longer kept", ["is no"]),
        ("Things that are\nno keys", ["is no", "thing"]),
        ("`hands on` and `a whole number`", []),
    ],
)
def test_phrases_are_found_in_text(text: str, phrases: list[str]) -> None:
    prose = Prose("document", "a.md", 1, text)
    assert sorted(one.phrase for one in phrases_in(prose)) == phrases
