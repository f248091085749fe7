"""Constants and nested lists among the tensors that layers and operations are called with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modelspec.importers.import_model import Imported, from_json, import_model
from modelspec.importers.model_files import read_model
from modelspec.views.resolve.dump import dump

ONE = [[[0.5, -1.0], [2.0, 0.25]]]
"""Numbers for a batch of one example."""


def graph(kind: str, node: Any, **config: Any) -> str:
    """A model of tf.keras 2.15: two `Dense`, and a layer that is called with `node`."""
    layers = [
        {
            "class_name": "InputLayer",
            "name": "x",
            "config": {"name": "x", "batch_input_shape": [None, 2, 2]},
            "inbound_nodes": [],
        },
        *(
            {
                "class_name": "Dense",
                "name": name,
                "config": {"name": name, "units": 2},
                "inbound_nodes": [[["x", 0, 0, {}]]],
            }
            for name in ("first", "second")
        ),
        {
            "class_name": kind,
            "name": "joined",
            "config": {"name": "joined", **config},
            "inbound_nodes": [node],
        },
        {
            "class_name": "Dense",
            "name": "end",
            "config": {"name": "end", "units": 2},
            "inbound_nodes": [[["joined", 0, 0, {}]]],
        },
    ]
    config = {
        "name": "m",
        "layers": layers,
        "input_layers": [["x", 0, 0]],
        "output_layers": [["end", 0, 0]],
    }
    return json.dumps({"class_name": "Functional", "keras_version": "2.15.0", "config": config})


def constant(value: Any) -> list[Any]:
    return ["_CONSTANT_VALUE", -1, value, {}]


FIRST, SECOND = ["first", 0, 0, {}], ["second", 0, 0, {}]


def test_a_constant_in_the_list_of_a_layer_is_an_entry() -> None:
    found = from_json(graph("Add", [FIRST, constant(ONE), SECOND])).value
    assert found is not None and "[[0.5, -1.0], [2.0, 0.25]], name: constant" in dump(found)


def test_a_constant_as_a_named_tensor_is_an_entry() -> None:
    node = [["first", 0, 0, {"value": ONE}]]
    found = from_json(graph("MultiHeadAttention", node, num_heads=1, key_dim=2, value_dim=2)).value
    assert found is not None and '"Constant"' in json.dumps(found)
    (entry,) = [
        one["MultiHeadAttention"] for one in found["model"]["layers"] if "MultiHeadAttention" in one
    ]
    assert entry["from"] == {"query": "first", "value": "constant"}


@pytest.mark.parametrize(
    ("node", "reason"),
    [
        ([FIRST, constant([*ONE, *ONE])], "a batch of 2 examples"),
        ([FIRST, constant(2.0)], "called with a number"),
        ([FIRST, constant([1.0, 2.0])], "called with a number"),
        ([FIRST, [FIRST, SECOND]], "nested lists of tensors"),
    ],
    ids=["batch", "number", "vector", "nested"],
)
def test_what_no_layer_can_be_called_with_is_reported_for_this_layer(
    node: Any, reason: str
) -> None:
    found = from_json(graph("Add", node))
    (fault,) = found.diagnostics
    assert fault.code == "MS742" and reason in fault.message
    assert "`joined`" in fault.message


# With Keras ---------------------------------------------------------------------------------------


def models() -> dict[str, Any]:
    """Models of Keras 3 with constants, and with nested lists of tensors."""
    import keras
    from keras import layers, ops

    numbers = np.random.default_rng(0).normal(size=(1, 4, 3)).astype("float32")
    x = keras.Input((4, 3), name="x")
    part = layers.Dense(3)(x)
    a, b, c = (keras.Input((3,), name=name) for name in "abc")
    total = layers.Add()([layers.Dense(2)(one) for one in (a, b, c)])
    inner = keras.Model([a, [b, c]], total, name="inner")
    return {
        "operation": keras.Model(x, layers.Dense(2)(part * numbers)),
        "layer": keras.Model(x, layers.Dense(2)(layers.Add()([part, numbers]))),
        "twice": keras.Model(x, layers.Add()([part * numbers, layers.Multiply()([part, numbers])])),
        "attention": keras.Model(
            x, layers.MultiHeadAttention(2, 2)(part, ops.convert_to_tensor(numbers))
        ),
        "nested": keras.Model(x, inner([x[:, 0], [x[:, 1], x[:, 2]]])),
    }


@pytest.mark.tensorflow
@pytest.mark.parametrize("ending", [".keras", ".h5"])
def test_the_weights_of_a_file_with_constants_give_the_same_outputs(
    ending: str, tmp_path: Path
) -> None:
    data = np.random.default_rng(1).normal(size=(1, 4, 3)).astype("float32")
    for name, model in models().items():
        path = tmp_path / f"{name}{ending}"
        model.save(path)
        found = import_model(read_model(path).model)
        assert found.value is not None, (name, [str(one) for one in found.diagnostics])
        outputs = with_weights(found.value, path)(data)
        np.testing.assert_allclose(np.asarray(outputs), np.asarray(model(data)), atol=1e-5)


def with_weights(found: Imported, path: Path) -> Any:
    from modelspec.runtime.backend.imported_weights import built, load_into

    model = built(found)
    load_into(model, found, path)
    return model


@pytest.mark.tensorflow
def test_a_missing_weight_is_still_reported(tmp_path: Path) -> None:
    from modelspec.runtime.data.errors import RunError

    model = models()["operation"]
    model.save(tmp_path / "whole.keras")
    found = import_model(read_model(tmp_path / "whole.keras").model).value
    assert found is not None
    import keras

    few = keras.Sequential([keras.Input((4, 3)), keras.layers.Dense(3)])
    few.save(tmp_path / "few.keras")
    with pytest.raises(RunError, match="MS745"):
        with_weights(found, tmp_path / "few.keras")
