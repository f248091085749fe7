"""The specs of distillation and of learned loss weights reach what their papers promise, and the
loss of their first step is that of NumPy in float64.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

import modelspec as ms
from modelspec.runtime.run import Run

pytestmark = pytest.mark.tensorflow

CONFIGS = Path(__file__).parent.parent / "configs"
ONE_BATCH = 10_000
TEMPERATURE = 3


def trained(name: str, folder: Path) -> Run:
    return ms.load_spec(CONFIGS / f"{name}.yaml").train(run_dir=folder / "run")


def weights(model: Any, layer: str = "") -> list[Any]:
    """The weights of a model, or of a layer of it, in float64."""
    found = model.get_layer(layer) if layer else model
    return [weight.numpy().astype(np.float64) for weight in found.weights]


def log_softmax(z: Any) -> Any:
    shifted = z - z.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def dense(x: Any, values: list[Any]) -> Any:
    """Dense layers with ReLU between them."""
    for kernel, bias in zip(values[:-2:2], values[1:-2:2], strict=True):
        x = np.maximum(x @ kernel + bias, 0)
    return x @ values[-2] + values[-1]


# Distillation -------------------------------------------------------------------------------------


def test_a_student_recognizes_digits_that_it_never_saw(tmp_path: Path) -> None:
    import keras

    run = trained("distillation", tmp_path)
    assert run.metrics["taught_accuracy"] >= 0.93
    assert run.metrics["digit_accuracy"] >= 0.9
    assert run.slices["test_digit_accuracy@target=3"] >= 0.7
    assert len(run.history["soft"]) == 40 and np.isnan(run.history["soft"][:10]).all()
    taught = run.history["taught_loss"][10:]
    assert max(taught) - min(taught) < 1e-6, "the frozen teacher has changed"
    loaded = keras.saving.load_model(tmp_path / "run/model.keras")
    for saved, kept in zip(loaded.weights, run.model.weights, strict=True):
        np.testing.assert_array_equal(saved.numpy(), kept.numpy())


def test_the_first_loss_of_the_student_is_that_of_numpy(tmp_path: Path) -> None:
    """Without the first stage, for which the teacher has its initial weights, in one step."""
    from sklearn.datasets import load_digits

    written = yaml.safe_load((CONFIGS / "distillation.yaml").read_text("utf-8"))
    (_, stage) = written["training"]["stages"]
    written["training"]["stages"] = [{**stage, "epochs": 1, "batch_size": ONE_BATCH}]
    del written["data"]["split"], written["data"]["slices"]
    spec = ms.load_spec(written)
    model = spec.build()
    images, labels = load_digits(return_X_y=True)
    seen = labels != 3
    x, labels = images[seen] / 16, labels[seen]
    student, teacher = dense(x, weights(model, "student")), dense(x, weights(model, "teacher"))
    soft = log_softmax(teacher / TEMPERATURE)
    divergence = np.exp(soft) * (soft - log_softmax(student / TEMPERATURE))
    soft_loss = divergence.sum(axis=-1).mean()
    hard_loss = -log_softmax(student)[np.arange(len(labels)), labels].mean()
    run = spec.train(run_dir=tmp_path / "run")
    assert run.history["soft"] == pytest.approx([soft_loss], rel=1e-5)
    assert run.history["digit_loss"] == pytest.approx([hard_loss], rel=1e-5)
    total = 0.1 * hard_loss + TEMPERATURE**2 * soft_loss
    assert run.history["loss"] == pytest.approx([total], rel=1e-5)


TEACHER = """
name: teacher
model:
  inputs: {x: [4]}
  layers:
    - Dense: {units: 8, activation: relu}
    - Dense: 3
data:
  source: {dataset: iris}
  inputs: {x: {column: features}}
  targets: {column: target}
training: {loss: {SparseCategoricalCrossentropy: {from_logits: true}}}
"""
STUDENT = """
name: student
model:
  inputs: {x: [4]}
  shared:
    teacher:
      weights: runs/teacher/1/model.keras
      trainable: false
      layers:
        - Dense: {units: 8, activation: relu}
        - Dense: 3
  layers:
    - teacher: {name: taught}
    - Dense: {units: 3, from: x, name: kind}
  outputs: [kind, taught]
data:
  source: {dataset: iris}
  inputs: {x: {column: features}}
training:
  objective: {soft: {formula: "mean(square(t - s), axis=-1)", from: {t: taught, s: kind}}}
"""


def test_a_teacher_comes_from_another_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its weights are those of the run, before and after the training of the student."""
    monkeypatch.chdir(tmp_path)
    Path("teacher.yaml").write_text(TEACHER, encoding="utf-8")
    Path("student.yaml").write_text(STUDENT, encoding="utf-8")
    teacher = ms.load_spec("teacher.yaml").train()
    student = ms.load_spec("student.yaml").train()
    expected = weights(teacher.model)
    for found, kept in zip(weights(student.model, "teacher"), expected, strict=True):
        np.testing.assert_array_equal(found, kept)
    assert student.history["soft"][0] > 0


# Learned weights of losses ------------------------------------------------------------------------


def test_a_learned_variance_is_the_error_of_its_task(tmp_path: Path) -> None:
    """Where 0.5 * exp(-s) * error + 0.5 * s is least, exp(s) is the error."""
    run = trained("multitask", tmp_path)
    assert run.metrics["accuracy"] >= 0.9
    assert run.metrics["squared_error"] <= 0.5  # 0.66: always the mean
    (s,) = weights(run.model, "log_variances")
    assert s[0] < -1 and abs(s[0] - s[1]) > 0.1
    assert np.exp(s[1]) == pytest.approx(run.history["squared_error"][-1], rel=0.15)


def test_the_first_loss_with_learned_weights_is_that_of_numpy(tmp_path: Path) -> None:
    from sklearn.datasets import load_wine

    spec = ms.load_spec(
        CONFIGS / "multitask.yaml",
        {"data.split": None, "training.batch_size": ONE_BATCH, "training.epochs": 1},
    )
    rows = load_wine(as_frame=True).frame.rename(
        columns={"od280/od315_of_diluted_wines": "od280_od315_of_diluted_wines"}
    )
    x = rows[list(CHEMISTRY)].to_numpy(np.float64)
    model = spec.build()
    x = (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + 1e-3)  # as in training
    known = np.maximum(x @ weights(model, "known")[0] + weights(model, "known")[1], 0)
    logits = dense(known, weights(model, "cultivar"))
    percent = dense(known, weights(model, "alcohol"))[:, 0]
    kinds = rows["target"].to_numpy()
    hard = -log_softmax(logits)[np.arange(len(rows)), kinds]
    error = np.square(percent - rows["alcohol"].to_numpy())
    run = spec.train(run_dir=tmp_path / "run")
    assert weights(model, "log_variances")[0].tolist() == [0, 0]
    assert run.history["class"][0] == pytest.approx(hard.mean(), rel=1e-4)
    assert run.history["squared_error"][0] == pytest.approx(error.mean(), rel=1e-4)
    expected = hard.mean() + 0.5 * error.mean()
    assert run.history["loss"][0] == pytest.approx(expected, rel=1e-4)


CHEMISTRY = (
    "malic_acid",
    "ash",
    "alcalinity_of_ash",
    "magnesium",
    "total_phenols",
    "flavanoids",
    "color_intensity",
    "hue",
    "od280_od315_of_diluted_wines",
)


MEASURED_ONLY = """
model:
  inputs: {x: [4]}
  layers: [{Dense: {units: 3, activation: softmax, name: kind}}]
data:
  source: {dataset: iris}
  inputs: {x: {column: features}}
  targets: {kind: {column: target}}
training:
  metrics: [mae]
  objective: {term: {formula: "mean(square(p - k), axis=-1)", from: {p: kind, k: target.kind}}}
"""


def test_a_target_with_an_error_has_no_second_one_in_a_term(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(MEASURED_ONLY, encoding="utf-8")
    with pytest.raises(ms.DataError) as raised:
        ms.load_spec(path).train(run_dir=tmp_path / "run")
    assert [one.code for one in raised.value.diagnostics] == ["MS616"]
