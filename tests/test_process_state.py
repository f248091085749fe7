"""Numbers follow from the spec, the data and the seed, and not from the environment, from files of
the user's, or from what the program around has set; and that program finds its own state again.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import modelspec as ms
from modelspec.runtime.data import RunError
from modelspec.runtime.run import drift, framework
from modelspec.runtime.run.environment import chosen_by_variables
from modelspec.runtime.run.framework import Pins
from modelspec.runtime.run.manifest import Manifest

SPEC = """
seed: 1
model:
  inputs: {x: [3], ort: [auto]}
  layers:
    - Concatenate: {from: [x, ort]}
    - Dense: {units: 4, activation: relu}
    - UnitNormalization: {}                       # it divides by Keras's epsilon
    - Dropout: 0.2
    - Dense: {units: 1, activation: softplus, name: y}
data:
  source: {csv: data.csv}
  split: {validation: 0.2, order: zeit}
  inputs:
    x: {columns: [a, b, größe], missing: mean, transform: [Normalization]}
    ort: {column: ort, transform: [{StringLookup: {output_mode: one_hot}}]}
  targets: {y: {column: y}}
training: {loss: poisson, optimizer: adam, metrics: [mae], batch_size: 16, epochs: 2}
"""
COMMANDS = """
from click.testing import CliRunner
from modelspec.cli import main, output
output.prepare()  # as the command does
for arguments in (
    ["check", "spec.yaml"],
    ["data", "spec.yaml"],
    ["train", "spec.yaml", "--run-dir", "run", "-q"],
    ["predict", "run", "--data", "data.csv", "-o", "out.csv"],
):
    assert not main(arguments, standalone_mode=False), arguments
found = CliRunner().invoke(main, ["data", "spec.yaml", "--format", "json"])
with open("data.json", "w", encoding="utf-8") as file:
    file.write(found.output)
"""
HOSTILE = {
    "LC_ALL": "C",
    "PYTHONUTF8": "0",
    "PYTHONCOERCECLOCALE": "0",
    "PYTHONHASHSEED": "77",
    "TZ": "Pacific/Kiritimati",
    "KERAS_BACKEND": "jax",
    "KERAS_MAX_EPOCHS": "1",
    "KERAS_MAX_STEPS_PER_EPOCH": "1",
    "NVIDIA_TF32_OVERRIDE": "1",
    "OMP_NUM_THREADS": "3",
    "TF_DETERMINISTIC_OPS": "1",
}
KERAS_JSON = {
    "floatx": "float16",
    "epsilon": 0.01,
    "backend": "jax",
    "image_data_format": "channels_first",
}


def written(folder: Path) -> None:
    drawn = random.Random(0)
    rows = [
        f"{drawn.random():.6f},{1000 * drawn.random():.3f},{drawn.choice(['1.5', '2.25', ''])},"
        f"{drawn.choice(['İstanbul', 'IĞDIR', 'Zürich'])},"
        f"2024-01-{1 + i % 28:02d}T{i % 24:02d}:00:00,{drawn.randrange(5)}"
        for i in range(80)
    ]
    text = "\n".join(["a,b,größe,ort,zeit,y", *rows, ""])
    (folder / "data.csv").write_text(text, encoding="utf-8")
    (folder / "spec.yaml").write_text(SPEC, encoding="utf-8")


def started(folder: Path, environment: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", COMMANDS],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env={
            # What the machine itself sets for OpenBLAS is recorded, as everything of this kind is.
            **{name: value for name, value in os.environ.items() if "OPENBLAS" not in name},
            "PYTHONPATH": str(Path(ms.__file__).parents[1]),
            "MODELSPEC_CACHE": str(folder / "cache"),
            **environment,
        },
    )


@pytest.mark.tensorflow
def test_a_hostile_environment_changes_no_number(tmp_path: Path) -> None:
    """`check`, `data`, `train` and `predict`, in two processes: a plain one, and one in whose
    environment everything is set that could be.
    """
    home = tmp_path / "home"
    (home / ".keras").mkdir(parents=True)
    (home / ".keras" / "keras.json").write_text(json.dumps(KERAS_JSON))
    folders = tmp_path / "plain", tmp_path / "hostile"
    for folder in folders:
        folder.mkdir()
        written(folder)
    both = [
        started(folders[0], {"LC_ALL": "C.UTF-8"}),
        started(folders[1], {**HOSTILE, "HOME": str(home)}),
    ]
    for process in both:
        said, _ = process.communicate()
        assert process.returncode == 0, said[-2000:]
    for name in ("data.json", "out.csv", "run/metrics.json", "run/preprocessing/state.json"):
        one, other = ((folder / name).read_bytes() for folder in folders)
        assert one == other, name
    one, other = (json.loads((folder / "run/manifest.json").read_text()) for folder in folders)
    assert one["data"] == other["data"]
    assert one["backend"]["environment"] == {}
    assert other["backend"]["environment"] == {
        name: HOSTILE[name]
        for name in ("NVIDIA_TF32_OVERRIDE", "OMP_NUM_THREADS", "TF_DETERMINISTIC_OPS")
    }


# What another environment changes is told ---------------------------------------------------------


def test_a_variable_that_chooses_how_to_compute_is_a_difference(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TF_XLA_FLAGS", "--tf_xla_auto_jit=2")
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.setenv("NOT_OURS", "1")
    here = chosen_by_variables()
    assert here["TF_XLA_FLAGS"] == "--tf_xla_auto_jit=2" and "NOT_OURS" not in here
    pins = Pins(1, 1, "default")
    backend = {"environment": {**here, "NVIDIA_TF32_OVERRIDE": "1"}}
    del backend["environment"]["TF_XLA_FLAGS"], backend["environment"]["OMP_NUM_THREADS"]
    now = {**vars(pins), "environment": here}
    found = list(drift.of_backend(Manifest({"backend": backend}), now))
    assert [(one.what, one.was, one.now, one.harmless) for one in found] == [
        ("environment: NVIDIA_TF32_OVERRIDE", "1", "absent", False),
        ("environment: OMP_NUM_THREADS", "absent", "3", True),
        ("environment: TF_XLA_FLAGS", "absent", "--tf_xla_auto_jit=2", False),
    ]
    earlier = Manifest({"backend": {"intra_op_threads": 1}})
    assert list(drift.of_backend(earlier, now)) == [], "a version that kept no environment"


@pytest.mark.tensorflow
def test_what_the_program_switched_in_tensorflow_is_on_record() -> None:
    import tensorflow as tf

    assert framework.backend()["switches"] == {}
    tf.config.run_functions_eagerly(True)
    tf.config.optimizer.set_experimental_options({"constant_folding": False})
    try:
        found = framework.backend()["switches"]
    finally:
        tf.config.run_functions_eagerly(False)
        tf.config.optimizer.set_experimental_options({"constant_folding": True})
    assert found == {"eager": True, "optimizer": {"constant_folding": False}}
    assert framework.backend()["switches"] == {}, "set to what it is without being set"


# In a program of the user's -----------------------------------------------------------------------

HERE: dict[str, Any] = {
    "seed": 1,
    "model": {
        "inputs": {"x": [4]},
        "layers": [
            {"Dense": {"units": 4}},
            "UnitNormalization",
            {"Dropout": 0.3},
            {"Dense": {"units": 1, "activation": "softplus", "name": "y"}},
        ],
    },
    "data": {
        "source": {"npz": "d.npz"},
        "inputs": {"x": {"column": "x", "transform": ["Normalization"]}},
        "targets": {"y": {"column": "y"}},
    },
    "training": {"loss": "poisson", "optimizer": "adam", "epochs": 2},
}


def data() -> dict[str, Any]:
    drawn = np.random.default_rng(0)
    return {"x": drawn.random((60, 4)), "y": drawn.random((60, 1))}


def state() -> tuple[Any, ...]:
    import keras

    return (
        random.getstate(),
        str(np.random.get_state()),
        keras.config.floatx(),
        keras.config.epsilon(),
        keras.config.image_data_format(),
        keras.config.dtype_policy().name,
        keras.config.max_epochs(),
        keras.config.max_steps_per_epoch(),
        np.geterr(),
        np.get_printoptions()["legacy"],
    )


@pytest.mark.tensorflow
def test_what_the_program_has_set_changes_no_number_and_is_there_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import keras
    import tensorflow as tf

    monkeypatch.chdir(tmp_path)
    np.savez("d.npz", **data())
    spec = ms.load_spec(HERE)
    plain = spec.train("plain", data=data())
    config = keras.config
    was = config.floatx(), config.epsilon(), config.image_data_format(), config.dtype_policy()
    config.set_floatx("float64")
    config.set_epsilon(0.01)
    config.set_image_data_format("channels_first")
    config.set_dtype_policy("mixed_float16")
    config.set_max_epochs(1)
    config.set_max_steps_per_epoch(1)
    keras.utils.set_random_seed(99)
    try:
        with np.errstate(all="raise"), np.printoptions(legacy="1.13", precision=1):
            before, drawn = state(), tf.random.uniform(()).numpy()
            tf.random.set_seed(99)
            run = spec.train("other", data=data())
            from modelspec.runtime.run import predict

            found = predict("other", "d.npz").outputs["y"]
            opened = ms.open_run("other").model
            built = [spec.build().get_weights() for _ in range(2)]
            assert state() == before and tf.random.uniform(()).numpy() == drawn
    finally:
        config.set_floatx(was[0])
        config.set_epsilon(was[1])
        config.set_image_data_format(was[2])
        config.set_dtype_policy(was[3])
        config.set_max_epochs(None)
        config.set_max_steps_per_epoch(None)
    assert run.history == plain.history
    for model in (run.model, opened):
        assert all(map(np.array_equal, model.get_weights(), plain.model.get_weights()))
    assert np.array_equal(found, predict("plain", "d.npz").outputs["y"])
    assert all(map(np.array_equal, *built)) and built[0][0].dtype == np.float32


@pytest.mark.tensorflow
def test_a_bootstrap_sample_is_another_one_after_each_fit() -> None:
    np.random.seed(5)
    expected = [np.random.choice(100, 5).tolist() for _ in range(2)]
    np.random.seed(5)
    found = []
    for _ in expected:
        found.append(np.random.choice(100, 5).tolist())
        ms.load_spec(HERE).build()
    assert found == expected


@pytest.mark.tensorflow
def test_trainings_in_threads_are_what_they_are_alone(tmp_path: Path) -> None:
    spec, given, found = ms.load_spec(HERE), data(), {}

    def train(name: str) -> None:
        found[name] = spec.train(tmp_path / name, data=given).model.get_weights()

    train("alone")
    error = os.fstat(2)
    # A signal handler can only be set in the main thread.
    threads = [threading.Thread(target=train, args=(name,)) for name in ("one", "other")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert os.path.samestat(error, os.fstat(2)), "standard error is what it was"
    for name in ("one", "other"):
        assert all(map(np.array_equal, found[name], found["alone"]))


def test_settings_of_keras_that_it_refuses_are_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Keras raises while it is imported, for `{"floatx": "int7"}`."""

    def refused() -> None:
        raise ValueError("Invalid `floatx` configuration.")

    monkeypatch.setattr(framework, "_loaded", False)
    monkeypatch.setattr(framework, "loading_quietly", refused)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    with pytest.raises(RunError) as caught:
        framework.load(0, deterministic=False)
    (found,) = caught.value.diagnostics
    assert found.code == "MS707" and "Invalid `floatx` configuration" in found.message
    assert f"correct or remove `{tmp_path / 'keras.json'}`" in str(found.help)


def test_a_spec_is_not_changed_with_the_mapping_that_it_came_from() -> None:
    written = {"model": {"inputs": {"x": [4]}, "layers": [{"Dense": 3}]}}
    spec = ms.load_spec(written)
    before = ms.dump(spec)
    written["model"]["layers"][0]["Dense"] = 99  # type: ignore[index]
    assert ms.dump(spec) == before
