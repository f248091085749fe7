"""The weights of TensorFlow.js: files in several parts, and quantized numbers.

The files are written here as `tensorflowjs_converter` does: each group has files with the arrays
one after the other, split at any byte. Source: `weightsManifest` in the README of `tfjs-converter`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

import modelspec as ms
from modelspec.cli.program import main
from modelspec.importers.keras_json import architecture
from modelspec.runtime.backend.weights.tfjs_weights import tfjs_arrays

Array = np.ndarray[Any, Any]

CONVOLUTION = {"filters": 3, "kernel_size": [2, 2], "activation": "relu", "name": "features"}
TOPOLOGY = {
    "keras_version": "2.3.1",
    "backend": "tensorflow",
    "model_config": {
        "class_name": "Sequential",
        "config": {
            "name": "small",
            "layers": [
                {
                    "class_name": "Conv2D",
                    "config": {**CONVOLUTION, "batch_input_shape": [None, 4, 4, 2]},
                },
                {"class_name": "Flatten", "config": {"name": "flat"}},
                {"class_name": "Dense", "config": {"units": 2, "name": "scores"}},
            ],
        },
    },
}
random = np.random.default_rng(0)
ARRAYS: dict[str, Array] = {
    "features/kernel": random.normal(size=(2, 2, 2, 3)).astype("float32"),
    "features/bias": random.normal(size=3).astype("float32"),
    "scores/kernel": random.normal(size=(27, 2)).astype("float32"),
    "scores/bias": random.normal(size=2).astype("float32"),
}
IMAGES = random.uniform(-1, 1, (2, 4, 4, 2)).astype("float32")


def packed(array: Array, dtype: str | None) -> tuple[bytes, dict[str, Any]]:
    """The bytes of an array, and what the manifest says about their form."""
    if dtype is None:
        return array.tobytes(), {}
    if dtype == "float16":
        return array.astype("<f2").tobytes(), {"quantization": {"dtype": dtype}}
    least = float(array.min())
    scale = float(array.max() - least) / np.iinfo(dtype).max
    levels = np.round((array.astype("float64") - least) / scale).astype(dtype)
    about = {"dtype": dtype, "scale": scale, "min": least, "original_dtype": str(array.dtype)}
    return levels.tobytes(), {"quantization": about}


def group(names: Sequence[str], number: int, size: int, dtype: str | None, folder: Path) -> Any:
    """One group of the manifest, whose numbers are in files of `size` bytes."""
    contents, weights = b"", []
    for name in names:
        array = ARRAYS[name]
        data, about = packed(array, dtype)
        contents += data
        stated = {"name": name, "shape": list(array.shape), "dtype": str(array.dtype), **about}
        weights.append(stated)
    parts = [contents[start : start + size] for start in range(0, len(contents), size)]
    paths = [f"group{number}-shard{place + 1}of{len(parts)}.bin" for place in range(len(parts))]
    for path, part in zip(paths, parts, strict=True):
        (folder / path).write_bytes(part)
    return {"paths": paths, "weights": weights}


def written(folder: Path, dtype: str | None = None, size: int = 50) -> Path:
    """A `model.json` with the weights of its layers in two groups."""
    groups = [
        group([name for name in ARRAYS if name.startswith(layer)], number, size, dtype, folder)
        for number, layer in enumerate(("features", "scores"), 1)
    ]
    path = folder / "model.json"
    path.write_text(
        json.dumps({"format": "layers-model", "modelTopology": TOPOLOGY, "weightsManifest": groups})
    )
    return path


def read(path: Path) -> list[Array]:
    found = tfjs_arrays(path, path.name, architecture(TOPOLOGY["model_config"]))
    return [entry.read() for layer in ("features", "scores") for entry in found.layers[layer]]


@pytest.mark.parametrize("size", [7, 50, 10**6])
def test_arrays_continue_in_the_next_file(size: int, tmp_path: Path) -> None:
    path = written(tmp_path, size=size)
    assert len(list(tmp_path.glob("*.bin"))) == sum(-(-count // size) for count in (108, 224))
    for found, array in zip(read(path), ARRAYS.values(), strict=True):
        np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize(("dtype", "steps"), [("uint8", 255), ("uint16", 65535)])
def test_quantized_numbers_are_within_half_a_step(dtype: str, steps: int, tmp_path: Path) -> None:
    for found, array in zip(read(written(tmp_path, dtype)), ARRAYS.values(), strict=True):
        assert found.dtype == np.float32
        step = float(array.max() - array.min()) / steps
        assert np.abs(found - array).max() <= step / 2 + 1e-6


def test_numbers_in_half_precision_are_read_exactly(tmp_path: Path) -> None:
    for found, array in zip(read(written(tmp_path, "float16")), ARRAYS.values(), strict=True):
        np.testing.assert_array_equal(found, array.astype("float16").astype("float32"))


def test_quantized_integers_are_rounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    integers = np.array([-3, 100, 254], "int32")
    monkeypatch.setitem(ARRAYS, "features/bias", integers)
    found = read(written(tmp_path, "uint8"))[1]
    assert found.dtype == np.int32 and np.abs(found - integers).max() <= 1


def imported(path: Path, tmp_path: Path) -> Result:
    weights = tmp_path / "weights.safetensors"
    arguments = [str(path), "-o", str(tmp_path / "model.yaml"), "--weights", str(weights)]
    return CliRunner().invoke(main, ["import", *arguments])


def computed(kernel: Array, bias: Array, dense: Array, offset: Array) -> Array:
    """The outputs in float64."""
    windows = np.lib.stride_tricks.sliding_window_view(IMAGES.astype("float64"), (2, 2), (1, 2))
    features = np.maximum(np.einsum("bxychw,hwcf->bxyf", windows, kernel) + bias, 0)
    return features.reshape(len(IMAGES), -1) @ dense + offset


@pytest.mark.tensorflow
@pytest.mark.parametrize("dtype", [None, "uint8"])
def test_the_model_computes_with_the_numbers_of_the_files(
    dtype: str | None, tmp_path: Path
) -> None:
    from modelspec.importers.import_model import import_model
    from modelspec.importers.model_files import read_model
    from modelspec.runtime.backend.imported_weights import built, load_into

    path = written(tmp_path, dtype)
    result = imported(path, tmp_path)
    assert result.exit_code == 0, result.stderr
    assert ms.load_spec(tmp_path / "model.yaml").graph.parameters == 83
    file = read_model(path)
    found = import_model(file.model).value
    assert found is not None
    model = built(found)
    load_into(model, found, path)
    outputs = np.asarray(model(IMAGES))
    np.testing.assert_allclose(outputs, computed(*read(path)), rtol=1e-5, atol=1e-5)


@pytest.mark.tensorflow
def test_a_missing_file_is_reported(tmp_path: Path) -> None:
    path = written(tmp_path)
    (tmp_path / "group2-shard2of5.bin").unlink()
    result = imported(path, tmp_path)
    assert result.exit_code == 3 and "group2-shard2of5.bin" in result.stderr
