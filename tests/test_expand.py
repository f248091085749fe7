"""Blocks, branches, `when`, `repeat`, `for` and names for values: what they come to, written
out.
"""

from __future__ import annotations

from typing import Any

import pytest

from modelspec.compiler.expand import expand
from modelspec.core.settings import Context
from modelspec.core.source import plain, read_mapping, read_text

from .expanding import call, calls, expanded, graph, shapes, values

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


def model(text: str) -> dict[str, Any]:
    """The `model` section, expanded, in plain values."""
    found: dict[str, Any] = values(text)["model"]
    return found


# The examples of the language's own page ----------------------------------------------------------


def test_blocks_give_fresh_weights_at_every_use() -> None:
    text = (
        RESIDUAL
        + """
model:
  inputs: {image: [32, 32, 64]}
  layers:
    - residual: {filters: 64, repeat: 3}
    - residual: {filters: 128, stride: 2, name: down}
"""
    )
    found = shapes(text)
    assert [name for name, _ in found] == [
        f"{use}_{inner}"
        for use, inners in (
            *((f"residual_{n}", ("conv2d", "main", "add", "re_lu")) for n in (1, 2, 3)),
            ("down", ("conv2d", "main", "skip", "add", "re_lu")),
        )
        for inner in inners
    ]
    assert dict(found)["residual_3_re_lu"] == (32, 32, 64)
    assert dict(found)["down_re_lu"] == (16, 16, 128)
    typed = graph(text)
    assert call(text, "residual_1_add").inputs == ["residual_1_main", "image"]
    assert call(text, "residual_2_add").inputs == ["residual_2_main", "residual_1_re_lu"]
    assert call(text, "down_skip").inputs == ["residual_3_re_lu"]
    assert call(text, "down_add").inputs == ["down_main", "down_skip"]
    assert list(typed.outputs) == ["down"]


def test_branches_with_an_empty_one_are_a_residual() -> None:
    text = """
    model:
      inputs: {x: [32]}
      layers:
        - branches:
            - [{Dense: 128}, {Activation: gelu}, {Dense: 32}]
            - []
          join: Add                                  # any layer that takes a list; the default is Concatenate
    """
    assert calls(text) == [
        ("dense", "Dense", ["x"]),
        ("activation", "Activation", ["dense"]),
        ("dense_1", "Dense", ["activation"]),
        ("add", "Add", ["dense_1", "x"]),
    ]


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
        "residual_re_lu",
        "residual_1_1_re_lu",
        "residual_1_2_re_lu",
        "residual_2_re_lu",
        "residual_3_1_re_lu",
        "residual_3_2_re_lu",
        "residual_3_3_re_lu",
    ]
    assert dict(found)["residual_3_3_re_lu"] == (4, 4, 128)
    assert names[names.index("flatten") + 1 :] == [
        "dense_1",
        "dropout_1",
        "dense_2",
        "dropout_2",
        *(["dense_3", "dense_4"] if deep else ["dense_3"]),
    ]


def test_expressions_need_no_quotes_inside_braces() -> None:
    text = body(
        "[{Dense: {units: $width}}, {Dense: {units: $(2 * width)}}, {Dense: {units:"
        " $stage.filters}}]",
        head="name: run-$(width)\nvars: {width: 64, stage: {filters: 3}}",
    )
    assert shapes(text) == [("dense", (64,)), ("dense_1", (128,)), ("dense_2", (3,))]
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


def test_vars_may_use_earlier_ones_and_hold_whole_entries() -> None:
    head = (
        "vars: {w: 4, wide: $(w * 2), layer: {Dense: {units: $wide}}, more: [ReLU, {Dense: $w}],"
        " kind: Flatten}"
    )
    assert [
        (name, kind)
        for name, kind, _ in calls(body("- $layer\n- $kind\n- when: true\n  do: $more", head=head))
    ] == [("dense", "Dense"), ("flatten", "Flatten"), ("re_lu", "ReLU"), ("dense_1", "Dense")]


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


def test_the_entry_after_one_that_is_left_out_takes_the_tensor_before_it() -> None:
    assert calls(
        body("[{Dense: 4}, {Dense: {units: 5, when: false}}, {Dense: {units: 6, repeat: 0}}, ReLU]")
    ) == [("dense", "Dense", ["x"]), ("re_lu", "ReLU", ["dense"])]


def test_what_is_left_out_is_not_worked_out() -> None:
    head = "vars: {s: 0}"
    assert calls(body("[{Dense: {units: $(1 // s), when: $(s > 0)}}, ReLU]", head=head)) == [
        ("re_lu", "ReLU", ["x"])
    ]


def test_repeat_chains_and_answers_to_the_bare_name() -> None:
    text = body(
        "- Dense: {units: 4, name: d, repeat: 3}\n- Dense: {units: 8}\n- Add: {from: [d, d_1]}",
        tail="  outputs: [dense, add]\n",
    )
    assert calls(text) == [
        ("d_1", "Dense", ["x"]),
        ("d_2", "Dense", ["d_1"]),
        ("d_3", "Dense", ["d_2"]),
        ("dense", "Dense", ["d_3"]),
        ("add", "Add", ["d_3", "d_1"]),
    ]


def test_names_of_repeated_entries_that_have_none() -> None:
    """The name that Keras would give the entry, numbered; names that are taken are passed over."""
    twice = "- Dense: {units: 4, repeat: 2}\n"
    text = body(f"{twice}- Dense: 4\n{twice}- Dense: {{units: 4, name: dense_5}}\n- Dense: 4")
    assert [name for name, _, _ in calls(text)] == [
        "dense_1",
        "dense_2",
        "dense_3",
        "dense_4_1",
        "dense_4_2",
        "dense_5",
        "dense_6",
    ]


def test_rounds_inside_rounds() -> None:
    text = body("""- repeat: 2
  do:
    - Dense: {units: 4, name: a, repeat: 2}
    - Dense: {units: 4, name: b}
    - Add: {from: [a, b]}
- Add: {from: [a, b_1, a_1, a_1_1, add]}""")
    assert calls(text) == [
        ("a_1_1", "Dense", ["x"]),
        ("a_1_2", "Dense", ["a_1_1"]),
        ("b_1", "Dense", ["a_1_2"]),
        ("add_1", "Add", ["a_1_2", "b_1"]),
        ("a_2_1", "Dense", ["add_1"]),
        ("a_2_2", "Dense", ["a_2_1"]),
        ("b_2", "Dense", ["a_2_2"]),
        ("add_2", "Add", ["a_2_2", "b_2"]),
        ("add_3", "Add", ["a_2_2", "b_1", "a_1_2", "a_1_1", "add_2"]),
    ]


def test_a_repeated_entry_takes_its_own_tensor_only_in_the_first_round() -> None:
    text = body(
        "- Dense: {units: 8, from: y, repeat: 2, name: d}\n- Add: {from: [x, d], repeat: 2,"
        " name: s}",
        inputs="{x: [8], y: [3]}",
    )
    assert calls(text) == [
        ("d_1", "Dense", ["y"]),
        ("d_2", "Dense", ["d_1"]),
        ("s_1", "Add", ["x", "d_2"]),
        ("s_2", "Add", ["s_1", "d_2"]),
    ]


def test_for_and_its_index() -> None:
    text = body(
        "- for: {n: [4, 5]}\n  index: i\n  do: [{Dense: {units: $n, name: d$i}}, ReLU]\n"
        "- for: {n: []}\n  do: [ReLU]"
    )
    assert shapes(text) == [("d0", (4,)), ("re_lu", (4,)), ("d1", (5,)), ("re_lu_1", (5,))]


def test_loops_begin_at_the_tensor_that_they_name() -> None:
    text = body(
        "- Dense: 8\n- repeat: 2\n  from: x\n  do: [{Dense: 3}]\n- Concatenate: {from: [dense,"
        " dense_1]}"
    )
    assert [(name, takes) for name, _, takes in calls(text)] == [
        ("dense", ["x"]),
        ("dense_1_1", ["x"]),
        ("dense_1_2", ["dense_1_1"]),
        ("concatenate", ["dense", "dense_1_2"]),
    ]


# Branches -----------------------------------------------------------------------------------------


def test_branches_join_with_settings_and_names() -> None:
    text = body(
        """- Dense: 4
- branches: [[{Dense: {units: 4, name: a}}], [{branches: [[], [ReLU]]}, {Dense: 4}], []]
  from: x
  join: {Concatenate: {axis: -1, name: all}}
- branches: [[], []]
  name: both
  join: Add
- Add: {from: [both, all]}""",
        inputs="{x: [4]}",
        tail="  outputs: [dense, add]\n",
    )
    assert calls(text) == [
        ("dense", "Dense", ["x"]),
        ("a", "Dense", ["x"]),
        ("re_lu", "ReLU", ["x"]),
        ("concatenate", "Concatenate", ["x", "re_lu"]),
        ("dense_1", "Dense", ["concatenate"]),
        ("all", "Concatenate", ["a", "dense_1", "x"]),
        ("both", "Add", ["all", "all"]),
        ("add", "Add", ["both", "all"]),
    ]


def test_repeated_branches() -> None:
    text = body("- branches: [[{Dense: 8}], []]\n  join: Add\n  repeat: 2\n- ReLU")
    assert calls(text) == [
        ("dense_1", "Dense", ["x"]),
        ("add_1", "Add", ["dense_1", "x"]),
        ("dense_2", "Dense", ["add_1"]),
        ("add_2", "Add", ["dense_2", "add_1"]),
        ("re_lu", "ReLU", ["add_2"]),
    ]


# Blocks -------------------------------------------------------------------------------------------

PAIR = """
blocks:
  pair:
    inputs: [a, b]
    layers: [{Add: {from: [a, b]}}, {Dense: {units: 8, name: d}}]
  split:
    parameters: {units: 8}
    primary: units
    layers: [{Dense: {units: $units, name: p}}, {Dense: {units: $units, name: q, from: input}}]
    outputs: {left: p, right: q}
  nothing: []
  deep: {layers: [{split: {name: s}}, {pair: {from: {b: s.left, a: s.right}}}, nothing], outputs: pair}
"""


def test_blocks_with_several_inputs_and_outputs() -> None:
    text = body(
        "- split: {name: s}\n- pair: {from: [s.left, s.right]}\n- pair: {from: {b: x, a: s.1},"
        " name: t}\n- Add: {from: [t, pair, s.0]}",
        head=PAIR,
    )
    assert calls(text) == [
        ("s_p", "Dense", ["x"]),
        ("s_q", "Dense", ["x"]),
        ("pair_add", "Add", ["s_p", "s_q"]),
        ("pair_d", "Dense", ["pair_add"]),
        ("t_add", "Add", ["s_q", "x"]),
        ("t_d", "Dense", ["t_add"]),
        ("add", "Add", ["t_d", "pair_d", "s_p"]),
    ]


def test_blocks_in_blocks_and_empty_ones() -> None:
    text = body("- deep: {name: u}\n- nothing\n- Dense: {units: 3, from: nothing}", head=PAIR)
    assert calls(text) == [
        ("u_s_p", "Dense", ["x"]),
        ("u_s_q", "Dense", ["x"]),
        ("u_pair_add", "Add", ["u_s_q", "u_s_p"]),
        ("u_pair_d", "Dense", ["u_pair_add"]),
        ("dense", "Dense", ["u_pair_d"]),
    ]


def test_a_block_may_join_branches() -> None:
    text = body("- branches: [[ReLU], []]\n  join: pair", head=PAIR)
    assert calls(text)[1:] == [
        ("pair_add", "Add", ["re_lu", "x"]),
        ("pair_d", "Dense", ["pair_add"]),
    ]


def test_primary_parameters_and_defaults() -> None:
    head = """
blocks:
  mlp:
    parameters: {units: 8, wide: $(units * factor), act: relu}
    primary: units
    layers: [{Dense: {units: $wide, activation: $act}}, {Dense: $units}]
vars: {factor: 4}
"""
    assert [shape for _, shape in shapes(body("[mlp, {mlp: 3}, {mlp: {wide: 5}}]", head=head))] == [
        (32,),
        (8,),
        (12,),
        (3,),
        (5,),
        (8,),
    ]


def test_a_block_sees_vars_and_its_own_parameters_only() -> None:
    """Neither the names of values nor of tensors where it is used are its own; a parameter hides a
    name of `vars`.
    """
    head = (
        "vars: {w: 5, v: 6}\nblocks: {b: {parameters: {w: 7}, layers: [{Dense: $w}, {Dense: $v}]}}"
    )
    text = body("- for: {v: [9]}\n  do: [b, {b: {w: $v}}]", head=head)
    assert [shape for _, shape in shapes(text)] == [(7,), (6,), (9,), (6,)]


def test_the_public_name_of_an_output_is_that_of_the_use() -> None:
    text = body(
        "- split: {name: s}\n- pair: {from: [s.0, s.1], name: down}\n- Dense: {units: 3, name: up,"
        " repeat: 2}",
        head=PAIR,
        tail="  outputs: [down, up, s.left]\n",
    )
    assert model(text)["outputs"] == {"down": "down_d", "up": "up_2", "s": "s_p"}
    assert list(graph(text).outputs) == ["down", "up", "s"]
    assert model(text.replace("outputs: [down, up, s.left]", "outputs: {a: down, b: up_1}"))[
        "outputs"
    ] == {"a": "down_d", "b": "up_1"}
    assert list(graph(body("- pair: {from: [x, x], name: last}", head=PAIR)).outputs) == ["last"]
    assert model(body("- split: {name: s}", head=PAIR))["outputs"] == {
        "left": "s_p",
        "right": "s_q",
    }


def test_a_block_that_is_shared_has_one_set_of_weights() -> None:
    text = """
blocks: {mlp: {parameters: {units: null}, layers: [{Dense: $units}, ReLU]}}
model:
  inputs: {x: [8], y: [8]}
  shared:
    enc: {mlp: {units: 3, repeat: 2}}
    two: [{Dense: {units: 4, repeat: 2}}]
  layers:
    - enc: {from: x, name: a}
    - enc: {from: y, name: b}
    - two: {from: y}
    - Concatenate: {from: [a, b, two]}
"""
    typed = graph(text)
    assert typed.parameters == (8 * 3 + 3) + (3 * 3 + 3) + (8 * 4 + 4) + (4 * 4 + 4)
    inside = call(text, "a").inside
    assert inside is not None
    assert [layer.name for layer in inside.layers] == [
        "mlp_1_dense",
        "mlp_1_re_lu",
        "mlp_2_dense",
        "mlp_2_re_lu",
    ]


def test_default_names_inside_a_block_do_not_depend_on_what_is_outside() -> None:
    head = "blocks: {b: {layers: [{Dense: 3}, {Dense: 4}, {Add: {from: [dense_1, dense_1]}}]}}"
    assert [name for name, _ in shapes(body("[{Dense: 2}, b, {Dense: 5}, b]", head=head))] == [
        "dense",
        "b_dense",
        "b_dense_1",
        "b_add",
        "dense_1",
        "b_1_dense",
        "b_1_dense_1",
        "b_1_add",
    ]


def test_short_forms_keep_their_meaning_when_they_get_a_name() -> None:
    text = body(
        "[Flatten, {Reshape: [2, 16]}, {Bidirectional: {LSTM: 3}}, {Activation: relu}, {b: null}]",
        inputs="{x: [4, 8]}",
        head="blocks: {b: {layers: [{Dense: 3}, ReLU]}}",
    )
    assert shapes(text) == [
        ("flatten", (32,)),
        ("reshape", (2, 16)),
        ("bidirectional", (6,)),
        ("activation", (6,)),
        ("b_dense", (3,)),
        ("b_re_lu", (3,)),
    ]
