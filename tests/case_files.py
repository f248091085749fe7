"""Specs with assertions in their comments: how `tests/cases` is read. CONTRIBUTING.md says how to
write one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

SEVERITIES = ("error", "warning", "note")
OF_A_DIAGNOSTIC = ("help", "fix")
OF_A_LINE = (*SEVERITIES, *OF_A_DIAGNOSTIC, "because")
OF_A_LAYER = ("shape", "dtype", "kind", "name", "takes", "parameters", "trainable", "flops")
OF_THE_SPEC = ("ok", "parameters", "trainable", "flops", "inputs", "outputs", "layers")
OF_THE_CASE = ("file", "set")
WORDS = {*OF_A_LINE, *OF_A_LAYER, *OF_THE_SPEC, *OF_THE_CASE}

_TITLE = re.compile(r"--- # *(.*)")
_COMMENT = re.compile(r"(?:^|(?<=\s))# (?=[a-z]+:|ok$)(.*)")
_ITEM = re.compile(r"#\s{2,}(\S.*)")
_PARTS = re.compile(r"""((?:"[^"]*"|`[^`]*`|[^;"`])+);?""")
_DIAGNOSTIC = re.compile(r'(MS\d{3})(?:\s+`([^`]*)`)?(?:\s*@(\d+))?((?:\s+"[^"]*")*)')


class BadCase(Exception):
    """A case that is not written as cases are."""


@dataclass(frozen=True)
class Assertion:
    """One word of a comment and what comes after it."""

    word: str
    value: str
    line: int | None
    """The line that it is about; None for the spec as a whole."""


@dataclass
class Expected:
    """A diagnostic that is to be found."""

    severity: str
    code: str
    line: int | None
    place: str | None = None
    column: int | None = None
    words: list[str] = field(default_factory=list)
    help: list[str] = field(default_factory=list)
    fix: str | None = None

    def __str__(self) -> str:
        place = "" if self.place is None else f" `{self.place}`"
        column = "" if self.column is None else f" @{self.column}"
        return f"{at(self.line)}{self.severity} {self.code}{place}{column}"


@dataclass
class Case:
    """A spec (or several files, the spec first) and what is asserted of it.

    Lines are those of the file that holds the case: its texts are blank where others are.
    """

    name: str
    files: dict[str, str] = field(default_factory=dict)
    assertions: list[Assertion] = field(default_factory=list)
    overrides: dict[str, tuple[Any, int]] = field(default_factory=dict)
    """What `# set:` says, and its line."""

    def code(self, line: int) -> str:
        """A line without its assertions."""
        text = "".join(text.splitlines()[line - 1] for text in self.files.values())
        comment = _COMMENT.search(text)
        return text[: comment.start()] if comment else text


def cases_in(text: str, name: str) -> list[Case]:
    """The cases of a file. What comes before the first title is the head of each."""
    lines = text.splitlines()
    starts = [number for number, line in enumerate(lines) if _TITLE.fullmatch(line)]
    if not starts:
        return [_case(name, dict(enumerate(lines, 1)), len(lines))]
    head = {number + 1: lines[number] for number in range(starts[0])}
    found = []
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        title = lines[start].removeprefix("--- #").strip()
        body = {number + 1: lines[number] for number in range(start + 1, end)}
        found.append(_case(f"{name}: {title}", head | body, len(lines)))
    return found


def _case(name: str, numbered: Mapping[int, str], length: int) -> Case:
    case = Case(name)
    files, here = {"spec.yaml": [""] * length}, "spec.yaml"
    rows: list[str] | None = None
    for number, line in numbered.items():
        item = _ITEM.fullmatch(line.strip())
        if rows is not None and item:
            rows.append(item[1].strip())
            continue
        _close(case, rows)
        rows = None
        for one in _assertions(line, number, numbered):
            if one.word == "file":
                here = one.value
                files[here] = [""] * length
            elif one.word == "set":
                path, _, value = one.value.partition("=")
                case.overrides[path] = (yaml.safe_load(value), number)
            elif one.word == "layers":
                rows = []
            else:
                case.assertions.append(one)
        files[here][number - 1] = line
    _close(case, rows)
    case.files |= {file: "\n".join(lines) + "\n" for file, lines in files.items()}
    return case


def _close(case: Case, rows: list[str] | None) -> None:
    """The end of a list of layers."""
    if rows is not None:
        case.assertions.append(Assertion("layers", "\n".join(rows), None))


def _assertions(line: str, number: int, numbered: Mapping[int, str]) -> Iterator[Assertion]:
    """What the comment of a line asserts. Alone on its line it is about the spec as a whole, or
    has the diagnostics of the line that follows (of the value itself after `set:`).
    """
    comment = _COMMENT.search(line)
    if comment is None:
        return
    alone = not line[: comment.start()].strip()
    parts = [part.strip() for part in _PARTS.findall(comment[1])]
    subject = number if not alone or parts[0].startswith("set:") else _next(number, numbered)
    for part in parts:
        word, _, value = part.partition(":")
        _check_place(word, alone, number)
        of_all = alone and word not in OF_A_LINE
        yield Assertion(word, value.strip(), None if of_all else subject)


def _check_place(word: str, alone: bool, number: int) -> None:
    """Whether there is such a word, and it may be written where it is."""
    if word not in WORDS:
        raise BadCase(f"{at(number)}no assertion is called `{word}`")
    if word not in OF_A_LINE and alone and word not in (*OF_THE_SPEC, *OF_THE_CASE):
        raise BadCase(f"{at(number)}`{word}` is written after a layer")
    if word not in OF_A_LINE and not alone and word not in OF_A_LAYER:
        raise BadCase(f"{at(number)}`{word}` has a line of its own")


def _next(number: int, numbered: Mapping[int, str]) -> int | None:
    """The next line that is more than a comment."""
    later = (
        other
        for other, line in numbered.items()
        if other > number and line.strip() and not line.strip().startswith("#")
    )
    return next(later, None)


def expected_diagnostics(case: Case) -> list[Expected]:
    """The diagnostics that its comments name, each with its help and fix."""
    found = list[Expected]()
    for one in case.assertions:
        if one.word in SEVERITIES:
            found.append(_expected(one))
        elif one.word in OF_A_DIAGNOSTIC:
            if not found or found[-1].line != one.line:
                raise BadCase(f"{at(one.line)}`{one.word}` comes after a diagnostic")
            if one.word == "help":
                found[-1].help.append(one.value.strip('"'))
            else:
                found[-1].fix = one.value.strip('"')
    return found


def _expected(one: Assertion) -> Expected:
    match = _DIAGNOSTIC.fullmatch(one.value)
    if match is None:
        raise BadCase(f'{at(one.line)}write `{one.word}: MS402 `place` @28 "words"`')
    code, place, column, words = match.groups()
    number = None if column is None else int(column)
    return Expected(one.word, code, one.line, place, number, re.findall(r'"([^"]*)"', words))


def at(line: int | None) -> str:
    """The line, where there is one, as complaints begin."""
    return f"line {line}: " if line is not None else ""
