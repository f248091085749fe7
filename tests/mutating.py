"""Specs made wrong at random: in their text, and in their values. The same seed makes the same
slips.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from typing import Any

TOKENS = (
    "\t",
    "\n",
    "  ",
    "- ",
    ": ",
    "{",
    "}",
    "[",
    "]",
    ",",
    '"',
    "'",
    "#",
    "&a ",
    "*a",
    "<<: *a",
    "!!python/name:os.system ",
    "|",
    ">",
    "%",
    "@",
    "`",
    "?",
    "\\",
    "$",
    "$(",
    "$name",
    "$(1 / 0)",
    "$(2 ** 99)",
    "$(x",
    "null",
    "~",
    "true",
    "no",
    "0x1f",
    "1_000",
    "1e400",
    ".nan",
    "-.inf",
    "---",
    "...",
    "\ufeff",
    "\x00",
    "\u2028",
    "é",
    "\U0001f600",
)
"""What is slipped into a text."""
VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    1,
    2,
    3,
    7,
    2**31,
    2**63 - 1,
    2**63,
    2**70,
    10**400,
    0.0,
    -0.5,
    0.3,
    1.0,
    1e308,
    float("nan"),
    float("inf"),
    "",
    " ",
    "x",
    "1",
    "true",
    "null",
    "relu",
    "same",
    "Dense",
    "adam",
    "input",
    "in_0.0",
    "a.b.c",
    ".",
    "$",
    "$x",
    "$(",
    "$(1+)",
    "$(1 / 0)",
    "$('a' * 10 ** 9)",
    "$(range(10 ** 9))",
    "$(env('HOME'))",
    "../../etc/passwd",
    "/etc/passwd",
    "Lambda",
    "\x00",
    "\ud800",
    "x" * 5000,
    b"x",
    [],
    {},
    [None],
    [[]],
    [1, 2, 3],
    [-1],
    ["a", "a"],
    {"a": 1},
    {"Dense": 3},
    {"Dense": {"units": -1}},
    {1: 2},
    {None: None},
    {"from": "x"},
    [{"LSTM": 3}],
    {"Bidirectional": {"LSTM": 2}},
    {"repeat": 10**6, "do": [{"Dense": 1}]},
)
"""What is put in the place of a value."""
KEYS: tuple[Any, ...] = (
    "",
    "x",
    "name",
    "from",
    "call",
    "when",
    "repeat",
    "for",
    "do",
    "else",
    "branches",
    "join",
    "index",
    "units",
    "layers",
    "inputs",
    "outputs",
    "shared",
    "model",
    "training",
    "data",
    "vars",
    "blocks",
    "extends",
    "sweep",
    "expect",
    "runtime",
    "Dense",
    "LSTM",
    "dtype",
    "x-note",
    "a.b",
    "<<",
    1,
    None,
    True,
)
"""What is put in the place of a key."""


# Text ---------------------------------------------------------------------------------------------


def mutated_text(text: str, seed: int) -> str:
    """The text with one to three slips."""
    chance = random.Random(seed)
    for _ in range(chance.choice([1, 1, 2, 3])):
        text = chance.choice(_TEXT_SLIPS)(text, chance)
    return text


def _span(text: str, chance: random.Random) -> tuple[int, int]:
    start = chance.randrange(len(text) + 1)
    return start, min(len(text), start + chance.choice([1, 1, 2, 5, 20]))


def _cut(text: str, chance: random.Random) -> str:
    start, end = _span(text, chance)
    return text[:start] + text[end:]


def _doubled(text: str, chance: random.Random) -> str:
    start, end = _span(text, chance)
    return text[:end] + text[start:]


def _inserted(text: str, chance: random.Random) -> str:
    start, _ = _span(text, chance)
    return text[:start] + chance.choice(TOKENS) + text[start:]


def _replaced(text: str, chance: random.Random) -> str:
    start, end = _span(text, chance)
    return text[:start] + chance.choice(TOKENS) + text[end:]


def _ended(text: str, chance: random.Random) -> str:
    return text[: chance.randrange(len(text) + 1)]


def _lines(text: str, chance: random.Random) -> str:
    """A line moved, doubled, left out, or moved in or out."""
    lines = text.split("\n")
    here, there = chance.randrange(len(lines)), chance.randrange(len(lines))
    line = lines[here]
    change = chance.randrange(5)
    if change == 0:
        lines[here], lines[there] = lines[there], line
    elif change == 1:
        lines.insert(there, line)
    elif change == 2:
        del lines[here]
    elif change == 3:
        lines[here] = " " * chance.choice([1, 2, 4]) + line
    else:
        lines[here] = line[chance.choice([1, 2]) :] if line.startswith("  ") else line
    return "\n".join(lines)


_TEXT_SLIPS: tuple[Callable[[str, random.Random], str], ...] = (
    _cut,
    _doubled,
    _inserted,
    _replaced,
    _lines,
    _lines,
    _ended,
)


# Values -------------------------------------------------------------------------------------------


def mutated_values(spec: dict[str, Any], seed: int) -> dict[str, Any]:
    """The spec, as plain values, with one to three of them changed, moved, renamed or left out."""
    chance = random.Random(seed)
    spec = copy.deepcopy(spec)
    for _ in range(chance.choice([1, 1, 2, 3])):
        places = list(_places(spec))
        if not places:
            break
        holder, key = chance.choice(places)
        chance.choice(_VALUE_SLIPS)(holder, key, chance, places)
    return spec


def _places(value: Any) -> Any:
    """Every value below this one: what holds it, and its key or index."""
    keys = (
        list(value)
        if isinstance(value, dict)
        else range(len(value))
        if isinstance(value, list)
        else ()
    )
    for key in keys:
        yield value, key
        yield from _places(value[key])


def _set(holder: Any, key: Any, chance: random.Random, places: list[Any]) -> None:
    holder[key] = copy.deepcopy(chance.choice(VALUES))


def _graft(holder: Any, key: Any, chance: random.Random, places: list[Any]) -> None:
    """What stands elsewhere stands here as well."""
    other, there = chance.choice(places)
    holder[key] = copy.deepcopy(other[there])


def _rename(holder: Any, key: Any, chance: random.Random, places: list[Any]) -> None:
    if not isinstance(holder, dict):
        return _set(holder, key, chance, places)
    names = [there for other, there in places if isinstance(other, dict)]
    value = holder.pop(key)
    holder[chance.choice([*KEYS, *names])] = value
    return None


def _drop(holder: Any, key: Any, chance: random.Random, places: list[Any]) -> None:
    del holder[key]


def _wrap(holder: Any, key: Any, chance: random.Random, places: list[Any]) -> None:
    holder[key] = chance.choice(
        [[holder[key]], {"x": holder[key]}, {"Dense": holder[key]}, {"name": holder[key]}]
    )


def _add(holder: Any, key: Any, chance: random.Random, places: list[Any]) -> None:
    if isinstance(holder, list):
        holder.insert(key, copy.deepcopy(chance.choice([holder[key], *VALUES])))
    else:
        holder[chance.choice(KEYS)] = copy.deepcopy(chance.choice(VALUES))


_VALUE_SLIPS: tuple[Callable[[Any, Any, random.Random, list[Any]], None], ...] = (
    _set,
    _set,
    _graft,
    _graft,
    _rename,
    _drop,
    _wrap,
    _add,
)
