"""Regular expressions of RE2 that `check` reads without RE2, against RE2 itself."""

from __future__ import annotations

import random

import pytest

from modelspec.catalog.layers.text_escapes import BadPattern
from modelspec.catalog.layers.text_patterns import nested_repetition, read_pattern

PARTS = (
    *("a", "b", "[", "]", "[^", "(", ")", "(?:", "*", "+", "?", "{2}", "{3,2}", "{2,}", "|"),
    *("^", "$", ".", "-", "é", "{", "}"),
    *("z-a", "a-z", r"\d", r"\p{L}", r"\pL", r"\pQ", r"\x41", r"\x{41}", r"\x{110000}", r"\xg"),
    *(r"\b", r"\Q", r"\E", r"\1", r"\8", r"\0", r"\12", "[:alpha:]", "[[:alpha:]]", "[[:foo:]]"),
    *(r"\C", r"\z", r"\A", r"\é", r"\_", r"\.", r"\n", r"\-", r"\]", "(?P<n>x)", r"\h", r"\Z"),
    *(r"[\d-z]", r"[a-\d]", r"[\w]", r"[\Q]", r"[\z]", r"[\b]", r"[\1]", r"[\x41-\x40]", "[é-a]"),
)


def test_what_check_accepts_re2_accepts_and_the_other_way_round() -> None:
    """Random patterns of parts that differ between the grammars of regular expressions."""
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import compute

    texts, draw = pyarrow.array(["abc"]), random.Random(1)
    seen = {True: 0, False: 0}
    for _ in range(4_000):
        pattern = "".join(draw.choice(PARTS) for _ in range(draw.randint(1, 4)))
        try:
            read_pattern(pattern)
            ours = True
        except BadPattern:
            ours = False
        try:
            compute.replace_substring_regex(texts, pattern=pattern, replacement="")
            theirs = True
        except pyarrow.ArrowInvalid:
            theirs = False
        assert ours == theirs, pattern
        seen[ours] += 1
    assert min(seen.values()) > 500


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("[z-a]", "the range `z-a`, whose last character precedes the first"),
        (r"[a-\d]", r"the range `a-\d`, which has no last character"),
        ("a{3,2}", "`{3,2}`, whose second number is smaller"),
        (r"\x4", r"has `\x` without the number of a character"),
        (r"\pQ", r"has `\pQ`, which is not a kind of characters"),
        ("[[:foo:]]", "has `[:foo:]`, which is not a kind of characters"),
        (r"\Qa.b", r"has `\Q` without `\E`"),
        (r"[\b]", r"has `\b`, which is not an escape of RE2 in brackets"),
        ("[a", "has a `[` without `]`"),
        ("[a-", "has a `[` without `]`"),
        ("[a\\", "ends with a single backslash"),
    ],
)
def test_what_is_wrong_with_a_pattern(pattern: str, words: str) -> None:
    with pytest.raises(BadPattern) as found:
        read_pattern(pattern)
    assert words in str(found.value)


@pytest.mark.parametrize("pattern", ["(a|a)*$", "((?:a|ab)c)+", "(x|y){2,}"])
def test_repeated_alternatives_of_a_tokenizer_file_may_take_very_long(pattern: str) -> None:
    assert nested_repetition(pattern)
    assert not nested_repetition(pattern.replace("|", ""))
