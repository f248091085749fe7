"""Sums of tensors that are broadcast along any axis, against NumPy: `keras.ops.add` takes a tensor
with one axis larger than 1 for a bias, and adds it along an axis of the same size.
"""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import modelspec as ms

pytestmark = pytest.mark.tensorflow

SHAPES = [
    shape
    for rank in (1, 2, 3, 4)
    for shape in itertools.product((1, 4), repeat=rank)
    if rank < 4 or shape[0] == 4
]


@pytest.mark.parametrize("dtype", ["float32", "int32"])
def test_a_sum_is_that_of_numpy_for_every_axis(dtype: str) -> None:
    from keras import ops

    from modelspec.runtime.backend.formula_functions import operation

    for first, second in itertools.product(SHAPES, SHAPES):
        x, y = (np.arange(np.prod(shape)).reshape(shape).astype(dtype) for shape in (first, second))
        found = operation("add")(ops.convert_to_tensor(x), ops.convert_to_tensor(y))
        np.testing.assert_array_equal(np.asarray(found), x + y, str((first, second)))


def test_a_model_adds_a_vector_along_the_width_of_a_square_image() -> None:
    spec = {
        "model": {
            "inputs": {"x": [4, 4, 1]},
            "layers": [{"Expression": "x + arange(4)[None, None, :, None]"}],
        }
    }
    image = np.zeros((2, 4, 4, 1), "float32")
    found = np.asarray(ms.load_spec(spec).build()(image))
    np.testing.assert_array_equal(found, image + np.arange(4)[None, None, :, None])


def test_an_exported_script_adds_it_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    image = np.zeros((8, 4, 4, 1), "float32")
    np.savez("images.npz", x=image)
    spec = {
        "model": {
            "inputs": {"x": [4, 4, 1]},
            "layers": [
                {"Expression": "x + arange(4)[None, None, :, None] + 1"},
                {"Conv2D": {"filters": 1, "kernel_size": 1, "kernel_initializer": "ones"}},
            ],
        },
        "data": {"source": {"npz": "images.npz"}, "inputs": "x", "targets": "x"},
        "training": {"loss": "mse", "optimizer": {"SGD": 0.0}, "epochs": 1},
    }
    ms.load_spec(spec).train("run")
    ms.export("run", "python", "script.py")
    names: dict[str, Any] = {"__name__": "script", "__file__": "script.py"}
    exec(compile(Path("script.py").read_text("utf-8"), "script.py", "exec"), names)
    found = np.asarray(names["build_model"]()(image))
    np.testing.assert_array_equal(found, image + np.arange(4)[None, None, :, None] + 1)
