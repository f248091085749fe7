"""What holds of every text: reading never raises, places lie in the text, YAML and JSON mean the
same.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any, Literal

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from modelspec.core.diagnostics import Diagnostic, Source
from modelspec.core.diagnostics.render import github, sarif, text
from modelspec.core.diagnostics.render import json as as_json
from modelspec.core.source import Node, plain, read_mapping, read_text, walk
from modelspec.core.source.reader import Reading
from modelspec.core.source.yaml_reader import compose

Kind = Literal["yaml", "json", "auto"]
KINDS: tuple[Kind, ...] = ("yaml", "json", "auto")
CONFIGS = sorted(Path(__file__).parent.parent.glob("configs/*.yaml"))
PIECES = [
    "a",
    "b1",
    "Dense",
    ":",
    ": ",
    "- ",
    "-",
    "\n",
    "\n  ",
    "\n    ",
    "\r\n",
    "\t",
    "[",
    "]",
    "{",
    "}",
    ",",
    ", ",
    "'",
    '"',
    "\\",
    "\\u12",
    "\\ud800",
    "&x ",
    "*x",
    "<<: ",
    "!t ",
    "|\n",
    ">\n",
    "#c",
    " #",
    "%",
    "@",
    "`",
    "$x",
    "$(",
    ")",
    "0777",
    "1_0",
    "1e999",
    "~",
    "null",
    "true",
    "3",
    ".5",
    "---\n",
    "...\n",
    "%YAML 1.2\n",
    "%TAG ! !\n",
    "? ",
    "\u00a0",
    "é",
    "日",
]
messy = st.one_of(st.text(), st.lists(st.sampled_from(PIECES), max_size=40).map("".join))

printable = st.text(
    st.characters(categories=("L", "N", "P", "S", "Zs"), exclude_characters="\u00a0"), max_size=12
)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    printable,
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(printable, inner, max_size=4)
    ),
    max_leaves=20,
)
mappings = st.dictionaries(printable, values, max_size=5)


def read_plain(written: str, kind: Kind) -> object:
    checked = read_text(written, "spec", kind)
    assert checked.diagnostics == ()
    assert checked.value is not None
    return plain(checked.value.root)


def tuples(value: Any) -> object:
    if isinstance(value, dict):
        return {key: tuples(item) for key, item in value.items()}
    return tuple(tuples(item) for item in value) if isinstance(value, list) else value


def same(left: object, right: object) -> bool:
    """Equal values of equal types: `1`, `1.0` and `True` are three things, and the order of keys
    counts.
    """
    if isinstance(left, dict) and isinstance(right, dict):
        return list(left) == list(right) and all(same(left[key], right[key]) for key in left)
    if isinstance(left, tuple) and isinstance(right, tuple):
        return len(left) == len(right) and all(map(same, left, right))
    return type(left) is type(right) and left == right


def in_blocks(value: Any, indent: int = 0) -> str:
    """YAML in block style, with plain scalars wherever JSON has no quotes."""
    margin = " " * indent
    if isinstance(value, dict) and value:
        keys = [json.dumps(key, ensure_ascii=False) for key in value]
        return "".join(
            f"\n{margin}{key}:{in_blocks(item, indent + 2)}"
            for key, item in zip(keys, value.values(), strict=True)
        )
    if isinstance(value, list) and value:
        return "".join(f"\n{margin}-{in_blocks(item, indent + 2)}" for item in value)
    return " " + json.dumps(value, ensure_ascii=False)


@given(messy, st.sampled_from(KINDS))
@example("a: [", "yaml")
@example("\ud800", "json")
@example("? - a\n  - b\n: c", "yaml")
@example('{"a":', "auto")
def test_no_text_raises_and_every_place_lies_in_it(written: str, kind: Kind) -> None:
    checked = read_text(written, "spec", kind)
    assert checked.value is not None or not checked.ok
    show_all(checked.diagnostics)
    for fault in checked.diagnostics:
        assert fault.span is not None
        in_text(fault)
    if checked.value is not None:
        for node in walk(checked.value.root):
            assert 0 <= node.span.start <= node.span.end <= len(node.span.source.text)


def in_text(fault: Diagnostic) -> None:
    for span in [fault.span, *(note.span for note in fault.notes)]:
        if span is not None:
            assert 0 <= span.start <= span.end <= len(span.source.text)
            assert span.line >= 1
            assert span.column >= 1
            assert (span.end_line, span.end_column) >= (span.line, span.column)


def show_all(found: tuple[Diagnostic, ...]) -> None:
    assert text.render(found).endswith(("errors\n", "error\n"))
    assert len(json.loads(as_json.render(found))["diagnostics"]) == len(found)
    assert github.render(found).count("\n") == len(found)
    assert len(json.loads(sarif.render(found))["runs"][0]["results"]) == len(found)


@given(mappings)
def test_json_comes_back_as_it_was(value: dict[str, Any]) -> None:
    for written in (json.dumps(value), json.dumps(value, ensure_ascii=False, indent=2)):
        assert same(read_plain(written, "json"), tuples(value))


@given(mappings)
def test_a_mapping_comes_back_as_it_was(value: dict[str, Any]) -> None:
    checked = read_mapping(value)
    assert checked.diagnostics == ()
    assert checked.value is not None
    assert same(plain(checked.value.root), tuples(value))


@given(mappings.filter(bool))
def test_yaml_and_its_equal_json_mean_the_same(value: dict[str, Any]) -> None:
    expected = tuples(value)
    assert same(read_plain(json.dumps(value, ensure_ascii=False), "yaml"), expected)
    assert same(read_plain(in_blocks(value), "yaml"), expected)


def with_parser(written: str, parser: Any) -> tuple[list[tuple[Any, int, int]], list[str]]:
    """What one of PyYAML's two parsers leads to: nodes with their places, and codes."""
    reading = Reading(Source("spec", written))
    root: Node | None = compose(reading, parser)
    nodes = [(plain(node), node.span.start, node.span.end) for node in walk(root)] if root else []
    return nodes, [fault.code for fault in reading.diagnostics]


@given(mappings.filter(bool))
@example({"a": {"b": []}})
def test_both_parsers_lead_to_the_same_nodes(value: dict[str, Any]) -> None:
    written = in_blocks(value).lstrip("\n")
    assert with_parser(written, yaml.CSafeLoader) == with_parser(written, yaml.SafeLoader)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_both_parsers_read_the_examples_alike(path: Path) -> None:
    written = path.read_text("utf-8")
    nodes, codes = with_parser(written, yaml.CSafeLoader)
    assert codes == []
    assert (nodes, codes) == with_parser(written, yaml.SafeLoader)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_no_mutation_of_an_example_raises(path: Path) -> None:
    rng = random.Random(path.name)
    written = path.read_text("utf-8")
    for _ in range(60):
        at, end = sorted(rng.choices(range(len(written)), k=2))
        piece = rng.choice(PIECES)
        mutated = written[:at] + piece + written[rng.choice((at, at + 1, end)) :]
        checked = read_text(mutated, path.name)
        show_all(checked.diagnostics) if checked.diagnostics else None
        for fault in checked.diagnostics:
            in_text(fault)


def naive_place(written: str, offset: int) -> tuple[int, int]:
    line, start, at = 1, 0, 0
    while at < offset:
        width = 2 if written.startswith("\r\n", at) else 1
        if written[at] in "\r\n" and at + width <= offset:
            line, start = line + 1, at + width
        at += width
    return line, offset - start + 1


@given(
    st.lists(
        st.sampled_from(["\n", "\r", "\r\n", "a", "bc", "é", "\u2028", "\x0b"]), max_size=30
    ).map("".join)
)
@example("\n\r\n")
def test_places_are_those_of_an_editor(written: str) -> None:
    for padding in ("", "x" * 16_380, "\n" * 16_381 + "\r"):
        whole = padding + written
        source = Source("spec", whole)
        for offset in range(max(0, len(padding) - 2), len(whole) + 1):
            line, column = source.place(offset)
            if not padding:
                assert (line, column) == naive_place(written, offset)
            start = source.line_start(offset)
            assert column == offset - start + 1
            assert line == 1 + whole.count("\n", 0, start) + whole.count(
                "\r", 0, start
            ) - whole.count("\r\n", 0, start)
            assert not set(source.line_at(offset)) & {"\r", "\n"}
