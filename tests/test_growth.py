"""A check costs as much as its text is long: four times the text, four times the work."""

from __future__ import annotations

import sys

import pytest

from modelspec.compiler.pipeline import compile_spec
from modelspec.core.diagnostics import bounded_searches, nearest
from modelspec.core.source import read_text
from tests.growing_texts import HEAD, KINDS, heads

SMALL = 60
NEAR_QUADRATIC = 5.5
"""Sixteen for work that grows with the square; a little above four for what sorts, or searches
until its effort is spent.
"""
SEARCHING = frozenset(name for name in KINDS if name.startswith("unknown"))
"""Kinds that look for the nearest name: their effort is bounded, and spent at other sizes."""


def effort(text: str) -> int:
    """Calls of functions that a check takes: the same on every machine. Those of built-in functions
    count, as a comprehension over n things is no call, but what it calls is.
    """
    document = read_text(text, "spec.yaml")
    count = 0

    def profile(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        compile_spec(document)
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.parametrize("name", sorted(KINDS.keys() - SEARCHING))
def test_the_work_grows_with_the_text_and_no_faster(name: str) -> None:
    small, large = SMALL, 4 * SMALL
    effort(KINDS[name](small))  # modules load at their first use
    base = effort(KINDS[name](1))
    assert effort(KINDS[name](large)) - base < NEAR_QUADRATIC * (effort(KINDS[name](small)) - base)


@pytest.mark.parametrize("name", sorted(SEARCHING))
def test_the_search_for_what_was_meant_has_an_end(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once the effort is spent, more words beside more names cost no more than other faults do."""
    monkeypatch.setattr("modelspec.core.diagnostics.suggest._EFFORT", 2_000)
    effort(KINDS[name](SMALL))
    base = effort(KINDS[name](1))
    small, large = (effort(KINDS[name](size)) - base for size in (SMALL, 4 * SMALL))
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
        (f"{HEAD}    - Dense: {{units: 1, repeat: 10001}}\n", "more than 10,000 layers"),
        (HEAD + "    - ReLU\n" * 10_001, "more than 10,000 layers"),
        (
            f"{HEAD}    - repeat: 9000\n      do: [{{Add: {{from: [{', '.join('x' * 99)}]}}}}]\n",
            "more than 200,000 keys and values",
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
