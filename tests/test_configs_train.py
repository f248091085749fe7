"""Every example spec trains to what it is there to show, and its model loads in plain Keras."""

from __future__ import annotations

from pathlib import Path

import pytest

import modelspec as ms

pytestmark = pytest.mark.tensorflow

CONFIGS = Path(__file__).parent.parent / "configs"
AT_LEAST = {
    "digits": ("accuracy", 0.97),
    "iris": ("accuracy", 0.9),
    "siamese": ("accuracy", 0.93),
    "two_inputs_two_outputs": ("cultivar_accuracy", 0.9),
    "transformer": ("accuracy", 0.94),
    "lstm": ("accuracy", 0.9),
}
AT_MOST = {"autoencoder": ("mae", 1.5)}  # of pixels from 0 to 16


def test_every_config_is_trained_here() -> None:
    assert {path.stem for path in CONFIGS.glob("*.yaml")} == {*AT_LEAST, *AT_MOST}


@pytest.mark.parametrize("name", [*AT_LEAST, *AT_MOST])
def test_an_example_spec_trains(name: str, tmp_path: Path) -> None:
    import keras
    import numpy as np

    run = ms.load_spec(CONFIGS / f"{name}.yaml").train(run_dir=tmp_path / name)
    if name in AT_LEAST:
        metric, bound = AT_LEAST[name]
        assert run.metrics[metric] >= bound
    else:
        metric, bound = AT_MOST[name]
        assert run.metrics[metric] <= bound
    loaded = keras.saving.load_model(tmp_path / name / "model.keras")
    assert loaded.count_params() == run.model.count_params()
    for saved, trained in zip(loaded.weights, run.model.weights, strict=True):
        np.testing.assert_array_equal(saved.numpy(), trained.numpy())
