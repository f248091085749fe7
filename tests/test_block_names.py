"""Names inside blocks and architectures from outside, shared layers of a block, and the sizes of its
input.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import modelspec as ms
from modelspec.compiler.pipeline import compile_spec

RESIDUAL = """
blocks:
  residual:
    parameters: {units: null, project: false}
    primary: units
    layers:
      - Dense: {units: $units, name: main}
      - Dense: {units: $units, from: input, name: skip, when: $project}
      - Add: {from: [main, $('skip' if project else 'input')], name: sum}
"""


def layers(text: str, tmp_path: Path) -> list[tuple[Any, ...]]:
    """Every layer: its name, kind, inputs, shape, parameters and trainable parameters."""
    path = tmp_path / "spec.yaml"
    path.write_text(text, encoding="utf-8")
    return [
        (
            *(one.name, one.kind, one.inputs, one.output_shape),
            *(one.parameters, one.trainable_parameters),
        )
        for one in ms.load_spec(path).graph.layers
    ]


def faults(text: str, tmp_path: Path) -> list[tuple[str, str]]:
    """The codes, and the underlined text."""
    path = tmp_path / "spec.yaml"
    path.write_text(text, encoding="utf-8")
    said = ms.check(path).diagnostics
    return [(one.code, one.span.text if one.span else "") for one in said]


def model(entries: str, head: str = RESIDUAL, inputs: str = "{x: [8]}", tail: str = "") -> str:
    return f"{head}\nmodel:\n  inputs: {inputs}\n  layers:\n{entries}\n{tail}"


# Names inside blocks ------------------------------------------------------------------------------


def test_names_inside_a_block_are_used_in_from_outputs_and_freeze(tmp_path: Path) -> None:
    text = model(
        """
    - residual: {units: 8, project: true, name: down}
    - Dense: {units: 2, from: down_skip, name: tap}
    - residual: {units: 8, from: down, repeat: 2, name: deep}
    - Add: {from: [deep_1_main, deep_main], name: both}""",
        tail="""  outputs: {a: tap, b: both, c: down_main}
training:
  loss: {a: mse, b: mse, c: mse}
  freeze: [down_skip, "deep_*_main"]
""",
    )
    by_hand = """
model:
  inputs: {x: [8]}
  layers:
    - Dense: {units: 8, name: down_main}
    - Dense: {units: 8, from: x, name: down_skip}
    - Add: {from: [down_main, down_skip], name: down_sum}
    - Dense: {units: 2, from: down_skip, name: tap}
    - Dense: {units: 8, from: down_sum, name: deep_1_main}
    - Add: {from: [deep_1_main, down_sum], name: deep_1_sum}
    - Dense: {units: 8, name: deep_2_main}
    - Add: {from: [deep_2_main, deep_1_sum], name: deep_2_sum}
    - Add: {from: [deep_1_main, deep_2_main], name: both}
  outputs: {a: tap, b: both, c: down_main}
training:
  loss: {a: mse, b: mse, c: mse}
  freeze: [down_skip, "deep_*_main"]
"""
    assert layers(text, tmp_path) == layers(by_hand, tmp_path)


def test_names_in_blocks_inside_blocks_are_joined(tmp_path: Path) -> None:
    head = RESIDUAL + "  pair:\n    layers: [{residual: {units: 8, name: one}}, {residual: 8}]\n"
    found = layers(
        model("    - pair: {name: p}\n    - Dense: {units: 1, from: p_one_main}", head), tmp_path
    )
    assert found[-1][2] == ("p_one_main",) or list(found[-1][2]) == ["p_one_main"]


def test_an_explicit_name_comes_before_one_inside_a_block(tmp_path: Path) -> None:
    text = model(
        """
    - Dense: {units: 3, name: a_main_2}
    - residual: {units: 3, name: a}
    - Dense: {units: 1, from: a_main_2}"""
    )
    assert list(layers(text, tmp_path)[-1][2]) == ["a_main_2"]


def test_faults_of_inner_names_are_at_their_places(tmp_path: Path) -> None:
    entries = """
    - residual: {units: 8, name: down}
    - Dense: {units: 1, from: down_skip}
    - Dense: {units: 1, from: down_mian}
    - Dense: {units: 1, from: down_input}
    - Dense: {units: 1, from: up_main}
    - residual: {units: 8, name: up}"""
    assert faults(model(entries), tmp_path)[:4] == [
        ("MS132", "down_skip"),
        ("MS302", "down_mian"),
        ("MS302", "down_input"),
        ("MS302", "up_main"),
    ]
    path = tmp_path / "spec.yaml"
    assert "did you mean `down_main`?" in [str(one.help) for one in ms.check(path).diagnostics]


def test_a_long_name_is_found_in_deeply_nested_blocks_at_once(tmp_path: Path) -> None:
    """Each of 25 blocks has two names at each use, so that a list of all would be endless."""
    head = "blocks:\n  b0: {layers: [{Dense: {units: 8, name: d}}]}\n" + "".join(
        f"  b{n}: {{layers: [{{b{n - 1}: {{repeat: 1, name: a}}}}]}}\n" for n in range(1, 25)
    )
    name = "top_" + "a_1_" * 24 + "d"
    text = model(f"    - b24: {{name: top}}\n    - Dense: {{units: 1, from: {name}}}", head)
    assert list(layers(text, tmp_path)[-1][2]) == [name]


# Taps ---------------------------------------------------------------------------------------------


def test_taps_are_outputs_and_layers_without_use_are_left_out(tmp_path: Path) -> None:
    text = model(
        """
    - ResNet50: {include_top: false, taps: [conv2_block3_out, conv4_block6_out], name: back}
    - GlobalAveragePooling2D: {from: back.conv4_block6_out, name: q}
    - GlobalAveragePooling2D: {from: back.conv2_block3_out, name: p}""",
        "",
        "{image: [64, 64, 3]}",
        "  outputs: [p, q]",
    )
    back, q, p = layers(text, tmp_path)
    assert [tuple(one) for one in back[3]] == [(None, 16, 16, 256), (None, 4, 4, 1024)] or (
        list(dict(back[3]).values()) == [(None, 16, 16, 256), (None, 4, 4, 1024)]
    )
    assert back[4] == 8_589_184  # of Keras's ResNet50 up to conv4_block6_out
    assert (p[3], q[3]) == ((None, 256), (None, 1024))


def test_one_tap_is_the_tensor_of_the_entry(tmp_path: Path) -> None:
    by_name = {"taps": "conv2_block3_out", "until": "conv2_block3_out"}
    found = [
        layers(
            model(
                f"    - ResNet50: {{{key}: {name}, name: b}}\n    - Flatten", "", "{i: [32, 32, 3]}"
            ),
            tmp_path,
        )
        for key, name in by_name.items()
    ]
    assert found[0][-1] == found[1][-1]
    assert found[0][0][4] == found[1][0][4]


@pytest.mark.parametrize(
    ("taps", "expected"),
    [
        ("[conv2_block3_oot]", ("MS302", "conv2_block3_oot")),
        ("[]", ("MS205", "[]")),
        ("[3]", ("MS204", "3")),
        ("[conv1_relu, conv1_relu]", ("MS304", "conv1_relu")),
        ("[conv1_relu], until: conv2_block3_out", ("MS208", "until")),
    ],
)
def test_faults_of_taps_are_at_their_places(
    taps: str, expected: tuple[str, str], tmp_path: Path
) -> None:
    entries = f"""
    - ResNet50: {{include_top: false, taps: {taps}, name: b}}
    - Flatten: {{from: b.conv1_relu}}"""
    assert faults(model(entries, "", "{i: [32, 32, 3]}"), tmp_path) == [expected]


@pytest.mark.tensorflow
def test_taps_have_the_shapes_and_weights_of_keras(tmp_path: Path) -> None:
    """A small MobileNet of Keras with the same layers as outputs is the oracle."""
    import keras
    import numpy as np

    names = ["conv_pw_1_relu", "conv_pw_3_relu", "conv_dw_5_relu"]
    whole = keras.applications.MobileNet((32, 32, 3), alpha=0.25, include_top=False, weights=None)
    oracle = keras.Model(whole.inputs, [whole.get_layer(name).output for name in names])
    settings = f"alpha: 0.25, include_top: false, taps: [{', '.join(names)}], name: b"
    tail = f"  outputs: {{{', '.join(f'{name}: b.{name}' for name in names)}}}"
    text = model(f"    - MobileNet: {{{settings}}}", "", "{i: [32, 32, 3]}", tail)
    (tmp_path / "spec.yaml").write_text(text)
    spec = ms.load_spec(tmp_path / "spec.yaml")
    compiled = compile_spec(tmp_path / "spec.yaml").value
    assert compiled is not None and compiled.graph is not None
    found = [one.shape for one in compiled.graph.outputs.values()]
    assert found == [tuple(one.shape) for one in oracle.outputs]
    built = spec.build()
    assert sum(one.parameters for one in spec.graph.layers) == oracle.count_params()
    built.set_weights(oracle.get_weights())
    x = np.random.default_rng(0).normal(size=(2, 32, 32, 3)).astype("float32")
    given = built.predict(x, verbose=0)
    for name, expected in zip(names, oracle.predict(x, verbose=0), strict=True):
        np.testing.assert_allclose(given[name], expected, rtol=1e-5, atol=1e-6)


def test_inner_layers_of_an_extended_architecture_are_outputs(tmp_path: Path) -> None:
    text = """
extends: ResNet50
vars: {include_top: false, input_shape: [64, 64, 3]}
model:
  outputs: {fine: conv2_block3_2_relu, coarse: conv4_block6_2_relu}
"""
    (tmp_path / "spec.yaml").write_text(text)
    compiled = compile_spec(tmp_path / "spec.yaml")
    assert compiled.diagnostics == () and compiled.value is not None
    assert compiled.value.graph is not None
    assert {name: one.shape for name, one in compiled.value.graph.outputs.items()} == {
        "fine": (None, 16, 16, 64),
        "coarse": (None, 4, 4, 256),
    }


# Shared layers of a block -------------------------------------------------------------------------

SIAMESE = """
blocks:
  siamese:
    parameters: {width: 8}
    primary: width
    inputs: [a, b]
    shared:
      encoder: [{Dense: {units: $width, activation: relu}}, {Dense: 4}]
      head: {Dense: 2}
      both: {inputs: {u: [4], v: [4]}, layers: [{head: {from: u, name: p}}, {head: {from: v, name: q}}, {Add: {from: [p, q]}}]}
    layers:
      - encoder: {from: a, name: left}
      - encoder: {from: b, name: right}
      - both: {from: [left, right]}
      - TimeDistributed: {layer: head, from: steps, name: each, when: false}
"""


def test_shared_layers_of_a_block_are_one_set_of_weights_for_each_use(tmp_path: Path) -> None:
    entries = """
    - siamese: {from: [x, y], name: one}
    - siamese: {from: [x, y], width: 16, name: two}
    - Concatenate: {from: [one, two, one_left]}"""
    inputs = "{x: [6], y: [6]}"

    def definitions(use: str, width: int) -> str:
        return f"""
    {use}_encoder: [{{Dense: {{units: {width}, activation: relu}}}}, {{Dense: 4}}]
    {use}_head: {{Dense: 2}}
    {use}_both:
      inputs: {{u: [4], v: [4]}}
      layers:
        - {use}_head: {{from: u, name: p}}
        - {use}_head: {{from: v, name: q}}
        - Add: {{from: [p, q]}}"""

    def calls(use: str) -> str:
        return f"""
    - {use}_encoder: {{from: x, name: {use}_left}}
    - {use}_encoder: {{from: y, name: {use}_right}}
    - {use}_both: {{from: [{use}_left, {use}_right]}}"""

    by_hand = f"""
model:
  inputs: {inputs}
  shared:{definitions("one", 8)}{definitions("two", 16)}
  layers:{calls("one")}{calls("two")}
    - Concatenate: {{from: [one_both, two_both, one_left]}}
"""
    assert layers(model(entries, SIAMESE, inputs), tmp_path) == layers(by_hand, tmp_path)


def test_a_wrapper_in_a_block_takes_a_shared_layer_of_the_block(tmp_path: Path) -> None:
    head = """
blocks:
  each:
    shared: {dense: {Dense: 3}}
    layers:
      - TimeDistributed: {layer: dense}
      - TimeDistributed: dense
"""
    calls = "".join(
        f"""
    - TimeDistributed: {{layer: e_{number}_dense, name: e_{number}_time_distributed}}
    - TimeDistributed: {{layer: e_{number}_dense, name: e_{number}_time_distributed_1}}"""
        for number in (1, 2)
    )
    shared = "  shared: {e_1_dense: {Dense: 3}, e_2_dense: {Dense: 3}}"
    found = layers(model("    - each: {repeat: 2, name: e}", head, "{x: [5, 3]}"), tmp_path)
    expected = layers(model(calls, "", "{x: [5, 3]}", shared), tmp_path)
    assert [one[3:] for one in found] == [one[3:] for one in expected]
    assert [one[0] for one in found] == [one[0] for one in expected]


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("blocks: {b: {shared: [1], layers: [Dense: 1]}}", ("MS204", "[1]")),
        ("blocks: {b: {shared: {s: {Dense: $n}}, layers: [s]}}", ("MS121", "n")),
        ("blocks: {b: {shared: {s: [{b: {}}]}, layers: [s]}}", ("MS131", "b")),
        ("blocks: {b: {shared: {s: {Dense: {unitz: 1}}}, layers: [s]}}", ("MS202", "unitz")),
    ],
)
def test_faults_in_shared_of_a_block_are_at_their_places(
    head: str, expected: tuple[str, str], tmp_path: Path
) -> None:
    assert expected in faults(model("    - b", head), tmp_path)


# Sizes of the input -------------------------------------------------------------------------------

SIZED = """
blocks:
  project:
    parameters: {units: "$(2 * input.shape[-1])"}
    layers:
      - Dense: {units: $units, name: main}
      - Dense: {units: $units, from: input, name: skip, when: "$(input.shape[-1] != units)"}
      - Add: {from: [main, "$('skip' if input.shape[-1] != units else 'input')"]}
  merge:
    inputs: [a, b]
    shared: {same: {Dense: "$(a.shape[-1] + b.shape[-1])"}}
    layers:
      - same: {from: a, name: p, when: "$(len(a.shape) == 2)"}
      - Dense: {units: "$(sum([size for size in b.shape[1:]]))", from: b, name: q}
      - Concatenate: {from: [p, q]}
"""


def test_a_block_knows_the_sizes_of_its_inputs(tmp_path: Path) -> None:
    entries = """
    - Dense: {units: 4, name: first}
    - project: {name: one}
    - project: {units: 8, repeat: 2, name: two}
    - LSTM: {units: 3, return_state: true, name: read, from: series}
    - merge: {from: [two, read.hidden], name: end}"""
    by_hand = """
model:
  inputs: {x: [5], series: [7, 2]}
  layers:
    - Dense: {units: 4, name: first}
    - Dense: {units: 8, name: one_main}
    - Dense: {units: 8, from: first, name: one_skip}
    - Add: {from: [one_main, one_skip], name: one_add}
    - Dense: {units: 8, name: two_1_main}
    - Add: {from: [two_1_main, one_add], name: two_1_add}
    - Dense: {units: 8, name: two_2_main}
    - Add: {from: [two_2_main, two_1_add], name: two_2_add}
    - LSTM: {units: 3, return_state: true, name: read, from: series}
    - Dense: {units: 11, from: two_2_add, name: end_p}
    - Dense: {units: 3, from: read.hidden, name: end_q}
    - Concatenate: {from: [end_p, end_q], name: end_concatenate}
"""
    inputs = "{x: [5], series: [7, 2]}"
    found = layers(model(entries, SIZED, inputs), tmp_path)
    expected = layers(by_hand, tmp_path)
    shared = [one for one in found if one[0] == "end_p"]
    assert [one for one in found if one[0] != "end_p"] == [
        one for one in expected if one[0] != "end_p"
    ]
    assert [one[2:] for one in shared] == [one[2:] for one in expected if one[0] == "end_p"]


def test_every_entry_is_inferred_once_for_all_uses_of_sizes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cost is linear: 60 uses infer each of their entries once."""
    from modelspec.compiler.expand import input_shapes

    inferred: list[int] = []
    infer = input_shapes.infer

    def counted(graph: Any) -> Any:
        inferred.append(len(graph.calls))
        return infer(graph)

    monkeypatch.setattr(input_shapes, "infer", counted)
    found = layers(model("    - project: {units: 4, repeat: 60, name: p}", SIZED), tmp_path)
    assert len(found) == 121 and sum(inferred) <= len(found)


@pytest.mark.parametrize(
    ("inputs", "entries", "expected"),
    [
        ("{x: [null, null]}", "    - Dense: 4\n    - project", None),
        ("{x: [null]}", "    - project", ("MS421", "input.shape[-1]")),
        ("{x: [width]}", "    - project: {units: 3}", ("MS421", "input.shape[-1]")),
        ("{x: [auto]}", "    - project: {units: 3}", ("MS421", "input.shape[-1]")),
        ("{x: [3]}", "    - batch", ("MS421", "input.shape[0]")),
        ("{x: [3]}", "    - whole", ("MS421", "input.shape")),
        ("{x: [3]}", "    - beyond", ("MS123", "input.shape[5]")),
    ],
)
def test_a_size_that_is_unknown_is_reported_at_the_expression_with_the_use(
    inputs: str, entries: str, expected: tuple[str, str] | None, tmp_path: Path
) -> None:
    head = (
        SIZED
        + "  batch: {layers: [{Dense: '$(input.shape[0])'}]}\n"
        + "  whole: {layers: [{Reshape: $input.shape}]}\n"
        + "  beyond: {layers: [{Dense: '$(input.shape[5])'}]}\n"
    )
    found = faults(model(entries, head, inputs), tmp_path)
    if expected is None:
        assert [one for one in found if one[0] == "MS421"] == []
        return
    assert expected in found
    one = next(
        one for one in ms.check(tmp_path / "spec.yaml").diagnostics if one.code == expected[0]
    )
    assert any("used here" in note.message for note in one.notes)


def test_a_size_after_an_error_is_not_reported(tmp_path: Path) -> None:
    entries = "    - Dense: {units: -1}\n    - project"
    assert [code for code, _ in faults(model(entries, SIZED), tmp_path)] == ["MS205"]


def test_a_variable_called_input_keeps_its_meaning(tmp_path: Path) -> None:
    head = "vars: {input: 6}\nblocks: {b: {layers: [Dense: $input]}}"
    assert layers(model("    - b", head), tmp_path)[0][3] == (None, 6)


# Smaller faults -----------------------------------------------------------------------------------


def test_a_note_of_several_uses_is_reported_once(tmp_path: Path) -> None:
    head = "blocks: {conv: {layers: [{Conv2D: {filters: 4, kernel_size: 3}}, BatchNormalization, ReLU]}}"
    entries = "    - conv\n    - conv: {repeat: 2}\n    - Flatten\n    - Dense: {units: 1, name: y}"
    text = model(entries, head, "{x: [16, 16, 3]}", "training: {loss: mse}")
    assert [code for code, _ in faults(text, tmp_path)] == ["MS527"]
    (note,) = ms.check(tmp_path / "spec.yaml").diagnostics
    assert "the same at 2 other uses" in [one.message for one in note.notes]


def test_the_reasons_of_transforms_are_those_of_columns(tmp_path: Path) -> None:
    def spec(transform: str) -> str:
        return f"""
model: {{inputs: {{x: [8]}}, layers: [{{Dense: {{units: 1, name: y}}}}]}}
training: {{loss: mse}}
data:
  source: {{csv: t.csv}}
  inputs: {{x: {{columns: [a, b], transform: [{transform}]}}}}
  targets: y
"""

    assert faults(spec("Subtract"), tmp_path) == [("MS625", "Subtract")]
    (one,) = ms.check(tmp_path / "spec.yaml").diagnostics
    assert "takes 2 tensors" in one.message
    assert faults(spec("TextVectorization: {output_mode: multi_hot}"), tmp_path) == [
        ("MS401", "TextVectorization")
    ]
    (one,) = ms.check(tmp_path / "spec.yaml").diagnostics
    assert "own input" in str(one.help)
    assert [note.message for note in one.notes] == ["2 stacked columns give (batch, 2)"]


@pytest.mark.parametrize(
    ("training", "expected"),
    [
        ("{loss: mse, weights: a.weights.h5}", "a.weights.h5"),
        ("{loss: mse, weights: {path: a.weights.h5, skip: [y]}}", "a.weights.h5"),
    ],
)
def test_weights_that_do_not_fit_are_reported_at_their_path(
    training: str, expected: str, tmp_path: Path
) -> None:
    from modelspec.runtime.backend.weights import place_of

    path = tmp_path / "spec.yaml"
    path.write_text(
        f"model: {{inputs: {{x: [4]}}, layers: [{{Dense: {{units: 1, name: y}}}}]}}\ntraining: {training}\n"
    )
    compiled = compile_spec(path).value
    assert compiled is not None and compiled.training is not None
    assert place_of(compiled.training, compiled.file.root).text == expected


def test_weights_of_a_stage_are_reported_at_their_path(tmp_path: Path) -> None:
    from modelspec.runtime.backend.weights import place_of

    path = tmp_path / "spec.yaml"
    path.write_text("""
model: {inputs: {x: [4]}, layers: [{Dense: {units: 1, name: y}}]}
training:
  loss: mse
  stages:
    - {name: a, epochs: 1}
    - {name: b, epochs: 1, weights: b.weights.h5}
""")
    compiled = compile_spec(path).value
    assert compiled is not None
    second = compiled.training_stages[1].training
    assert place_of(second, compiled.file.root).text == "b.weights.h5"
