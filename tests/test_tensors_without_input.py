"""`Parameter` and `Constant`: training, saving, exports, the files of a constant."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import modelspec as ms
from modelspec.core.diagnostics import Fault
from modelspec.core.source.array_header import MAX_BYTES, array_header

TENSORFLOW = pytest.mark.tensorflow

SPEC: dict[str, Any] = {
    "name": "tokens",
    "seed": 1,
    "model": {
        "inputs": {"x": [3, 2]},
        "layers": [
            {"Parameter": {"shape": [1, 2], "regularizer": {"L2": 0.1}, "name": "token"}},
            {"Concatenate": {"from": ["token", "x"], "axis": 1}},
            {"Constant": {"file": "steps.npy", "name": "steps"}},
            {"Add": {"from": ["concatenate", "steps"], "name": "placed"}},
            {"Constant": {"value": [[0, 1, 0, 1]], "dtype": "float32", "name": "mix"}},
            {"Expression": {"formula": "(m @ p)[:, 0]", "from": {"m": "mix", "p": "placed"}}},
            {"Parameter": {"shape": [], "initializer": "ones", "name": "scale"}},
            {"Expression": {"formula": "x * s[:, None]", "from": ["expression", "scale"]}},
            {"Dense": {"units": 1, "name": "y"}},
        ],
    },
    "data": {"source": {"npz": "d.npz"}, "inputs": {"x": "x"}, "targets": {"y": "y"}},
    "training": {"loss": "mse", "optimizer": {"SGD": 0.1}, "epochs": 2, "batch_size": 4},
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    import numpy as np

    rng = np.random.default_rng(0)
    np.save(tmp_path / "steps.npy", rng.normal(size=(4, 2)))
    x = rng.normal(size=(8, 3, 2)).astype("float32")
    np.savez(tmp_path / "d.npz", x=x, y=x.sum(axis=(1, 2))[:, None])
    monkeypatch.chdir(tmp_path)
    return tmp_path


# Checking -----------------------------------------------------------------------------------------


def test_types_and_counts_are_known_without_numpy(folder: Path) -> None:
    """Also where a file has the numbers: only its header is read."""
    import yaml

    (folder / "s.yaml").write_text(yaml.safe_dump(SPEC))
    script = """
import sys, modelspec as ms
spec = ms.load_spec("s.yaml")
layers = {one.name: one for one in spec.graph.layers}
assert layers["steps"].output_shape == (None, 4, 2) and layers["steps"].inputs == []
assert layers["scale"].output_shape == (None,) and layers["scale"].parameters == 1
assert layers["steps"].parameters == 8 and layers["steps"].trainable_parameters == 0
assert layers["token"].trainable_parameters == 2
assert not {"numpy", "keras", "tensorflow"} & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def faults(layer: dict[str, Any], folder: Path | None = None) -> list[tuple[str, str]]:
    spec = {
        "model": {
            "inputs": {"x": [4]},
            "layers": [layer, {"Flatten": {"name": "flat"}}, {"Add": {"from": ["x", "x"]}}],
            "outputs": ["flat", "add"],
        }
    }
    return [(one.code, one.message) for one in ms.check(spec).diagnostics]


@pytest.mark.parametrize(
    ("settings", "code", "words"),
    [
        ({"value": [[1, 2], [3]]}, "MS419", "same length"),
        ({"value": []}, "MS419", "same length"),
        ({"value": ["a"]}, "MS419", "numbers"),
        ({"value": [True, 1.0]}, "MS419", "numbers"),
        ({}, "MS208", "requires either"),
        ({"value": 1, "file": "steps.npy"}, "MS208", "found both"),
        ({"value": 1, "array": "a"}, "MS208", "`array` names"),
        ({"file": "none.npy"}, "MS419", "No such file"),
        ({"file": "objects.npy"}, "MS419", "Python objects"),
        ({"file": "words.npy"}, "MS419", "supported dtype"),
        ({"file": "cut.npy"}, "MS419", "truncated"),
        ({"file": "empty.npy"}, "MS419", "is empty"),
        ({"file": "huge.npy"}, "MS419", "the maximum is"),
        ({"file": "text.npy"}, "MS419", "is not a `.npy`"),
        ({"file": "steps.npy", "array": "a"}, "MS419", "is one array"),
        ({"file": "two.npz"}, "MS419", "has 2 arrays"),
        ({"file": "two.npz", "array": "frst"}, "MS419", "no array `frst`"),
        ({"file": "../outside.npy"}, "MS210", "outside"),
        ({"file": "https://host/a.npy"}, "MS682", "host"),
    ],
)
def test_numbers_that_are_none_are_refused(
    folder: Path, settings: dict[str, Any], code: str, words: str
) -> None:
    import numpy as np

    np.save(folder / "objects.npy", np.array([{}], object), allow_pickle=True)
    np.save(folder / "words.npy", np.array(["a"]))
    np.save(folder / "empty.npy", np.zeros((0, 2)))
    np.savez(folder / "two.npz", first=np.ones(2), second=np.ones(3))
    whole = (folder / "steps.npy").read_bytes()
    (folder / "cut.npy").write_bytes(whole[:-1])
    announced = whole.replace(b"(4, 2)", b"(%d, 2)" % MAX_BYTES)
    (folder / "huge.npy").write_bytes(announced)
    (folder / "text.npy").write_text("1, 2")
    ((found, message),) = faults({"Constant": settings})
    assert found == code and words in message


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int16", "int64", "float16", "float64"])
def test_a_header_is_that_of_numpy(tmp_path: Path, dtype: str) -> None:
    import numpy as np

    for shape in ((), (3,), (2, 3, 1)):
        array = np.asfortranarray(np.ones(shape, dtype))
        np.save(tmp_path / "a.npy", array)
        np.savez_compressed(tmp_path / "a.npz", only=array)
        for name in ("a.npy", "a.npz"):
            assert array_header(tmp_path / name, None) == (array.shape, dtype)
    np.save(tmp_path / "swapped.npy", np.ones(2, ">i4"))
    assert array_header(tmp_path / "swapped.npy", None) == ((2,), "int32")


def test_any_change_of_a_file_is_a_fault_or_a_header(tmp_path: Path) -> None:
    import numpy as np

    np.save(tmp_path / "a.npy", np.ones((2, 3)))
    whole = (tmp_path / "a.npy").read_bytes()
    for place in range(128):
        changed = whole[:place] + bytes([whole[place] ^ 0x15]) + whole[place + 1 :]
        path = tmp_path / f"{place}.npy"
        path.write_bytes(changed)
        try:
            array_header(path, None)
        except Fault as fault:
            assert fault.code == "MS419"


def test_a_file_is_part_of_the_fingerprint(folder: Path) -> None:
    import numpy as np

    from modelspec.runtime.history.fingerprint import fingerprint

    first = fingerprint(ms.load_spec(SPEC).compiled)
    np.save(folder / "steps.npy", np.zeros((4, 2)))
    second = fingerprint(ms.load_spec(SPEC).compiled)
    assert first is not None and second is not None
    assert first.differences(second) == ("data/steps.npy",)


def test_an_input_that_only_gives_the_batch_is_unused() -> None:
    spec = {
        "model": {
            "inputs": {"x": [4]},
            "layers": [{"Parameter": {"shape": [4]}}],
        }
    }
    assert [one.code for one in ms.check(spec).diagnostics] == ["MS308"]


# Training -----------------------------------------------------------------------------------------


@TENSORFLOW
def test_a_parameter_is_trained_and_a_constant_is_not(folder: Path) -> None:
    """The outputs are those of NumPy before training; a saved model needs no file."""
    import keras
    import numpy as np

    spec = ms.load_spec(SPEC)
    model = spec.build()
    x = np.load(folder / "d.npz")["x"]
    weights = {one.path: np.asarray(one) for one in model.weights}
    steps = np.load(folder / "steps.npy")
    assert np.allclose(weights["steps/value"], steps)
    token = np.broadcast_to(weights["token/value"], (8, 1, 2))
    placed = np.concatenate([token, x], axis=1) + steps
    seen = (placed[:, 1] + placed[:, 3]) * weights["scale/value"]
    expected = seen @ weights["y/kernel"] + weights["y/bias"]
    assert np.allclose(model(x), expected, atol=1e-5)
    penalty = float(keras.ops.sum(model.losses))
    assert np.isclose(penalty, 0.1 * np.square(weights["token/value"]).sum())

    run = spec.train(run_dir="run")
    after = {one.path: np.asarray(one) for one in run.model.weights}
    assert not np.allclose(after["token/value"], weights["token/value"])
    assert not np.allclose(after["scale/value"], weights["scale/value"])
    assert np.array_equal(after["steps/value"], weights["steps/value"])

    model.save(folder / "m.keras")
    (folder / "steps.npy").unlink()
    assert np.array_equal(ms.load_model(folder / "m.keras")(x), model(x))


@TENSORFLOW
def test_a_script_makes_the_same_model(folder: Path) -> None:
    from modelspec.runtime.exporters.export_run import export

    ms.load_spec(SPEC).train(run_dir="run")
    made = export(folder / "run", "python", folder / "made.py")
    text = made.path.read_text()
    assert made.difference <= 1e-6 and "modelspec" not in text and "Any" not in text
    for words in (["check", "--isolated"], ["format", "--check", "--isolated"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *words, str(made.path)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout


@TENSORFLOW
def test_a_model_becomes_a_spec_again(folder: Path) -> None:
    import numpy as np
    import yaml

    model = ms.load_spec(SPEC).build()
    again = ms.load_spec(yaml.safe_load(ms.dump(ms.from_keras(model)))).build()
    again.set_weights(_in_order(model, again))
    x = np.load(folder / "d.npz")["x"]
    assert np.allclose(again(x), model(x), atol=1e-6)


def _in_order(model: Any, again: Any) -> list[Any]:
    found = {one.path: one.numpy() for one in model.weights}
    return [found[one.path] for one in again.weights]


@TENSORFLOW
@pytest.mark.parametrize(
    ("value", "dtype"), [([[1, 2]], "int32"), ([True], "bool"), (2**40, "int64"), ([0.5], None)]
)
def test_numbers_keep_their_dtype_in_mixed_precision(value: Any, dtype: str | None) -> None:
    spec = {
        "runtime": {"precision": "mixed_bfloat16"},
        "model": {
            "inputs": {"x": [4]},
            "layers": [
                {"Constant": {"value": value, "name": "c"}},
                {"Add": {"from": ["x", "x"], "name": "a"}},
            ],
            "outputs": ["c", "a"],
        },
    }
    model = ms.load_spec(spec).build()
    layer = model.get_layer("c")
    assert str(layer.output.dtype) == (dtype or "bfloat16")
    assert str(layer.value.dtype) == (dtype or "float32")
