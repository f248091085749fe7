"""Capital letters beyond A to Z: `TextVectorization` keeps them, `lowercase: unicode` lowers them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modelspec.compiler.pipeline import Compiled, compile_spec
from modelspec.runtime.data import DataError, prepare
from modelspec.runtime.data.letter_case import first_capital, lowered
from modelspec.runtime.data.python_objects import table_from

WORDS = ["École ÉTÉ", "école été", "STRASSE", "Οδός ΟΔΌΣ", "plain", "İstanbul", "Ǆ"]


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [json.dumps({"text": text, "y": i % 2}) for i, text in enumerate(WORDS)]
    Path("t.jsonl").write_text("\n".join(rows), encoding="utf-8")


def spec(feature: Any, shape: list[int | None], dtype: str = "int64", **data: Any) -> Compiled:
    first = [{"Embedding": {"input_dim": 99, "output_dim": 2}}, "Flatten"] if shape else []
    if dtype == "string":
        first = [{"TextVectorization": {"vocabulary": ["a"], "output_sequence_length": 3}}, *first]
    checked = compile_spec(
        {
            "model": {
                "inputs": {"x": {"shape": shape, "dtype": dtype}},
                "layers": [*first, {"Dense": {"units": 1, "name": "y"}}],
            },
            "data": {
                "source": {"jsonl": "t.jsonl"},
                "inputs": {"x": feature},
                "targets": {"y": {"column": "y"}},
                **data,
            },
            "training": {"loss": "mse", "batch_size": 1},
        }
    )
    assert checked.ok and checked.value is not None, [str(one) for one in checked.diagnostics]
    return checked.value


def warnings(compiled: Compiled) -> list[str]:
    return [one.message for one in prepare(compiled).warnings if one.code == "MS667"]


def test_lowered_as_python_lowers() -> None:
    assert lowered(np.array(WORDS, object)).tolist() == [word.lower() for word in WORDS]
    ragged = np.empty(2, object)
    ragged[:] = [np.array(["É", "B"], object), np.array([], object)]
    assert [one.tolist() for one in lowered(ragged)] == [["é", "b"], []]
    assert [first_capital(word) for word in WORDS] == ["É", None, None, "\u039f", None, "İ", "Ǆ"]


@pytest.mark.tensorflow
def test_the_vocabulary_has_one_token_for_a_word() -> None:
    """That of Keras, adapted to the texts as `str.lower` has them."""
    import keras

    layer = {"TextVectorization": {"output_sequence_length": 2}}
    feature = {"column": "text", "lowercase": "unicode", "transform": [layer]}
    compiled = spec(feature, [2])
    prepared = prepare(compiled)
    assert not [one for one in prepared.warnings if one.code == "MS667"]
    oracle = keras.layers.TextVectorization(output_sequence_length=2)
    lower = [word.lower() for word in WORDS]
    oracle.adapt(lower)
    state = prepared.state.features["inputs", "x"]
    assert list(state.layers(prepared.binding.inputs["x"])[0].vocabulary) == (  # type: ignore[attr-defined]
        oracle.get_vocabulary(include_special_tokens=False)
    )
    expected = oracle(np.array(lower)).numpy()
    found = prepared.parts["train"].examples.inputs["x"]
    np.testing.assert_array_equal(found, expected)
    assert prepared.binding.inputs["x"].feature()["lowercase"] == "unicode"


@pytest.mark.tensorflow
def test_capitals_of_the_training_texts_are_warned_of() -> None:
    layer = {"TextVectorization": {"output_sequence_length": 2}}
    said = (
        "`TextVectorization` converts only the letters A to Z to lower case, so that `{}` of `text`"
        " at {} stays a capital"
    )
    plain = {"column": "text", "transform": [layer]}
    assert warnings(spec(plain, [2])) == [said.format("É", "t.jsonl:1")]
    kept = {"TextVectorization": {"output_sequence_length": 2, "standardize": "strip_punctuation"}}
    assert warnings(spec({"column": "text", "transform": [kept]}, [2])) == []
    Path("p.jsonl").write_text(
        "\n".join(
            json.dumps({"text": text, "y": 0, "t": t})
            for t, text in enumerate(["a", "b Ö", "c", "É", "È"])
        )
    )
    split = {"source": {"jsonl": "p.jsonl"}, "split": {"test": 0.4, "order": "t"}}
    assert warnings(spec(plain, [2], **split)) == [said.format("Ö", "p.jsonl:2")]
    split = {"source": {"jsonl": "p.jsonl"}, "split": {"test": 0.8, "order": "t"}}
    assert warnings(spec(plain, [2], **split)) == []


def test_a_layer_of_the_model_is_warned_of_too() -> None:
    assert len(warnings(spec({"column": "text"}, [1], "string"))) == 1
    lower = spec({"column": "text", "lowercase": "unicode"}, [1], "string")
    assert warnings(lower) == []
    found = prepare(lower).parts["train"].examples.inputs["x"].ravel().tolist()
    assert found == [word.lower() for word in WORDS]


@pytest.mark.tensorflow
def test_other_transforms_padding_and_missing_values() -> None:
    rows = [{"l": ["É", "B"], "w": "Ä"}, {"l": ["é"], "w": None}, {"l": ["b"], "w": "ä"}]
    Path("t.jsonl").write_text("\n".join(json.dumps({**row, "y": 0}) for row in rows))
    look = {"StringLookup": {"mask_token": "PAD", "num_oov_indices": 0}}
    pad = {"length": 3, "value": "PAD", "padding": "post"}
    words = {"column": "l", "lowercase": "unicode", "pad": pad, "transform": [look]}
    found = prepare(spec(words, [3])).parts["train"].examples.inputs["x"].tolist()
    b, e = found[2][0], found[1][0]
    assert {b, e} == {1, 2} and found == [[e, b, 0], [e, 0, 0], [b, 0, 0]]
    for fill in ("most_frequent", "Ä"):
        one = [{"StringLookup": {"num_oov_indices": 0}}]
        single = {"column": "w", "lowercase": "unicode", "missing": fill, "transform": one}
        found = prepare(spec(single, [1])).parts["train"].examples.inputs["x"].ravel().tolist()
        assert found == [0, 0, 0]


def test_numbers_have_no_letters() -> None:
    frame = {"h": np.array([1, 2, 3])}
    np.savez("t.npz", **frame, y=np.zeros(3))
    hashing = {"column": "h", "lowercase": "unicode", "transform": [{"Hashing": {"num_bins": 9}}]}
    with pytest.raises(DataError) as raised:
        prepare(spec(hashing, [1], source={"npz": "t.npz"}))
    assert [one.code for one in raised.value.diagnostics] == ["MS553"]
    assert table_from(frame).column("h").dtype.kind == "i"
