"""What models of earlier versions compute once they are imported, with their weights, against NumPy
in float64 written from the code of those versions.
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

pytestmark = pytest.mark.tensorflow

Arrays = dict[str, list[Any]]


def drawn(*shapes: tuple[int, ...], seed: int = 0) -> list[Any]:
    random = np.random.default_rng(seed)
    return [random.uniform(-1, 1, shape).astype("float32") for shape in shapes]


def whole(path: Path, model: Any, arrays: Arrays, **attributes: str) -> Path:
    """A file of a whole model, as Keras 1 and 2 wrote it."""
    import h5py

    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(model)
        for key, value in attributes.items():
            file.attrs[key] = value
        group = file.create_group("model_weights")
        group.attrs["layer_names"] = [name.encode() for name in arrays]
        for name, values in arrays.items():
            names = [f"{name}_{number}" for number in range(len(values))]
            layer = group.create_group(name)
            layer.attrs["weight_names"] = [one.encode() for one in names]
            for one, value in zip(names, values, strict=True):
                layer[one] = value
    return path


def sequential(kind: str, **config: Any) -> Any:
    layer = {"class_name": kind, "config": {"name": "a", **config}}
    return {"class_name": "Sequential", "config": [layer]}


def outputs(path: Path, x: Any) -> Any:
    """What an imported model computes, with the weights of its file."""
    return outputs_and_text(path, x)[0]


def outputs_and_text(path: Path, x: Any, *options: str) -> tuple[Any, str]:
    """The same, and what the command prints."""
    spec, weights = path.with_suffix(".yaml"), path.with_suffix(".weights.h5")
    given = ["import", str(path), "-o", str(spec), "--weights", str(weights), *options]
    result = CliRunner().invoke(main, given)
    assert result.exit_code == 0, result.output
    model = ms.load_spec(str(spec)).build()
    model.load_weights(weights)
    return np.asarray(model(x), "float64"), result.output


def hard(x: Any) -> Any:
    return np.clip(0.2 * x + 0.5, 0, 1)


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def joined(arrays: list[Any], order: tuple[int, ...]) -> list[Any]:
    """Kernel, recurrent kernel and bias from the arrays of each gate."""
    found = [np.concatenate([arrays[3 * gate + which] for gate in order], -1) for which in range(3)]
    return [one.astype("float64") for one in found]


def lstm(x: Any, weights: list[Any], gate: Any) -> Any:
    kernel, recurrent, bias = weights
    h = c = np.zeros((len(x), recurrent.shape[0]))
    for step in range(x.shape[1]):
        i, f, g, o = np.split(x[:, step] @ kernel + h @ recurrent + bias, 4, -1)
        c = gate(f) * c + gate(i) * np.tanh(g)
        h = gate(o) * np.tanh(c)
    return h


def gru(x: Any, weights: list[Any], gate: Any) -> Any:
    """Without `reset_after`: the state is reset before its multiplication."""
    kernel, recurrent, bias = weights
    units = recurrent.shape[0]
    h = np.zeros((len(x), units))
    for step in range(x.shape[1]):
        given = x[:, step] @ kernel + bias
        inner = h @ recurrent[:, : 2 * units]
        z, r = (gate(one) for one in np.split(given[:, : 2 * units] + inner, 2, -1))
        new = np.tanh(given[:, 2 * units :] + (r * h) @ recurrent[:, 2 * units :])
        h = z * h + (1 - z) * new
    return h


STEPS = {"batch_input_shape": [None, 4, 3]}


def test_an_lstm_of_keras_1_with_twelve_arrays(tmp_path: Path) -> None:
    arrays = drawn(*[shape for _ in range(4) for shape in ((3, 2), (2, 2), (2,))])
    model = sequential("LSTM", output_dim=2, inner_activation="hard_sigmoid", **STEPS)
    (x,) = drawn((2, 4, 3), seed=1)
    found = outputs(whole(tmp_path / "m.h5", model, {"a": arrays}, keras_version="1.2.2"), 3 * x)
    # Keras 1 stored i, c, f, o.
    right = lstm(3 * x.astype("float64"), joined(arrays, (0, 2, 1, 3)), hard)
    np.testing.assert_allclose(found, right, atol=1e-6)


@pytest.mark.parametrize("version, gate", [("2.1.3", hard), ("2.3.1", sigmoid)])
def test_a_gru_without_its_settings(version: str, gate: Any, tmp_path: Path) -> None:
    """`reset_after` is false, and the gates are those of the version."""
    arrays = drawn((3, 6), (2, 6), (6,))
    model = sequential("GRU", units=2, **STEPS)
    (x,) = drawn((2, 4, 3), seed=1)
    path = whole(tmp_path / "m.h5", model, {"a": arrays}, keras_version=version)
    right = gru(3 * x.astype("float64"), [one.astype("float64") for one in arrays], gate)
    np.testing.assert_allclose(outputs(path, 3 * x), right, atol=1e-6)


def test_both_directions_of_keras_1(tmp_path: Path) -> None:
    arrays = drawn(*[shape for _ in range(6) for shape in ((3, 2), (2, 2), (2,))])
    inner = {
        "class_name": "GRU",
        "config": {"output_dim": 2, "inner_activation": "hard_sigmoid", **STEPS},
    }
    model = sequential("Bidirectional", layer=inner, merge_mode="concat")
    (x,) = drawn((2, 4, 3), seed=1)
    found = outputs(whole(tmp_path / "m.h5", model, {"a": arrays}, keras_version="1.2.2"), x)
    wide = x.astype("float64")
    parts = [gru(wide, joined(arrays[:9], (0, 1, 2)), hard)]
    parts.append(gru(wide[:, ::-1], joined(arrays[9:], (0, 1, 2)), hard))
    np.testing.assert_allclose(found, np.concatenate(parts, -1), atol=1e-6)


def test_a_cudnn_lstm(tmp_path: Path) -> None:
    """Its matrices are those of cuDNN: transposed for each gate, with two biases."""
    kernel, recurrent, bias = drawn((3, 8), (2, 8), (16,))
    model = sequential("CuDNNLSTM", units=2, **STEPS)
    (x,) = drawn((2, 4, 3), seed=1)
    arrays = {"a": [kernel, recurrent, bias]}
    found = outputs(whole(tmp_path / "m.h5", model, arrays, keras_version="2.2.4"), x)
    ours = [
        np.hstack([one.ravel().reshape(2, 3).T for one in np.split(kernel, 4, 1)]),
        np.hstack([one.T for one in np.split(recurrent, 4, 1)]),
        bias[:8] + bias[8:],
    ]
    np.testing.assert_allclose(found, lstm(x, ours, sigmoid), atol=1e-6)


def test_kernels_of_keras_1_on_theano(tmp_path: Path) -> None:
    """With `channels_first` kernels were (out, in, rows, columns), and Theano convolved: a kernel is
    read from its end.
    """
    kernel, bias = drawn((4, 2, 3, 3), (4,))
    model = sequential(
        "Convolution2D",
        nb_filter=4,
        nb_row=3,
        nb_col=3,
        dim_ordering="th",
        batch_input_shape=[None, 2, 5, 5],
    )
    arrays = {"a": [kernel, bias]}
    file = whole(tmp_path / "m.h5", model, arrays, keras_version="1.2.2")
    spec, weights = tmp_path / "m.yaml", tmp_path / "m.safetensors"
    given = ["import", str(file), "-o", str(spec), "--weights", str(weights)]
    given += ["--backend", "theano"]
    result = CliRunner().invoke(main, given)
    assert result.exit_code == 0, result.output
    from safetensors.numpy import load_file

    found = load_file(weights)  # no CPU computes `channels_first`
    np.testing.assert_array_equal(found["a/kernel"], kernel[:, :, ::-1, ::-1].transpose(2, 3, 1, 0))
    np.testing.assert_array_equal(found["a/bias"], bias)


def test_kernels_of_one_axis_on_theano(tmp_path: Path) -> None:
    """No file of Keras 1 contains its backend: it is given, or a warning says what may be wrong."""
    kernel, bias = drawn((3, 1, 2, 4), (4,))
    config = {"nb_filter": 4, "filter_length": 3, "batch_input_shape": [None, 6, 2]}
    (x,) = drawn((2, 6, 2), seed=1)
    model, arrays = sequential("Convolution1D", **config), {"a": [kernel, bias]}
    path = whole(tmp_path / "m.h5", model, arrays, keras_version="1.2.2")
    for options in (["--backend", "theano"], ["--backend", "tensorflow"], []):
        own = kernel[::-1, 0] if "theano" in options else kernel[:, 0]
        right = np.stack([np.tensordot(x[:, i : i + 3], own, 2) for i in range(4)], 1) + bias
        found, printed = outputs_and_text(path, x, *options)
        np.testing.assert_allclose(found, right, atol=1e-6)
        assert ("MS980" in printed) is (not options)


def test_a_normalization_of_keras_1_0_kept_deviations(tmp_path: Path) -> None:
    gamma, beta, mean = drawn((3,), (3,), (3,))
    deviation = np.array([0.01, 0.5, 2.0], "float32")
    model = sequential("BatchNormalization", mode=0, axis=-1, batch_input_shape=[None, 3])
    arrays = {"a": [gamma, beta, mean, deviation]}
    (x,) = drawn((4, 3), seed=1)
    found = outputs(whole(tmp_path / "m.h5", model, arrays, keras_version="1.0.5"), x)
    right = (x.astype("float64") - mean) / (deviation.astype("float64") + 1e-6) * gamma + beta
    np.testing.assert_allclose(found, right, rtol=1e-5, atol=1e-5)


def test_discretization_does_not_round_its_input() -> None:
    layer = {"bin_boundaries": [0.2, 0.5], "dtype": "int64", "batch_input_shape": [None, 3]}
    model = {**sequential("Discretization", **layer), "keras_version": "2.11.0"}
    found = from_json(json.dumps(model))
    assert found.value is not None
    x = np.array([[0.1, 0.3, 0.9], [0.2, 0.5, 0.6]], "float32")
    assert np.asarray(ms.load_spec(found.value).build()(x)).tolist() == [[0, 1, 2], [1, 2, 2]]


# TensorFlow's functions ---------------------------------------------------------------------------

A = np.random.default_rng(5).uniform(-2, 2, (2, 3, 4)).astype("float32")


def graph(op: str, attributes: Any = None, constants: Any = None) -> Any:
    config = {
        "node_def": {"op": op, "attr": attributes or {}},
        "constants": constants or {},
    }
    return "TensorFlowOpLayer", config, {}


def function(path: str, **arguments: Any) -> Any:
    return "TFOpLambda", {"function": path}, arguments


def erf(x: Any) -> Any:
    from math import erf as of_number

    return np.vectorize(of_number)(x)


CALLS: dict[str, tuple[Any, Any]] = {
    "exact gelu": (function("nn.gelu"), lambda x: 0.5 * x * (1 + erf(x / np.sqrt(2)))),
    "leaky relu": (function("nn.leaky_relu"), lambda x: np.where(x > 0, x, 0.2 * x)),
    "elu": (function("nn.elu"), lambda x: np.where(x > 0, x, np.exp(x) - 1)),
    "flip": (function("reverse", axis=[1]), lambda x: x[:, ::-1]),
    "log softmax": (
        function("nn.log_softmax", axis=-1),
        lambda x: x - np.log(np.exp(x).sum(-1, keepdims=True)),
    ),
    "pad": (
        function("pad", paddings=[[0, 0], [1, 0], [0, 2]], mode="CONSTANT"),
        lambda x: np.pad(x, [[0, 0], [1, 0], [0, 2]]),
    ),
    "transpose": (graph("Transpose", None, {"1": [0, 2, 1]}), lambda x: x.transpose(0, 2, 1)),
    "subtraction from a constant": (graph("Sub", None, {"0": 1.5}), lambda x: 1.5 - x),
    "sum": (
        graph("Sum", {"keep_dims": {"b": True}}, {"1": [1]}),
        lambda x: x.sum(1, keepdims=True),
    ),
    "slice": (
        graph(
            "StridedSlice",
            {"begin_mask": {"i": "3"}, "end_mask": {"i": "1"}, "shrink_axis_mask": {"i": "4"}},
            {"1": [0, 0, -1], "2": [0, 2, 0], "3": [1, 1, 1]},
        ),
        lambda x: x[:, :2, -1],
    ),
    "cast": (graph("Cast", {"DstT": {"type": "DT_INT32"}}), lambda x: x.astype("int32")),
    "relu": (graph("Relu"), lambda x: np.maximum(x, 0)),
    "join": (graph("ConcatV2", None, {"1": 1}), lambda x: x),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_function_of_tensorflow_computes_what_it_did(name: str) -> None:
    (kind, config, arguments), right = CALLS[name]
    first = {"batch_input_shape": [None, 3, 4], "dtype": "float32", "name": "x"}
    layers = [
        {"class_name": "InputLayer", "config": first, "name": "x", "inbound_nodes": []},
        {
            "class_name": kind,
            "name": "y",
            "config": {"name": "y", **config},
            "inbound_nodes": [[["x", 0, 0, arguments]]],
        },
    ]
    ends = {"input_layers": [["x", 0, 0]], "output_layers": [["y", 0, 0]]}
    model = {"class_name": "Model", "config": {"name": "m", "layers": layers, **ends}}
    found = from_json(json.dumps({**model, "keras_version": "2.4.0"}))
    assert found.value is not None, [str(one) for one in found.diagnostics]
    made = ms.load_spec(found.value).build()
    np.testing.assert_allclose(np.asarray(made(A)), right(A.astype("float64")), atol=1e-5)
