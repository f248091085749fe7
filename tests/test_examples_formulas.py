"""The long formulas of the examples compute what NumPy and Keras compute."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import modelspec as ms

from .example_data import EXAMPLES, rng

pytestmark = pytest.mark.tensorflow


def inner(name: str, folder: Path, sizes: Mapping[str, Any], tensors: list[str]) -> Any:
    """A small model of an example, without its data, whose outputs are tensors inside it."""
    text = (EXAMPLES / f"{name}.yaml").read_text("utf-8")
    (folder / "model.yaml").write_text(text.split("\ndata:")[0] + "\n", "utf-8")
    overrides = {f"vars.{key}": value for key, value in sizes.items()}
    overrides |= {"model.outputs": tensors}
    return ms.load_spec(folder / "model.yaml", overrides=overrides).build()


def test_fnet_mixes_by_the_real_part_of_a_transform_over_both_axes(tmp_path: Path) -> None:
    sizes = {"words": 9, "length": 6, "width": 4, "hidden": 4, "depth": 1}
    given, mixed = "positional_embedding_embedded", "encoder_expression"
    model = inner("fnet_classification_with_keras_hub", tmp_path, sizes, [given, mixed])
    found = model.predict(rng().integers(0, 9, (3, 6)), verbose=0)
    np.testing.assert_allclose(found[mixed], np.fft.fft2(found[given]).real, atol=1e-4)


def test_a_tree_sends_every_example_to_its_leaves(tmp_path: Path) -> None:
    """The leaves of each tree are reached with probabilities that NumPy multiplies along the paths."""
    sizes = {"trees": 2, "depth": 3}
    left, reach = "tree_2_left", "tree_2_reach_3"
    model = inner("deep_neural_decision_forests", tmp_path, sizes, [left, reach])
    draw = rng()
    inputs: dict[str, Any] = {
        one.name: draw.integers(0, 2, (5, *one.shape[1:])) for one in model.inputs
    }
    inputs["numbers"] = draw.normal(size=(5, 5))
    found = model.predict(inputs, verbose=0)
    decisions, leaves = found[left], found[reach]
    for leaf in range(8):
        expected = np.ones(5)
        for level in range(3):
            node = 2**level + (leaf >> (3 - level))
            right = (leaf >> (2 - level)) & 1
            expected *= 1 - decisions[:, node] if right else decisions[:, node]
        np.testing.assert_allclose(leaves[:, leaf], expected, rtol=1e-5)


def test_a_message_changes_an_atom_as_a_step_of_a_gru(tmp_path: Path) -> None:
    import keras

    sizes = {"atoms": 4, "bonds": 5, "width": 30, "rounds": 1}
    names = ["state_0", "received_0", "after_0"]
    model = inner("mpnn-molecular-graphs", tmp_path, sizes, names)
    draw = rng()
    inputs = {
        "atoms": draw.normal(size=(2, 4, 29)),
        "bonds": draw.random((2, 5, 7)),
        "pairs": draw.integers(0, 4, (2, 5, 2)),
        "mask": np.ones((2, 4)),
    }
    found = model.predict(inputs, verbose=0)
    state, received, after = (found[name].reshape(-1, 30) for name in names)
    cell = keras.layers.GRUCell(30)
    cell.build((None, 30))
    kernels = [model.get_layer(one).get_weights() for one in ("message", "memory")]
    cell.set_weights([kernels[0][0], kernels[1][0], np.stack([kernels[0][1], kernels[1][1]])])
    np.testing.assert_allclose(after, cell(received, [state])[0], atol=1e-5)
