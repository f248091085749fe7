"""Moving averages of shared layers and models: what is refused, and their weights in training."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

import modelspec as ms

TENSORFLOW = pytest.mark.tensorflow


def spec(**average: Any) -> dict[str, Any]:
    return {
        "model": {
            "inputs": {"x": [3]},
            "shared": {
                "base": {"Dense": {"units": 3}},
                "student": ["base", "BatchNormalization", {"Dense": 2}],
                "teacher": {"ema_of": "student", **average},
            },
            "layers": [
                {"student": {"from": "x", "name": "a"}},
                {"teacher": {"from": "x", "name": "b"}},
                {"Dense": {"from": "a", "units": 2, "name": "p"}},
            ],
            "outputs": ["p", "b"],
        },
        "data": {"source": {"npz": "d.npz"}, "inputs": {"x": "x"}, "targets": {"p": "y"}},
        "training": {
            "loss": {"p": "mse"},
            "objective": {"near": {"formula": "mean(square(p - b), axis=-1)", "weight": 0.1}},
            "optimizer": {"SGD": 0.1},
            "epochs": 2,
            "batch_size": 4,
        },
    }


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    import numpy as np

    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(12, 3)).astype("float32")
    np.savez("d.npz", x=x, y=x[:, :2])
    return tmp_path


def codes(given: dict[str, Any]) -> list[str]:
    return [one.code for one in ms.check(given).diagnostics if one.severity == "error"]


def test_its_weights_are_counted_as_frozen() -> None:
    """Dense 12, batch normalization 12, Dense 8, each twice; and the last Dense 6."""
    given = spec(momentum=0.9)
    assert codes(given) == []
    graph = ms.load_spec(given).graph
    assert (graph.parameters, graph.trainable_parameters) == (70, 12 + 6 + 8 + 6)


def test_the_resolved_spec_has_its_momentum(tmp_path: Path) -> None:
    from click.testing import CliRunner

    from modelspec.cli import main

    (tmp_path / "s.json").write_text(json.dumps(spec()))
    found = CliRunner().invoke(main, ["resolve", str(tmp_path / "s.json"), "--format", "json"])
    assert found.exit_code == 0, found.output
    resolved = json.loads(found.stdout)
    assert resolved["model"]["shared"]["teacher"] == {"ema_of": "student"}
    assert codes(resolved) == []


@pytest.mark.parametrize(
    ("average", "code"),
    [
        ({"ema_of": "studnt"}, "MS535"),
        ({"ema_of": "teacher"}, "MS535"),
        ({"ema_of": 3}, "MS204"),
        ({"momentum": 1.5}, "MS205"),
        ({"momentum": True}, "MS204"),
        ({"momentum": {"formula": "epoch > 2"}}, "MS143"),
        ({"momentum": "2 + step"}, "MS205"),
        ({"momentum": "0.9 * stp"}, "MS144"),
        ({"momentun": 0.5}, "MS201"),
    ],
)
def test_a_wrong_average_is_refused(average: dict[str, Any], code: str) -> None:
    assert codes(spec(**average))[0] == code


def test_an_average_of_an_average_is_refused() -> None:
    given = spec()
    given["model"]["shared"]["third"] = {"ema_of": "teacher"}
    assert codes(given) == ["MS535"]


def test_a_fault_of_the_student_is_reported_once() -> None:
    given = spec()
    given["model"]["shared"]["student"] = ["base", {"Dense": {"unitz": 2}}]
    assert codes(given) == ["MS202"]


def test_a_teacher_alone_a_teacher_of_other_sizes_and_adapters() -> None:
    alone = spec()
    alone["model"]["layers"][0] = {"Dense": {"from": "x", "units": 2, "name": "a"}}
    assert codes(alone) == ["MS536"]
    other = spec()
    other["model"]["inputs"]["z"] = [5]
    other["model"]["layers"][1]["teacher"]["from"] = "z"
    assert "MS537" in codes(other)
    lora = spec()
    lora["training"]["lora"] = {"rank": 2, "layers": ["p"]}
    assert "MS538" in codes(lora)


@TENSORFLOW
def test_its_weights_after_each_step(folder: Path) -> None:
    """Against NumPy in float64, from the weights of the student after each step."""
    import numpy as np

    seen: list[list[Any]] = []

    def look(model: Any) -> None:
        found = [model.get_layer(name).weights for name in ("student", "teacher")]
        seen.append([[one.numpy() for one in part] for part in found])

    given = spec(momentum="0.5 + 0.1 * epoch + 0.05 * step")
    compiled = ms.load_spec(given)
    model = compiled.build()
    student, teacher = (model.get_layer(name) for name in ("student", "teacher"))
    assert all(map(np.array_equal, student.get_weights(), teacher.get_weights()))
    assert teacher.trainable_weights == []
    assert not {id(one) for one in student.weights} & {id(one) for one in teacher.weights}

    import keras

    from modelspec.runtime.run.step import TrainingSteps

    apply = TrainingSteps.__call__

    def one_by_one(self: Any, iterator: Any, count: int) -> Any:
        if not seen:
            look(self.model)
        taken = apply(self, iterator, 1)
        look(self.model)
        return taken

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TrainingSteps, "__call__", one_by_one)
        run = compiled.train(run_dir="run")
    start, steps = seen[0], seen[-6:]  # two epochs of three steps, after the trial step
    expected = [one.astype("float64") for one in start[1]]
    for step, (now, found) in enumerate(steps):
        kept = 0.5 + 0.1 * (step // 3) + 0.05 * step
        pairs = zip(expected, now, strict=True)
        expected = [kept * one + (1 - kept) * other for one, other in pairs]
        for one, other in zip(expected, found, strict=True):
            assert np.allclose(one, other, rtol=1e-5, atol=1e-6)
    assert not np.allclose(steps[-1][0][0], steps[-1][1][0])
    saved = keras.models.load_model("run/model.keras")
    for one, other in zip(saved.get_layer("teacher").get_weights(), steps[-1][1], strict=True):
        assert np.array_equal(one, other)
    assert run.model.get_layer("teacher").trainable is False


@TENSORFLOW
def test_a_resumed_run_has_equal_averages(folder: Path) -> None:
    import numpy as np

    given = spec(momentum="0.5 + 0.05 * step")
    del given["training"]["objective"]
    whole = ms.load_spec(given).train(run_dir="whole")
    half = copy.deepcopy(given)
    half["training"]["epochs"] = 1
    ms.load_spec(half).train(run_dir="half")
    rest = ms.resume("half", {"training.epochs": 2})
    for one, other in zip(whole.model.weights, rest.model.weights, strict=True):
        assert np.array_equal(one, other)


@TENSORFLOW
def test_accumulated_gradients_change_no_average(folder: Path) -> None:
    """Three steps, of which the second one updates weights: with momentum 0 the teacher then is the
    student, and after the third step still the one of the second.
    """
    import numpy as np

    given = spec(momentum=0)
    del given["training"]["objective"]
    given["training"]["epochs"] = 1
    given["training"]["optimizer"] = {
        "SGD": {"learning_rate": 0.1, "gradient_accumulation_steps": 2}
    }
    model = ms.load_spec(given).train(run_dir="run").model
    student, teacher = (model.get_layer(name) for name in ("student", "teacher"))
    statistics = [one.name in ("moving_mean", "moving_variance") for one in student.weights]
    same = [
        np.array_equal(one, other)
        for one, other in zip(student.weights, teacher.weights, strict=True)
    ]
    assert same == [not one for one in statistics]


@TENSORFLOW
def test_a_script_trains_equal_averages(folder: Path) -> None:
    """From the same weights, on the same batches: the rows of the data are equal, so their order
    has no effect.
    """
    import runpy

    import numpy as np

    from modelspec.runtime.exporters.export_run import export

    x = np.tile(np.array([[0.5, -1.0, 2.0]], "float32"), (12, 1))
    np.savez("d.npz", x=x, y=x[:, :2])
    given = spec(momentum="0.5 + 0.05 * step")
    given["model"]["shared"]["student"] = ["base", {"Dense": 2}]
    given["model"]["shared"]["base"]["Dense"]["kernel_initializer"] = "ones"
    given["model"]["shared"]["student"][1]["Dense"] = {"units": 2, "kernel_initializer": "ones"}
    given["model"]["layers"][2]["Dense"]["kernel_initializer"] = "ones"
    del given["training"]["objective"]
    given["training"]["optimizer"] = {"SGD": 0.001}
    run = ms.load_spec(given).train(run_dir="run")
    made = export(folder / "run", "python", folder / "made.py").path
    names = runpy.run_path(str(made))
    model = names["train"](x, {"p": x[:, :2]})
    for one, other in zip(model.weights, run.model.weights, strict=True):
        assert np.allclose(one, other, rtol=1e-5)
    kernel = run.model.get_layer("teacher").get_weights()[0]
    assert not np.allclose(kernel, np.ones(1), atol=1e-4)


def test_a_block_may_define_an_average(tmp_path: Path) -> None:
    """Each use of the block has its own student and teacher, in any order of the definitions."""
    given = {
        "blocks": {
            "pair": {
                "shared": {"teacher": {"ema_of": "student"}, "student": {"Dense": 4}},
                "layers": [
                    {"student": {"name": "a"}},
                    {"teacher": {"from": "a", "name": "b"}},
                    {"Add": {"from": ["a", "b"]}},
                ],
            }
        },
        "model": {
            "inputs": {"x": [4]},
            "layers": ["pair", "pair", {"Dense": {"units": 1, "name": "out"}}],
        },
        "training": {"loss": "mse"},
    }
    assert codes(given) == []
    graph = ms.load_spec(given).graph
    assert (graph.parameters, graph.trainable_parameters) == (4 * 20 + 5, 2 * 20 + 5)
