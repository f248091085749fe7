"""The generator of configs/gan.yaml learns every cluster of its points."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import modelspec as ms

pytestmark = pytest.mark.tensorflow

CONFIGS = Path(__file__).parent.parent / "configs"


def test_the_generator_finds_every_cluster(tmp_path: Path) -> None:
    """Its points, made of new noise, are near all eight centres, and few are elsewhere. The model
    loads in plain Keras.
    """
    import keras

    run = ms.load_spec(CONFIGS / "gan.yaml").train(run_dir=tmp_path / "gan")
    loaded = keras.saving.load_model(tmp_path / "gan" / "model.keras")
    noise = np.random.default_rng(0).normal(size=(1000, 4)).astype("float32")
    points = np.asarray(loaded.get_layer("generator")(noise))
    angles = np.arange(8) * np.pi / 4
    centres = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    apart = np.linalg.norm(points[:, None] - centres, axis=-1)
    near = np.bincount(apart.argmin(axis=1)[apart.min(axis=1) < 0.25], minlength=8)
    assert near.min() >= 25 and near.sum() >= 700  # 125 and 1,000 for the points of the file
    assert run.metrics["generator_missed"] <= 0.08  # 0.125: the points of one cluster
