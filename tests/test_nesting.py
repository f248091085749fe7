"""Nesting is counted before a parser sees the text: which one is installed makes no difference."""

from __future__ import annotations

import random
from typing import Any, NoReturn

import pytest
import yaml

from modelspec.core.diagnostics import Fault, Source
from modelspec.core.source import budgets, read_text
from modelspec.core.source.nesting import _Scan, deeper_than
from modelspec.core.source.reader import Reading
from modelspec.core.source.yaml_reader import compose

PARTS = (
    *("a", "b: ", "- ", "? ", ": ", "[", "]", "{", "}", ", ", ",", "\n", "\n ", "\n  ", "\n    "),
    *("'", '"', "''", "# c", "#", "x #y", "|", "|\n  ", "|2\n    ", ">-\n ", "&a ", "*a", "!t "),
    *("key: ", "k:\n  ", "k:\n", "- - ", "text words ", "a:b", "http://x", "--- ", "...\n", "%"),
    *("\\", '\\"', "'a]b'", '"a[b"', "[a, b]", "{a: 1}", "\r\n", "\t", " ", "? a\n: b", "x'y"),
    *('x"y', "-x", "?x", ":x", "- a: b\n", "- |\n    [[[\n     {{\n", "k: >\n  - - -\n  [\n"),
)
"""What texts are drawn from: every sign that begins, ends or hides a level."""
OPENING = ("Sequence", "Mapping")


def levels(text: str, parser: Any) -> int | None:
    """The levels that the events of a parser have; None for what it cannot read."""
    reading, now, most = parser(text), 0, 0
    try:
        while (event := reading.get_event()) is not None:
            name = type(event).__name__
            now += name.endswith("StartEvent") and name.startswith(OPENING)
            now -= name.endswith("EndEvent") and name.startswith(OPENING)
            most = max(most, now)
    except yaml.YAMLError:
        return None
    return most


def scanned(text: str) -> int | None:
    """The levels that the tokens of PyYAML's own scanner have: what limits of parsers count."""
    now = most = 0
    try:
        for token in yaml.scan(text, Loader=yaml.SafeLoader):
            name = type(token).__name__
            now += name.startswith(("Flow", "Block")) and name.endswith("StartToken")
            now -= name == "BlockEndToken" or (name.startswith("Flow") and "EndToken" in name)
            most = max(most, now)
    except yaml.YAMLError:
        return None
    return most


def counted(text: str) -> int:
    """The levels that are counted."""
    return next(number for number in range(1000) if deeper_than(text, number) is None)


def drawn(seed: int) -> str:
    chance = random.Random(seed)
    return "".join(chance.choice(PARTS) for _ in range(chance.randint(1, 30)))


@pytest.mark.parametrize("block", range(4))
def test_no_text_counts_deeper_than_a_parser_finds_it_nor_much_less_deep(block: int) -> None:
    """The one level less is that of a mapping whose key is in brackets: `[a]: 1`."""
    read = 0
    for seed in range(block * 2_500, (block + 1) * 2_500):
        text = drawn(seed)
        found = [levels(text, one) for one in (yaml.CSafeLoader, yaml.SafeLoader)]
        if found[1] is None:
            continue
        read += 1
        most = max(one for one in found if one is not None)
        least = scanned(text)
        assert least is not None
        assert least - 1 <= counted(text) <= most, repr(text)
    assert read > 100


def test_lines_that_close_their_brackets_hide_no_level() -> None:
    """A text of many such lines is not scanned; the result is that of a scan."""
    chance, deep = random.Random(5), 0
    for _ in range(250):
        drawn_from = chance.choice((PARTS, ("[", "{", "}", "]", " # ", "a", ": ", "'", '"')))
        parts = chance.choices(drawn_from, k=chance.randint(2, 8))
        line = "".join(parts).replace("\n", " ")
        text = f"{line}\n" * 120
        found = deeper_than(text, budgets.LEVELS)
        assert found == _Scan(text, budgets.LEVELS).run(), line
        deep += found is not None
    assert deep > 10


def nested(chance: random.Random, depth: int) -> Any:
    """A value of so many levels, with texts that look like levels beside them."""
    beside = chance.choice(["[[[[", "{{{{", "- - - -", "# [", "'[", '"{', "a: b", "|", "x\ny: ["])
    if depth == 0:
        return beside
    inner = nested(chance, depth - 1)
    return [beside, inner] if chance.random() < 0.5 else {"k": inner, "t": beside}


@pytest.mark.parametrize("flow", [True, False, None], ids=["brackets", "lines", "both"])
@pytest.mark.parametrize("depth", [99, 100, 101, 102, 140])
def test_a_hundred_levels_are_read_and_no_more(depth: int, flow: bool | None) -> None:
    for seed in range(5):
        value = {"x-deep": nested(random.Random(seed), depth - 1)}
        text = yaml.safe_dump(value, default_flow_style=flow, width=10**6)
        assert levels(text, yaml.SafeLoader) == depth
        found = read_text(text, "spec.yaml")
        assert [one.code for one in found.diagnostics] == ["MS108"] * (depth > budgets.LEVELS)
        assert (deeper_than(text, budgets.LEVELS) is None) or depth > budgets.LEVELS


DEEP = {
    "lists in brackets": "a: " + "[" * 1_100 + "]" * 1_100,
    "mappings in brackets": "{a: " * 1_100,
    "brackets and lines": "".join(" " * i + "a:\n" for i in range(60)) + " " * 60 + "[" * 60,
    "lines": "".join(" " * i + "a:\n" for i in range(1_100)),
    "dashes": "- " * 1_100,
    "question marks": "? " * 1_100,
    "after texts that hide nothing": "a: 'it''s'\nb: \"\\\"\"\nc: x'y # '\nd: " + "[" * 1_100,
    "after a text of lines": "a: |\n  ]]]\n\n  '\nb: " + "[" * 1_100,
    "after a folded text": "a: >2-\n    ]]]\n  '\nb: " + "[" * 1_100,
    "after a plain text of two lines": "a: x\n  ]] '\nb: " + "[" * 1_100,
    "between words": "[a, b c, 'd]', \"e]\", f#], g] # ]\n" * 1 + "\n" + "[" * 1_100,
    "in a list in a mapping": "a:\n- b:\n  - " + "[" * 1_100,
}


@pytest.mark.parametrize("name", DEEP)
def test_what_is_too_deep_reaches_no_parser(name: str) -> None:
    def never(text: str) -> NoReturn:
        raise AssertionError("the parser was asked")

    reading = Reading(Source("spec.yaml", DEEP[name]))
    with pytest.raises(Fault) as error:
        compose(reading, never)
    assert error.value.code == "MS108"
    assert "levels" in reading.diagnostics[-1].message


def test_brackets_in_texts_are_no_levels() -> None:
    hidden = {
        "quoted": f"a: '{'[' * 300}'\nb: \"{'{' * 300}\"\n",
        "commented": f"a: 1  # {'[' * 300}\n# {'{' * 300}\n",
        "plain": f"a: x{'[' * 300}\n",
        "lines": f"a: |\n  {'[' * 300}\n{''.join(' ' * i + '- x' + chr(10) for i in range(2, 300))}",
        "going on": f"a: x\n  {'- ' * 300}\n  {'[' * 300}\n",
        "one after another": "a:\n" + "  - [[1], {b: [2]}]\n" * 300,
        "far to the right": "a:\n" + " " * 300 + "- x\n",
    }
    for name, text in hidden.items():
        assert deeper_than(text, 20) is None, name
        assert read_text(text, "spec.yaml").diagnostics == (), name
