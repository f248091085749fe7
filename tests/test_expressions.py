"""Expressions: Python's results on a closed part of Python, total, bounded, and with a place for
every fault.
"""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelspec.compiler.expand import limits
from modelspec.compiler.expand.evaluator import evaluate
from modelspec.compiler.expand.expression_functions import FUNCTIONS
from modelspec.compiler.expand.expression_syntax import Misread, parse
from modelspec.compiler.expand.interpolation import split

NAMES: dict[str, Any] = {
    "a": 3,
    "b": {"c": (1, 2), "d": {"e": "x"}},
    "s": "xy",
    "w": 2.5,
    "yes": True,
    "none": None,
    "é": 7,
    "empty": (),
}


def value(text: str, **names: Any) -> Any:
    return evaluate(parse(text), {**NAMES, **names})[0]


def fault(text: str, **names: Any) -> tuple[str, str]:
    """The code of the fault that an expression has, and the part of it that is at fault."""
    with pytest.raises(Misread) as caught:
        value(text, **names)
    return caught.value.fault.code, text[caught.value.start : caught.value.end]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2 * a", 6),
        ("a / 2", 1.5),
        ("a // 2", 1),
        ("-a % 2", 1),
        ("2 ** a", 8),
        ("2 ** -1", 0.5),
        ("+a", 3),
        ("b.c[1]", 2),
        ("b['c'][-1]", 2),
        ("b.d.e", "x"),
        ("s[0]", "x"),
        ("b.c[:1]", (1,)),
        ("b.c[1:]", (2,)),
        ("b.c[:-1] + b.c[-9:9]", (1, 1, 2)),
        ("sum(b.c[:a])", 3),
        ("s[1:]", "y"),
        ("1 < a <= 3", True),
        ("'x' in s", True),
        ("2 not in b.c", False),
        ("'d' in b", True),
        ("3 in b", False),
        ("a if yes else b", 3),
        ("none or 'z'", "z"),
        ("yes and none", None),
        ("not none", True),
        ("[1] + [a, s]", (1, 3, "xy")),
        ("(1, 2) == [1, 2]", True),
        ("[0] * a", (0, 0, 0)),
        ("s * 2 + 'z'", "xyxyz"),
        ("min(a, 1)", 1),
        ("max([1, 5, 2])", 5),
        ("abs(-2)", 2),
        ("round(2.567, 1)", 2.6),
        ("floor(-1.5)", -2),
        ("ceil(1.2)", 2),
        ("int(2.9)", 2),
        ("int('12')", 12),
        ("float(1)", 1.0),
        ("float('1e-3')", 0.001),
        ("str(a)", "3"),
        ("len(b)", 2),
        ("range(3)", (0, 1, 2)),
        ("range(1, 7, 2)", (1, 3, 5)),
        ("range(5, 0, -2)", (5, 3, 1)),
        ("sum([1, 2, 3])", 6),
        ("true", True),
        ("null == None", True),
        ("  a\n + 1 ", 4),
        ("é + 1", 8),
        ("()", ()),
        ("round(5, -400)", 0),
        ("round(5.5, 10 ** 9)", 5.5),
    ],
)
def test_an_expression_has_pythons_value(text: str, expected: Any) -> None:
    found = value(text)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("text", "code", "at"),
    [
        # What cannot be read.
        ("", "MS120", ""),
        ("a +", "MS120", "a +"),
        ("a b", "MS120", "a b"),
        ("a = 3", "MS120", "="),
        ("$a", "MS120", "$"),
        ("a # b", "MS120", "#"),
        ("1 if a", "MS120", "1 if a"),
        ("a.", "MS120", "a."),
        # What is not in the language, also where it would never be worked out.
        ("lambda: 0", "MS122", "lambda: 0"),
        ("1 if yes else f'{a}'", "MS122", "f'{a}'"),
        ("{x for x in s}", "MS122", "{x for x in s}"),
        ("a is none", "MS122", "a is none"),
        ("a & 1", "MS122", "a & 1"),
        ("~a", "MS122", "~a"),
        ("{'a': 1}", "MS122", None),
        ("b.c[0:1:2]", "MS122", "0:1:2"),
        ("b.c[0:1, 2]", "MS122", "0:1"),
        ("b'x'", "MS122", "b'x'"),
        ("1j", "MS122", "1j"),
        ("...", "MS122", "..."),
        ("(y := 1)", "MS122", "y := 1"),
        ("min(*b.c)", "MS122", "*b.c"),
        ("round(1, ndigits=2)", "MS122", "2"),
        # Calls of anything but the functions.
        ("mim(1)", "MS122", "mim"),
        ("eval('1')", "MS122", "eval"),
        ("__import__('os')", "MS122", "__import__"),
        ("s.upper()", "MS122", "s.upper"),
        ("(min)(1)", None, None),
        ("min(1)(2)", "MS122", "min(1)"),
        ("a.__class__", "MS123", "a.__class__"),
        ("s.__len__", "MS123", "s.__len__"),
        # What has no value.
        ("1 / 0", "MS123", "1 / 0"),
        ("1 % 0.0", "MS123", "1 % 0.0"),
        ("0.0 ** -1", "MS123", None),
        ("a + 's'", "MS123", None),
        ("s - 1", "MS123", "s - 1"),
        ("-s", "MS123", "-s"),
        ("'%d' % 3", "MS123", "'%d' % 3"),
        ("a < s", "MS123", "a < s"),
        ("(-8) ** 0.5", "MS123", None),
        ("b.x", "MS123", "x"),
        ("b['x']", "MS123", "b['x']"),
        ("b.c[2]", "MS123", "b.c[2]"),
        ("a[0]", "MS123", "a[0]"),
        ("b[0]", "MS123", "b[0]"),
        ("b.c['x']", "MS123", None),
        ("b.c[s:]", "MS123", None),
        ("a[:1]", "MS123", "a[:1]"),
        ("b[:1]", "MS123", "b[:1]"),
        ("1 in a", "MS123", "1 in a"),
        ("1 in s", "MS123", "1 in s"),
        ("max([])", "MS123", "max([])"),
        ("min(1, s)", "MS123", "min(1, s)"),
        ("int('x')", "MS123", "int('x')"),
        ("float([])", "MS123", None),
        ("str([])", "MS123", "str([])"),
        ("len(3)", "MS123", None),
        ("range(1.5)", "MS123", None),
        ("range(1, 2, 0)", "MS123", None),
        ("sum(['a'])", "MS123", None),
        ("max()", "MS123", None),
        ("round(1, 2, 3)", "MS123", "round(1, 2, 3)"),
        ("abs(s)", "MS123", "abs(s)"),
        ("floor(none)", "MS123", None),
        # Numbers that no spec can hold.
        ("2 ** 63", "MS109", "2 ** 63"),
        ("10 ** 10 ** 10", "MS109", None),
        ("1e308 * 10", "MS109", None),
        ("1e999", "MS109", None),
        ("9" * 30, "MS109", None),
        ("9" * 1990, "MS109", None),
        ("float('nan')", "MS109", None),
        ("int(1e30)", "MS109", None),
        ("4611686018427387904 * 4", "MS109", None),
        ("10.0 ** 400", "MS109", None),
        ("0.0 - 1e308 - 1e308", "MS109", None),
    ],
)
def test_a_fault_is_found_at_its_place(text: str, code: str | None, at: str | None) -> None:
    if code is None:
        with pytest.raises(Misread):
            value(text)
        return
    found, place = fault(text)
    assert found == code
    if at is not None:
        assert place == at


@pytest.mark.parametrize(
    "text",
    [
        "'a' * 20000",
        "[0] * 20000",
        "range(20000)",
        "range(-2 ** 62, 2 ** 62)",
        "'" + "a" * 3000 + "'",
        "-" * 500 + "1",
        "1" + "+1" * 60,
        "(" * 60 + "[" * 60,
        "not " * 300 + "a",
        "a" + ".b" * 300,
        "[" * 150 + "]" * 150,
        "sum(range(6000)) + sum(range(6000))",
        "[[0] * 5000] * 5000",
        "big == big and big == big and big == big",
    ],
)
def test_what_is_too_large_is_refused(text: str) -> None:
    assert fault(text, big=((0,) * 3000,))[0] in ("MS108", "MS120")


def test_values_that_share_their_parts_are_not_walked_without_end() -> None:
    """A few steps can make a list of lists of lists with 2 ** 60 items: comparing two must not
    visit them all.
    """
    one: Any = (1,)
    other: Any = (1,)
    for _ in range(60):
        one, other = (one, one), (other, other)
    for text in (
        "one == other",
        "one < other",
        "one + one",
        "len([one]) + max(one, other)",
        "one in [other]",
    ):
        assert fault(text, one=one, other=other)[0] == "MS108"


def test_steps_are_counted_and_bounded() -> None:
    _, steps = evaluate(parse("sum(range(100)) + 1"), {})
    assert 100 < steps < limits.STEPS
    assert fault("[" + ", ".join(["sum(range(900))"] * 12) + "]")[0] == "MS108"


def test_the_environment_is_read_only_where_it_may_be() -> None:
    assert fault("env('HOME')") == ("MS124", "env('HOME')")
    variables = {"HERE": "there"}
    assert evaluate(parse("env('HERE')"), {}, variables.get)[0] == "there"
    assert evaluate(parse("env('GONE', 'default')"), {}, variables.get)[0] == "default"
    assert evaluate(parse("env('GONE', none)"), {"none": None}, variables.get)[0] is None
    for text, code in (("env('GONE')", "MS125"), ("env(3)", "MS123"), ("env('X', [])", "MS123")):
        with pytest.raises(Misread) as caught:
            evaluate(parse(text), {}, variables.get)
        assert caught.value.fault.code == code


def test_places_count_characters_not_bytes() -> None:
    assert fault("'éé' + é + nope.x", nope=1)[1] == "'éé' + é"
    assert fault("'éé' == 'é' or\n nope.x", nope=1) == ("MS123", "nope.x")


# Texts with expressions in them -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", ["plain"]),
        ("$a", ["<a>"]),
        ("$a.b.c", ["<a.b.c>"]),
        ("$a[0].b", ["<a[0].b>"]),
        ("$(a + 1)", ["<a + 1>"]),
        ("run-$(a)-$b", ["run-", "<a>", "-", "<b>"]),
        ("$$", ["$"]),
        ("$$a", ["$", "a"]),
        ("US$ 5", ["US", "$", " 5"]),
        ("$5", ["$", "5"]),
        ("a$", ["a", "$"]),
        ("$(')')x", ["<')'>", "x"]),
        ("$([1, (2)][0])", ["<[1, (2)][0]>"]),
        (r"$('it\'s )')", [r"<'it\'s )'>"]),
        ("$é", ["<é>"]),
        ("$a.5", ["<a>", ".5"]),
    ],
)
def test_a_text_is_split_at_its_expressions(text: str, expected: list[str]) -> None:
    assert [f"<{part.text}>" if part.expression else part.text for part in split(text)] == expected


@pytest.mark.parametrize(
    ("text", "at", "suggestion"),
    [
        ("x $(a", "$(a", None),
        ("$('a)", "$('a)", None),
        ("${a}", "${a}", "$a"),
        ("x${ a + 1 }", "${ a + 1 }", "$(a + 1)"),
        ("${a", "${a", "$(...)"),
    ],
)
def test_an_expression_that_is_not_written_right(
    text: str, at: str, suggestion: str | None
) -> None:
    with pytest.raises(Misread) as caught:
        split(text)
    assert caught.value.fault.code == "MS120"
    assert text[caught.value.start : caught.value.end] == at
    assert caught.value.fault.suggestion == suggestion


# Properties ---------------------------------------------------------------------------------------

TOKENS = st.sampled_from(
    [
        "a",
        "b",
        ".",
        "c",
        "[",
        "]",
        "(",
        ")",
        "1",
        "0",
        "2.5",
        "'x'",
        "+",
        "-",
        "*",
        "**",
        "/",
        "//",
        "%",
        "<",
        "==",
        " in ",
        " and ",
        " not ",
        " if ",
        " else ",
        ",",
        "min",
        "range",
        "sum",
        "str",
        "len",
        " ",
        "\n",
        "$",
        "{",
        "}",
        "lambda ",
        ":",
        "=",
        "é",
        "#",
        "\\",
        "'",
        '"',
        "f'",
        "1e9",
        "9" * 19,
        "@",
        "~",
        "is",
        "env",
        "None",
        "\t",
    ]
)


@settings(max_examples=500)
@given(st.lists(TOKENS, max_size=25).map("".join) | st.text(max_size=30))
def test_no_text_makes_an_expression_raise_anything_else(text: str) -> None:
    try:
        for part in split(text):
            if part.expression:
                parse(part.text)
        parsed = parse(text)
        if all(name.text in NAMES for name in parsed.names):
            evaluate(parsed, NAMES, lambda name: None)
    except Misread as misread:
        assert 0 <= misread.start <= misread.end <= len(text)
        assert misread.fault.code in ("MS108", "MS109", "MS120", "MS122", "MS123", "MS125")


def expressions() -> st.SearchStrategy[str]:
    """Expressions of the shared part of the two languages; many have no value in either."""
    leaf = st.sampled_from(
        [
            "0",
            "1",
            "2",
            "3",
            "-1",
            "7",
            "0.5",
            "2.0",
            "-1.5",
            "True",
            "False",
            "None",
            "'x'",
            "'ab'",
            "''",
            "'3'",
            "[]",
            "[1, 2]",
            "[3, 'a']",
            "n",
            "f",
            "t",
            "l",
            "9007199254740993",
            "1e300",
        ]
    )

    def larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        binary = st.sampled_from(
            [
                "+",
                "-",
                "*",
                "/",
                "//",
                "%",
                "**",
                "<",
                "<=",
                ">",
                ">=",
                "==",
                "!=",
                "in",
                "not in",
                "and",
                "or",
            ]
        )
        one = st.sampled_from(
            [
                "abs",
                "round",
                "floor",
                "ceil",
                "int",
                "float",
                "str",
                "len",
                "sum",
                "min",
                "max",
                "range",
                "not ",
                "-",
                "+",
            ]
        )
        return (
            st.tuples(inner, binary, inner).map(lambda p: f"({p[0]} {p[1]} {p[2]})")
            | st.tuples(one, inner).map(lambda p: f"({p[0]}({p[1]}))")
            | st.tuples(inner, inner, inner).map(lambda p: f"({p[0]} if {p[1]} else {p[2]})")
            | st.tuples(
                inner,
                st.sampled_from(["<", "==", "<="]),
                inner,
                st.sampled_from([">", "!="]),
                inner,
            ).map(lambda p: f"({' '.join(p)})")
            | st.lists(inner, max_size=3).map(lambda p: f"[{', '.join(p)}]")
            | st.tuples(inner, inner).map(lambda p: f"({p[0]}[{p[1]}])")
            | st.tuples(st.sampled_from(["min", "max", "round", "range"]), inner, inner).map(
                lambda p: f"{p[0]}({p[1]}, {p[2]})"
            )
        )

    return st.recursive(leaf, larger, max_leaves=12)


PYTHON: dict[str, Any] = {
    "n": 5,
    "f": 0.25,
    "t": "text",
    "l": [1, 2, 3],
    "floor": math.floor,
    "ceil": math.ceil,
    "__builtins__": {},
    "range": lambda *ends: list(range(*ends)),
    "abs": abs,
    "round": round,
    "int": int,
    "float": float,
    "str": str,
    "len": len,
    "sum": sum,
    "min": min,
    "max": max,
}


def guarded(text: str) -> Any:
    """Python's own value, or the exception that it raises."""
    try:
        return eval(text, dict(PYTHON))  # made above, of literals and operators
    except (
        TypeError,
        ValueError,
        ZeroDivisionError,
        OverflowError,
        IndexError,
        MemoryError,
    ) as error:
        return error


def lists(found: Any) -> Any:
    return [lists(item) for item in found] if isinstance(found, tuple) else found


@settings(max_examples=1500)
@pytest.mark.filterwarnings("ignore::SyntaxWarning")
@given(expressions())
def test_python_and_the_language_agree(text: str) -> None:
    """Where both have a value it is the same, and of the same type; where Python has none, the
    language has none.
    """
    try:
        ours = lists(evaluate(parse(text), {"n": 5, "f": 0.25, "t": "text", "l": (1, 2, 3)})[0])
    except Misread as misread:
        if misread.fault.code in ("MS108", "MS109"):
            return  # past a bound that Python does not have, and so not for Python to try
        theirs = guarded(text)
        # Python writes lists as text, formats with `%`, sums up an empty text, and goes on with
        # complex numbers.
        more = "real number" in misread.fault.message or any(
            word in text for word in ("str(", "%", "sum(")
        )
        assert isinstance(theirs, Exception) or more, (text, misread.fault.message, theirs)
        return
    theirs = guarded(text)
    assert repr(ours) == repr(theirs), text
    assert type(ours) is type(theirs)


def test_every_function_is_described() -> None:
    assert list(FUNCTIONS) == [
        "min",
        "max",
        "abs",
        "round",
        "floor",
        "ceil",
        "int",
        "float",
        "str",
        "len",
        "range",
        "sum",
        "env",
    ]
    assert all(function.words for function in FUNCTIONS.values())
