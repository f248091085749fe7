"""How layers are written, and where their faults point: wrappers, cells, vocabularies, merges,
refused names.
"""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from modelspec.catalog.layers import LAYERS
from modelspec.catalog.layers.layer import Inputs, Layer
from modelspec.core.diagnostics import Fault
from modelspec.core.settings import Context, Faults, read_form
from modelspec.core.shapes import Shape, Tensor, show

RESERVED = ("from", "call", "when", "repeat")


def frozen(value: Any) -> Any:
    """Lists as the reader gives them: tuples."""
    if isinstance(value, list):
        return tuple(frozen(item) for item in value)
    return {key: frozen(item) for key, item in value.items()} if isinstance(value, dict) else value


def layer(written: Any, context: Context | None = None) -> Layer:
    made = read_form(LAYERS, frozen(written), context or Context())
    assert isinstance(made, Layer)
    return made


def faults(written: Any, context: Context | None = None) -> list[tuple[str, tuple[str | int, ...]]]:
    with pytest.raises(Faults) as caught:
        layer(written, context)
    return [(fault.code, fault.path) for fault in caught.value.faults]


def output(
    written: Any, *shapes: Shape, dtype: str = "float32", **more: Tensor | tuple[Tensor, ...]
) -> Any:
    made = layer(written)
    first = made.arguments[0]
    tensors = tuple(Tensor(shape, dtype) for shape in shapes)
    return made.output(Inputs({first.name: tensors if first.many else tensors[0], **more}))


def fault(
    written: Any, *shapes: Shape, dtype: str = "float32", **more: Tensor | tuple[Tensor, ...]
) -> Fault:
    with pytest.raises(Fault) as caught:
        output(written, *shapes, dtype=dtype, **more)
    return caught.value


def yaml_entries() -> list[Any]:
    """The entries that the manual pages show."""
    entries = []
    for kind in LAYERS.kinds():
        for block in re.findall(
            r"```yaml\n(.*?)```", inspect.getdoc(LAYERS.find(kind)) or "", re.DOTALL
        ):
            loaded = yaml.safe_load(block)
            for index, entry in enumerate(loaded if isinstance(loaded, list) else []):
                if "$(" in str(entry):  # an expression, which is worked out before layers are read
                    continue
                entries.append(pytest.param(entry, id=f"{kind}-{index}"))
    return entries


@pytest.mark.parametrize("entry", yaml_entries())
def test_an_entry_of_a_manual_page_can_be_read(entry: Any) -> None:
    if isinstance(entry, dict):
        ((kind, body),) = entry.items()
        if isinstance(body, dict):
            body = {key: value for key, value in body.items() if key not in RESERVED}
        entry = {kind: body}
    layer(entry)


# Wrappers -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "written",
    [
        {"TimeDistributed": {"Dense": 10}},
        {"TimeDistributed": {"Dense": {"units": 10}}},
        {"TimeDistributed": {"layer": {"Dense": 10}}},
        {"TimeDistributed": {"layer": {"Dense": {"units": 10}}}},
    ],
)
def test_the_layer_of_a_wrapper_has_every_form(written: Any) -> None:
    assert output(written, (None, 4, 5)).shape == (None, 4, 10)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ({"TimeDistributed": {"Dens": 10}}, [("MS301", ("TimeDistributed", "layer", "Dens"))]),
        (
            {"TimeDistributed": {"Dense": {"units": 0}}},
            [("MS205", ("TimeDistributed", "layer", "Dense", "units"))],
        ),
        ({"TimeDistributed": "Add"}, [("MS205", ("TimeDistributed", "layer"))]),
        ({"Bidirectional": {"Dense": 3}}, [("MS205", ("Bidirectional", "layer"))]),
        (
            {"Bidirectional": {"LSTM": {"units": 3, "go_backwards": True}}},
            [("MS208", ("Bidirectional", "layer", "LSTM", "go_backwards"))],
        ),
        (
            {"Bidirectional": {"layer": {"LSTM": 3}, "backward_layer": {"LSTM": 3}}},
            [("MS208", ("Bidirectional", "backward_layer", "LSTM"))],
        ),
        (
            {"Bidirectional": {"layer": {"LSTM": {"units": 0}}, "merge_mode": "both"}},
            [
                ("MS205", ("Bidirectional", "layer", "LSTM", "units")),
                ("MS205", ("Bidirectional", "merge_mode")),
            ],
        ),
        (
            {"Pipeline": [{"Dense": 0}, "Nothing", "Flatten"]},
            [
                ("MS205", ("Pipeline", "layers", 0, "Dense", "units")),
                ("MS301", ("Pipeline", "layers", 1)),
            ],
        ),
        ({"RNN": [{"LSTM": 3}]}, [("MS205", ("RNN", "cell", 0))]),
        (
            {"RNN": [{"LSTMCell": 3}, {"GRUCell": -1}]},
            [("MS205", ("RNN", "cell", 1, "GRUCell", "units"))],
        ),
    ],
)
def test_faults_of_a_nested_layer_lead_to_their_place(
    written: Any, expected: list[tuple[str, tuple[str | int, ...]]]
) -> None:
    assert faults(written) == expected


def test_a_shape_fault_of_a_nested_layer_leads_into_it() -> None:
    found = fault(
        {"TimeDistributed": {"Conv2D": {"filters": 2, "kernel_size": 7}}}, (None, 4, 5, 5, 1)
    )
    assert (found.code, found.path) == ("MS402", ("layer", "Conv2D", "kernel_size"))
    found = fault({"Pipeline": ["Flatten", {"Reshape": [3]}]}, (None, 4))
    assert (found.code, found.path) == ("MS406", ("layers", 1, "Reshape", "target_shape"))


def test_both_directions_give_their_states_under_names() -> None:
    made = layer({"Bidirectional": {"LSTM": {"units": 3, "return_state": True}}})
    call = Inputs.of(Tensor((None, 4, 5), "float32"))
    shapes = [show(tensor.shape) for tensor in made.output(call)]  # type: ignore[union-attr]
    assert dict(zip(made.output_names(call), shapes, strict=True)) == {
        "output": "(batch, 6)",
        "forward_hidden": "(batch, 3)",
        "forward_cell": "(batch, 3)",
        "backward_hidden": "(batch, 3)",
        "backward_cell": "(batch, 3)",
    }


# Recurrent layers ---------------------------------------------------------------------------------


def test_cells_in_a_list_are_a_stack() -> None:
    listed = layer({"RNN": [{"LSTMCell": 4}, {"GRUCell": 3}]})
    assert listed == layer(
        {"RNN": {"cell": {"StackedRNNCells": [{"LSTMCell": 4}, {"GRUCell": 3}]}}}
    )
    call = Inputs.of(Tensor((None, 6, 5), "float32"))
    names = [weight.name for weight in listed.weights(call)]
    assert (
        names[0] == "stacked_rnn_cells/lstm_cell/kernel"
        and names[-1] == "stacked_rnn_cells/gru_cell/bias"
    )


def test_states_of_a_stack_are_numbered() -> None:
    made = layer({"RNN": {"cell": [{"LSTMCell": 4}, {"LSTMCell": 3}], "return_state": True}})
    call = Inputs.of(Tensor((None, 6, 5), "float32"))
    assert made.output_names(call) == ("output", "hidden", "cell", "hidden_1", "cell_1")


def test_a_state_of_another_size_is_refused() -> None:
    state = Tensor((None, 7), "float32")
    found = fault({"GRU": 4}, (None, 6, 5), initial_state=(state,))
    assert (found.code, found.argument) == ("MS403", "initial_state")
    assert fault({"LSTM": 4}, (None, 6, 5), initial_state=(state,)).code == "MS310"


def test_a_stateful_layer_needs_a_batch_size() -> None:
    found = fault({"GRU": {"units": 4, "stateful": True}}, (None, 6, 5))
    assert (found.code, found.path) == ("MS405", ("stateful",))
    assert output({"GRU": {"units": 4, "stateful": True}}, (8, 6, 5)).shape == (8, 4)


# Merges -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shapes", "expected"),
    [
        (((None, "time", 4), (None, "time", 4)), (None, "time", 4)),
        (((None, "time", 4), (None, 1, 4)), (None, "time", 4)),
        (((None, "time", 4), (None, None, 4)), (None, None, 4)),
        (((None, "time", 4), (None, 5, 4)), (None, None, 4)),  # `time` may be 5 or 1
        (((None, "?", 4), (None, 5, 4)), (None, "?", 4)),
        (((None, 4), (None, 3, 4)), (None, 3, 4)),
    ],
)
def test_sizes_that_meet(shapes: tuple[Shape, ...], expected: Shape) -> None:
    assert output("Add", *shapes).shape == expected


@pytest.mark.parametrize(
    ("written", "shapes", "code"),
    [
        ("Add", ((None, 3), (None, 4)), "MS403"),
        ("Add", ((None, 3), (None, None), (None, 4)), "MS403"),  # no number between them mends it
        ("Add", ((None, "time"), (None, "width")), "MS409"),
        ("Concatenate", ((None, 3, 4), (None, 4)), "MS401"),
        ("Concatenate", ((None, 3, 4), (None, 5, 4)), "MS403"),
        ({"Concatenate": {"axis": 4}}, ((None, 3, 4), (None, 3, 4)), "MS407"),
        ({"Dot": 0}, ((None, 3), (None, 3)), "MS407"),
        ({"Dot": 1}, ((None, 3), (None, 4)), "MS403"),
        ({"Dot": 1}, ((None, 3), (None, None)), "MS405"),
        ("Attention", ((None, 4, 6), (None, 7, 5)), "MS403"),
    ],
)
def test_sizes_that_cannot_meet(written: Any, shapes: tuple[Shape, ...], code: str) -> None:
    assert fault(written, *shapes).code == code


def test_concatenation_adds_names() -> None:
    assert output("Concatenate", (None, "time", 4), (None, "time", 8)).shape == (None, "time", 12)
    assert output({"Concatenate": {"axis": 1}}, (None, "time", 4), (None, 1, 4)).shape == (
        None,
        "time + 1",
        4,
    )


def test_strings_are_joined_but_not_added() -> None:
    assert output("Concatenate", (None, 1), (None, 1), dtype="string").dtype == "string"
    assert fault("Add", (None, 1), (None, 1), dtype="string").code == "MS404"


# Reshaping ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "shape", "expected"),
    [
        ([-1, 4], (None, "time", 4), (None, "time", 4)),
        ([-1, 2], (None, "time", 4), (None, "time * 2", 2)),
        ([-1, 3], (None, "time", 4), (None, None, 3)),
        ([-1], (None, "?", 4), (None, "?")),
        ([2, -1], (None, 4, 5), (None, 2, 10)),
    ],
)
def test_what_is_left_over(target: list[int], shape: Shape, expected: Shape) -> None:
    assert output({"Reshape": target}, shape).shape == expected


def test_a_named_size_lasts_through_layers_that_keep_it() -> None:
    assert output({"Permute": [2, 1]}, (None, "time", 4)).shape == (None, 4, "time")
    assert output("Flatten", (None, "time", 4)).shape == (None, "time * 4")
    assert output(
        {"EinsumDense": {"equation": "abc,cd->abd", "output_shape": [None, 8]}}, (None, "time", 4)
    ).shape == (None, "time", 8)
    assert output({"LSTM": {"units": 3, "return_sequences": True}}, (None, "time", 4)).shape == (
        None,
        "time",
        3,
    )
    with_padding = {"Embedding": {"input_dim": 9, "output_dim": 3, "mask_zero": True}}
    assert output(with_padding, (None, "time"), dtype="int32").shape == (None, "time", 3)


# Vocabularies -------------------------------------------------------------------------------------


def inside(folder: Path) -> Context:
    return Context(folder=folder, project=folder)


@pytest.mark.parametrize("kind", ["StringLookup", "IntegerLookup", "TextVectorization"])
@pytest.mark.parametrize(
    "path",
    [
        "/etc/hostname",
        "../secret.txt",
        "file:///etc/hostname",
        "http://127.0.0.1:9/words",
        "gs://bucket/words",
    ],
)
def test_a_vocabulary_outside_the_project_is_refused(kind: str, path: str, tmp_path: Path) -> None:
    assert faults({kind: {"vocabulary": path}}, inside(tmp_path)) == [
        ("MS210", (kind, "vocabulary"))
    ]


def test_a_link_out_of_the_project_is_refused(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "secret.txt").write_text("a\n")
    (tmp_path / "project" / "words.txt").symlink_to(tmp_path / "secret.txt")
    found = faults({"IntegerLookup": {"vocabulary": "words.txt"}}, inside(tmp_path / "project"))
    assert found == [("MS210", ("IntegerLookup", "vocabulary"))]


def test_a_vocabulary_file_is_not_opened(tmp_path: Path) -> None:
    made = layer({"StringLookup": {"vocabulary": "words.txt"}}, inside(tmp_path))
    assert getattr(made, "vocabulary") == tmp_path.resolve() / "words.txt"  # noqa: B009
    assert not (tmp_path / "words.txt").exists()


@pytest.mark.parametrize(
    ("settings", "code", "setting"),
    [
        ({"vocabulary": ["a", "b", "a"]}, "MS205", "vocabulary"),
        ({"vocabulary": []}, "MS205", "vocabulary"),
        ({"vocabulary": ["a", 3]}, "MS204", "vocabulary"),
        ({"vocabulary": ["a", ""], "mask_token": ""}, "MS205", "vocabulary"),
        ({"vocabulary": ["a", "b"], "max_tokens": 2}, "MS208", "max_tokens"),
        ({"vocabulary": ["a"], "output_mode": "tf_idf"}, "MS208", "vocabulary"),
        ({"vocabulary": ["a"], "idf_weights": [1.0]}, "MS208", "idf_weights"),
        ({"pad_to_max_tokens": True}, "MS208", "pad_to_max_tokens"),
        ({"invert": True, "output_mode": "one_hot"}, "MS208", "invert"),
        ({"sparse": True}, "MS208", "sparse"),
        ({"encoding": "utf-99"}, "MS205", "encoding"),
    ],
)
def test_settings_of_a_lookup_that_contradict_each_other(
    settings: dict[str, Any], code: str, setting: str
) -> None:
    assert faults({"StringLookup": settings}) == [(code, ("StringLookup", setting))]


def test_special_tokens_at_the_head_of_a_vocabulary_are_not_counted_twice() -> None:
    plain = {"StringLookup": {"vocabulary": ["a", "b"], "output_mode": "multi_hot"}}
    marked = {"StringLookup": {"vocabulary": ["[UNK]", "a", "b"], "output_mode": "multi_hot"}}
    assert output(plain, (None, 4), dtype="string") == output(marked, (None, 4), dtype="string")
    assert output(plain, (None, 4), dtype="string").shape == (None, 3)


# Names that a spec may not use --------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind",
    [
        "Lambda",
        "TFSMLayer",
        "JaxLayer",
        "FlaxLayer",
        "TorchModuleWrapper",
        "Layer",
        "Wrapper",
    ],
)
def test_what_runs_code_or_does_nothing_has_no_place(kind: str) -> None:
    assert faults({kind: {}}) == [("MS211", (kind,))]
    assert faults({"TimeDistributed": {kind: {"function": "keras.config.set_floatx"}}}) == [
        ("MS211", ("TimeDistributed", "layer", kind))
    ]


# Unknown sizes, and a layer of our own ------------------------------------------------------------


def test_a_pipeline_knows_what_its_layers_make_of_unknown_sizes_but_where_one_cuts() -> None:
    chain = [{"Conv2D": {"filters": 8, "kernel_size": 4, "strides": 4}}, "LayerNormalization"]
    assert output({"Pipeline": chain}, (None, 33, None, 3)).shape == (None, 8, None, 8)
    cut = {"Pipeline": [{"CenterCrop": {"height": 4, "width": 4}}]}
    assert output(cut, (None, None, 9, 3)).shape == (None, None, None, 3)
    assert output(cut, (None, 9, 9, 3)).shape == (None, 4, 4, 3)


def test_layer_scale_has_a_number_for_every_channel() -> None:
    made = layer({"LayerScale": 0.1})
    call = Inputs.of(Tensor((None, 4, None, 3), "float32"))
    assert made.output(call) == Tensor((None, 4, None, 3), "float32")
    assert [(weight.name, weight.shape, weight.trainable) for weight in made.weights(call)] == [
        ("gamma", (3,), True)
    ]
    assert fault("LayerScale", (None, 4, None)).code == "MS405"
    assert fault("LayerScale", (None,)).code == "MS401"
    assert faults({"LayerScale": "small"}) == [("MS204", ("LayerScale", "init_values"))]
