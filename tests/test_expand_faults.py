"""Faults of expansion: the code, the place, and the way by which a place became part of the
spec.
"""

from __future__ import annotations

import pytest

from modelspec.core.diagnostics import Diagnostic
from modelspec.views.fix import compile_text

from .expanding import faults, said

BLOCK = """\
blocks:
  residual:
    parameters: {filters: null, stride: 1}
    primary: filters
    layers:
      - Conv2D: {filters: $filters, kernel_size: 3, strides: $stride, padding: same}
      - Conv2D: {filters: $filters, kernel_size: 1, from: input, name: skip, when: $(stride != 1)}
      - Add: {from: [conv2d, $('skip' if stride != 1 else 'input')]}
model:
  inputs: {image: [8, 8, 3]}
  layers:
"""
MODEL = """\
model:
  inputs: {x: [4]}
  layers:
"""


def with_layers(layers: str, head: str = MODEL) -> str:
    return head + "".join(f"    {line}\n" for line in layers.splitlines())


def one(text: str) -> Diagnostic:
    found = faults(text)
    assert len(found) == 1, "\n".join(map(str, found))
    return found[0]


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        # Uses of blocks. What follows an entry in error stays silent.
        ("- residual: {filter: 3}\n- Flatten\n- Dense: 3", ["MS202 12:18 filter"]),
        ("- residual\n- Flatten\n- Dense: 3", ["MS203 12:7 residual"]),
        ("- residual: {filters: 3, stride: two}\n- Flatten", ["MS204 12:38 two"]),
        ("- residual: {filters: 3, stride: 1.5}\n- Flatten", ["MS204 12:38 1.5"]),
        ("- residual: {filters: 3, stride: true}\n- Flatten", ["MS204 12:38 true"]),
        ("- residul: 3\n- Flatten", ["MS301 12:7 residul"]),
        ("- residual: {filters: 3, repat: 2}\n- Flatten", ["MS202 12:30 repat"]),
        ("- brances: [[], []]\n- Flatten", ["MS301 12:7 brances"]),
        ("- residual: {filters: 3, call: {training: true}}", ["MS309 12:30 call"]),
        ("- residual: {filters: 3, name: a.b}", ["MS306 12:36 a.b"]),
        ("- residual: {filters: 3, from: imag}", ["MS302 12:36 imag"]),
        ("- residual: {filters: 3, from: [image, image]}", ["MS310 12:36 [image, image]"]),
        ("- residual: {filters: 3, from: {inptu: image}}", ["MS311 12:37 inptu"]),
        ("- residual: {filters: 3, name: a}\n- residual: {filters: 3, name: a}", ["MS304 13:36 a"]),
        ("- residual: {filters: 3, name: a}\n- ReLU: {name: a}", ["MS304 13:20 a"]),
        ("- Add: {from: [a, image]}\n- residual: {filters: 3, name: a}", ["MS303 12:20 a"]),
        # Inside of a block.
        ("- residual: 4", ["MS403 8:9 Add"]),
        ("- residual: -3", ["MS205 6:27 $filters"]),
        ("- residual: {filters: $widht}\n- ReLU", ["MS121 12:28 widht"]),
    ],
)
def test_faults_of_blocks(layers: str, expected: list[str]) -> None:
    assert said(with_layers(layers, BLOCK)) == expected


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ("- Dense: {units: 3, when: 3}\n- Dense: -1", ["MS204 4:31 3", "MS205 5:14 -1"]),
        ("- Dense: {units: 3, when: nope}", ["MS204 4:31 nope"]),
        ("- Dense: {units: 3, repeat: -1}\n- ReLU", ["MS205 4:33 -1"]),
        ("- Dense: {units: 3, repeat: 1.5}\n- ReLU", ["MS204 4:33 1.5"]),
        ("- Dense: {units: 3, repeat: true}\n- ReLU", ["MS204 4:33 true"]),
        ("- repeat: 2", ["MS207 4:7 repeat"]),
        ("- repeat: 2\n  doo: [ReLU]", ["MS207 5:7 doo"]),
        ("- do: [ReLU]", ["MS207 4:7 do"]),
        ("- repeat: 2\n  do: ReLU\n- Dense: 3", ["MS204 5:11 ReLU"]),
        ("- repeat: 2\n  for: {i: [1]}\n  do: [ReLU]", ["MS207 4:7 repeat"]),
        ("- index: i\n  repeat: 2\n  do: [ReLU]", ["MS207 4:7 index"]),
        ("- repeat: 2\n  else: []\n  do: [ReLU]", ["MS207 5:7 else"]),
        ("- repeat: 2\n  name: x\n  do: [ReLU]", ["MS207 5:7 name"]),
        ("- repeat: 2\n  join: x\n  do: [ReLU]", ["MS207 5:7 join"]),
        ("- Dense: 3\n  when: true", ["MS207 5:7 when"]),
        ("- for: 3\n  do: [ReLU]", ["MS207 4:12 3"]),
        ("- for: {i: [1], j: [2]}\n  do: [ReLU]", ["MS207 4:12 {i: [1], j: [2]}"]),
        ("- for: {i: 3}\n  do: [ReLU]", ["MS204 4:16 3"]),
        ("- for: {if: [1]}\n  do: [ReLU]", ["MS306 4:13 if"]),
        ("- for: {i: [1]}\n  index: 3\n  do: [ReLU]", ["MS204 5:14 3"]),
        ("- for: {i: [1]}\n  index: a-b\n  do: [ReLU]", ["MS306 5:14 a-b"]),
        ("- for: {i: [1, 2]}\n  do: [{Dense: {units: 3, name: d}}]", ["MS304 5:37 d"]),
        ("- branches: 3\n- ReLU", ["MS204 4:17 3"]),
        ("- branches: []\n- ReLU", ["MS204 4:17 []"]),
        ("- branches: [ReLU, []]\n- ReLU", ["MS204 4:18 ReLU"]),
        ("- branches: [[], []]\n  join: [Add]", ["MS207 5:13 [Add]"]),
        ("- branches: [[], []]\n  join: {Add: {from: x}}", ["MS208 5:13 {Add: {from: x}}"]),
        ("- branches: [[], []]\n  join: Ad\n- ReLU", ["MS301 5:13 Ad"]),
        ("- branches: [[]]\n  join: Add", ["MS310 4:7 branches"]),
        ("- branches: [[]]\n  from: y\n  join: Add", ["MS302 5:13 y"]),
        ("- Dense: {units: 3, name: a, when: false}\n- ReLU: {from: a}", ["MS132 5:20 a"]),
        ("- Dense: {units: 3, name: a, repeat: 0}\n- ReLU: {from: a}", ["MS132 5:20 a"]),
        (
            (
                "- when: false\n  do: [{repeat: 2, do: [{Dense: {units: 3, name: a}}]}]\n- ReLU:"
                " {from: a}"
            ),
            ["MS132 6:20 a"],
        ),
        (
            "- when: true\n  do: [ReLU]\n  else: [{Dense: {units: 3, name: a}}]\n- ReLU: {from: a}",
            ["MS132 7:20 a"],
        ),
        ("- Dense: {units: 3, name: a, repeat: 2}\n- ReLU: {from: a_3}", ["MS302 5:20 a_3"]),
        ("- 3\n- ReLU", ["MS207 4:7 3"]),
        ("- [ReLU]\n- repeat: 1\n  do: [ReLU]", ["MS207 4:7 [ReLU]"]),
        ("- Dense: $nope\n- Dense: 3", ["MS121 4:15 nope"]),
        ("- $nope\n- Dense: 3", ["MS121 4:8 nope"]),
        ("- Dense: {units: 3, name: $nope}\n- Dense: 3", ["MS121 4:32 nope"]),
        ("- Dense: {units: 3, from: $nope}\n- Dense: 3", ["MS121 4:32 nope"]),
        (
            "- Dense: {units: 3, when: $nope, name: a}\n- Dense: {units: 3, from: a}",
            ["MS121 4:32 nope"],
        ),
        (
            "- repeat: $nope\n  do: [{Dense: {units: 3, name: a}}]\n- Dense: {units: 3, from: a}",
            ["MS121 4:16 nope"],
        ),
        ("- Dense: $(1 + )\n- Dense: -1", ["MS120 4:16 1 +", "MS205 5:14 -1"]),
        ("- Dense: ${width}", ["MS120 4:14 ${width}"]),
        ("- Dense: $(env('HOME'))", ["MS124 4:16 env('HOME')"]),
        ("- Dense: '$(1 + ''a'')'", ["MS123 4:17 1 + ''a''"]),
        ('- Dense: "\\u0024(1 / 0)"', ["MS123 4:22 1 / 0"]),
        ("- Dense: >-\n    $(1 /\n    0)", None),
        ("- Dense: $('a' # no comment", ["MS120 4:14 $('a'"]),
        ("- Dense: {units: $(max(1, 2))}", ["MS103 4:22 $(max(1, 2))"]),
    ],
)
def test_faults_of_loops_and_values(layers: str, expected: list[str] | None) -> None:
    found = said(with_layers(layers))
    if expected is None:
        assert len(found) == 1
    else:
        assert found == expected


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("vars: 3", ["MS204 1:7 3"]),
        ("vars: {a: $b, b: 1}", ["MS121 1:12 b"]),
        ("vars: {a: $a}", ["MS121 1:12 a"]),
        ("vars: {a: [1], b: $a.c}", ["MS123 1:20 a.c"]),
        ("vars: {a: {b: 1}, c: $a.d}", ["MS123 1:25 d"]),
        ("vars: {a-b: 1}", ["MS306 1:8 a-b"]),
        ("vars: {true_: 1, lambda: 1}", ["MS306 1:18 lambda"]),
        ("vars: {a: [1], b: x$a}", ["MS123 1:21 a"]),
        ("blocks: 3", ["MS204 1:9 3"]),
        ("blocks: {b: 3}", ["MS204 1:13 3"]),
        ("blocks: {Dense: [ReLU]}", ["MS306 1:10 Dense"]),
        ("blocks: {b: {}}", ["MS315 1:10 b"]),
        ("blocks: {b: {layer: [ReLU]}}", ["MS201 1:14 layer"]),
        ("blocks: {b: {layers: [ReLU], x: 1}}", ["MS201 1:30 x"]),
        ("blocks: {b: {layers: [ReLU], primary: c}}", ["MS205 1:39 c"]),
        ("blocks: {b: {layers: [ReLU], parameters: [a]}}", ["MS204 1:42 [a]"]),
        ("blocks: {b: {layers: [ReLU], parameters: {name: 1}}}", ["MS306 1:43 name"]),
        ("blocks: {b: {layers: [ReLU], parameters: {p: $q, q: 1}}}", ["MS121 1:47 q"]),
        ("blocks: {b: {layers: [ReLU], inputs: [3]}}", ["MS204 1:39 3"]),
        ("blocks: {b: {layers: [ReLU], inputs: [a, a]}}", ["MS304 1:42 a"]),
        ("blocks: {b: [b]}", ["MS131 1:14 b"]),
        (
            "blocks: {b: [{repeat: 2, do: [{c: 1}]}], c: [{Dense: {units: 3, when: false}}, b]}",
            ["MS131 1:80 b"],
        ),
        ("blocks: {b: [{Dense: $(1 + )}]}", ["MS120 1:24 1 +"]),
    ],
)
def test_faults_of_sections(head: str, expected: list[str]) -> None:
    """Blocks are looked at also where nothing uses them."""
    assert said(f"{head}\n{with_layers('- ReLU')}") == expected


@pytest.mark.parametrize(
    ("block", "layers", "expected"),
    [
        ("{layers: [{Add: {from: [x, input]}}]}", "- b", ["MS302 2:30 x"]),
        (
            "{layers: [{Add: {from: [late, input]}}, {ReLU: {name: late}}]}",
            "- b",
            ["MS303 2:30 late"],
        ),
        ("{layers: [{ReLU: {name: r}}, {ReLU: {name: r}}]}", "- b", ["MS304 2:49 r"]),
        ("{layers: [{ReLU: {name: input}}]}", "- b", ["MS304 2:30 input"]),
        ("{layers: [{ReLU: {name: r}}], outputs: q}", "- b", ["MS302 2:45 q"]),
        (
            "{layers: [{ReLU: {name: r}}], outputs: {a: r, z: input}}",
            "- b\n- ReLU",
            ["MS312 7:7 ReLU"],
        ),
        (
            "{layers: [{ReLU: {name: r}}], outputs: {a: r, z: input}}",
            "- b: {name: n}\n- ReLU: {from: n.c}",
            ["MS305 7:20 n.c"],
        ),
        (
            "{layers: [{ReLU: {name: r}}], outputs: {a: r, z: input}}",
            "- b: {name: n}\n- ReLU: {from: n}",
            ["MS312 7:20 n"],
        ),
        ("{inputs: [p, q], layers: [{Add: {from: [p, q]}}]}", "- b", ["MS310 6:7 b"]),
        (
            "{inputs: [p, q], layers: [{Add: {from: [p, q]}}]}",
            "- b: {from: {p: x}}",
            ["MS310 6:17 {p: x}"],
        ),
        ("{parameters: {w: 1}, layers: [{Dense: $w}]}", "- b: 3", ["MS204 6:10 3"]),
        ("{parameters: {w: $(1 / 0)}, layers: [{Dense: $w}]}", "- b", ["MS123 2:25 1 / 0"]),
        ("{parameters: {w: 1}, layers: [ReLU]}", "- b: {w: $nope}", ["MS121 6:15 nope"]),
    ],
)
def test_faults_inside_of_blocks(block: str, layers: str, expected: list[str]) -> None:
    assert said(with_layers(layers, f"blocks:\n  b: {block}\n" + MODEL)) == expected


# Where it comes from ------------------------------------------------------------------------------


def test_a_fault_in_a_block_says_where_the_block_is_used() -> None:
    found = one(
        with_layers(
            "- residual: 3\n- residual: {filters: -3, name: a}\n- residual: {filters: -3}", BLOCK
        )
    )
    assert (found.code, found.line, found.column) == ("MS205", 6, 27)
    assert [str(note) for note in found.notes] == [
        "`filters` is `-3` (spec.yaml:13:27)",
        "in block `residual`, used here (spec.yaml:13:7)",
        "the same at 1 other use",
    ]


def test_the_way_through_blocks_and_loops() -> None:
    text = with_layers(
        """- for: {n: [4, 8]}
  index: i
  do:
    - outer: {width: $n, repeat: 2}""",
        """\
blocks:
  outer:
    parameters: {width: null}
    layers:
      - inner: {units: $(width - 8)}
  inner:
    parameters: {units: null}
    layers:
      - Dense: $units
"""
        + MODEL,
    )
    found = faults(text)
    assert [(one.code, one.line, one.column, one.message) for one in found] == [
        ("MS205", 9, 16, "`units` of `Dense` must be greater than 0, found `-4`"),
    ]
    assert [str(note) for note in found[0].notes] == [
        "`units` is `-4` (spec.yaml:5:24)",
        "in block `inner`, used here (spec.yaml:5:9)",
        "in block `outer`, used here (spec.yaml:16:11)",
        "in round 1 of 2 (spec.yaml:16:30)",
        "in the loop, where `n` is `4` and `i` is `0` (spec.yaml:13:17)",
        "the same at 3 other uses",
    ]


def test_what_would_replace_an_expression_is_not_suggested() -> None:
    found = one("vars: {act: rleu}\n" + with_layers("- Dense: {units: 3, activation: $act}"))
    assert (found.code, found.help, found.suggestion) == ("MS206", "did you mean `relu`?", None)


def test_a_value_says_what_it_follows_from() -> None:
    found = one("vars: {width: 3, depth: 4}\n" + with_layers("- Dense: $(width - depth)"))
    assert (found.code, found.line, found.column) == ("MS205", 5, 14)
    assert [str(note) for note in found.notes] == [
        "`width` is `3` (spec.yaml:1:15)",
        "`depth` is `4` (spec.yaml:1:25)",
    ]


def test_a_mapping_that_a_name_stands_for_keeps_its_own_places() -> None:
    found = one("vars: {conv: {units: 3, activaton: relu}}\n" + with_layers("- Dense: $conv"))
    assert (found.code, found.line, found.column, found.suggestion) == (
        "MS202",
        1,
        25,
        "activation",
    )
    assert [str(note) for note in found.notes] == ["`$conv` stands for it here (spec.yaml:5:14)"]
    found = one("vars: {sizes: [3, 4]}\n" + with_layers("- Dense: $sizes"))
    assert (found.code, found.line, found.column) == ("MS204", 1, 15)
    assert [str(note) for note in found.notes] == ["`$sizes` stands for it here (spec.yaml:5:14)"]


def test_an_override_is_a_place_too() -> None:
    (found,) = faults("vars: {width: 3}\n" + with_layers("- Dense: $width"), {"vars.width": -3})
    assert (found.file, found.line, found.column) == ("spec.yaml", 5, 14)
    assert [str(note) for note in found.notes] == ["`width` is `-3` (--set vars.width:1:12)"]


def test_a_fault_of_shapes_names_the_tensors_of_the_flat_list() -> None:
    found = one(with_layers("- residual: {filters: 4, name: a}", BLOCK))
    assert (found.code, found.line) == ("MS403", 8)
    assert [note.message for note in found.notes] == [
        "`a_conv2d` gives (batch, 8, 8, 4)",
        "`image` gives (batch, 8, 8, 3)",
        "in block `residual`, used here",
    ]


def test_helps() -> None:
    """The edit that mends it is said."""
    for layers, help, suggestion in (
        ("- Dense: $(widht * 2)", "did you mean `width`?", "width"),
        ("- Dense: ${width}", "write `$width`", "$width"),
        ("- Dense: $(mim(1))", "did you mean `min`?", "min"),
        ("- Dense: {units: 3, when: $width}", "compare: `$(stride != 1)`", None),
        (
            "- Dense: {units: 3, name: a, when: false}\n- ReLU: {from: a}",
            "leave this out as well, or choose: `$('a' if ... else '...')`",
            None,
        ),
        ("- Dense: $('a' # b", 'put all of it in quotes: `"$(...)"`', None),
        ("- Dense: $price", "the names here are `width`; write `$$` for a dollar sign", None),
        (
            "- for: {i: [1, 2]}\n  do: [{Dense: {units: 3, name: d}}]",
            "give each round its own name, e.g. `name: d_$(i)` with `index: i`",
            None,
        ),
        (
            "- Dense: 3\n  when: true",
            "indent it further, or write `- Dense: {..., when: ...}`",
            None,
        ),
    ):
        found = one("vars: {width: 3}\n" + with_layers(layers))
        assert (found.help, found.suggestion) == (help, suggestion)


def test_all_faults_in_one_run_in_file_order() -> None:
    head = "vars: {a: $b}\nblocks: {c: {layers: [ReLU], z: 1}}\n"
    layers = "- Dense: $nope\n- Dense: -1\n- Dense: {units: 3, repeat: x}\n- Dense: {unit: 3}"
    text = f"{head}{with_layers(layers)}training: {{loss: $(1 / 0)}}\n"
    assert said(text) == [
        "MS121 1:12 b",
        "MS201 2:30 z",
        "MS121 6:15 nope",
        "MS205 7:14 -1",
        "MS204 8:33 x",
        "MS202 9:15 unit",
        "MS123 10:20 1 / 0",
    ]


@pytest.mark.parametrize(
    "text",
    [
        (
            "blocks: {b: {parameters: {r: null}, layers: [{Dropout: {rate: $r}}]}}\n"
            "model: {inputs: {x: [8]}, layers: [{b: {r: 1.5}}, {b: {r: 2.5}}, {b: {r: 3.5}}]}\n"
        ),
        (
            "model: {inputs: {x: [8]}, layers: [{for: {r: [1.5, 2.5, 3.5]}, do: [{Dropout: {rate:"
            " $r}}]}]}\n"
        ),
    ],
)
def test_different_values_at_one_place_are_told_once(text: str) -> None:
    (found,) = compile_text(text, "spec.yaml").diagnostics
    assert (found.code, found.message) == (
        "MS205",
        "`rate` of `Dropout` must be at most 1.0, found `1.5`",
    )
    assert found.notes[-1].message == "the same at 2 other uses"


# Entries that are left out ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ("- Dens: {units: 3, when: false}\n- ReLU", ["MS301 4:7 Dens"]),
        ("- Nothing: {when: false}\n- ReLU", ["MS301 4:7 Nothing"]),
        ("- Dense: {unit: 3, when: false}\n- ReLU", ["MS202 4:15 unit"]),
        ("- Dense: {unit: 3, repeat: 0}\n- ReLU", ["MS202 4:15 unit"]),
        ("- Dense: {units: 3, form: x, when: false}\n- ReLU", ["MS202 4:25 form"]),
        (
            "- when: false\n  do: [Relu, {Dense: {unit: 3}}]\n- ReLU",
            ["MS301 5:12 Relu", "MS202 5:27 unit"],
        ),
        ("- when: true\n  do: [ReLU]\n  else: [{Dens: 3}]", ["MS301 6:15 Dens"]),
        (
            "- when: false\n  do: [{branches: [[Relu], []], join: Ad}]\n- ReLU",
            ["MS301 5:25 Relu", "MS301 5:43 Ad"],
        ),
        ("- when: false\n  do: [{repeat: 2, do: [{Dens: 3}]}]\n- ReLU", ["MS301 5:30 Dens"]),
        ("- branches: [[Relu], []]\n  when: false\n- ReLU", ["MS301 4:19 Relu"]),
        (
            "- for: {i: [1, 2]}\n  do: [{Dens: {units: 3, when: $(i > 2)}}]\n- ReLU",
            ["MS301 5:13 Dens"],
        ),
        # Told where the entry stands, and once.
        (
            "- for: {i: [1, 2]}\n  do: [{Dens: {units: 3, when: $(i > 1)}}]\n- ReLU",
            ["MS301 5:13 Dens"],
        ),
        (
            "- when: $(1 > 2)\n  do: [{Dens: 3}]\n  else: [{Dens: 3}]",
            ["MS301 5:13 Dens", "MS301 6:15 Dens"],
        ),
    ],
)
def test_a_layer_that_is_left_out_has_a_kind_and_settings_that_there_are(
    layers: str, expected: list[str]
) -> None:
    assert said(with_layers(layers)) == expected


@pytest.mark.parametrize(
    "layers",
    [
        "- Dense: {units: $(1 // 0), when: false}\n- ReLU",  # values may only make sense where it stands
        "- Dense: {units: -1, when: false}\n- ReLU",
        "- Dense: {when: false}\n- ReLU",
        "- Dense: {quantum: 3, units: 2, when: false}\n- ReLU",  # nothing that it could have been meant to be
        (
            "- when: false\n  do: [part, {ResNet50: {}}, {Convolution2D: {nb_filter: 3}},"
            " TimeDistributedDense]\n- ReLU"
        ),
        (
            "- when: false\n  do: [{Bidirectional: {LSTM: 3}}, {Dense: {output_dim: 3,"
            " W_regularizer: l2}}]\n- ReLU"
        ),
        (
            "- when: false\n  do: [{Add: {from: [x, x], name: sum}}, {Dense: {units: 3, call:"
            " {training: true}}}]\n- ReLU"
        ),
        "- when: false\n  do: [3, [ReLU], {Dense: 3, ReLU: 3}]\n- ReLU",
    ],
)
def test_values_of_a_layer_that_is_left_out_are_left_alone(layers: str) -> None:
    head = "blocks:\n  part: [ReLU]\n" + MODEL
    assert said(with_layers(layers, head)) == []


def test_a_layer_left_out_in_one_use_of_its_block_is_read_in_another() -> None:
    head = (
        "blocks:\n  part: {parameters: {yes: null}, layers: [{Dense: {unit: 3, when: $yes}},"
        " ReLU]}\n" + MODEL
    )
    assert [one.split()[0] for one in said(with_layers("- part: {yes: false}", head))] == ["MS202"]
    found = one(with_layers("- part: {yes: false}\n- part: {yes: true}", head))
    assert found.code == "MS202" and [note.message for note in found.notes] == [
        "in block `part`, used here"
    ]
    shared = MODEL.replace("  layers", "  shared: {mine: {Dense: 3}}\n  layers")
    assert said(with_layers("- mine\n- when: false\n  do: [mine]", shared)) == []
