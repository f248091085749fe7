"""Loops, choices and names for values: what they come to in plain values.

What specs with blocks, branches, `when`, `repeat` and `for` come to is in `cases`.
"""

from __future__ import annotations

from typing import Any

import pytest

from modelspec.compiler.expand import expand
from modelspec.core.settings import Context
from modelspec.core.source import plain, read_mapping, read_text

from .expanding import expanded, shapes, values

RESIDUAL = """
blocks:
  residual:
    parameters: {filters: null, stride: 1}        # null: required
    layers:
      - Conv2D: {filters: $filters, kernel_size: 3, strides: $stride, padding: same, use_bias: false}
      - BatchNormalization: {name: main}
      - Conv2D: {filters: $filters, kernel_size: 1, strides: $stride, from: input, name: skip, when: $(stride != 1)}
      - Add: {from: [main, $('skip' if stride != 1 else 'input')]}
      - ReLU
"""


def body(layers: str, inputs: str = "{x: [8]}", head: str = "", tail: str = "") -> str:
    """A spec with these layers (a flow list, or lines that begin with `-`)."""
    indented = (
        layers
        if layers.startswith("[")
        else "\n" + "\n".join(f"    {line}" for line in layers.splitlines())
    )
    return f"{head}\nmodel:\n  inputs: {inputs}\n  layers: {indented}\n{tail}"


# The examples of the language's own page ----------------------------------------------------------


STAGES = """
    - for: {stage: [{filters: 64, blocks: 3}, {filters: 128, blocks: 4}]}
      index: i                                   # optional: the position, from 0
      do:
        - residual: {filters: $stage.filters, stride: $(1 if i == 0 else 2)}
        - residual: {filters: $stage.filters, repeat: $(stage.blocks - 1)}
    - Flatten
    - repeat: 2
      do: [{Dense: 64}, {Dropout: 0.1}]
    - when: $deep
      do: [{Dense: 256}, {Dense: 64}]
      else: [{Dense: 64}]
"""


@pytest.mark.parametrize("deep", [True, False])
def test_loops_and_choices(deep: bool) -> None:
    head = f"vars: {{deep: {str(deep).lower()}}}" + RESIDUAL
    found = shapes(f"{head}\nmodel:\n  inputs: {{image: [8, 8, 64]}}\n  layers:{STAGES}")
    names = [name for name, _ in found]
    assert [name for name in names if name.endswith("re_lu")] == [
        "residual_1_re_lu",
        "residual_3_1_1_re_lu",
        "residual_3_1_2_re_lu",
        "residual_2_re_lu",
        "residual_3_2_1_re_lu",
        "residual_3_2_2_re_lu",
        "residual_3_2_3_re_lu",
    ]
    assert dict(found)["residual_3_2_3_re_lu"] == (4, 4, 128)
    assert names[names.index("flatten") + 1 :] == [
        "dense_1",
        "dropout_1",
        "dense_2",
        "dropout_2",
        *(["dense_3", "dense_4"] if deep else ["dense_3"]),
    ]


def test_a_value_inside_of_a_longer_text() -> None:
    text = body("[{Dense: {units: $width}}]", head="name: run-$(width)\nvars: {width: 64}")
    assert values(text)["name"] == "run-64"


# Values -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("$n", 3),
        ("$(n + 0.5)", 3.5),
        ("$flag", True),
        ("$none", None),
        ("$text", "ab"),
        ("$list", (1, (2, 3))),
        ("$map.b", "x"),
        ("$map['c'][0]", 4),
        ("$list[1][0]", 2),
        ("$map", {"b": "x", "c": (4,)}),
        ("$(list + [n])", (1, (2, 3), 3)),
        ("x$n", "x3"),
        ("$n.txt", "3.txt"),
        ("$map.b.txt", None),
        ("a $(n) b $flag $none $(n / 2)", "a 3 b true null 1.5"),
        ("$$n", "$n"),
        ("$$$n", "$3"),
        ("US$ 5$", "US$ 5$"),
        ("$5", "$5"),
        ("cost $$", "cost $"),
        ("'$n'", 3),
        ("[$n, $$]", (3, "$")),
        ("{a: {b: [$n]}}", {"a": {"b": (3,)}}),
        ('"\\u0024n"', 3),
        ("'$(''a'' + text)'", "aab"),
        ("$(later)", None),
    ],
)
def test_values(written: str, expected: Any) -> None:
    """A whole value keeps the expression's type, inside a longer text it is text, `$$` is a dollar
    sign.
    """
    head = """
vars:
  n: 3
  flag: true
  none: null
  text: ab
  list: [1, [2, 3]]
  map: {b: x, c: [4]}
"""
    text = f"{head}  value: {written}\n  later: 1\nx-a: $nope\ndescription: $value\n"
    document = read_text(text, "spec.yaml")
    assert document.value is not None, document.diagnostics
    found = expand(document.value, Context(), {})
    assert found.value is not None
    if expected is None and written not in ("$none",):
        assert [one.code for one in found.diagnostics] in (["MS121"], ["MS123"])
        return
    assert not found.diagnostics
    root: Any = plain(found.value.root)
    value = root["description"]
    assert value == expected
    assert type(value) is type(expected)


def test_the_same_in_json_and_from_python() -> None:
    layers = [
        {
            "for": {"n": [4, 5]},
            "index": "i",
            "do": [{"Dense": {"units": "$(n * w)", "name": "d$i"}}],
        }
    ]
    mapping = {"vars": {"w": 2}, "model": {"inputs": {"x": [3]}, "layers": layers}}
    document = read_mapping(mapping)
    assert document.value is not None
    found = expand(document.value, Context(), {})
    assert found.value is not None
    assert not found.diagnostics
    root: Any = plain(found.value.root)
    assert root["model"]["layers"] == (
        {"Dense": {"units": 8, "name": "d0"}},
        {"Dense": {"units": 10, "name": "d1"}},
    )


def test_a_document_that_uses_none_of_it_is_returned_as_it_is() -> None:
    """Words in comments and in texts of `x-` keys make no difference."""
    text = (
        body("[{Dense: {units: 3, name: a}}, ReLU]  # for $x when")
        + "x-note: {repeat: $a, do: 1}\n"
    )
    document = read_text(text, "spec.yaml").value
    assert document is not None
    assert expand(document, Context(), {}).value is document


def test_sections_that_stand_for_others_are_gone() -> None:
    found = expanded(RESIDUAL + "vars: {a: 1}\nx-old: {b: $c}\n" + body("[ReLU]")).root
    assert list(found.entries) == ["x-old", "model"]


def test_the_environment_in_paths_of_data_and_in_runtime(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELSPEC_TEST_FOLDER", "tables")
    text = body(
        "[{Dense: 3}]",
        tail=(
            "data:\n  source: {csv: {path: \"$(env('MODELSPEC_TEST_FOLDER'))/a.csv\"}}\n"
            "runtime: {precision: \"$(env('MODELSPEC_TEST_NONE', 'float32'))\"}\n"
        ),
    )
    found = values(text)
    assert found["data"] == {"source": {"csv": {"path": "tables/a.csv"}}}
    assert found["runtime"] == {"precision": "float32"}


# `when` and `repeat` ------------------------------------------------------------------------------


def test_for_and_its_index() -> None:
    text = body(
        "- for: {n: [4, 5]}\n  index: i\n  do: [{Dense: {units: $n, name: d$i}}, ReLU]\n"
        "- for: {n: []}\n  do: [ReLU]"
    )
    assert shapes(text) == [("d0", (4,)), ("re_lu_1", (4,)), ("d1", (5,)), ("re_lu_2", (5,))]
