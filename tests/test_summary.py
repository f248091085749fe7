"""The table that `show` prints, and the same for programs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import modelspec as ms
from modelspec.compiler.infer import TypedGraph
from modelspec.views.summary import as_json, record, table

CONFIGS = sorted((Path(__file__).parent.parent / "configs").glob("*.yaml"))


def graph(**model: object) -> TypedGraph:
    return ms.load_spec({"model": model}).graph


def rows(text: str) -> dict[str, list[str]]:
    """The words of each row by its first."""
    return {words[0]: words[1:] for line in text.splitlines() if (words := line.split())}


def test_a_chain_reads_from_top_to_bottom() -> None:
    typed = graph(
        inputs={"image": [8, 8, 1]},
        layers=[
            {"Conv2D": {"filters": 32, "kernel_size": 3}},
            "Flatten",
            {"Dense": {"units": 1000, "name": "scores"}},
        ],
    )
    assert (
        table("digits", typed)
        == """\
digits

layer    kind     output      parameters  mult-adds
image    input    [8, 8, 1]
conv2d   Conv2D   [6, 6, 32]         320     10.4 k
flatten  Flatten  [1152]
scores   Dense    [1000]       1,153,000      1.2 M

parameters     1,153,320 (1,153,320 trainable), 4.6 MB
multiply-adds  1.2 M for one example
output         scores [1000]
"""
    )


def test_a_shared_model_is_shown_once_below_its_first_call() -> None:
    typed = graph(
        inputs={"left": [784], "right": [784]},
        shared={"encoder": [{"Dense": 128}, {"Dense": 32}], "judge": {"Dense": 1}},
        layers=[
            {"encoder": {"from": "left", "name": "a"}},
            {"encoder": {"from": "right", "name": "b"}},
            {"Concatenate": {"from": ["a", "b"]}},
            "judge",
        ],
    )
    assert (
        table("siamese", typed)
        == """\
siamese

layer        kind              from   output  parameters  mult-adds
left         input                    [784]
right        input                    [784]
a            encoder           left   [32]       104,608    104.4 k
  dense      Dense                    [128]      100,480    100.4 k
  dense_1    Dense                    [32]         4,128      4.1 k
b            encoder (shared)  right  [32]                  104.4 k
concatenate  Concatenate       a, b   [64]
judge        judge (Dense)            [1]             65         64

parameters     104,673 (104,673 trainable), 418.7 kB
multiply-adds  209.0 k for one example
output         judge [1]
"""
    )


def test_only_what_is_unusual_is_said() -> None:
    """Where a tensor comes from if not from above, its dtype if not that of the others, what is
    frozen.
    """
    text = table(
        "m",
        graph(
            inputs={"x": [4], "ids": {"shape": [3], "dtype": "int32", "batch_size": 8}},
            layers=[
                {"Dense": {"units": 4, "trainable": False}},
                {"Dense": {"units": 5, "dtype": "float16", "name": "half"}},
                {"Embedding": {"input_dim": 10, "output_dim": 2, "from": "ids"}},
                "Flatten",
                {"Concatenate": {"from": ["half", "flatten"]}},
            ],
        ),
    )
    found = rows(text)
    assert found["ids"] == ["input", "(batches", "of", "8)", "[3]", "int32"]
    assert found["dense"] == ["Dense", "(frozen)", "x", "[4]", "20", "16"]
    assert found["half"] == ["Dense", "[5]", "float16", "25", "20"]
    assert found["embedding"] == ["Embedding", "ids", "[3,", "2]", "20"]
    assert "65 (45 trainable, 20 frozen), 210 bytes" in text


def test_each_output_of_a_call_has_a_row() -> None:
    text = table(
        "m",
        graph(
            inputs={"x": ["time", 4]},
            layers=[
                {"LSTM": {"units": 3, "return_state": True, "name": "read"}},
                {"Dense": {"units": 2, "from": "read.hidden"}},
            ],
        ),
    )
    assert rows(text)[".hidden"] == ["[3]"]
    assert rows(text)[".cell"] == ["[3]"]
    assert rows(text)["dense"][:2] == ["Dense", "read.hidden"]


def test_what_is_not_known_is_named() -> None:
    """Named sizes keep their names; what the data will tell is a question mark, and no total
    pretends to know it.
    """
    typed = graph(
        inputs={"x": ["time", 40]}, layers=[{"Dense": 50}, "GlobalAveragePooling1D", {"Dense": 1}]
    )
    timed = table("m", typed)
    assert rows(timed)["dense"] == ["Dense", "[time,", "50]", "2,050", "time", "*", "2,000"]
    assert "multiply-adds  50 + time * 2,000 for one example" in timed
    pending = table("m", graph(inputs={"x": ["auto"]}, layers=[{"Dense": 6}, {"Dense": 2}]))
    assert rows(pending)["dense"] == ["Dense", "[6]", "?", "?"]
    assert "20 plus those that depend on the data" in pending
    assert "12 for one example, plus those that depend on unknown sizes" in pending


def test_a_model_without_weights_has_none() -> None:
    text = table("m", graph(inputs={"x": [4]}, layers=["Flatten"]))
    assert "parameters     0\n" in text
    assert "parameters  " not in text.splitlines()[2]


@pytest.mark.parametrize("width", [70, 100])
def test_long_names_give_way(width: int) -> None:
    typed = graph(
        inputs={"x": [4]},
        layers=[
            {"Dense": {"units": 4, "name": f"a_layer_with_a_rather_long_name_{i}"}}
            for i in range(3)
        ]
        + [{"Add": {"from": [f"a_layer_with_a_rather_long_name_{i}" for i in range(3)]}}],
    )
    layers = table("m", typed, width=width).split("\n\n")[1]
    assert max(map(len, layers.splitlines())) <= width
    assert "..." in layers


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_example_fits_a_hundred_columns(path: Path) -> None:
    spec = ms.load_spec(path)
    text = table(spec.name, spec.graph)
    assert max(map(len, text.splitlines())) <= 100
    assert all(layer.name in text for layer in spec.graph.layers if len(layer.name) < 30)


def test_the_record_has_the_fields_that_programs_read() -> None:
    typed = graph(
        inputs={"x": ["time", 4], "y": ["auto"]},
        layers=[
            {"LSTM": {"units": 3, "name": "read", "return_state": True}},
            {"Dense": {"units": 2, "from": "y"}},
            {"Concatenate": {"from": ["read.0", "dense"], "name": "both"}},
        ],
    )
    found = record("m", typed)
    assert list(found) == [
        "name",
        "parameters",
        "trainable_parameters",
        "flops",
        "layers",
        "inputs",
        "outputs",
    ]
    assert found["parameters"] is None
    assert found["inputs"] == {
        "x": {"shape": [None, "time", 4], "dtype": "float32"},
        "y": {"shape": [None, "?"], "dtype": "float32"},
    }
    assert found["outputs"] == {"both": {"shape": [None, 5], "dtype": "float32"}}
    assert found["layers"][0] == {
        "name": "read",
        "kind": "LSTM",
        "inputs": ["x"],
        "output_shape": [[None, 3]] * 3,
        "output_dtype": ["float32"] * 3,
        "parameters": 96,
        "trainable_parameters": 96,
        "flops": None,
    }
    assert found["layers"][2]["inputs"] == ["read.0", "dense"]
    assert json.loads(as_json("m", typed)) == found


def test_a_layer_has_a_line_of_json() -> None:
    text = as_json("m", graph(inputs={"x": [4]}, layers=[{"Dense": 2}, {"Dense": 3}]))
    assert sum(line.strip().startswith('{"name": "dense') for line in text.splitlines()) == 2
