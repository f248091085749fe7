"""Kinds of the library in a spec: models as sub-models and as bases, blocks, and what is said of
wrong uses.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

import modelspec as ms
from modelspec.catalog import library
from modelspec.compiler.infer import TypedGraph
from modelspec.compiler.pipeline import compile_document, compile_spec
from modelspec.core.settings import Context
from modelspec.views.manual import find, near
from modelspec.views.schema import schema
from modelspec.views.summary import table

from .expanding import calls, expanded, faults, graph, said, values
from .shipped import small_library


@pytest.fixture(autouse=True)
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The library is the small one."""
    with small_library(tmp_path_factory.mktemp("library")):
        yield


def model(*entries: str, head: str = "", inputs: str = "{image: [8, 8, 3]}") -> str:
    lines = "\n".join(f"    - {entry}" for entry in entries)
    return f"{head}model:\n  inputs: {inputs}\n  layers:\n{lines}\n"


def inside(text: str, name: str) -> TypedGraph:
    found = graph(text).layer(name)
    assert found is not None and found.inside is not None
    return found.inside


def names(typed: TypedGraph) -> list[str]:
    return [layer.name for layer in typed.layers]


# What it becomes ----------------------------------------------------------------------------------


def test_a_model_is_a_sub_model_as_if_it_were_written_under_shared_and_called_once() -> None:
    text = model("Tiny: {include_top: false, pooling: avg, depths: [1]}", "Dense: 2")
    assert values(text)["model"] == {
        "inputs": {"image": (8, 8, 3)},
        "shared": {
            "tiny": {
                "layers": (
                    {"Conv2D": {"filters": 4, "kernel_size": 3, "name": "conv1"}},
                    {
                        "Conv2D": {
                            "filters": 4,
                            "kernel_size": 3,
                            "padding": "same",
                            "name": "stage1_block1_conv",
                        }
                    },
                    {
                        "Conv2D": {
                            "filters": 4,
                            "kernel_size": 1,
                            "name": "stage1_block1_skip",
                            "from": "conv1",
                        }
                    },
                    {
                        "Add": {
                            "name": "stage1_block1_add",
                            "from": ("stage1_block1_conv", "stage1_block1_skip"),
                        }
                    },
                    {"ReLU": {"name": "stage1_block1_out"}},
                    {"GlobalAveragePooling2D": {"name": "avg_pool"}},
                )
            }
        },
        "layers": ("tiny", {"Dense": 2}),
    }
    assert calls(text) == [("tiny", "tiny", ["image"]), ("dense", "Dense", ["tiny"])]


def test_the_expanded_spec_is_one_of_the_language() -> None:
    text = model(
        "Tiny: {until: stage1_block1_out, name: a, trainable: false}",
        "Tiny: {include_top: false}",
        "Flatten",
        inputs="{image: [16, 16, 3]}",
    )
    once = compile_document(expanded(text), Context())
    again = compile_spec({"model": values(text)["model"]})
    assert once.diagnostics == again.diagnostics == ()
    assert (
        once.value.graph is not None and again.value is not None and again.value.graph is not None
    )
    assert [(x.name, x.output_shape, x.weights) for x in once.value.graph.layers] == [
        (x.name, x.output_shape, x.weights) for x in again.value.graph.layers
    ]


@pytest.mark.parametrize(
    ("entry", "classes"),
    [
        ("Tiny", 1000),
        ("Tiny:", 1000),
        ("Tiny: {classes: 7}", 7),
        ("Tiny: true", 1000),
        ("Tiny: {classes: $(3 + 1)}", 4),
    ],
)
def test_the_three_forms(entry: str, classes: int) -> None:
    assert graph(model(entry)).layers[0].output_shape == (None, classes)


def test_the_first_setting_is_the_primary_one() -> None:
    assert graph(model("Tiny: false")).layers[0].output_shape == (None, 6, 6, 8)


def test_every_use_has_weights_and_a_name_of_its_own() -> None:
    typed = graph(
        model(
            "Tiny: {include_top: false, name: body}",
            "Tiny: {include_top: false, from: image}",
            "Tiny: {include_top: false, from: image}",
            "Concatenate: {from: [body, tiny, tiny_1]}",
        )
    )
    assert names(typed) == ["body", "tiny", "tiny_1", "concatenate"]
    one = typed.layers[0].parameters
    assert one and typed.parameters == 3 * one


def test_repeat_gives_fresh_weights_and_numbered_names() -> None:
    typed = graph(
        model(
            "Picky: {repeat: 1}",
            "Tiny: {include_top: false, depths: [], width: 3, repeat: 2, name: t}",
        )
    )
    assert names(typed) == ["picky_1", "t_1", "t_2"]


def test_a_shared_one_has_one_set_of_weights() -> None:
    text = """
        model:
          inputs: {left: [8, 8, 3], right: [8, 8, 3]}
          shared:
            encoder: {Tiny: {include_top: false, pooling: max}}
          layers:
            - encoder: {from: left, name: a}
            - encoder: {from: right, name: b}
            - Concatenate: {from: [a, b]}
        """
    typed = graph(text)
    assert typed.parameters == typed.layers[0].parameters == typed.layers[1].parameters
    assert typed.layers[1].shared == "encoder"


@pytest.mark.parametrize(
    ("entry", "name"),
    [
        (
            (
                "for: {n: [1, 2]}\n      do: [{Tiny: {include_top: false, width: 3, depths: [],"
                " name: body$n}}]"
            ),
            "body2",
        ),
        ("when: true\n      do: [{Tiny: {include_top: false, name: body}}]", "body"),
        (
            (
                "branches: [[{Tiny: {include_top: false, name: body}}], [{Tiny: {include_top:"
                " false}}]]"
            ),
            "body",
        ),
    ],
)
def test_it_stands_in_loops_and_branches(entry: str, name: str) -> None:
    assert inside(model(entry), name).layers[0].name == "conv1"


def test_it_stands_in_a_block() -> None:
    head = "blocks:\n  head:\n    layers: [{Tiny: {include_top: false, name: body}}, Flatten]\n"
    typed = graph(
        model(
            "head: {name: first}",
            "head: {from: image}",
            "Concatenate: {from: [first, head]}",
            head=head,
        )
    )
    assert names(typed)[0] == "first_body" and typed.layers[0].inside is not None
    assert [layer.kind for layer in typed.layers] == [
        "first_body",
        "Flatten",
        "head_body",
        "Flatten",
        "Concatenate",
    ]


def test_it_stands_in_shared_models_each_of_which_has_its_own() -> None:
    text = """
        model:
          inputs: {image: [8, 8, 3]}
          shared:
            one: [{Tiny: {include_top: false, pooling: avg}}]
            other: {layers: [{Tiny: {include_top: false, pooling: avg, width: 5}}]}
          layers:
            - Tiny: {include_top: false, pooling: avg, width: 2}
            - one: {from: image}
            - other: {from: image}
            - Concatenate: {from: [tiny, one, other]}
        """
    typed = graph(text)
    assert [layer.output_shape for layer in typed.layers] == [
        (None, 4),
        (None, 8),
        (None, 10),
        (None, 22),
    ]
    found = table("x", typed)
    assert sum(line.split()[:1] == ["conv1"] for line in found.splitlines()) == 3


# Its settings -------------------------------------------------------------------------------------


def test_all_that_is_wrong_with_a_use_is_said_at_once_where_it_is_written() -> None:
    text = model(
        "Tiny: {include_top: fals, poling: max, pooling: avgg, classes: 0, depths: 3}", "Dense: 1"
    )
    assert said(text) == [
        "MS204 4:27 fals",
        "MS202 4:33 poling",
        "MS205 4:55 avgg",
        "MS205 4:70 0",
        "MS204 4:81 3",
    ]
    assert [one.suggestion for one in faults(text)] == [None, "pooling", "avg", None, None]


def test_null_is_taken_where_keras_takes_it() -> None:
    entry = "Tiny: {classifier_activation: null, pooling: null, weights: null, input_shape: null}"
    typed = inside(model(entry), "tiny")
    assert typed.layers[-1].output_shape == (None, 1000)
    assert said(model("Tiny: {classes: null}")) == ["MS204 4:23 null"]


def test_a_fault_inside_is_shown_at_the_setting_that_made_it_with_the_place_in_the_library() -> (
    None
):
    (fault,) = faults(model("Tiny: {width: -3}"))
    assert (fault.code, fault.line, fault.span and fault.span.text) == ("MS205", 4, "-3")
    assert any(
        "found in the library here" in str(note) and "Tiny.yaml (library):23" in str(note)
        for note in fault.notes
    )
    assert any(note.span and note.span.text == "Tiny" for note in fault.notes)


def test_a_fault_of_sizes_inside_is_shown_at_the_use() -> None:
    (fault,) = faults(model("Tiny", inputs="{image: [2, 2, 3]}"))
    assert (fault.code, fault.span and fault.span.text, fault.suggestion) == ("MS402", "Tiny", None)


def test_a_misspelt_kind_is_offered() -> None:
    (fault,) = faults(model("Tinny2"))
    assert (fault.code, fault.suggestion) == ("MS301", "Tiny2")
    (other,) = faults(model("Tinny2", head="vars: {x: 1}\n"))
    assert (other.code, other.suggestion) == ("MS301", "Tiny2")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (model("Dense: 1", head="blocks: {Tiny: [{Dense: 1}]}\n"), "MS306 1:10 Tiny"),
        (
            "model: {inputs: [3], shared: {Tiny: {Dense: 1}}, layers: [{Dense: 1}]}",
            "MS306 1:31 Tiny",
        ),
    ],
)
def test_its_name_names_nothing_else(text: str, code: str) -> None:
    assert said(text)[0] == code


def test_a_name_that_something_shared_has_is_refused() -> None:
    text = (
        "model: {inputs: [8, 8, 3], shared: {a: {Flatten: null}}, layers: [{Tiny: {name: a}}, a]}"
    )
    assert "MS304 1:81 a" in said(text)


def test_settings_of_a_call_are_none_of_a_shared_thing() -> None:
    text = "model: {inputs: [8, 8, 3], shared: {a: {Tiny: {name: b}}}, layers: [a]}"
    assert said(text) == ["MS202 1:48 name"]


# Its input ----------------------------------------------------------------------------------------


def test_without_input_shape_it_takes_what_it_is_called_with() -> None:
    assert graph(model("Tiny", inputs="{image: [32, null, 1]}")).layers[0].output_shape == (
        None,
        1000,
    )


def test_an_input_shape_is_declared() -> None:
    fitting = model("Tiny: {input_shape: [32, 32, 1]}", inputs="{image: [32, 32, 1]}")
    assert values(fitting)["model"]["shared"]["tiny"]["inputs"] == {"image": (32, 32, 1)}
    (fault,) = faults(model("Tiny: {input_shape: [32, 32, 1]}"))
    assert fault.code == "MS403" and "input_shape: [8, 8, 3]" in (fault.help or "")


def test_a_wrong_input_shape_is_shown_where_it_is_written() -> None:
    assert said(model("Tiny: {input_shape: [32, -1, 3]}")) == ["MS205 4:32 -1"]
    assert said(model("Tiny: {input_shape: 32}")) == ["MS204 4:27 32"]


def test_what_follows_from_the_channels_has_those_of_its_default_unless_they_are_written() -> None:
    assert graph(model("Picky", inputs="{image: [5, 6, 3]}")).layers[0].output_shape == (
        None,
        5,
        6,
        6,
    )
    assert [one.code for one in faults(model("Picky", inputs="{image: [5, 6, 1]}"))] == ["MS403"]
    short = model("Picky: [5, 6, 1]", inputs="{image: [5, 6, 1]}")
    assert graph(short).layers[0].output_shape == (None, 5, 6, 2)


# trainable, until, weights ------------------------------------------------------------------------


def test_trainable_false_freezes_all_of_it() -> None:
    typed = graph(model("Tiny: {include_top: false, pooling: avg, trainable: false}", "Dense: 2"))
    assert typed.trainable_parameters == 8 * 2 + 2
    assert said(model("Tiny: {trainable: 3}")) == ["MS204 4:25 3"]


def test_until_leaves_out_what_nothing_needs() -> None:
    text = model("Tiny2: {until: stage1_block2_skip, name: a}")
    assert not faults(text)
    assert names(inside(text, "a")) == [
        "conv1",
        "stage1_block1_conv",
        "stage1_block1_skip",
        "stage1_block1_add",
        "stage1_block1_out",
        "stage1_block2_skip",
    ]
    assert graph(text).layers[0].output_shape == (None, 6, 6, 4)


def test_until_takes_the_name_of_a_block_as_well() -> None:
    typed = inside(model("Tiny: {until: stage1_block1}"), "tiny")
    assert names(typed)[-1] == "stage1_block1_out"


def test_until_names_a_layer_that_there_is() -> None:
    text = model("Tiny: {until: stage1_block1_ad}")
    assert said(text) == ["MS302 4:21 stage1_block1_ad"]
    assert faults(text)[0].suggestion == "stage1_block1_add"
    assert said(model("Tiny: {until: 3}")) == ["MS204 4:21 3"]


def test_weights_of_keras_are_carried_with_the_kind_and_all_its_settings() -> None:
    text = model("Tiny: {include_top: false, weights: imagenet}")
    typed = inside(text, "tiny")
    source = typed.graph.weights
    assert source is not None
    assert (source.kind, source.value) == ("Tiny", "imagenet")
    assert dict(source.settings) == {
        "include_top": False,
        "input_shape": (8, 8, 3),
        "pooling": None,
        "classes": 1000,
        "classifier_activation": "softmax",
        "depths": (1, 1),
        "width": 4,
    }
    assert source.span is not None and source.span.text == "imagenet"


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ("{}", ["out"]),
        ("{weights: null}", ["out"]),
        ("{weights: a.weights.h5}", ["out"]),
        ("{weights: imagenet}", ["rescaling", "out"]),
        ("{weights: $(w)}", ["rescaling", "out"]),
        ("{weights: imagenet, scaled: false}", ["out"]),
    ],
)
def test_layers_may_depend_on_where_the_weights_are_from(
    settings: str, expected: list[str]
) -> None:
    typed = inside(model(f"Scaled: {settings}", head="vars: {w: imagenet}\n"), "scaled")
    assert names(typed) == expected
    source = typed.graph.weights
    if source is not None and source.value == "imagenet":
        assert dict(source.settings) == {"include_top": False, "scaled": len(expected) == 2}


def test_a_fault_in_such_weights_is_told_once() -> None:
    assert said(model("Scaled: {weights: $(oops)}")) == ["MS121 4:27 oops"]


def test_weights_from_a_file_are_carried(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(model("Tiny: {weights: a.weights.h5}"), encoding="utf-8")
    inside = ms.load_spec(tmp_path / "spec.yaml").graph.layers[0].inside
    assert inside is not None and inside.graph.weights is not None
    assert (inside.graph.weights.value, inside.graph.weights.context.folder) == (
        "a.weights.h5",
        tmp_path.resolve(),
    )


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("Tiny: {weights: imagenet, classes: 10}", "MS208 4:42 10"),
        (
            "Tiny: {weights: ../../../../../../a.weights.h5}",
            "MS210 4:23 ../../../../../../a.weights.h5",
        ),
        ("Tiny: {weights: imagnet}", "MS534 4:23 imagnet"),
        ("Tiny: {weights: 3}", "MS204 4:23 3"),
    ],
)
def test_weights_that_cannot_be(entry: str, expected: str) -> None:
    assert said(model(entry)) == [expected]


def test_a_model_that_is_written_out_has_no_weights_of_keras() -> None:
    text = "model: {inputs: [3], shared: {a: {layers: [{Dense: 1}], weights: %s}}, layers: [a]}"
    assert said(text % "imagenet") == ["MS216 1:66 imagenet"]
    assert said(text % "{imagenet: {Tinny2: {}}}") == ["MS216 1:78 Tinny2"]
    assert said(text % "{imagenet: {Tiny: {include_top: false}}}") == []
    assert said(text % "{imagnet: 3}") == ["MS204 1:66 {imagnet: 3}"]


def test_weights_of_keras_are_for_images_of_three_channels() -> None:
    text = model("Tiny: {include_top: false, weights: imagenet}", inputs="{image: [8, 8, 1]}")
    assert said(text) == ["MS403 4:43 imagenet"]
    assert (
        said(model("Tiny: {include_top: false, weights: imagenet}", inputs="{image: [8, null, 3]}"))
        == []
    )


def test_inside_a_wrapper_of_layers_it_has_no_place() -> None:
    assert said(model("Bidirectional: Tiny")) == ["MS209 4:22 Tiny"]
    assert said(model("Bidirectional: {layer: {Tiny: {classes: 3}}}")) == ["MS209 4:31 Tiny"]


# As a base ----------------------------------------------------------------------------------------


def base(tmp_path: Path, text: str, **others: str) -> ms.Spec:
    for name, other in others.items():
        (tmp_path / f"{name}.yaml").write_text(other, encoding="utf-8")
    (tmp_path / "spec.yaml").write_text(text, encoding="utf-8")
    return ms.load_spec(tmp_path / "spec.yaml")


def test_a_model_is_a_base(tmp_path: Path) -> None:
    spec = base(tmp_path, "extends: Tiny\nvars: {classes: 10, depths: [1]}\n")
    assert names(spec.graph) == [
        "conv1",
        "stage1_block1_conv",
        "stage1_block1_skip",
        "stage1_block1_add",
        "stage1_block1_out",
        "avg_pool",
        "predictions",
    ]
    assert spec.graph.layers[-1].output_shape == (None, 10)


def test_one_of_several_bases(tmp_path: Path) -> None:
    spec = base(
        tmp_path, "extends: [Tiny2, mine.yaml]\nname: x\n", mine="vars: {classes: 3}\nseed: 4\n"
    )
    assert spec.graph.layers[-1].output_shape == (None, 3) and spec.compiled.file.seed == 4
    assert "stage1_block2_out" in names(spec.graph)


def test_a_file_beside_the_spec_comes_first(tmp_path: Path) -> None:
    (tmp_path / "Tiny").write_text("model: {inputs: [3], layers: [{Dense: 1}]}", encoding="utf-8")
    assert names(base(tmp_path, "extends: Tiny\n").graph) == ["dense"]


def test_a_misspelt_base_is_offered(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(
        model("Dense: 1", head="extends: Tinny2\n"), encoding="utf-8"
    )
    (fault,) = ms.check(tmp_path / "spec.yaml").diagnostics
    assert (fault.code, fault.suggestion) == ("MS701", "Tiny2")


# Blocks -------------------------------------------------------------------------------------------


def test_a_block_of_the_library_is_known_to_every_spec() -> None:
    assert calls(model("Mixer: 5", "Mixer: {units: 6, name: m}", inputs="{x: [3]}")) == [
        ("mixer_inner_one", "Dense", ["x"]),
        ("mixer_last_drop", "Dropout", ["mixer_inner_one"]),
        ("m_inner_one", "Dense", ["mixer_last_drop"]),
        ("m_last_drop", "Dropout", ["m_inner_one"]),
    ]


def test_a_block_of_the_library_sees_its_own_file_and_not_the_spec() -> None:
    head = "vars: {units: 9}\nblocks:\n  part: {layers: [Flatten]}\n"
    assert [
        kind for _, kind, _ in calls(model("Mixer: 5", "part", inputs="{x: [3]}", head=head))
    ] == ["Dense", "Dropout", "Flatten"]


def test_wrong_uses_of_a_block_are_told_as_those_of_any() -> None:
    assert said(model("Mixer", inputs="{x: [3]}")) == ["MS203 4:7 Mixer"]
    assert said(model("Mixer: {units: 3, unit: 4}", inputs="{x: [3]}")) == ["MS202 4:25 unit"]
    assert said(model("Mixer: -1", inputs="{x: [3]}")) == ["MS205 4:14 -1"]


def test_a_shared_block() -> None:
    text = "model: {inputs: [3], shared: {a: {Mixer: 4}}, layers: [a, {Dense: 3}, a]}"
    typed = graph(text)
    assert typed.layers[0].inside is not None
    assert names(typed.layers[0].inside) == ["mixer_inner_one", "mixer_last_drop"]


# What it costs ------------------------------------------------------------------------------------


def test_a_spec_without_kinds_of_the_library_reads_nothing_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def read(*_: object) -> None:
        raise AssertionError("the library was looked at")

    monkeypatch.setattr(library, "read_kind", read)
    monkeypatch.setattr("modelspec.compiler.expand.detection.is_kind", read)
    monkeypatch.setattr("modelspec.compiler.expand.unroll.is_kind", read)
    head = "vars: {x: 1}\nblocks: {b: [{Dense: $x}]}\n"
    assert not faults(model("Conv2D: {filters: 1, kernel_size: 1}", "Flatten"))
    assert not faults(model("b", "Dense: $x", head=head))


def test_a_spec_that_asks_for_too_many_is_refused_early() -> None:
    assert [one.code for one in faults(model("Tiny: {include_top: false, repeat: 90000}"))] == [
        "MS108"
    ]
    assert [one.code for one in faults(model("Tiny: {depths: [90000, 90000]}"))] == ["MS108"]


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-2, 12)
    | st.floats(-2, 2)
    | st.sampled_from(
        [
            "avg",
            "imagenet",
            "conv1",
            "image",
            "$x",
            "$(1 +",
            "a b",
            "",
            "a.weights.h5",
            "stage1_block1",
        ]
    ),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["Tiny", "name", "imagenet"]), inner)
    ),
    max_leaves=4,
)
KEYS = st.sampled_from(
    [
        "include_top",
        "input_shape",
        "pooling",
        "classes",
        "depths",
        "width",
        "weights",
        "trainable",
        "until",
        "name",
        "from",
        "call",
        "when",
        "repeat",
        "nothing",
    ]
)


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(KEYS, VALUES, max_size=4) | VALUES,
    st.sampled_from(["Tiny", "Picky", "Mixer"]),
    st.booleans(),
)
def test_nothing_that_stands_behind_a_kind_raises(body: object, kind: str, shared: bool) -> None:
    used = (
        {"layers": ["a"], "shared": {"a": {kind: body}}}
        if shared
        else {"layers": [{kind: body}, kind]}
    )
    checked = compile_spec({"vars": {"x": 3}, "model": {"inputs": {"image": [8, 8, 3]}, **used}})
    assert all(one.span is None or not one.span.source.shipped for one in checked.diagnostics)


# Set from outside ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "value", "shape"),
    [
        ("model.layers[0].Tiny.classes", 3, (None, 3)),
        ("model.layers.body.include_top", True, (None, 1000)),
    ],
)
def test_settings_are_set_from_outside(
    path: str, value: object, shape: tuple[int | None, ...]
) -> None:
    entry = "Tiny: true" if "[0]" in path else "Tiny: {include_top: false, name: body}"
    assert graph(model(entry), {path: value}).layers[0].output_shape == shape


# What is said about it ----------------------------------------------------------------------------


def test_the_page_of_a_model() -> None:
    (page,) = find("Tiny")
    rows = {row.name: row for row in page.tables[0].rows}
    assert (rows["pooling"].takes, rows["pooling"].default) == ("`null`, `avg` or `max`", "null")
    assert rows["input_shape"].text == "Of the image."
    assert rows["until"].takes == "a string"
    count = graph(model("Tiny")).parameters
    assert any(f"{count:,} parameters" in note for note in page.notes)
    assert "two convolutions" in page.text.lower() and "- Tiny:" in page.text
    assert find("tiny")[0].title == "Tiny" and find("Tiny.pooling")[0].text
    assert near("Tinny2") == "Tiny2"


def test_the_page_of_a_block_and_the_list() -> None:
    (page,) = find("Mixer")
    assert [(row.name, row.default, row.text) for row in page.tables[0].rows] == [
        ("units", "required", "How wide.")
    ]
    (listed,) = find("library")
    assert [row.name for row in listed.tables[0].rows] == [
        "Mixer",
        "Picky",
        "Scaled",
        "Tiny",
        "Tiny2",
        "Wrapped",
    ]


def test_the_schema_knows_them() -> None:
    validator = Draft202012Validator(schema())
    right = [
        model("Tiny"),
        model("Tiny: false"),
        model("Tiny: {pooling: avg, until: a, weights: null, name: b}"),
        model("Mixer: 3"),
        model("Tiny: {classes: $x, repeat: 2, from: image}", head="vars: {x: 1}\n"),
        model("Wrapped"),
        model("Tiny:", "Tiny: {input_shape: [3, null, 1]}"),
    ]
    wrong = [
        model("Mixer"),
        model("Tiny: {poling: avg}"),
        model("Tiny: {pooling: 3}"),
        model("Tinny"),
        model("Tiny: {classes: 0}"),
        model("Tiny: {include_top: 1}"),
    ]
    assert [text for text in right if list(validator.iter_errors(written(text)))] == []
    assert [text for text in wrong if not list(validator.iter_errors(written(text)))] == []


def written(text: str) -> object:
    import yaml

    return yaml.safe_load(text)


def test_a_large_model_is_one_row_unless_more_is_asked_for() -> None:
    typed = graph(model("Tiny: {depths: [3, 3]}", "Dense: 2"))
    assert "tiny (27 layers)" in table("x", typed) and "conv1" not in table("x", typed)
    assert "`--depth 2`" in table("x", typed)
    assert "  conv1 " in table("x", typed, depth=2) and "not shown" not in table(
        "x", typed, depth=2
    )
    small = graph(model("Tiny: {depths: []}"))
    assert "  conv1 " in table("x", small) and "conv1" not in table("x", small, depth=1)
