"""What is said about numbers that are right and misleading."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import modelspec as ms

pytestmark = pytest.mark.tensorflow


def test_how_far_an_auc_may_be_off() -> None:
    """The true area, by pairs, is within what the warning says; outputs that spread get none."""
    import keras

    from modelspec.runtime.run.caveats import of_metrics

    rng = np.random.default_rng(1)
    small, spread = rng.uniform(0, 0.02, 400), rng.uniform(0, 1, 400)
    for outputs, coarse in ((small, True), (spread, False)):
        yes = outputs / outputs.max() + rng.normal(size=400) / 2 > 0.6
        metric = keras.metrics.AUC(name="auc")
        metric.update_state(yes, outputs)
        higher = outputs[yes][:, None] > outputs[~yes][None, :]
        off = abs(float(metric.result()) - higher.mean())

        class Measured:
            metrics = (metric,)

        found = of_metrics(Measured())  # type: ignore[arg-type]  # all that is asked for
        if not coarse:
            assert not found
            assert off < 0.01
            continue
        assert [one.code for one in found] == ["MS725"]
        bound = float(found[0].message.split("off by ")[1].split(":")[0])
        assert off <= bound < 0.2


def test_what_a_half_precision_run_says_and_logs(tmp_path: Path) -> None:
    """Small gradients are kept by a scale of the loss, as plain Keras keeps them; a run whose steps
    were all too large says so; the rate in the history is that of the last step.
    """
    import keras

    rng = np.random.default_rng(0)
    x = rng.normal(size=(64, 4))
    np.savez(tmp_path / "d.npz", x=x, small=x[:, 0] * 2e-7, large=500 + x[:, 0])
    spec = {
        "seed": 1,
        "model": {
            "inputs": {"x": [4]},
            "layers": [{"Dense": {"units": 1, "kernel_initializer": "zeros", "name": "y"}}],
        },
        "data": {
            "train": {"npz": str(tmp_path / "d.npz")},
            "inputs": {"x": {"column": "x"}},
            "targets": {"y": {"column": "small"}},
        },
        "training": {
            "loss": "mse",
            "optimizer": {
                "SGD": {
                    "learning_rate": {
                        "InverseTimeDecay": {
                            "initial_learning_rate": 0.3,
                            "decay_steps": 1,
                            "decay_rate": 1.0,
                        }
                    }
                }
            },
            "batch_size": 16,
            "epochs": 2,
        },
        "runtime": {"precision": "mixed_float16"},
    }
    path = tmp_path / "spec.json"
    path.write_text(json.dumps(spec), encoding="utf-8")
    run = ms.load_spec(path).train(run_dir=tmp_path / "small")
    assert isinstance(run.model.optimizer, keras.optimizers.LossScaleOptimizer)
    assert run.model.get_weights()[0][0, 0] > 1e-8
    # The rate of step n, from 0, is 0.3 / (1 + n): 4 steps an epoch.
    assert run.history["learning_rate"] == pytest.approx([0.3 / 4, 0.3 / 8])
    assert not run.warnings
    spec["data"]["targets"]["y"]["column"] = "large"  # type: ignore[index]  # a dict of dicts
    path.write_text(json.dumps(spec), encoding="utf-8")
    run = ms.load_spec(path).train(run_dir=tmp_path / "large")
    assert [one.code for one in run.warnings] == ["MS726"]
