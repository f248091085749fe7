"""After a syntax error the rest of a text is checked: one diagnostic for the broken line, the other
faults of the file, and the shapes of all layers that do not depend on it.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from modelspec.compiler.infer.typed_graph import TypedGraph
from modelspec.compiler.pipeline import Compiled, compile_spec
from modelspec.core.diagnostics import Checked
from modelspec.core.diagnostics.repaired import repairs_of
from modelspec.core.source import Document, find, kind_of, plain, read_text, recovered, walk

TEXT = """\
model:
  inputs:
    x: [8]
  layers:
    - Dense: {units: 4, name: a}
    - Dense:
        units: 5
        activation: relu
        name: b
    - Dense: {units: 3, name: c, from: a}
    - Add: {from: [a, a], name: d}
  outputs: [b, c, d]
training:
  loss: mse
  epochs: 3
"""
SHAPES = {"a": (None, 4), "b": (None, 5), "c": (None, 3), "d": (None, 4)}

BROKEN = {
    "an open bracket": (5, "    - Dense: {units: 4, name: a", {}),
    "an open quote": (8, '        activation: "re', {"a", "c", "d"}),
    "a key without a colon": (8, "        activ", {"a", "c", "d"}),
    "a kind without its colon": (6, "    - Den", {"a", "c", "d"}),
    "a second colon": (10, "    - Dense: units: 3", {"a", "b", "d"}),
    "a missing comma": (10, "    - Dense: {units: 3 name: c, from: a}", {"a", "b", "d"}),
    "a missing space": (7, "        units:5", {"a", "c", "d"}),
    "less indentation": (10, "   - Dense: {units: 3, name: c, from: a}", {"a", "b", "d"}),
    "more indentation": (10, "       - Dense: {units: 3, name: c, from: a}", {"a", "d"}),
    "a tab": (8, "\tactivation: relu", {"a", "c", "d"}),
    "a lone asterisk": (8, "        activation: *", {"a", "c", "d"}),
    "a lone ampersand": (8, "        activation: &", {"a", "c", "d"}),
    "a backtick": (8, "        activation: `relu`", {"a", "c", "d"}),
    "a list that is not closed": (11, "    - Add: {from: [a, ", {"a", "b", "c"}),
    "an alias without an anchor": (8, "        activation: *relu", {"a", "c", "d"}),
    "a section without its colon": (13, "trai", set(SHAPES)),
    "a key of a section": (14, "  lo", set(SHAPES)),
    "the section of the model": (1, "mod", set(SHAPES)),
    "the inputs": (3, "    x: [8", set()),
    "a stray bracket": (10, "    - ]Dense: {units: 3, name: c, from: a}", {"a", "b"}),
}


def with_line(text: str, number: int, line: str) -> str:
    lines = text.split("\n")
    lines[number - 1] = line
    return "\n".join(lines)


def compiled(text: str, name: str = "spec.yaml") -> Checked[Compiled | None]:
    return compile_spec(read_text(text, name, kind_of(name)))


def graph_of(checked: Checked[Compiled | None]) -> TypedGraph:
    assert checked.value is not None and checked.value.graph is not None
    return checked.value.graph


def shapes(checked: Checked[Compiled | None]) -> dict[str, object]:
    return {one.name: one.output_shape for one in graph_of(checked).layers}


def codes(checked: Checked[object]) -> list[tuple[str, int | None]]:
    return [(one.code, one.line) for one in checked.diagnostics]


def test_the_text_is_sound() -> None:
    assert compiled(TEXT).diagnostics == ()
    assert shapes(compiled(TEXT)) == SHAPES


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_line_costs_its_own_layers(kind: str) -> None:
    number, line, kept = BROKEN[kind]
    checked = compiled(with_line(TEXT, number, line))
    assert len(checked.diagnostics) == 1, [str(one) for one in checked.diagnostics]
    assert checked.diagnostics[0].line == number
    found = shapes(checked)
    assert found == {name: SHAPES[name] for name in found}
    assert set(kept) <= set(found)


@pytest.mark.parametrize("kind", [kind for kind, one in BROKEN.items() if one[0] not in (1, 5)])
def test_a_broken_line_hides_no_fault_of_another(kind: str) -> None:
    number, line, _ = BROKEN[kind]
    text = with_line(TEXT, number, line).replace("epochs: 3", "epochs: -3")
    text = text.replace("name: a}", "name: a, aktivation: relu}")
    found = codes(compiled(text))
    assert ("MS202", 5) in found
    assert ("MS205", 15) in found or "trai" in line
    assert len(found) == 3 - (("MS205", 15) not in found)


def test_several_broken_lines_are_reported_each() -> None:
    text = with_line(with_line(TEXT, 7, "        uni"), 14, "  loss: [mse")
    found = compiled(text)
    assert codes(found) == [("MS103", 7), ("MS103", 14)]
    assert shapes(found) == {name: SHAPES[name] for name in ("a", "c", "d")}


def test_too_many_broken_lines_stop_the_reading() -> None:
    text = "".join(f"k{number}: [1\n" for number in range(40))
    found = recovered(read_text(text, "spec.yaml"))
    assert found.value is None and codes(found) == [("MS103", 1)]


def test_places_are_those_of_the_text_as_written() -> None:
    text = with_line(TEXT, 5, "    - Dense: {units: 4, name: a  # first")
    document = recovered(read_text(text, "spec.yaml")).value
    assert document is not None
    written = {node.span.text for node in walk(document.root)}
    assert {"relu", "mse", "3", "[b, c, d]"} <= written
    assert [span.line for span in repairs_of(document.root.span)] == [5]
    assert document.root.span.source.text == text


def value(read: Checked[Document | None], *path: str | int) -> object:
    assert read.value is not None
    node = find(read.value.root, path)
    return None if node is None else plain(node)


def test_names_on_a_broken_line_stay_known() -> None:
    text = with_line(TEXT, 6, "    - Dense: {units: 5, name: b, from: [a, ").replace(
        "        units: 5\n        activation: relu\n        name: b\n", ""
    )
    read = recovered(read_text(text, "spec.yaml"))
    assert value(read, "model", "layers", 1, "Dense") == {"units": 5, "name": "b", "from": ("a",)}
    assert codes(compiled(text)) == [("MS103", 6)]


def test_brackets_over_several_lines_are_closed_where_they_end_early() -> None:
    text = "a: {x: [4, 2\n    y: [3],\n    z: 1}\nb: 2\n"
    read = recovered(read_text(text, "spec.yaml"))
    assert value(read, "a") == {"x": (4, 2), "y": (3,), "z": 1}
    assert value(read, "b") == 2
    assert read.diagnostics[0].message == "`[` is never closed"
    assert codes(read) == [("MS103", 1)]


def test_a_quote_that_is_never_closed_is_reported_where_it_opens() -> None:
    text = with_line(TEXT, 8, '        activation: "re').replace("name: b", 'name: "b"')
    found = compiled(text)
    assert [(one.message, one.line, one.column) for one in found.diagnostics] == [
        ('`"` is never closed', 8, 21)
    ]


def test_a_misspelt_reference_beside_a_broken_line_is_reported() -> None:
    text = with_line(TEXT, 14, "  loss: [mse").replace("outputs: [b, c, d]", "outputs: [b, c, dd]")
    assert ("MS302", 12) in codes(compiled(text))


def test_a_sub_model_with_a_broken_layer_keeps_the_others() -> None:
    text = """\
model:
  inputs: {x: [8]}
  shared:
    part:
      - Dense: {units: 4, name: one}
      - Dense: {units: 5, name: tw
      - Dense: 6
  layers:
    - Dense: 7
    - part
"""
    checked = compiled(text)
    assert codes(checked) == [("MS103", 6)]
    graph = graph_of(checked)
    assert [one.output_shape for one in graph.layers] == [(None, 7)]
    inside = graph.partial[0].inside
    assert inside is not None
    assert [(one.name, one.output_shape) for one in inside.layers] == [("one", (None, 4))]


def test_a_layer_of_a_block_on_a_broken_line_is_unknown_at_every_use() -> None:
    text = """\
blocks:
  two:
    parameters: {units: null}
    layers:
      - Dense: {units: $units, name: first}
      - Dense: {units: 5, name: seco
model:
  inputs: {x: [8]}
  layers:
    - two: {units: 3, name: p}
    - two: {units: 4, name: q, from: x}
"""
    checked = compiled(text)
    assert codes(checked) == [("MS103", 6)]
    assert shapes(checked) == {"p_first": (None, 3), "q_first": (None, 4)}


def test_a_base_with_a_syntax_error_is_reported_and_used(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text(with_line(TEXT, 14, "  loss: [mse"), encoding="utf-8")
    (tmp_path / "spec.yaml").write_text("extends: base.yaml\nseed: 3\n", encoding="utf-8")
    checked = compile_spec(tmp_path / "spec.yaml")
    assert [one.code for one in checked.diagnostics] == ["MS103"]
    assert shapes(checked) == SHAPES


# JSON -----------------------------------------------------------------------------------------------

AS_JSON = json.dumps(
    {
        "model": {
            "inputs": {"x": [8]},
            "layers": [{"Dense": {"units": 4, "name": "a"}}, {"Dense": {"units": 3, "name": "b"}}],
        },
        "training": {"loss": "mse", "epochs": 3},
    },
    indent=2,
)


@pytest.mark.parametrize("number", range(2, len(AS_JSON.split("\n"))))
def test_a_line_of_json_that_is_cut_off_is_one_fault(number: int) -> None:
    line = AS_JSON.split("\n")[number - 1]
    start = len(line) - len(line.lstrip())
    for end in range(start + 1, len(line), 2):
        found = compiled(with_line(AS_JSON, number, line[:end]), "spec.json")
        assert found.value is not None, line[:end]
        assert len(found.diagnostics) <= 1, [str(one) for one in found.diagnostics]


def test_entries_of_which_no_repair_helps_are_left_out() -> None:
    text = "a:\n  b:\n     R: {x: 1}\n    - S: {y: 2}\nc: 3\n"
    read = recovered(read_text(text, "spec.yaml"))
    assert value(read, "c") == 3
    assert [one.line for one in read.diagnostics] == [4]


def test_a_missing_comma_is_reported_where_it_is_missing() -> None:
    text = TEXT.replace("name: c, from: a}", "name: c,\n             from: a")
    text = text.replace("a\n    - Add", "a\n             activation: relu}\n    - Add")
    found = compiled(text)
    assert [(one.code, one.line, one.span and one.span.text) for one in found.diagnostics] == [
        ("MS103", 11, "a")
    ]


HEADS = """\
blocks:
  pair:
    parameters: {units: null, rate: 0.1}
    primary: units
    layers:
      - Dense: $units
      - Dropout: $rate
model:
  inputs: {x: [8]}
  layers:
    - pair: 4
    - pair: {units: 3, rate: 0.2, name: last}
    - for: {units: [3, 2]}
      index: i
      do:
        - Dense: {units: $units, name: d_$(i)}
training:
  optimizer: adam
  objective:
    term:
      formula: mean(square(z))
      from: {z: last}
"""


@pytest.mark.parametrize(
    ("number", "line"),
    [
        (3, "    parameters: {units: null, "),
        (4, "    pri"),
        (14, "      i"),
        (22, "      from: {z: la"),
        (22, "      from: {"),
    ],
)
def test_what_uses_a_head_that_is_not_finished_has_no_fault(number: int, line: str) -> None:
    assert compiled(HEADS).ok
    assert codes(compiled(with_line(HEADS, number, line))) == [("MS103", number)]


# What is not a syntax error --------------------------------------------------------------------------


def test_an_entry_that_is_not_finished_may_define_an_unknown_name() -> None:
    text = with_line(TEXT, 5, "    - Dense:")
    assert codes(compiled(text)) == [("MS203", 5)]


def test_a_misspelling_beside_an_unfinished_entry_is_reported() -> None:
    text = TEXT.replace("name: a}", "name: first}").replace("from: a}", "from: frst}")
    text = text.replace("from: [a, a]", "from: [first, first]")
    text = text.replace("name: d}", "name: d}\n    - Dense:")
    assert ("MS302", 10) in codes(compiled(text))


@pytest.mark.parametrize(
    "text", ["", "mod", "[1", "a: !!python/object:x {", "\x00", "{", "- a\n- b: ["]
)
def test_texts_with_nothing_to_recover(text: str) -> None:
    for name in ("spec.yaml", "spec.json"):
        found = recovered(read_text(text, name))
        assert found.diagnostics
