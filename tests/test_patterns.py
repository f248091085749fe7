"""Regular expressions of the package work in every version of Python 3.11.

Python 3.11.2 ends a match too early where a group that looks around is repeated possessively:
`(?:a|b(?!c))++`. An atomic group inside, `(?:(?>a|b(?!c)))++`, gives the right match in all.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from re import _constants as opcodes  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

import pytest

import modelspec.compiler
import modelspec.core

LOOKS = (opcodes.ASSERT, opcodes.ASSERT_NOT)


def modules() -> Iterator[str]:
    """The modules that read and check specs."""
    for package in (modelspec.core, modelspec.compiler):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            yield found.name


def patterns() -> Iterator[Any]:
    for name in modules():
        for value in vars(importlib.import_module(name)).values():
            if isinstance(value, re.Pattern) and isinstance(value.pattern, str):
                yield pytest.param(value, id=f"{name} {value.pattern[:30]!r}")


def items(tree: Any) -> Iterator[tuple[Any, Any]]:
    """The operations of a part of an expression, and those inside of them, but for atomic groups."""
    if isinstance(tree, parser.SubPattern):
        for operation, argument in tree:
            yield operation, argument
            if operation is not opcodes.ATOMIC_GROUP:
                yield from items(argument)
    elif isinstance(tree, (tuple, list)):
        for one in tree:
            yield from items(one)


def ends_too_early(text: str, flags: int) -> bool:
    """Whether a group that looks around is repeated possessively."""
    return any(
        operation is opcodes.POSSESSIVE_REPEAT and any(one in LOOKS for one, _ in items(argument))
        for operation, argument in items(parser.parse(text, flags))
    )


@pytest.mark.parametrize("pattern", list(patterns()))
def test_a_pattern_works_in_every_version(pattern: re.Pattern[str]) -> None:
    assert not ends_too_early(pattern.pattern, pattern.flags)


def test_what_is_looked_for() -> None:
    assert ends_too_early(r"(?:a|b(?!c))++", 0)
    assert ends_too_early(r"x|(?:y(?:a|(?<!b)c)*)*+", 0)
    assert not ends_too_early(r"(?:(?>a|b(?!c)))++", 0)
    assert not ends_too_early(r"(?:a|b)++(?!c)", 0)
