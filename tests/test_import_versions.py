"""What a model file means in the version of Keras that wrote it: one test for each changed default,
and numbers against NumPy written from the code of that version.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import modelspec as ms
from modelspec.cli import main
from modelspec.importers.import_model import from_json
from modelspec.importers.old_defaults import DEFAULTS, HARD_SIGMOID, Default, as_of_now
from modelspec.importers.writers import writer_of

CASES = Path(__file__).parents[2] / "shared" / "cases" / "import"


def sequential(version: str | None, *layers: tuple[str, dict[str, Any]], **more: Any) -> Any:
    """A Sequential whose file names a version."""
    items = [{"class_name": kind, "config": dict(config)} for kind, config in layers]
    model: dict[str, Any] = {"class_name": "Sequential", "config": items, **more}
    return model if version is None else {**model, "keras_version": version}


def read(model: Any) -> ms.Spec:
    found = from_json(json.dumps(model))
    assert found.value is not None, [str(one) for one in found.diagnostics]
    return ms.load_spec(found.value)


def entries(model: Any) -> list[Any]:
    found = from_json(json.dumps(model))
    assert found.ok, [str(one) for one in found.diagnostics]
    assert found.value is not None
    layers: list[Any] = found.value["model"]["layers"]
    return layers


# Which version ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "model, version",
    [
        ({"keras_version": "2.1.3"}, (2, 1, 3)),
        ({"keras_version": "2.2.4-tf"}, (2, 2, 4)),
        ({"keras_version": "tfjs-layers 1.7.0"}, (2, 2, 0)),
        ({"keras_version": "3.15.1"}, (3, 15, 1)),
        (sequential(None, ("Dense", {"output_dim": 3})), (1,)),
        (sequential(None, ("Embedding", {"output_dim": 3})), (2,)),
        (sequential(None, ("Dense", {"units": 3, "batch_input_shape": [None, 2]})), (2,)),
        ({"config": {"layers": [{"config": {"batch_shape": [None, 2]}}]}}, (3,)),
        ({"keras_version": "unknown"}, (3,)),
        ([], (3,)),
    ],
    ids=str,
)
def test_the_version_is_in_the_file_or_follows_from_its_form(model: Any, version: Any) -> None:
    assert writer_of(model).version == version


def test_a_file_of_keras_3_is_not_changed() -> None:
    model = sequential("3.0.0", ("GRU", {"units": 2, "recurrent_activation": "hard_sigmoid"}))
    assert as_of_now(model, writer_of(model), []) is model


# Defaults -----------------------------------------------------------------------------------------


def before(version: tuple[int, ...]) -> str:
    """A version just before another one."""
    major, minor, patch = (*version, 0, 0)[:3]
    if patch:
        return f"{major}.{minor}.{patch - 1}"
    return f"{major}.{minor - 1}.9" if minor else f"{major - 1}.99.0"


def absent(row: Default, kind: str, version: str) -> Any:
    """The setting of a row, read from a layer without it."""
    model = sequential(version, (kind, {"units": 2}))
    layer = as_of_now(model, writer_of(model), [])["config"][0]["config"]
    return layer.get(row.setting)


@pytest.mark.parametrize("row", DEFAULTS, ids=lambda row: f"{row.kinds[0]}-{row.setting}-{row.end}")
def test_an_absent_setting_has_the_default_of_the_version(row: Default) -> None:
    value = HARD_SIGMOID if row.value == "hard_sigmoid" else row.value
    for kind in row.kinds:
        assert absent(row, kind, ".".join(map(str, row.first))) == value
        assert absent(row, kind, before(row.end)) == value
        assert absent(row, kind, ".".join(map(str, row.end))) != value
        if row.other_names:
            old = sequential("1.2.2", (kind, {row.other_names[0]: "sigmoid"}))
            layer = as_of_now(old, writer_of(old), [])["config"][0]["config"]
            assert layer == {row.other_names[0]: "sigmoid"} or row.setting not in layer
    if not row.in_tensorflow:
        assert absent(row, row.kinds[0], "2.2.4-tf") is None


@pytest.mark.parametrize("version", ["1.0.0", "1.2.2", "2.0.0", "2.3.1", "2.2.4-tf", "2.15.0"])
def test_hard_sigmoid_is_that_of_the_version(version: str) -> None:
    spec = entries(
        sequential(
            version,
            ("Dense", {"units": 2, "activation": "hard_sigmoid", "batch_input_shape": [None, 3]}),
        )
    )
    assert spec == [{"Dense": {"units": 2, "activation": HARD_SIGMOID}}]


@pytest.mark.parametrize("version, gain", [("1.2.2", 1.1), ("2.0.0", 1.0)])
def test_an_orthogonal_initializer_of_keras_1_has_its_gain(version: str, gain: float) -> None:
    layer = ("SimpleRNN", {"units": 2, "inner_init": "orthogonal", "batch_input_shape": [1, 2, 3]})
    (entry,) = entries(sequential(version, layer))
    settings = entry["SimpleRNN"]
    found = settings.get("recurrent_initializer") if isinstance(settings, dict) else None
    assert found == ({"Orthogonal": gain} if gain != 1.0 else None)


def test_the_order_of_axes_is_that_of_the_layers_around() -> None:
    layers = (
        ("UpSampling2D", {"size": [2, 2], "batch_input_shape": [None, 3, 4, 4]}),
        ("Cropping2D", {"cropping": [[1, 1], [1, 1]]}),
        ("MaxPooling2D", {"pool_size": [2, 2], "dim_ordering": "th"}),
    )
    spec = read(sequential("1.2.0", *layers))
    assert [one.output_shape for one in spec.graph.layers] == [
        (None, 3, 8, 8),
        (None, 3, 6, 6),
        (None, 3, 3, 3),
    ]


@pytest.mark.parametrize("version", ["2.2.4", "tfjs-layers 1.7.0"])
def test_bilinear_upsampling_at_other_positions_is_refused(version: str) -> None:
    config = {"interpolation": "bilinear", "name": "up", "batch_input_shape": [None, 4, 4, 1]}
    found = from_json(json.dumps(sequential(version, ("UpSampling2D", config))))
    assert [one.code for one in found.diagnostics] == ["MS742"]
    assert "`up`" in found.diagnostics[0].message
    assert from_json(json.dumps(sequential("2.15.0", ("UpSampling2D", config)))).ok


@pytest.mark.parametrize(
    "kind, config",
    [("Discretization", {"bin_boundaries": [0.2, 0.5]}), ("Hashing", {"num_bins": 4})],
)
def test_the_dtype_of_indices_is_only_that_of_the_output(kind: str, config: Any) -> None:
    first = {"batch_input_shape": [None, 3], "dtype": "int64", "output_mode": "int"}
    (entry,) = entries(sequential("2.11.0", (kind, {**config, **first})))
    assert "dtype" not in json.dumps(entry)


# The cases ----------------------------------------------------------------------------------------

RIGHT: dict[str, tuple[int, str]] = {
    "r1_batchnorm_axis_list.json": (8, "BatchNormalization: {name: bn}"),
    "r2_initializer_dtype.json": (8, "Dense: {units: 2, name: d}"),
    "r3_transposed_groups.json": (18, "Conv2DTranspose: {filters: 2, kernel_size: 2, strides: 2"),
    "r4_return_state.json": (54, "from: rnn.0"),
    "r5_keras1_regularizer.json": (8, "kernel_regularizer: {L1L2: {l2: 0.001}}"),
    "r5c_keras1_constraint.json": (8, "bias_constraint: {NonNeg: {}}"),
    "r7_get_config_only.json": (8, "Dense: {units: 2, name: d}"),
    "r9_yaml_unicode.yaml": (8, "Dense: {units: 2, name: d}"),
    "r9b_yaml_listwrapper.yaml": (12, "BatchNormalization: {name: bn}"),
    "r10_tensorflow_op_layer.json": (0, "transpose(x, [0, 2, 1])"),
    "r12_dtype_float.json": (8, "Dense: {units: 2, name: d}"),
    "r16_multi_head_attention_shapes.json": (168, "num_heads: 2, key_dim: 3, name: att"),
    "s1_hard_sigmoid.json": (48, "recurrent_activation: hard_sigmoid_keras2"),
    "s2_gru_without_reset_after.json": (36, "reset_after: false"),
    "s3_keras10_th_padding.json": (112, "ZeroPadding2D: {data_format: channels_first"),
    "s5_output_order.json": (16, "outputs: [z_mean, z_log_var]"),
    "s6_tf_nn_gelu.json": (0, "gelu(x, approximate=False)"),
    "s7_discretization_int64.json": (0, "Discretization: [0.2, 0.5]"),
    "m2_metric_wrapper.json": (8, "SparseCategoricalAccuracy: {name: accuracy}"),
    "v1_float32_noise.json": (8, "kernel_regularizer: {L2: 0.0001}, name: d}\n    - LeakyReLU: {n"),
    "v2_he_normal.json": (8, "kernel_initializer: he_normal"),
}


@pytest.mark.parametrize("name", RIGHT)
def test_a_case_is_read_as_its_readme_says(name: str, tmp_path: Path) -> None:
    if not (CASES / name).exists():
        pytest.skip("the cases are not beside the repository")
    target = tmp_path / "o.yaml"
    result = CliRunner().invoke(main, ["import", str(CASES / name), "-o", str(target)])
    assert result.exit_code == 0, result.output
    parameters, words = RIGHT[name]
    assert words in target.read_text()
    assert ms.load_spec(str(target)).graph.parameters == parameters


def test_a_placeholder_of_several_tensors_passes_the_check(tmp_path: Path) -> None:
    case = CASES / "m1_placeholder_two_inputs.json"
    if not case.exists():
        pytest.skip("the cases are not beside the repository")
    target = tmp_path / "o.yaml"
    result = CliRunner().invoke(main, ["import", str(case), "-o", str(target), "--placeholder"])
    assert result.exit_code == 0, result.output
    assert ms.check(str(target)).ok
    assert "1 placeholder" in result.output.splitlines()[-1]


def test_a_placeholder_that_does_not_fit_is_an_exit_status(tmp_path: Path) -> None:
    """The tensors of the layer have other shapes than what uses it expects."""
    model = sequential(
        "2.4.0",
        ("Sampling", {"name": "s", "batch_input_shape": [None, 3]}),
        ("Conv2D", {"filters": 2, "kernel_size": 2}),
    )
    (tmp_path / "m.json").write_text(json.dumps(model))
    target = str(tmp_path / "o.yaml")
    given = ["import", str(tmp_path / "m.json"), "-o", target, "--placeholder"]
    assert CliRunner().invoke(main, given).exit_code == 1


def test_numbers_in_float64_keep_their_digits() -> None:
    layer = ("LeakyReLU", {"alpha": 0.30000001192092896, "batch_input_shape": [None, 3]})
    assert entries(sequential("2.4.0", layer)) == ["LeakyReLU"]
    wide = ("LeakyReLU", {**layer[1], "dtype": "float64"})
    assert "0.30000001192092896" in json.dumps(entries(sequential("2.4.0", wide)))
    assert np.float32(0.3) == np.float32(0.30000001192092896)


@pytest.mark.parametrize("version", ["2.4.0", "2.15.0", "3.0.0"])
def test_a_random_crop_before_keras_3_also_resizes_outside_of_training(version: str) -> None:
    config = {"height": 4, "width": 3, "name": "crop", "dtype": "float32", "trainable": True}
    model = sequential(version, ("RandomCrop", config))
    found = as_of_now(model, writer_of(model), [])["config"][0]
    if version == "3.0.0":
        assert (found["class_name"], found["config"]) == ("RandomCrop", config)
        return
    crop, resizing = found["config"]["layers"]
    assert (found["class_name"], found["config"]["name"]) == ("Pipeline", "crop")
    assert crop["class_name"] == "RandomCrop" and "name" not in crop["config"]
    assert resizing["config"] == {"height": 4, "width": 3, "crop_to_aspect_ratio": True}
