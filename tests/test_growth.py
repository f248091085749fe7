"""A check costs as much as its text is long: four times the text, four times the work."""

from __future__ import annotations

import sys
from cProfile import Profile

import pytest

from modelspec.compiler.pipeline import compile_spec
from modelspec.core.diagnostics import bounded_searches, nearest
from modelspec.core.source import read_text
from tests.growing_forms import FORMS
from tests.growing_texts import HEAD, KINDS, heads

SMALL = 60
NEAR_QUADRATIC = 5.5
"""Sixteen for work that grows with the square; a little above four for what sorts, or searches
until its effort is spent.
"""
EVERY = {**KINDS, **FORMS}
FEW = 20
"""Calls more or less, for a text whose length costs none: one of comments."""
SEARCHING = frozenset(name for name in EVERY if name.startswith("unknown"))
"""Kinds that look for the nearest name: their effort is bounded, and spent at other sizes."""


def effort(text: str) -> int:
    """Calls of functions that a check takes: the same on every machine. Those of built-in functions
    count, as a comprehension over n things is no call, but what it calls is.
    """
    counter = Profile()
    before = sys.getprofile()
    counter.enable()
    try:
        checked(text)
    finally:
        counter.disable()
        sys.setprofile(before)
    return sum(one.callcount for one in counter.getstats())


def checked(text: str) -> None:
    with bounded_searches():
        compile_spec(read_text(text, "spec.yaml"))


@pytest.mark.parametrize("name", sorted(EVERY.keys() - SEARCHING))
def test_the_work_grows_with_the_text_and_no_faster(name: str) -> None:
    size = SMALL // 4 if "that are deep" in name else SMALL  # each is of hundreds of values
    checked(EVERY[name](4 * size))  # modules load at their first use, and expressions are kept
    base = effort(EVERY[name](1))
    small, large = (effort(EVERY[name](count)) - base for count in (size, 4 * size))
    assert large <= NEAR_QUADRATIC * small + FEW


@pytest.mark.parametrize("name", sorted(SEARCHING))
def test_the_search_for_what_was_meant_has_an_end(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once the effort is spent, more words beside more names cost no more than other faults do."""
    monkeypatch.setattr("modelspec.core.diagnostics.suggest._EFFORT", 2_000)
    checked(EVERY[name](SMALL))
    base = effort(EVERY[name](1))
    small, large = (effort(EVERY[name](size)) - base for size in (SMALL, 4 * SMALL))
    assert large < NEAR_QUADRATIC * small


def test_what_was_meant_by_an_expectation_is_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """What unknown expectations cost more than known ones does not grow with the metrics."""
    monkeypatch.setattr("modelspec.core.diagnostics.suggest._EFFORT", 2_000)
    checked(KINDS["unknown expectations"](SMALL))
    small, large = (
        effort(KINDS["unknown expectations"](size)) - effort(KINDS["expectations"](size))
        for size in (SMALL, 4 * SMALL)
    )
    assert large < NEAR_QUADRATIC * small


def test_words_beside_names_are_searched_until_the_effort_is_spent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("modelspec.core.diagnostics.suggest._EFFORT", 100)
    known = [f"name_{number}" for number in range(9)]
    with bounded_searches():
        found = [nearest("nam_3", known) for _ in range(20)]
    assert found[0] == "name_3"
    assert found[-1] is None
    assert nearest("nam_3", known) == "name_3"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"{HEAD}    - Dense: {{units: 1, repeat: 54321}}\n", "at least 54,321 layers"),
        (HEAD + "    - ReLU\n" * 10_001, "at least 10,001 layers"),
        (
            f"{HEAD}    - repeat: 9000\n      do: [{{Add: {{from: [{', '.join('x' * 99)}]}}}}]\n",
            "exceeds the limit of 200,000 keys and values",
        ),
        (
            heads(2) + "training:\n  optimizer: adam\n  loss: mse\n  freeze: ["
            f"{', '.join(repr(f'n*{number}') for number in range(101))}]\n",
            "at most 100 patterns",
        ),
    ],
    ids=["repeated", "written", "tensors in a loop", "patterns"],
)
def test_what_would_take_long_is_refused(text: str, words: str) -> None:
    found = compile_spec(read_text(text, "spec.yaml")).diagnostics
    assert [one.code for one in found] == ["MS108"]
    assert words in found[0].message
