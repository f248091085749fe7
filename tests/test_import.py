"""Architectures of every Keras become specs that a person would have written; what cannot be said is told by layer."""

import json
from pathlib import Path

import pytest

import modelspec as ms
from modelspec.interop.importing import from_json
from tests.real_data import real

REAL = {
    "01_keras1.0.7_kerasjs_mnist_cnn.json": 600_810,
    "04_keras1.1.0_kerasjs_resnet50.json": 25_636_712,
    "05_keras1.1.1_chemts_gru.json": None,
    "10_keras2.1.4_licenta.json": None,
    "12_keras2_mobilenet.json": None,
    "13_keras2.3.1_bilstm_postag.json": None,
    "16_himalrana_mnist.json": None,
}


def spec_of(model: dict) -> dict:
    found = from_json(json.dumps(model))
    assert found.ok, [str(one) for one in found.diagnostics]
    assert found.value is not None
    return found.value


def layers_of(model: dict) -> list:
    return spec_of(model)["model"]["layers"]


def sequential(*layers: tuple[str, dict], shape: list | None = None) -> dict:
    """A Sequential of Keras 2."""
    items = [{"class_name": kind, "config": dict(config)} for kind, config in layers]
    items[0]["config"]["batch_input_shape"] = shape or [None, 8]
    return {"class_name": "Sequential", "config": {"name": "sequential_1", "layers": items}, "keras_version": "2.1.4"}


def functional(*layers: dict, inputs: list, outputs: list) -> dict:
    config = {"name": "model_1", "layers": list(layers), "input_layers": inputs, "output_layers": outputs}
    return {"class_name": "Model", "config": config}


def node(kind: str, name: str, *sources: object, **config: object) -> dict:
    """A layer of a functional Keras 2 model, called once for each of `sources`."""
    calls = [[[one, 0, 0, {}] if isinstance(one, str) else [*one, {}] for one in
              (source if isinstance(source, list) else [source])] for source in sources]
    return {"class_name": kind, "name": name, "config": {"name": name, **config}, "inbound_nodes": calls}


# Real files ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", REAL)
def test_a_real_file_of_any_keras_becomes_a_spec_that_checks(name: str) -> None:
    found = from_json(real(f"keras-configs/{name}").read_bytes())
    assert found.ok, [str(one) for one in found.diagnostics]
    spec = ms.load_spec(found.value)
    assert spec.graph.parameters
    if REAL[name]:
        assert spec.graph.parameters == REAL[name]


def test_the_mobilenet_of_keras_2_reads_as_a_person_would_write_it() -> None:
    found = from_json(real("keras-configs/12_keras2_mobilenet.json").read_bytes()).value
    layers = found["model"]["layers"]
    assert len(layers) <= 11
    loop = next(one for one in layers if isinstance(one, dict) and "for" in one)
    assert len(loop["for"]["each"]) == 13
    assert "conv_dw_$(i + 1)" in json.dumps(loop)


@pytest.mark.parametrize("name", ["08_keras2.0.6_carnd.json", "15_leon24k_textsim.json"])
def test_a_lambda_is_named_with_the_formula_that_it_may_have_been(name: str) -> None:
    found = from_json(real(f"keras-configs/{name}").read_bytes())
    assert not found.ok
    assert all("lambda" in one.message and "Expression" in (one.help or "") for one in found.diagnostics)


# How it reads --------------------------------------------------------------------------------------------------------


def test_defaults_and_counted_names_are_left_out() -> None:
    dense = {"name": "dense_3", "trainable": True, "units": 4, "activation": "linear", "use_bias": True,
             "kernel_initializer": {"class_name": "VarianceScaling", "config": {
                 "scale": 1.0, "mode": "fan_avg", "distribution": "uniform", "seed": None}},
             "bias_initializer": {"class_name": "Zeros", "config": {}}, "kernel_regularizer": None}
    assert spec_of(sequential(("Dense", dense))) == {
        "modelspec": 1, "name": "sequential_1", "model": {"inputs": [8], "layers": [{"Dense": 4}]},
    }


def test_components_are_in_their_short_form() -> None:
    config = {"units": 4, "kernel_regularizer": {"class_name": "L1L2", "config": {"l1": 0.0, "l2": 0.01}},
              "kernel_initializer": {"class_name": "VarianceScaling", "config": {
                  "scale": 2.0, "mode": "fan_in", "distribution": "truncated_normal", "seed": None}}}
    (entry,) = layers_of(sequential(("Dense", config)))
    assert entry["Dense"]["kernel_initializer"] == "he_normal"
    assert entry["Dense"]["units"] == 4


def test_names_that_somebody_gave_stay() -> None:
    assert layers_of(sequential(("Dense", {"name": "head", "units": 4}))) == [{"Dense": {"units": 4, "name": "head"}}]


def test_a_residual_is_written_as_branches() -> None:
    model = functional(
        node("InputLayer", "x", batch_input_shape=[None, 8]), node("Dense", "dense_1", "x", units=8),
        node("Add", "add_1", ["dense_1", "x"]), node("Dense", "dense_2", "add_1", units=2),
        inputs=[["x", 0, 0]], outputs=[["dense_2", 0, 0]],
    )  # fmt: skip
    assert layers_of(model) == [{"branches": [[{"Dense": 8}], []], "join": "Add"}, {"Dense": 2}]


def test_a_layer_that_is_called_twice_is_shared() -> None:
    model = functional(
        node("InputLayer", "a", batch_input_shape=[None, 8]), node("InputLayer", "b", batch_input_shape=[None, 8]),
        node("Dense", "encoder", "a", "b", units=3), node("Subtract", "difference", ["encoder", ["encoder", 1, 0]]),
        inputs=[["a", 0, 0], ["b", 0, 0]], outputs=[["difference", 0, 0]],
    )  # fmt: skip
    spec = spec_of(model)["model"]
    assert spec["shared"] == {"encoder": {"Dense": 3}}
    assert spec["layers"][-1] == {"Subtract": {"name": "difference", "from": ["encoder", "encoder_1"]}}
    assert ms.load_spec({"model": spec}).graph.parameters == 27


def test_what_comes_back_becomes_a_block_and_its_prefix_the_name() -> None:
    layers, before = [node("InputLayer", "x", batch_input_shape=[None, 8, 8, 4])], "x"
    for stage, filters in enumerate((4, 8, 8, 16), 1):
        prefix = f"stage{stage}"
        layers += [node("Conv2D", f"{prefix}_conv", before, filters=filters, kernel_size=[3, 3], padding="same"),
                   node("BatchNormalization", f"{prefix}_bn", f"{prefix}_conv"),
                   node("Activation", f"{prefix}_relu", f"{prefix}_bn", activation="relu")]
        before = f"{prefix}_relu"
        if stage == 2:
            layers.append(node("MaxPooling2D", "pool", before, pool_size=[2, 2]))
            before = "pool"
    layers.append(node("GlobalAveragePooling2D", "seen", before))
    spec = spec_of(functional(*layers, inputs=[["x", 0, 0]], outputs=[["seen", 0, 0]]))
    names = {layer.name for layer in ms.load_spec(spec).graph.layers}
    assert {f"stage{stage}_{part}" for stage in (1, 2, 3, 4) for part in ("conv", "bn", "relu")} <= names
    text = json.dumps(spec)
    assert text.count('"Conv2D"') == 1


def test_an_inner_model_is_a_shared_model() -> None:
    inner = sequential(("Dense", {"name": "dense_1", "units": 3}))
    model = functional(
        node("InputLayer", "x", batch_input_shape=[None, 8]),
        {**inner, "name": "encoder", "inbound_nodes": [[["x", 0, 0, {}]]]}, node("Dense", "dense_2", "encoder", units=2),
        inputs=[["x", 0, 0]], outputs=[["dense_2", 0, 0]],
    )  # fmt: skip
    spec = spec_of(model)["model"]
    assert spec["shared"] == {"encoder": [{"Dense": 3}]}
    assert spec["layers"] == ["encoder", {"Dense": 2}]


def test_the_states_of_a_recurrent_layer_are_wired() -> None:
    model = functional(
        node("InputLayer", "x", batch_input_shape=[None, 5, 8]),
        node("LSTM", "encoder", "x", units=4, return_state=True),
        node("LSTM", "decoder", ["x", ["encoder", 0, 1], ["encoder", 0, 2]], units=4),
        inputs=[["x", 0, 0]], outputs=[["decoder", 0, 0]],
    )  # fmt: skip
    last = spec_of(model)["model"]["layers"][-1]
    assert last["LSTM"]["from"] == {"sequences": "x", "initial_state": ["encoder.1", "encoder.2"]}


# Hostile files -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [
    "", "[]", "{", "null", "[" * 100_000, '{"class_name": "Sequential"}', '{"class_name": "os.system", "config": {}}',
    '{"class_name": "Sequential", "config": {"layers": []}}',
    '{"class_name": "Sequential", "config": {"layers": [1]}}',
    '{"class_name": "Sequential", "config": [{"class_name": [], "config": {}}]}',
    '{"class_name": "Model", "config": {"layers": [], "input_layers": 3, "output_layers": {}}}',
    '{"class_name": "Model", "config": {"layers": [], "input_layers": [["x", 0, 0]], "output_layers": [["x", 0, 0]]}}',
    json.dumps(sequential(("Lambda", {"function": ["4wEAAAA=", None, None], "function_type": "lambda"}))),
    json.dumps(sequential(("TorchModuleWrapper", {"module": "x"}))),
    json.dumps(sequential(("Dense", {"units": 1e12}))),
    json.dumps(sequential(("Dense", {"units": "4"}))),
    json.dumps(sequential(("StringLookup", {"vocabulary": "/etc/hostname"}))),
    json.dumps(sequential(("Dense", {"units": 4, "kernel_initializer": {"class_name": "os", "config": {"a": 1}}}))),
    json.dumps(functional(node("InputLayer", "x", batch_input_shape=[None, 8]), node("Dense", "a", "b", units=1),
                          node("Dense", "b", "a", units=1), inputs=[["x", 0, 0]], outputs=[["a", 0, 0]])),
])  # fmt: skip
def test_a_file_that_is_no_model_is_a_fault(text: str) -> None:
    found = from_json(text)
    assert not found.ok
    assert found.diagnostics


def test_nothing_in_a_file_is_run_or_read(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    code = {"class_name": "__lambda__", "config": {"code": "4wAAAAA=", "defaults": None, "closure": None}}
    model = sequential(
        ("Dense", {"units": 2, "activation": {"module": "os", "class_name": "function", "config": f"touch {marker}"}}),
        ("Lambda", {"function": code}), ("StringLookup", {"vocabulary": str(tmp_path)}),
    )  # fmt: skip
    assert not from_json(json.dumps(model)).ok
    assert not marker.exists()
