"""Files whose descriptions of layers are impossible, or far larger than the weights in them."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from modelspec.cli import main
from modelspec.importers.import_model import from_json


def keras_3(units: int) -> dict[str, Any]:
    """A model of one layer."""
    tensor = {"shape": [None, 4], "dtype": "float32", "keras_history": ["x", 0, 0]}
    call = {"args": [{"class_name": "__keras_tensor__", "config": tensor}], "kwargs": {}}
    shape = {"batch_shape": [None, 4], "dtype": "float32", "name": "x"}
    layers = [
        {"class_name": "InputLayer", "config": shape, "name": "x", "inbound_nodes": []},
        {
            "module": "keras.layers",
            "class_name": "Dense",
            "registered_name": None,
            "config": {"name": "d", "units": units},
            "name": "d",
            "inbound_nodes": [call],
        },
    ]
    ends = {"input_layers": [["x", 0, 0]], "output_layers": [["d", 0, 0]]}
    return {"class_name": "Functional", "config": {"name": "m", "layers": layers, **ends}}


def test_the_size_of_a_model_is_compared_with_the_file_before_it_is_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two hundred million units in a file of six kilobytes took 10 GB."""
    import h5py
    import numpy as np

    weights = io.BytesIO()
    with h5py.File(weights, "w") as file:
        group = file.create_group("layers/dense/vars")
        group["0"], group["1"] = np.ones((4, 2), "float32"), np.zeros(2, "float32")
    path = tmp_path / "m.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": "3.15.1"}))
        archive.writestr("config.json", json.dumps(keras_3(2 * 10**8)))
        archive.writestr("model.weights.h5", weights.getvalue())

    def loaded() -> None:
        raise AssertionError("no framework is needed to compare the sizes")

    monkeypatch.setattr("modelspec.runtime.backend.process_state.import_keras", loaded)
    target = ["-o", str(tmp_path / "o.yaml"), "--weights", str(tmp_path / "w.safetensors")]
    done = CliRunner().invoke(main, ["import", str(path), *target])
    assert done.exit_code == 3
    assert "1,000,000,000 weights, but `m.keras` contains only 10 numbers" in done.output


def test_an_input_layer_with_inputs_is_refused() -> None:
    model = keras_3(3)
    layers = model["config"]["layers"]
    layers[0]["inbound_nodes"] = layers[1]["inbound_nodes"]
    found = from_json(json.dumps(model))
    assert [one.code for one in found.diagnostics] == ["MS742"]
    assert "the input layer `x` has inputs" in found.diagnostics[0].message
