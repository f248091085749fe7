"""Layers of augmentation of tf-keras: in inference they return their input.

The file and the outputs are those of tf-keras (`tests/tools/record_saved_model.py`).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import modelspec as ms
from modelspec.cli.program import main
from modelspec.importers.import_model import import_model
from modelspec.importers.model_files import read_model

STORED = Path(__file__).parent / "stored"
FILE = STORED / "random_layers.h5"
KINDS = {
    "flip": "RandomFlip",
    "rotation": "RandomRotation",
    "zoom": "RandomZoom",
    "translation": "RandomTranslation",
    "contrast": "RandomContrast",
    "brightness": "RandomBrightness",
    "height": "Identity",
    "width": "Identity",
    "noise": "GaussianNoise",
    "dropout": "SpatialDropout2D",
}


def test_a_layer_that_keras_3_lacks_returns_its_input_and_is_reported() -> None:
    found = import_model(read_model(FILE).model)
    assert found.value is not None
    kinds = {layer.name: layer.kind for layer in ms.load_spec(found.value.spec).graph.layers}
    assert KINDS.items() <= kinds.items()
    lost = [one.message for one in found.diagnostics if one.code == "MS981"]
    assert ["height" in lost[0], "width" in lost[1], len(lost)] == [True, True, 2]
    assert "factor: [-0.2, 0.1]" in lost[1]


@pytest.mark.tensorflow
def test_the_outputs_are_those_of_tf_keras_in_inference(tmp_path: Path) -> None:
    spec, weights = tmp_path / "model.yaml", tmp_path / "model.weights.h5"
    given = ["import", str(FILE), "-o", str(spec), "--weights", str(weights)]
    result = CliRunner().invoke(main, given)
    assert result.exit_code == 0, result.stderr
    model = ms.load_spec(spec).build()
    model.load_weights(weights)
    recorded = np.load(STORED / "random_layers_outputs.npz")
    outputs = np.asarray(model(recorded["images"], training=False))
    np.testing.assert_allclose(outputs, recorded["outputs"], atol=1e-5)
    changed = np.asarray(model(recorded["images"], training=True))
    assert np.abs(changed - outputs).max() > 0.01  # the layers act in training
