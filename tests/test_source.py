"""YAML and JSON text to values: every hostile or misleading input has its value, or its fault at
its place.
"""

from __future__ import annotations

import math
from typing import Any

import pytest

from modelspec.core.diagnostics import Diagnostic, Path
from modelspec.core.source import Node, find, hint, locate, plain, read_text

Place = tuple[str, int, int]


def value_of(text: str, kind: Any = "yaml") -> object:
    checked = read_text(text, "spec", kind)
    assert checked.diagnostics == ()
    assert checked.value is not None
    return plain(checked.value.root)


def faults(text: str, kind: Any = "yaml") -> tuple[Diagnostic, ...]:
    return read_text(text, "spec", kind).diagnostics


def places(text: str, kind: Any = "yaml") -> list[Place]:
    return [(d.code, d.line or 0, d.column or 0) for d in faults(text, kind)]


# Plain scalars by the YAML 1.2 core schema.
SCALARS = [
    ("null", None),
    ("~", None),
    ("", None),
    ("Null", None),
    ("NULL", None),
    ("nUll", "nUll"),
    ("None", "None"),
    ("true", True),
    ("True", True),
    ("FALSE", False),
    ("tRue", "tRue"),
    ("yes", "yes"),
    ("no", "no"),
    ("on", "on"),
    ("off", "off"),
    ("NO", "NO"),
    ("y", "y"),
    ("n", "n"),
    ("3", 3),
    ("-3", -3),
    ("+3", 3),
    ("0", 0),
    ("-0", 0),
    ("0o17", 15),
    ("0x1F", 31),
    ("0xff", 255),
    ("9223372036854775807", 2**63 - 1),
    ("-9223372036854775808", -(2**63)),
    ("1e-3", 0.001),
    ("1E5", 1e5),
    ("1.0e3", 1000.0),
    ("1.e-3", 0.001),
    (".5", 0.5),
    ("5.", 5.0),
    ("-1.5", -1.5),
    ("1.0e+3", 1000.0),
    ("01.5", 1.5),
    (".inf", math.inf),
    ("-.INF", -math.inf),
    ("+.Inf", math.inf),
    ("inf", "inf"),
    ("nan", "nan"),
    ("NaN", "NaN"),
    ("Infinity", "Infinity"),
    ("12:30", "12:30"),
    ("1:30:00", "1:30:00"),
    ("190:20:30.15", "190:20:30.15"),
    ("2024-01-01", "2024-01-01"),
    ("2024-13-45", "2024-13-45"),
    ("=", "="),
    ("<<", "<<"),
    ("${HOME}", "${HOME}"),
    ("$width", "$width"),
    ("$(2 * width)", "$(2 * width)"),
    ("1.2.3", "1.2.3"),
    ("1e", "1e"),
    ("0x", "0x"),
    ("0o8", "0o8"),
    ("3x3", "3x3"),
    ("1-2", "1-2"),
    ("-", (None,)),
    ("a_1", "a_1"),
    ("1_a", "1_a"),
    ("_1", "_1"),
    ("'c:\\dir'", "c:\\dir"),
    ('"0777"', "0777"),
    ("'1_000'", "1_000"),
    ('"yes"', "yes"),
    ('"\\u00e9\\t"', "é\t"),
]


@pytest.mark.parametrize(("text", "expected"), SCALARS)
def test_a_scalar_has_the_value_of_yaml_1_2(text: str, expected: object) -> None:
    value = value_of(f"a:\n  {text}\n")
    assert value == {"a": expected}
    assert isinstance(value, dict)
    assert type(value["a"]) is type(expected)


def test_nan_is_a_float() -> None:
    value = value_of("a: .nan")
    assert isinstance(value, dict)
    assert math.isnan(value["a"])


# Numbers that mislead or do not fit: the fault, and the value that stands in for it.
MISLEADING = [
    ("012", "MS112", 12),
    ("0777", "MS112", 777),
    ("08", "MS112", 8),
    ("-010", "MS112", -10),
    ("00", "MS112", 0),
    ("1_000", "MS112", 1000),
    ("1__0", "MS112", 10),
    ("1_000.5", "MS112", 1000.5),
    ("0x_1F", "MS112", 31),
    ("0b11", "MS112", 3),
    ("-0x1F", "MS112", -31),
    ("0X1F", "MS112", 31),
    ("0O17", "MS112", 15),
    ("1,000", "MS112", 1000),
    ("12,345,678", "MS112", 12345678),
    ("9223372036854775808", "MS109", 1),
    ("-9223372036854775809", "MS109", 1),
    ("0xFFFFFFFFFFFFFFFFF", "MS109", 1),
    ("9" * 4300, "MS109", 1),
    ("9" * 4301, "MS109", 1),
    ("0x" + "f" * 1_000_000, "MS109", 1),
    ("1e400", "MS109", 1.0),
    ("-1.0e+400", "MS109", 1.0),
    ("1" + "0" * 400 + ".0", "MS109", 1.0),
]


@pytest.mark.parametrize(("text", "code", "stand_in"), MISLEADING)
def test_a_number_that_misleads_is_said_and_read_as_what_it_looks_like(
    text: str, code: str, stand_in: object
) -> None:
    checked = read_text(f"a: {text}\n", "spec")
    assert [(d.code, d.line, d.column, d.end_column) for d in checked.diagnostics] == [
        (code, 1, 4, 4 + len(text))
    ]
    assert checked.value is not None
    assert plain(checked.value.root) == {"a": stand_in}


@pytest.mark.parametrize(
    ("text", "write"),
    [
        ("yes", "`true`"),
        ("Off", "`false`"),
        ("None", "`null`"),
        ("-inf", "`-.inf`"),
        ("nan", "`.nan`"),
        ("12:30", "number"),
        ("Dense:64", "`Dense: 64`"),
    ],
)
def test_a_text_that_was_meant_as_something_else_has_a_hint(text: str, write: str) -> None:
    assert write in (hint(text) or "")


@pytest.mark.parametrize("text", ["relu", "http://x", "a b", "", "C:\\dir", "$x", "same"])
def test_an_ordinary_text_has_no_hint(text: str) -> None:
    assert hint(text) is None


# Whole texts that are well: what they hold.
VALUES: list[tuple[str, object]] = [
    ("a: 1\r\nb: 2\r\n", {"a": 1, "b": 2}),
    ("a: 1\rb: 2\r", {"a": 1, "b": 2}),
    ("\ufeffa: 1\n", {"a": 1}),
    ("%YAML 1.2\n---\na: no\n", {"a": "no"}),
    ("---\na: 1\n...\n", {"a": 1}),
    ("a: &x {b: 1}\nc: *x\n", {"a": {"b": 1}, "c": {"b": 1}}),
    ("a: &x 5\nb: [*x, *x]\n", {"a": 5, "b": (5, 5)}),
    ("a: &k key\n*k : 1\n", {"a": "key", "key": 1}),
    (
        "a: &a {x: 1, y: 2}\nb: {y: 0, <<: *a, z: 3}\n",
        {"a": {"x": 1, "y": 2}, "b": {"y": 0, "x": 1, "z": 3}},
    ),
    (
        "a: &a {x: 1}\nb: &b {x: 2, y: 3}\nc: {<<: [*a, *b]}\n",
        {"a": {"x": 1}, "b": {"x": 2, "y": 3}, "c": {"x": 1, "y": 3}},
    ),
    ('"<<": 1\n', {"<<": 1}),
    ("a: |\n  one\n  two\nb: >-\n  one\n  two\n", {"a": "one\ntwo\n", "b": "one two"}),
    ("a: one\n  two\n", {"a": "one two"}),
    ("? a\n: 1\n", {"a": 1}),
    ("on: 1\nyes: 2\n", {"on": 1, "yes": 2}),
    (
        "a: [$('skip' if s != 1 else 'input'), {b: $(2 * (w + 1))}]\n",
        {"a": ("$('skip' if s != 1 else 'input')", {"b": "$(2 * (w + 1))"})},
    ),
    ("a: {b: $(')' if x else '(')}\n", {"a": {"b": "$(')' if x else '(')"}}),
    ("a: 'x\u00a0y' # \u00a0\nb: |\n  x\u00a0y\n", {"a": "x\u00a0y", "b": "x\u00a0y\n"}),
    ("a: [1, 2,]\n", {"a": (1, 2)}),
    ("{a: 1,\n\tb: 2}\n", {"a": 1, "b": 2}),
    ("a: -1\nb: -x y\nc: --flag\n", {"a": -1, "b": "-x y", "c": "--flag"}),
    ("a:b: 1\n", {"a:b": 1}),
    ("a: " + "[" * 99 + "]" * 99, None),
    ("description: a text\n  - with a dash\n", {"description": "a text - with a dash"}),
]


@pytest.mark.parametrize(("text", "expected"), VALUES)
def test_a_text_that_is_well_has_its_value(text: str, expected: object) -> None:
    value = value_of(text)
    assert expected is None or value == expected
    assert not isinstance(value, dict) or expected is None or list(value) == list(expected)  # type: ignore[call-overload]


# Whole texts that are not: every fault with its place, in order.
FAULTS: list[tuple[str, list[Place]]] = [
    # duplicates, keys, aliases
    ("a: 1\nb: 2\na: 3\n", [("MS104", 3, 1)]),
    ("a: {b: 1, b: 2, b: 3}\n", [("MS104", 1, 11), ("MS104", 1, 17)]),
    ("<<: {a: 1}\n<<: {b: 2}\n", [("MS104", 2, 1)]),
    ("a: &x 1\nb: &x 2\nc: *x\n", [("MS106", 2, 4)]),
    ("[1,2]: 3\n", [("MS107", 1, 1)]),
    (
        "1: a\n1.0: c\ntrue: d\n~: 1\n",
        [("MS107", 1, 1), ("MS107", 2, 1), ("MS107", 3, 1), ("MS107", 4, 1)],
    ),
    (": a\n", [("MS107", 1, 1)]),
    ("? [a]\n: b\n", [("MS107", 1, 3)]),
    ("{x: y}: z\n", [("MS107", 1, 1)]),
    ("a: &x [1]\n*x : 2\n", [("MS107", 2, 1)]),
    ("a: &x [1, *x]\n", [("MS106", 1, 11)]),
    ("a: &x {k: *x}\n", [("MS106", 1, 11)]),
    ("a: *yy\nb: &y 3\n", [("MS106", 1, 4)]),
    ("<<: 3\na: 1\n", [("MS106", 1, 1)]),
    ("a: {<<: *x}\n", [("MS106", 1, 9)]),
    # tags and directives
    (
        "a: !!python/object/apply:os.system ['x']\nb: !Foo\nc: !!binary '@@@'\n",
        [("MS105", 1, 4), ("MS105", 2, 4), ("MS105", 3, 4)],
    ),
    (
        "a: !!set {x}\nb: !!omap []\nc: !!timestamp nope\nd: !!null x\n",
        [("MS105", 1, 4), ("MS105", 2, 4), ("MS105", 3, 4), ("MS105", 4, 4)],
    ),
    (
        'a: !!int "x"\nb: !!float zzz\nc: !!bool maybe\n',
        [("MS105", 1, 4), ("MS105", 2, 4), ("MS105", 3, 4)],
    ),
    ("a: &x !!str\n  b: 1\n", [("MS105", 1, 7)]),
    ("a: ! 5\n", [("MS105", 1, 4)]),
    ("%TAG ! tag:yaml.org,2002:\n---\na: !int 3\n", [("MS105", 1, 1), ("MS105", 3, 4)]),
    ("a: !x!y 1\n", [("MS105", 1, 4)]),
    ("%YAML 1.1\n---\na: no\n", [("MS103", 1, 1)]),
    ("%YAML 2.0\n---\na: no\n", [("MS103", 1, 1)]),
    ("%\n---\na: 1\n", [("MS103", 1, 1)]),
    # documents
    ("a: 1\n---\nb: 2\n", [("MS110", 2, 1)]),
    ("a: 1\n...\nb: 2\n", [("MS110", 3, 1)]),
    ("", [("MS111", 1, 1)]),
    ("# only a comment\n", [("MS111", 1, 1)]),
    ("---\n", [("MS111", 1, 1)]),
    ("3\n", [("MS111", 1, 1)]),
    ("- a\n- b\n", [("MS111", 1, 1)]),
    ("a:1\n", [("MS111", 1, 1)]),
    # characters
    ("a: b\x00", [("MS102", 1, 5)]),
    ("a: b\n\x07c: \x7f\n", [("MS102", 2, 1), ("MS102", 2, 5)]),
    ("a: \u202eb\n", [("MS102", 1, 4)]),
    ("a: 'x\u2066'\n", [("MS102", 1, 6)]),
    ("a: 1\u0085b: 2\u2028c: 3\n", [("MS102", 1, 5), ("MS102", 1, 10)]),
    ("a: 1\n\ufeffb: 2\n", [("MS102", 2, 1)]),
    ("a: \ud800\n", [("MS102", 1, 4)]),
    ('a: "\\ud800"\n', [("MS102", 1, 5)]),
    ("a:\n\u00a0b: 1\n", [("MS102", 2, 1)]),
    ("a\u00a0: 1\nb: 2\n", [("MS102", 1, 2)]),
    ("a: x\u2003y\n", [("MS102", 1, 5)]),
    # indentation and spaces
    ("\ta: 1\n", [("MS103", 1, 1)]),
    ("a:\n\t- b\n", [("MS103", 2, 1)]),
    ("a:\n  b: 1\n\tc: 2\n", [("MS103", 3, 1)]),
    ("a:\n    b: 1\n  c: 2\n", [("MS103", 3, 3)]),
    ("a: 1\n  b: 2\n", [("MS103", 2, 3)]),
    ("- a\nb: 1\n", [("MS103", 2, 1)]),
    ("a: 1\n- b\n", [("MS103", 2, 1)]),
    ("a: - b\n", [("MS103", 1, 4)]),
    ("a:1\nb: 2\n", [("MS103", 1, 2)]),
    ("a: 1\nb:2\nc: 3\n", [("MS103", 2, 2)]),
    ("a: {units:64}\n", [("MS103", 1, 10)]),
    ("a:\n  - Dense:{units: 64}\n", [("MS103", 2, 10)]),
    ("a:\n  - Dense:{units: 64, name: x}\n", [("MS103", 2, 10)]),
    ("-a\n-b\n", [("MS103", 1, 1), ("MS103", 2, 1)]),
    ("a:\n  -Dense: 3\n  -Flatten\n", [("MS103", 2, 3), ("MS103", 3, 3)]),
    ("a: b: c\n", [("MS103", 1, 5)]),
    ("a: 1\nfoo\nb: 2\n", [("MS103", 2, 1)]),
    ("k" * 1100 + ": 1\n", [("MS103", 1, 1)]),
    # brackets and quotes
    ("a: [1, 2\nb: 3\n", [("MS103", 1, 4)]),
    ("a: [\n", [("MS103", 1, 4)]),
    ("a: {b: [1, {c: 2}\n", [("MS103", 1, 8)]),
    ("a: {\n  b: 1\n  c: 2\n}\n", [("MS103", 2, 6)]),
    ("a: [1, 2}\n", [("MS103", 1, 9)]),
    ("a: {b: 1 c: 2}\n", [("MS103", 1, 11)]),
    ("a: [1,,2]\n", [("MS103", 1, 7)]),
    ("a: ]\n", [("MS103", 1, 4)]),
    ("a: 1\n}\n", [("MS103", 2, 1)]),
    ("{a: 1}\nb: 2\n", [("MS103", 2, 1)]),
    ("a: 'x\nb: 3\n", [("MS103", 1, 4)]),
    ('a: "x\n', [("MS103", 1, 4)]),
    ('a: "c:\\dir"\n', [("MS103", 1, 7)]),
    ("a: 'it's'\n", [("MS103", 1, 8)]),
    ('a: "x" y\n', [("MS103", 1, 8)]),
    ("a: @x\n", [("MS103", 1, 4)]),
    ("a: `x`\n", [("MS103", 1, 4)]),
    ("a: %x\n", [("MS103", 1, 4)]),
    ("a: *\n", [("MS103", 1, 4)]),
    ("a: |x\n", [("MS103", 1, 5)]),
    # expressions that YAML cuts
    ("a: {b: $(min(x, y))}\n", [("MS103", 1, 8)]),
    ("a: {b: $x[0]}\n", [("MS103", 1, 8)]),
    ("a: {b: ${HOME}}\n", [("MS103", 1, 8)]),
    # several faults of several kinds in one text
    (
        "a: 0777\n1: b\na: !x 2\n",
        [("MS112", 1, 4), ("MS107", 2, 1), ("MS104", 3, 1), ("MS105", 3, 4)],
    ),
]


@pytest.mark.parametrize(("text", "expected"), FAULTS)
def test_a_text_that_is_not_well_has_its_faults_at_their_places(
    text: str, expected: list[Place]
) -> None:
    assert places(text) == expected
    for fault in faults(text):
        assert fault.severity == "error"
        assert fault.help


def test_both_places_of_a_duplicate_are_named() -> None:
    (fault,) = faults("a: 1\nb: 2\na: 3\n")
    assert [str(note) for note in fault.notes] == ["first written here (spec:1:1)"]
    assert value_of("a: 1\nb: 2\n") == {"a": 1, "b": 2}


def test_an_unclosed_bracket_shows_where_it_was_missed() -> None:
    (fault,) = faults("a: [1, 2\nb: 3\n")
    assert fault.message == "`[` is never closed"
    assert [note.span.line for note in fault.notes if note.span] == [2]


def test_a_wrong_bracket_shows_the_one_it_should_close() -> None:
    (fault,) = faults("a: [1, 2}\n")
    assert [(note.span.line, note.span.column) for note in fault.notes if note.span] == [(1, 4)]


@pytest.mark.parametrize(
    ("text", "mended"),
    [
        ("a: 0777", "a: 777"),
        ("a: 1_000", "a: 1000"),
        ("1: a", '"1": a'),
        ("a: {b:1}", "a: {b: 1}"),
        ("a: *yx\nb: 1", None),
        ("-a", "- a"),
        ("a:1\nb: 2", "a: 1\nb: 2"),
        ("a: x\u00a0y", "a: x y"),
    ],
)
def test_a_suggestion_put_in_place_of_its_span_mends_the_text(
    text: str, mended: str | None
) -> None:
    fault = faults(text)[0]
    if mended is None:
        assert fault.suggestion is None
        return
    assert fault.span is not None
    assert fault.suggestion is not None
    assert text[: fault.span.start] + fault.suggestion + text[fault.span.end :] == mended


def test_spans_cover_what_was_written_and_no_more() -> None:
    text = (
        'model:\n  layers: # c\n    - Dense: {units: "6", a: [1,\n        2]}\n    - &x !y\n     '
        " Flatten:\n\n# end\nb: |\n  text\n\nc: 1\n"
    )
    checked = read_text(text, "spec")
    assert checked.value is not None
    root = checked.value.root
    layers = ("model", "layers")

    def written(node: Node, path: Path, key: bool = False, whole: bool = False) -> str:
        span = locate(node, path, key=key, whole=whole)
        assert span is not None
        return span.text

    assert written(root, (*layers, 0)) == 'Dense: {units: "6", a: [1,\n        2]}'
    assert written(root, (*layers, 0, "Dense", "units")) == '"6"'
    assert written(root, (*layers, 0, "Dense", "units"), key=True) == "units"
    assert written(root, (*layers, 0, "Dense", "units"), whole=True) == 'units: "6"'
    assert written(root, (*layers, 0, "Dense", "a")) == "[1,\n        2]"
    assert written(root, (*layers, 1)) == "Flatten:"
    assert written(root, layers).endswith("Flatten:")
    assert written(root, ("b",)) == "|\n  text"
    assert root.span.end == text.rindex("1") + 1
    assert find(root, (*layers, 1, "Flatten")) is not None
