"""Padding has a place of its own in a lookup: what fills up is masked where the spec does not say
`mask_token`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import modelspec as ms
from modelspec.runtime.data import RunError, prepare
from modelspec.runtime.data.adapted_state import FeatureState, State

pytestmark = pytest.mark.tensorflow

WORDS = [["b", "a"], ["a", "c", "a", "b", "a"], []]
NUMBERS = [[7, 30], [7, 5, 7, 30, 7], []]
SIZE = 4


def spec_of(rows: list[Any], layer: Any, folder: Path, shape: list[Any], **pad: Any) -> Any:
    text = "".join(f"{json.dumps({'x': row, 'y': 1})}\n" for row in rows)
    (folder / "d.jsonl").write_text(text, encoding="utf-8")
    feature = {"column": "x", "pad": {"length": SIZE, "padding": "post", **pad}}
    spec = {
        "model": {
            "inputs": {"x": {"shape": shape, "dtype": "float32"}},
            "layers": ["Flatten", {"Dense": {"units": 1, "name": "y"}}],
        },
        "data": {
            "train": {"jsonl": "d.jsonl"},
            "inputs": {"x": {**feature, "transform": [layer]}},
            "targets": {"y": {"column": "y"}},
        },
        "training": {"loss": "mse", "batch_size": 1},
    }
    path = folder / "spec.json"
    path.write_text(json.dumps(spec), encoding="utf-8")
    return ms.load_spec(path).compiled


def values_of(*given: Any, **pad: Any) -> Any:
    found = prepare(spec_of(*given, **pad)).parts["train"].examples.inputs["x"]
    return found.tolist()


def test_a_word_for_padding_is_0_and_one_for_unknown_words_1(tmp_path: Path) -> None:
    # `pre` keeps the last 4 of 5 words; all of them are counted: a 4, b 2, c 1
    expected = [[3, 2, 0, 0], [4, 2, 3, 2], [0, 0, 0, 0]]
    assert values_of(WORDS, "StringLookup", tmp_path, [SIZE]) == expected


def test_the_numbers_are_those_of_keras_with_the_mask_token_written(tmp_path: Path) -> None:
    for name, rows, token in (("StringLookup", WORDS, ""), ("IntegerLookup", NUMBERS, 0)):
        for mode, size in (("int", SIZE), ("multi_hot", 4), ("count", 4)):
            shape = [size]
            plain = {name: {"output_mode": mode}}
            written = {name: {"output_mode": mode, "mask_token": token}}
            assert values_of(rows, plain, tmp_path, shape) == values_of(
                rows, written, tmp_path, shape
            ), (name, mode)


def test_a_given_vocabulary_and_another_filler(tmp_path: Path) -> None:
    layer = {"StringLookup": {"vocabulary": ["a", "b"]}}
    found = values_of(WORDS, layer, tmp_path, [SIZE], value="<pad>")
    assert found == [[3, 2, 0, 0], [1, 2, 3, 2], [0, 0, 0, 0]]


def test_what_the_spec_says_stays(tmp_path: Path) -> None:
    unmasked = {"StringLookup": {"mask_token": None, "vocabulary": ["a", "b", "c"]}}
    assert values_of(WORDS, unmasked, tmp_path, [SIZE])[0] == [2, 1, 0, 0]
    filler_is_a_word = {"StringLookup": {"vocabulary": ["", "a", "b", "c"]}}
    assert values_of(WORDS, filler_is_a_word, tmp_path, [SIZE])[0] == [3, 2, 1, 1]


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        ({"TextVectorization": {"split": None, "output_sequence_length": SIZE}}, [SIZE]),
        ({"Hashing": 5}, [SIZE]),
        ({"StringLookup": {"output_mode": "one_hot"}}, [SIZE, 4]),
        ({"StringLookup": {"output_mode": "tf_idf"}}, [4]),
    ],
)
def test_other_layers_take_padded_texts(layer: Any, shape: list[int], tmp_path: Path) -> None:
    found = values_of(WORDS, layer, tmp_path, shape)
    assert len(found) == 3
    assert not np.any(found[2]), "an example of padding alone is nothing but zeros"


def test_a_target_that_has_a_place_for_unknown_labels_keeps_it_for_padding(tmp_path: Path) -> None:
    spec = Path(tmp_path / "spec.json")
    spec_of(WORDS, "StringLookup", tmp_path, [SIZE])
    written = json.loads(spec.read_text(encoding="utf-8"))
    written["data"]["targets"] = {"y": {**written["data"]["inputs"]["x"]}}
    written["model"] = {
        "inputs": {"x": {"shape": [SIZE], "dtype": "int32"}},
        "layers": [
            {"Embedding": {"input_dim": 9, "output_dim": 2}},
            {"Dense": {"units": 4, "activation": "softmax", "name": "y"}},
        ],
    }
    written["training"]["loss"] = "sparse_categorical_crossentropy"
    spec.write_text(json.dumps(written), encoding="utf-8")
    found = prepare(ms.load_spec(spec).compiled).parts["train"].examples
    assert found.targets["y"].tolist()[0] == [2, 1, 0, 0]
    assert found.inputs["x"].tolist()[0] == [3, 2, 0, 0]


def test_a_run_that_learned_without_a_mask_token_keeps_its_numbers(tmp_path: Path) -> None:
    compiled = spec_of(WORDS, "StringLookup", tmp_path, [SIZE])
    learned = ({"vocabulary": ("a", "b", "c")},)
    state = State(
        {
            ("inputs", "x"): FeatureState(True, length=SIZE, learned=learned),
            ("targets", "y"): FeatureState(False),
        }
    )
    found = prepare(compiled, state=state).parts["train"].examples.inputs["x"]
    assert found.tolist()[0] == [2, 1, 0, 0]


def test_a_word_that_is_missing_is_still_missing(tmp_path: Path) -> None:
    with pytest.raises(RunError) as caught:
        values_of([["a", ""], ["b"]], "StringLookup", tmp_path, [SIZE])
    assert [one.code for one in caught.value.diagnostics] == ["MS608"]
