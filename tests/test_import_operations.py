"""Model files that are read without a framework: operations, tokenizers, SavedModels."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from modelspec.compiler.pipeline import compile_spec
from modelspec.importers.architecture import Unreadable
from modelspec.importers.import_model import from_json, import_model
from modelspec.importers.model_files import read_model
from modelspec.importers.saved_model import described

RECORDS: dict[str, Any] = json.loads(
    Path(__file__).with_name("operations_of_keras.json").read_text("utf-8")
)


@pytest.mark.parametrize(
    ("name", "formula"),
    [
        ("tf/split_sizes_rest", "x[:, :, 1:]"),
        ("tf/l2_normalize", "x * rsqrt(maximum(sum(square(x), axis=-1, keepdims=True), 1e-12))"),
        ("tf/norm", "sqrt(sum(square(x), axis=-1))"),
        ("tf/tile", "tile(x, [1, 2, 3])"),
        ("graph/slice_newaxis", "x[:, None, :, 0]"),
    ],
)
def test_an_operation_is_a_formula(name: str, formula: str) -> None:
    found = from_json(json.dumps(RECORDS[name]["model"]))
    assert found.ok and found.value is not None
    assert formula in json.dumps(found.value["model"]["layers"])


def test_many_lambdas_are_one_message() -> None:
    layers: list[Any] = [
        {"class_name": "Lambda", "config": {"name": f"lambda_{i}", "function": ["x", None, None]}}
        for i in range(500)
    ]
    layers[0]["config"]["batch_input_shape"] = [None, 4]
    model = {"class_name": "Sequential", "config": {"name": "s", "layers": layers}}
    (found,) = import_model(model).diagnostics
    assert "500 layers" in found.message and "`lambda_0`" in found.message


def tokenizer(**config: Any) -> dict[str, Any]:
    words = json.dumps({"the": 1, "a": 2, "cat": 3})
    return {"class_name": "Tokenizer", "config": {"word_index": words, **config}}


def test_a_tokenizer_is_a_lookup_with_its_numbers() -> None:
    found = from_json(json.dumps(tokenizer(num_words=3, oov_token=None)))
    assert found.value is not None
    (layer,) = found.value["model"]["layers"]
    assert layer["StringLookup"]["vocabulary"] == ["the", "a"]
    assert layer["StringLookup"]["num_oov_indices"] == 0


def message(number: int, contents: bytes) -> bytes:
    """A field of a protocol buffer."""
    assert len(contents) < 2**14
    size = len(contents)
    length = bytes([size]) if size < 128 else bytes([size & 127 | 128, size >> 7])
    return bytes([number << 3 | 2]) + length + contents


def test_a_saved_model_is_read_from_its_description(tmp_path: Path) -> None:
    dense = {"class_name": "Dense", "config": {"name": "d", "units": 2}}
    dense["config"]["batch_input_shape"] = [None, 3]  # type: ignore[index]
    root = {
        "class_name": "Sequential",
        "config": {"name": "s", "layers": [dense]},
        "keras_version": "2.11.0",
    }
    nodes = (("root", root), ("root.layer_with_weights-0", {"name": "d"}))
    data = b"".join(
        message(1, message(3, path.encode()) + message(5, json.dumps(one).encode()))
        for path, one in nodes
    )
    (tmp_path / "keras_metadata.pb").write_bytes(data)
    assert described(tmp_path).layers == {"layer_with_weights-0": "d"}
    file = read_model(tmp_path)
    assert file.form == "saved_model" and file.has_weights
    found = import_model(file.model, file.training).value
    assert found is not None and compile_spec(found.spec).ok
    (tmp_path / "keras_metadata.pb").write_bytes(data[:-3])
    with pytest.raises(Unreadable):
        described(tmp_path)


def test_components_in_the_form_in_which_keras_serializes_them() -> None:
    function = {"class_name": "function", "config": "relu", "module": "builtins"}
    l2 = {"module": "keras.regularizers", "class_name": "L2", "config": {"l2": 0.1}}
    dense = {"units": 2, "activation": function, "kernel_regularizer": l2}
    found = compile_spec({"model": {"inputs": {"x": [3]}, "layers": [{"Dense": dense}]}})
    assert found.ok, [str(one) for one in found.diagnostics]
