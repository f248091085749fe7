"""`Lowercase`, `StripAccents`, `Replace` and `Marks`, against Python's `re` and `unicodedata`."""

from __future__ import annotations

import json
import re
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelspec.catalog.layers.text_patterns import (
    BadPattern,
    check_replacement,
    nested_repetition,
    read_pattern,
)
from modelspec.catalog.layers.text_steps import Marks, Replace, StripAccents
from modelspec.compiler.pipeline import Compiled, compile_spec
from modelspec.runtime.data import DataError, prepare
from modelspec.runtime.data.text_steps import TextFault, apply_steps

LETTERS = st.text("abcÉéäß \u0301.-0", max_size=12)


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def rows(*values: dict[str, Any]) -> None:
    lines = [json.dumps({**one, "y": index}) for index, one in enumerate(values)]
    Path("t.jsonl").write_text("\n".join(lines), encoding="utf-8")


def compiled(feature: dict[str, Any], shape: tuple[int, ...] = (), **data: Any) -> Compiled:
    """A spec whose input `x` takes strings, so that the steps are all there is."""
    checked = compile_spec(
        {
            "model": {
                "inputs": {"x": {"shape": list(shape), "dtype": "string"}, "z": [1]},
                "layers": [
                    {"StringLookup": {"vocabulary": ["a"], "from": "x"}},
                    {"Embedding": {"input_dim": 2, "output_dim": 1}},
                    *(["Flatten"] if shape else []),
                    {"Concatenate": {"from": ["embedding" if not shape else "flatten", "z"]}},
                    {"Dense": {"units": 1, "name": "y"}},
                ],
            },
            "data": {
                "source": {"jsonl": "t.jsonl"},
                "inputs": {"x": feature, "z": "y"},
                "targets": {"y": "y"},
                **data,
            },
            "training": {"loss": "mse"},
        }
    )
    assert checked.ok and checked.value is not None, [str(one) for one in checked.diagnostics]
    return checked.value


def strings(feature: dict[str, Any], shape: tuple[int, ...] = ()) -> Any:
    return prepare(compiled(feature, shape)).parts["train"].examples.inputs["x"].tolist()


def replaced(text: str, pattern: str, replacement: str = "") -> str:
    step = Replace(pattern=pattern, replacement=replacement)
    return str(apply_steps([step], np.array([text], object))[0])


# Numbers ------------------------------------------------------------------------------------------


@given(LETTERS)
def test_accents_are_combining_marks(text: str) -> None:
    """The oracle: no combining mark is left, and the letters below them are those of NFD."""
    found = apply_steps([StripAccents()], np.array([text], object))[0]
    bare = [one for one in unicodedata.normalize("NFD", text) if not unicodedata.combining(one)]
    assert unicodedata.normalize("NFD", found) == "".join(bare)
    assert found == unicodedata.normalize("NFC", found)


def test_scripts_without_accents_are_unchanged() -> None:
    texts = np.array(["한국어 텍스트", "straße", "東京", "Ångström"], object)
    assert apply_steps([StripAccents()], texts).tolist() == [
        "한국어 텍스트",
        "straße",
        "東京",
        "Angstrom",
    ]


PATTERNS = ("[aé]+", "(b|c)-", "^a", "a?", r"\.", "[^a ]", "(a)(b)?", "(?i)É", "a{2,3}?", "x*")


@given(LETTERS, st.sampled_from(PATTERNS), st.sampled_from(["", "#", r"<\0>", r"\\"]))
def test_matches_are_replaced_as_by_python(text: str, pattern: str, replacement: str) -> None:
    """Where RE2 and Python's `re` agree: patterns without `\\w`, and matches that are not empty."""
    if re.fullmatch(pattern, ""):
        return
    python = replacement.replace(r"\0", r"\g<0>")
    assert replaced(text, pattern, replacement) == re.sub(pattern, python, text)


def test_classes_of_re2() -> None:
    assert replaced("É7 a٣", r"\d") == "É a٣"
    assert replaced("É7 a٣", r"\p{N}") == "É a"
    assert replaced("Ünder-way, now!", "[[:punct:]]", " ") == "Ünder way  now "
    assert replaced("aXbxc", "(?i)x", "-") == "a-b-c"
    assert replaced("hello!", "([!?.])", r" \1 ") == "hello ! "


# Patterns of a stranger ---------------------------------------------------------------------------


def test_no_pattern_takes_exponential_time() -> None:
    """Python's `re` would take longer than the age of the universe for the first."""
    for pattern in ("(a+)+$", "(a|aa)*b", "(.*)*x", "(a?){30}a{30}"):
        assert replaced("a" * 20_000 + "!", pattern).endswith("!")


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("a(?=b)", "look-ahead"),
        ("a(?!b)", "look-ahead"),
        ("(?<=a)b", "look-behind"),
        ("(?<!a)b", "look-behind"),
        ("(?>a)", "atomic"),
        (r"(a)\1", "backreference"),
        ("(?P=n)", "backreference"),
        ("(?(1)a)", "condition"),
        ("(", "without `)`"),
        (")", "without `(`"),
        ("[a", "without `]`"),
        ("[]", "without `]`"),
        ("*a", "nothing"),
        ("a|+", "nothing"),
        ("(?:)*", None),
        ("a**", "repeats a repetition"),
        ("a*+", "repeats a repetition"),
        ("a{1001}", "more than 1,000"),
        ("a{2,5000}", "more than 1,000"),
        ("((a{100}){100}){100}", "at most 5,000"),
        ("a" * 1001, "at most 1,000"),
        ("a\\", "single backslash"),
        (r"\z", None),
        (r"\Z", "not an escape"),
        (r"\u00e9", "not an escape"),
        (r"\p{Greek", "without `}`"),
        (r"\Qa(\E", None),
        ("a{,3}", None),
        ("(?P<n>a)(?<m>b)(?i)c(?s:d)", None),
        ("(?z)a", "unknown group"),
        ("[^]a[:alpha:]-]+", None),
    ],
)
def test_what_check_says_is_what_re2_says(pattern: str, words: str | None) -> None:
    """`check` refuses only what RE2 refuses, or what is too large."""
    from pyarrow import ArrowException

    try:
        read_pattern(pattern)
    except BadPattern as problem:
        assert words is not None and words in str(problem)
        if "at most" not in words:
            step = Replace.model_construct(pattern=pattern, replacement="")
            with pytest.raises((TextFault, ArrowException)):
                apply_steps([step], np.array(["aab"], object))
    else:
        assert words is None
        replaced("aab", pattern)


@given(st.text(r"ab()[]*+?{}|\^$.1,:P<>=!d", max_size=10))
def test_what_check_accepts_never_fails_otherwise(pattern: str) -> None:
    """A pattern is refused by `check`, or computed, or refused by RE2 with MS674."""
    try:
        read_pattern(pattern)
    except BadPattern:
        return
    try:
        replaced("aab1 (b)", pattern or "a", "x")
    except TextFault as fault:
        assert fault.code == "MS674"


def test_groups_of_a_replacement() -> None:
    check_replacement(r"\0 \2 \\ \\3", read_pattern(r"(a)(?:b)(?P<c>c)\(").groups)
    for text, words in ((r"\3", "has 2"), (r"\g<1>", r"`\g`"), ("a\\", "backslash")):
        with pytest.raises(BadPattern, match=re.escape(words)):
            check_replacement(text, 2)


def test_nested_repetitions_of_a_tokenizer_file() -> None:
    """Those of GPT-2 and Llama 3 have none."""
    gpt = r"'s|'t| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
    llama = r"(?i:'s|'t)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
    for pattern in (gpt, llama, r"(ab)+c*", r"\(a+\)*", "[(a+]*", "(a{2,3})+"):
        assert not nested_repetition(pattern), pattern
    for pattern in ("(a+)+", r"(\p{L}+)*", "((a|b*)c)+", "(a{2,})*", "(?:x(y+))+z", "([ab]+,)*"):
        assert nested_repetition(pattern), pattern


def test_a_text_that_would_fill_memory() -> None:
    rows({"t": "a" * 400_000})
    step = {"Replace": {"pattern": "", "replacement": "x" * 200}}
    step["Replace"]["pattern"] = "a"
    with pytest.raises(DataError) as raised:
        strings({"column": "t", "transform": [step]})
    (found,) = raised.value.diagnostics
    assert found.code == "MS674" and found.message.endswith("at t.jsonl:1")


def test_half_of_a_surrogate_pair_is_found() -> None:
    """Files cannot contain one, but values of a Python program can."""
    with pytest.raises(TextFault, match="surrogate") as raised:
        apply_steps([Replace(pattern="a")], np.array(["a", "b\ud800"], object))
    assert raised.value.code == "MS674" and raised.value.index == 1


# Features -----------------------------------------------------------------------------------------


def test_steps_run_in_their_order() -> None:
    rows({"t": "ÉA-b"}, {"t": "c"})
    steps = ["Lowercase", "StripAccents", {"Replace": {"pattern": "-", "replacement": " "}}]
    assert strings({"column": "t", "transform": [*steps, "Marks"]}) == [
        "[start] ea b [end]",
        "[start] c [end]",
    ]
    late = [{"Marks": {"start": "<S>", "end": None}}, "Lowercase"]
    assert strings({"column": "t", "transform": late}) == ["<s> éa-b", "<s> c"]


def test_missing_values_are_replaced_before_the_steps() -> None:
    """And a text that a step empties is not missing."""
    rows({"t": "http://a"}, {"t": None}, {"t": "b"})
    url = {"Replace": "http://[^ ]*"}
    feature = {"column": "t", "missing": "NONE", "transform": [url, "Lowercase"]}
    assert strings(feature) == ["", "none", "b"]
    with pytest.raises(DataError) as raised:
        strings({"column": "t", "transform": [url]})
    assert [one.code for one in raised.value.diagnostics] == ["MS608"]


def test_padding_is_not_changed() -> None:
    rows({"t": ["AB", "-C"]}, {"t": ["-"]}, {"t": []})
    steps = ["Lowercase", {"Replace": {"pattern": "^", "replacement": "_"}}]
    pad = {"length": 2, "value": "PAD", "padding": "post"}
    assert strings({"column": "t", "pad": pad, "transform": steps}, (2,)) == [
        ["_ab", "_-c"],
        ["_-", "PAD"],
        ["PAD", "PAD"],
    ]


def test_steps_of_several_columns_and_of_parts_of_cells() -> None:
    rows({"t": "A", "u": "B|c"}, {"t": "D", "u": "E"})
    two = {"columns": ["t", "u"], "transform": ["Lowercase"]}
    assert strings(two, (2,)) == [["a", "b|c"], ["d", "e"]]
    parts = {"column": "u", "separator": "|", "pad": 2, "transform": ["Lowercase"]}
    assert strings(parts, (2,)) == [["b", "c"], ["", "e"]]


def test_marks_of_a_column_of_lists() -> None:
    rows({"t": ["A", "B"]}, {"t": ["C", "D"]})
    with pytest.raises(DataError) as raised:
        strings({"column": "t", "transform": ["Marks"]}, (2,))
    assert [one.code for one in raised.value.diagnostics] == ["MS401"]


def test_steps_are_part_of_the_cache_key() -> None:
    """As they are written, also without another layer."""
    from modelspec.runtime.data.columns import binding_of

    rows({"t": "a"})
    found = [
        binding_of(compiled({"column": "t", "transform": steps})).inputs["x"].feature()
        for steps in (["Lowercase"], [{"Replace": "a"}], [{"Replace": "b"}])
    ]
    assert found[0]["transform"] == ["Lowercase"]
    assert found[1]["transform"] == [{"Replace": "a"}] != found[2]["transform"]


def test_a_mark_alone() -> None:
    assert Marks(start=None).text_marks == ("[end]",)
    assert apply_steps([Marks(start=None)], np.array(["a"], object)).tolist() == ["a [end]"]


def test_capitals_before_a_layer_that_lowers_ascii_only() -> None:
    """MS667 is about the strings that the layer takes."""
    rows({"t": "École"}, {"t": "b"})
    layer = {"TextVectorization": {"vocabulary": ["a"], "output_sequence_length": 1}}
    for steps, warned in (
        ([], 1),
        ([{"Replace": "b"}], 1),
        (["Lowercase"], 0),
        (["StripAccents"], 0),
    ):
        checked = compile_spec(
            {
                "model": {
                    "inputs": {"x": [1]},
                    "layers": [{"Dense": {"units": 1, "name": "y"}}],
                },
                "data": {
                    "source": {"jsonl": "t.jsonl"},
                    "inputs": {"x": {"column": "t", "transform": [*steps, layer]}},
                    "targets": {"y": "y"},
                },
                "training": {"loss": "mse"},
            }
        )
        assert checked.value is not None
        from modelspec.runtime.data.columns import bind
        from modelspec.runtime.data.letter_case import capitals_of
        from modelspec.runtime.data.sources import open_source
        from modelspec.runtime.data.spec_facts import section

        data = section(checked.value)
        table = open_source(data.sources["train"], checked.value.file.context, None)
        bound = bind(data, ("x",), ("y",), table).inputs["x"]
        capitals = capitals_of(("inputs", "x"), bound, checked.value)
        assert capitals is not None
        capitals.add("t", np.array(["École", "b"], object), 0)
        assert len(capitals.rows["t"]) == warned
