"""Inline blocks: their layers are called as if they stood where the block is used."""

from __future__ import annotations

import pytest

from .expanding import calls, graph, said

CONV = """
blocks:
  conv:
    inline: true
    parameters: {filters: null}
    primary: filters
    layers:
      - Conv2D: {filters: $filters, kernel_size: 1, use_bias: false}
      - BatchNormalization
model:
  inputs: {image: [4, 4, 3]}
  layers:
"""


def names(layers: str, head: str = CONV) -> list[str]:
    return [name for name, _, _ in calls(head + layers)]


def test_unnamed_layers_count_on() -> None:
    layers = (
        "    - conv: 2\n    - Conv2D: {filters: 2, kernel_size: 1}\n    - conv: 4\n    - conv: 4\n"
    )
    assert calls(CONV + layers) == [
        ("conv2d", "Conv2D", ["image"]),
        ("batch_normalization", "BatchNormalization", ["conv2d"]),
        ("conv2d_1", "Conv2D", ["batch_normalization"]),
        ("conv2d_2", "Conv2D", ["conv2d_1"]),
        ("batch_normalization_1", "BatchNormalization", ["conv2d_2"]),
        ("conv2d_3", "Conv2D", ["batch_normalization_1"]),
        ("batch_normalization_2", "BatchNormalization", ["conv2d_3"]),
    ]


def test_they_count_past_names_that_are_written() -> None:
    layers = (
        "    - conv: 2\n    - conv: 2\n    - ReLU: {name: conv2d_1}\n    - ReLU: {name:"
        " batch_normalization}\n"
    )
    assert names(layers) == [
        "conv2d",
        "batch_normalization_1",
        "conv2d_2",
        "batch_normalization_2",
        "conv2d_1",
        "batch_normalization",
    ]


def test_a_use_answers_to_its_name_and_takes_up_none_without() -> None:
    layers = (
        "    - conv: {filters: 2, name: a}\n    - conv: {filters: 2, from: image, name: b}\n"
        "    - Add: {from: [a, b], name: conv}\n"
    )
    found = calls(CONV + layers)
    assert found[-1] == ("conv", "Add", ["batch_normalization", "batch_normalization_1"])
    assert list(graph(CONV + "    - ReLU\n    - conv: 2\n").outputs) == ["batch_normalization"]
    assert list(graph(CONV + "    - conv: {filters: 2, name: a}\n").outputs) == ["a"]


def test_names_that_are_written_have_no_prefix() -> None:
    head = CONV.replace("{filters: null}", "{filters: null, label: null}").replace(
        "use_bias", "name: $label, use_bias"
    )
    head = head.replace(
        "- BatchNormalization",
        "- BatchNormalization: {name: $(label)_bn}\n      - Add: {from: [$(label)_bn, $label]}",
    )
    layers = "    - for: {n: [1, 2]}\n      do:\n        - conv: {filters: 3, label: stem$n}\n"
    assert names(layers, head) == ["stem1", "stem1_bn", "add", "stem2", "stem2_bn", "add_1"]


def test_rounds_number_them_as_they_number_layers() -> None:
    assert names("    - conv: {filters: 2, repeat: 2}\n    - conv: 3\n") == [
        "conv2d_1",
        "batch_normalization_1",
        "conv2d_2",
        "batch_normalization_2",
        "conv2d_3",
        "batch_normalization_3",
    ]
    written = "{Conv2D: {filters: 2, kernel_size: 1, use_bias: false}}, BatchNormalization"
    assert names(f"    - repeat: 2\n      do: [{written}]\n    - conv: 3\n") == names(
        "    - conv: {filters: 2, repeat: 2}\n    - conv: 3\n"
    )
    taken = "    - ReLU: {name: conv2d_1}\n    - conv: {filters: 2, repeat: 2}\n"
    assert len(set(names(taken))) == 5


def test_in_a_block_they_have_its_prefix() -> None:
    head = CONV.replace("model:", "  stage:\n    - conv: 2\n    - conv: 2\nmodel:")
    assert names("    - stage: {name: a}\n    - conv: 1\n", head) == [
        "a_conv2d",
        "a_batch_normalization",
        "a_conv2d_1",
        "a_batch_normalization_1",
        "conv2d",
        "batch_normalization",
    ]


def test_in_branches_and_as_what_joins_them() -> None:
    head = CONV.replace(
        "model:",
        """\
  plus:
    inline: true
    inputs: [a, b]
    layers:
      - Add: {from: [a, b]}
      - ReLU
model:""",
    )
    layers = "    - branches: [[{conv: 3}], []]\n      join: plus\n"
    assert calls(head + 2 * layers)[2:] == [
        ("add", "Add", ["batch_normalization", "image"]),
        ("re_lu", "ReLU", ["add"]),
        ("conv2d_1", "Conv2D", ["re_lu"]),
        ("batch_normalization_1", "BatchNormalization", ["conv2d_1"]),
        ("add_1", "Add", ["batch_normalization_1", "re_lu"]),
        ("re_lu_1", "ReLU", ["add_1"]),
    ]


NAMED = CONV.replace("kernel_size: 1,", "kernel_size: 1, name: main,")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (CONV.replace("inline: true", "inline: 1") + "    - conv: 2\n", ["MS204 4:13 1"]),
        # A name is there once in all of the model ...
        (NAMED + "    - conv: 2\n    - conv: 2\n", ["MS304 8:59 main"]),
        (NAMED + "    - conv: 2\n    - ReLU: {name: main}\n", ["MS304 14:20 main"]),
        (NAMED + "    - conv: {filters: 2, name: main}\n", ["MS304 13:32 main"]),
        (NAMED.replace("name: main", "name: image") + "    - conv: 2\n", ["MS304 8:59 image"]),
        (NAMED.replace("name: main", "name: input") + "    - conv: 2\n", ["MS304 8:59 input"]),
        # ... and seen where it stands: a block is no place to look into, and does not look out.
        (NAMED + "    - conv: 2\n    - ReLU: {from: main}\n", ["MS302 14:20 main"]),
        (CONV.replace("use_bias: false", "from: image") + "    - conv: 2\n", ["MS302 8:59 image"]),
    ],
)
def test_faults(text: str, expected: list[str]) -> None:
    assert said(text) == expected
