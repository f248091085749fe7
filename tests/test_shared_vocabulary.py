"""One vocabulary of several inputs and targets, against Keras's layers adapted to all texts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modelspec.compiler.pipeline import compile_spec
from modelspec.runtime.data import Prepared, prepare

pytestmark = pytest.mark.tensorflow

QUESTIONS = ["where is it", "who are you", "is it you", "where where"]
ANSWERS = ["it is here", "you are you", "Here it is!", "nobody nobody nobody nobody"]


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MODELSPEC_CACHE", str(tmp_path / "cache"))


def rows(**columns: list[Any]) -> None:
    lines = [
        json.dumps({**dict(zip(columns, values, strict=True)), "y": index})
        for index, values in enumerate(zip(*columns.values(), strict=True))
    ]
    Path("t.jsonl").write_text("\n".join(lines), encoding="utf-8")


def prepared(
    inputs: dict[str, Any], shapes: dict[str, Any], targets: Any = None, **data: Any
) -> Prepared:
    names = list(inputs)
    layers: list[Any] = [
        {"Embedding": {"input_dim": 99, "output_dim": 2, "from": name, "name": f"e_{name}"}}
        for name in names
    ]
    pooled: list[Any] = [
        {"GlobalAveragePooling1D": {"from": f"e_{name}", "name": f"p_{name}"}} for name in names
    ]
    checked = compile_spec(
        {
            "model": {
                "inputs": {name: {"shape": shapes[name], "dtype": "int64"} for name in names},
                "layers": [
                    *layers,
                    *pooled,
                    {"Concatenate": {"from": [f"p_{name}" for name in names], "name": "all"}},
                    {"Dense": {"units": 9, "name": "y", "activation": "softmax"}},
                ],
            },
            "data": {
                "source": {"jsonl": "t.jsonl"},
                "inputs": inputs,
                "targets": {"y": targets or {"column": "y"}},
                **data,
            },
            "training": {"loss": "sparse_categorical_crossentropy", "batch_size": 2},
        }
    )
    assert checked.ok and checked.value is not None, [str(one) for one in checked.diagnostics]
    return prepare(checked.value)


def tokens(found: Prepared, name: str, kind: str = "inputs") -> tuple[Any, ...]:
    (known,) = found.state.features[kind, name].learned
    assert known is not None
    return tuple(known["vocabulary"])


def test_texts_of_both_columns() -> None:
    """The training rows alone: `nobody` is in the test part."""
    import keras

    rows(q=QUESTIONS, a=ANSWERS, t=[0, 1, 2, 3])
    first = {"TextVectorization": {"max_tokens": 9, "output_sequence_length": 4}}
    other = {"TextVectorization": {"vocabulary": {"of": "q"}, "output_sequence_length": 3}}
    found = prepared(
        {"q": {"column": "q", "transform": [first]}, "a": {"column": "a", "transform": [other]}},
        {"q": [4], "a": [3]},
        split={"test": 0.25, "order": "t"},
    )
    oracle = keras.layers.TextVectorization(max_tokens=9)
    oracle.adapt(QUESTIONS[:3] + ANSWERS[:3])
    assert list(tokens(found, "q")) == oracle.get_vocabulary(include_special_tokens=False)
    assert tokens(found, "a") == tokens(found, "q")
    values = found.parts["train"].examples.inputs
    words = oracle(np.array(ANSWERS)).numpy()[:, :3]
    np.testing.assert_array_equal(values["a"][:, : words.shape[1]], words)


def test_an_item_and_a_list_of_items() -> None:
    """An item has one index, although only the list has padding."""
    history = [["a", "b"], ["c"], ["b", "a", "d"], ["a"]]
    items = ["c", "a", "e", "b"]
    rows(history=history, item=items)
    found = prepared(
        {
            "history": {"column": "history", "pad": 3, "transform": ["StringLookup"]},
            "item": {
                "column": "item",
                "transform": [{"StringLookup": {"vocabulary": {"of": "history"}}}],
            },
        },
        {"history": [3], "item": [1]},
    )
    values = found.parts["train"].examples.inputs
    place = {token: index + 2 for index, token in enumerate(tokens(found, "history"))}
    assert set(place) == set("abcde") and tokens(found, "item") == tokens(found, "history")
    assert values["item"].ravel().tolist() == [place[one] for one in items]
    assert values["history"].tolist() == [
        [0] * (3 - len(one)) + [place[item] for item in one] for one in history
    ]


def _of(name: str) -> list[Any]:
    return [{"StringLookup": {"vocabulary": {"of": name}}}]


def test_an_input_and_a_target_through_a_third() -> None:
    """With an explicit vocabulary nothing is learned; the target takes it over."""
    rows(p=["x", "y", "z", "x"], n=["y", "z", "x", "x"], m=["z", "z", "y", "x"])
    look = {"StringLookup": {"vocabulary": ["z", "y", "x"], "num_oov_indices": 0}}
    found = prepared(
        {"p": {"column": "p", "transform": _of("m")}, "m": {"column": "m", "transform": [look]}},
        {"p": [1], "m": [1]},
        {"column": "n", "transform": _of("p")},
    )
    examples = found.parts["train"].examples
    assert examples.inputs["p"].ravel().tolist() == [2, 1, 0, 2]
    assert examples.targets["y"].ravel().tolist() == [1, 0, 2, 2]
    assert examples.inputs["m"].ravel().tolist() == [0, 0, 1, 2]


def test_numbers_and_a_weighted_encoding() -> None:
    """`tf_idf` of one column learns its weights from the rows of both."""
    import keras

    rows(a=[[1, 2], [2], [3, 3], [1]], b=[[2], [2, 1], [4], [1]])
    checked = compile_spec(
        {
            "model": {
                "inputs": {"a": {"shape": [2], "dtype": "int64"}, "b": [5]},
                "layers": [{"Dense": {"units": 1, "name": "y", "from": "b"}}],
            },
            "data": {
                "source": {"jsonl": "t.jsonl"},
                "inputs": {
                    "a": {
                        "column": "a",
                        "pad": 2,
                        "transform": [{"IntegerLookup": {"mask_token": None}}],
                    },
                    "b": {
                        "column": "b",
                        "pad": 2,
                        "transform": [
                            {
                                "IntegerLookup": {
                                    "vocabulary": {"of": "a"},
                                    "mask_token": None,
                                    "output_mode": "tf_idf",
                                }
                            }
                        ],
                    },
                },
                "targets": {"y": {"column": "y"}},
            },
            "training": {"loss": "mse", "batch_size": 2},
        }
    )
    assert checked.value is not None
    found = prepare(checked.value)
    layer = keras.layers.IntegerLookup(output_mode="tf_idf")
    import tensorflow as tf

    layer.adapt(
        tf.ragged.constant([[1, 2], [2], [3, 3], [1], [2], [2, 1], [4], [1]], dtype="int64")
    )
    known = found.state.features["inputs", "b"].learned[0]
    assert known is not None
    assert list(known["vocabulary"]) == layer.get_vocabulary(include_special_tokens=False)
    np.testing.assert_allclose(known["idf_weights"], layer.idf_weights[1:], rtol=1e-6)
    assert "idf_weights" not in (found.state.features["inputs", "a"].learned[0] or {})


def test_a_vocabulary_waits_for_layers_before_it() -> None:
    """The layer of one column is its second one that learns."""
    rows(a=[0.0, 1.0, 2.0, 9.0], b=[2, 0, 1, 5])
    bins = {"Discretization": {"num_bins": 3}}
    found = prepared(
        {
            "b": {"column": "b", "transform": ["IntegerLookup"]},
            "a": {
                "column": "a",
                "transform": [bins, {"IntegerLookup": {"vocabulary": {"of": "b"}}}],
            },
        },
        {"a": [1], "b": [1]},
    )
    known = found.state.features["inputs", "a"].learned
    assert known[0] is not None and known[1] is not None
    assert known[1]["vocabulary"] == tokens(found, "b")
    assert set(tokens(found, "b")) == {0, 1, 2, 5}
