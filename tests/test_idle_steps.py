"""Steps that change no weight, and other warnings that the number of steps and the targets give."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import modelspec as ms
from modelspec.catalog.components import OPTIMIZERS, SCHEDULES
from modelspec.catalog.components.family import read_component
from modelspec.core.settings import Context
from modelspec.runtime.data import prepare


def warned(folder: Path, optimizer: Any, *, epochs: int = 1, **training: Any) -> list[str]:
    """The warnings on 20 examples in batches of 4: 5 steps an epoch."""
    rng = np.random.default_rng(0)
    np.savez(folder / "d.npz", x=rng.normal(size=(20, 3)), y=np.arange(20))
    path = folder / "spec.json"
    spec = {
        "model": {"inputs": {"x": [3]}, "layers": [{"Dense": {"units": 1, "name": "y"}}]},
        "data": {
            "train": {"npz": "d.npz"},
            "inputs": {"x": {"column": "x"}},
            "targets": {"y": {"column": "y"}},
        },
        "training": {
            "loss": "mse",
            "optimizer": optimizer,
            "epochs": epochs,
            "batch_size": 4,
            **training,
        },
    }
    path.write_text(json.dumps(spec), encoding="utf-8")
    prepared = prepare(ms.load_spec(path).compiled, load=lambda: None)
    return [f"{one.code} {one.message}" for one in prepared.warnings]


@pytest.mark.parametrize(
    ("optimizer", "epochs", "words"),
    [
        ({"SGD": {"gradient_accumulation_steps": 8}}, 1, "training changes no weights"),
        (
            {"SGD": {"gradient_accumulation_steps": 8}},
            2,
            "the last 2 of 10 steps change no weights",
        ),
        (
            {"Adam": {"gradient_accumulation_steps": 4}},
            1,
            "the last 1 of 5 steps change no weights",
        ),
        ({"Adam": {"gradient_accumulation_steps": 5}}, 3, None),
        (
            {
                "LossScaleOptimizer": {
                    "inner_optimizer": {"SGD": {"gradient_accumulation_steps": 6}}
                }
            },
            1,
            "training changes no weights",
        ),
        (
            {
                "SGD": {
                    "learning_rate": {
                        "CosineDecay": {"initial_learning_rate": 1.0, "decay_steps": 7}
                    }
                }
            },
            2,
            "the last 3 of 10 steps change no weights: the learning rate is 0 after 7 steps",
        ),
        (
            {
                "SGD": {
                    "learning_rate": {
                        "CosineDecay": {"initial_learning_rate": 1.0, "decay_steps": 10}
                    }
                }
            },
            2,
            None,
        ),
        (
            {
                "SGD": {
                    "learning_rate": {
                        "PiecewiseConstantDecay": {"boundaries": [3], "values": [1.0, 0.0]}
                    }
                }
            },
            1,
            "the last 1 of 5 steps change no weights",
        ),
    ],
)
def test_steps_that_change_no_weight(
    optimizer: Any, epochs: int, words: str | None, tmp_path: Path
) -> None:
    found = warned(tmp_path, optimizer, epochs=epochs)
    if words is None:
        assert not found
    else:
        assert len(found) == 1
        assert found[0].startswith("MS637")
        assert words in found[0]


def test_a_percentage_of_targets_of_0(tmp_path: Path) -> None:
    found = warned(tmp_path, "adam", metrics=["mape", "mae"])
    assert len(found) == 1
    assert found[0].startswith("MS638 `mape` divides by the targets, and 1 of those of output `y`")
    assert "MS638" in " ".join(warned(tmp_path, "adam", loss="mape"))


# Facts on schedules, against Keras ----------------------------------------------------------------

CONSTANT = {
    "CosineDecay": {"initial_learning_rate": 0.5, "decay_steps": 9, "alpha": 0.1},
    "CosineDecay with a rise": {
        "initial_learning_rate": 0.0,
        "decay_steps": 6,
        "warmup_target": 0.5,
        "warmup_steps": 4,
    },
    "CosineDecay that stays": {"initial_learning_rate": 0.5, "decay_steps": 6, "alpha": 1.0},
    "PolynomialDecay": {"initial_learning_rate": 0.5, "decay_steps": 8, "power": 2.0},
    "PolynomialDecay that stays": {
        "initial_learning_rate": 0.5,
        "end_learning_rate": 0.5,
        "decay_steps": 8,
    },
    "PiecewiseConstantDecay": {"boundaries": (4, 9), "values": (0.5, 0.25, 0.0)},
    "ExponentialDecay": {"initial_learning_rate": 0.0, "decay_steps": 3, "decay_rate": 0.5},
    "InverseTimeDecay": {"initial_learning_rate": 0.0, "decay_steps": 3, "decay_rate": 0.5},
    "CosineDecayRestarts": {"initial_learning_rate": 0.0, "first_decay_steps": 3},
}
CHANGING = {
    "ExponentialDecay": {"initial_learning_rate": 0.5, "decay_steps": 3, "decay_rate": 0.5},
    "InverseTimeDecay": {"initial_learning_rate": 0.5, "decay_steps": 3, "decay_rate": 0.5},
    "CosineDecayRestarts": {"initial_learning_rate": 0.5, "first_decay_steps": 3},
    "PolynomialDecay": {"initial_learning_rate": 0.5, "decay_steps": 8, "cycle": True},
}


@pytest.mark.tensorflow
@pytest.mark.parametrize("name", CONSTANT)
def test_a_schedule_stays_the_same_from_where_it_says(name: str) -> None:
    """Its rate is another one in the step before, and the same one in every step after."""
    import keras

    kind = name.split()[0]
    settings = CONSTANT[name]
    step, rate = read_component(SCHEDULES, {kind: settings}, Context()).settled
    schedule = getattr(keras.optimizers.schedules, kind)(**settings)
    assert [float(schedule(step + more)) for more in range(30)] == pytest.approx([rate] * 30)
    if step:
        assert float(schedule(step - 1)) != pytest.approx(rate)


@pytest.mark.tensorflow
@pytest.mark.parametrize("kind", CHANGING)
def test_a_schedule_that_never_stays_the_same(kind: str) -> None:
    import keras

    settings = CHANGING[kind]
    assert read_component(SCHEDULES, {kind: settings}, Context()).settled is None
    schedule = getattr(keras.optimizers.schedules, kind)(**settings)
    rates = [float(schedule(step)) for step in range(40, 60)]
    assert len(set(rates)) > 1


def test_every_schedule_says_when_it_stays_the_same() -> None:
    kinds = {SCHEDULES.find(name).kind() for name in SCHEDULES.names()}
    assert {name.split()[0] for name in (*CONSTANT, *CHANGING)} == kinds - {
        "Expression",
        "WarmupLinear",  # in test_warmup.py
        "WarmupCosine",
    }


def test_a_formula_without_names_stays_the_same() -> None:
    settled = {
        formula: read_component(SCHEDULES, {"Expression": formula}, Context()).settled
        for formula in ("1e-3 * 2", "1e-3 * minimum(step, 9)")
    }
    assert settled == {"1e-3 * 2": (0, 0.002), "1e-3 * minimum(step, 9)": None}


def test_the_optimizers_within_others() -> None:
    held = {
        "MultiOptimizer": {
            "optimizer_map": {
                "default_optimizer": {"SGD": 0.5},
                "optimizer_map": {"a/.*": {"Adam": 0.25}},
            }
        }
    }
    found = read_component(OPTIMIZERS, held, Context()).gradients
    assert [one.settled for one in found] == [(0, 0.5), (0, 0.25)]


def test_an_input_that_names_no_columns_takes_none_that_is_about_the_examples(
    tmp_path: Path,
) -> None:
    """Neither the target, nor the weight, the group or the time of an example."""
    rows = "".join(f"{row},{row % 3},{row / 10},{row % 4},{row % 2}\n" for row in range(20))
    (tmp_path / "d.csv").write_text(f"when,a,w,who,y\n{rows}", encoding="utf-8")
    for split, columns in (
        ({"test": 0.2, "order": "when"}, ("a", "who")),
        ({"test": 0.5, "group": "who"}, ("when", "a")),
    ):
        spec = {
            "model": {"inputs": {"x": [2]}, "layers": [{"Dense": 1}]},
            "data": {
                "source": {"csv": "d.csv"},
                "split": split,
                "weights": "w",
                "targets": {"dense": {"column": "y"}},
            },
            "training": {"loss": "mse"},
        }
        path = tmp_path / "spec.json"
        path.write_text(json.dumps(spec), encoding="utf-8")
        prepared = prepare(ms.load_spec(path).compiled, load=lambda: None)
        assert prepared.binding.inputs["x"].names == columns
