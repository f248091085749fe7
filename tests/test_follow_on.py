"""What merely follows from a fault that was told is not told as well, and a fault in a list is at
its item.
"""

from __future__ import annotations

from pathlib import Path

import pytest

import modelspec as ms
from modelspec.core.diagnostics import nearest

SPEC = """\
model:
  inputs: {image: [12, 12, 3]}
  shared:
    split:
      inputs: {given: [4]}
      layers:
        - Dense: {units: 2, name: high}
        - Dense: {units: 2, from: given, name: low}
      outputs: {upper: high, lower: low}
  layers:
    - Conv2D: {filters: 4, kernel_size: [3, 3]}
    - ZeroPadding2D: {padding: [1, 2]}
    - GlobalAveragePooling2D
    - split: {name: both}
    - Add: {from: [both.upper, both.lower], name: total}
    - Dense: {units: 1, activation: sigmoid, name: price}
    - Dense: {units: 1, activation: sigmoid, from: total, name: sold}
  outputs: [price, sold]
data:
  source: {csv: sales.csv}
  split: {validation: 0.2, test: 0.1}
  inputs: {image: {column: image}}
  targets: {price: {column: price}, sold: {column: sold}}
training:
  loss: {price: binary_crossentropy, sold: binary_crossentropy}
  metrics: {price: [accuracy], sold: [binary_accuracy]}
  callbacks:
    - EarlyStopping: {monitor: val_sold_binary_accuracy, mode: max}
"""


def said(text: str, tmp_path: Path) -> list[tuple[str, int | None, str]]:
    """Code, line and the text at the place of everything that is said."""
    path = tmp_path / "spec.yaml"
    path.write_text(text, encoding="utf-8")
    return [(d.code, d.line, d.span.text if d.span else "") for d in ms.check(path).diagnostics]


def test_the_spec_itself_is_right(tmp_path: Path) -> None:
    assert said(SPEC, tmp_path) == []


@pytest.mark.parametrize(
    ("right", "wrong", "code", "at"),
    [
        pytest.param(
            "outputs: [price, sold]",
            "outputs: [pricee, sold]",
            "MS302",
            "pricee",
            id="misspelt output",
        ),
        pytest.param(
            "outputs: [price, sold]",
            "outputs: [12, sold]",
            "MS204",
            "12",
            id="output that is a number",
        ),
        pytest.param(
            "upper: high", "upper: higgh", "MS302", "higgh", id="misspelt output of a sub-model"
        ),
        pytest.param(
            "upper: high", "upper: 12", "MS204", "12", id="number as output of a sub-model"
        ),
        pytest.param(
            "[both.upper, both.lower]",
            "[both.upper, 12]",
            "MS204",
            "12",
            id="number in a list of tensors",
        ),
        pytest.param(
            "[both.upper, both.lower]",
            "[both.upper, [total]]",
            "MS204",
            "[total]",
            id="list in such a list",
        ),
        pytest.param(
            "sold: [binary_accuracy]",
            "sold: [binray_accuracy]",
            "MS206",
            "binray_accuracy",
            id="metric",
        ),
        pytest.param(
            "sold: [binary_accuracy]",
            "solld: [binary_accuracy]",
            "MS501",
            "solld",
            id="metrics of no output",
        ),
        pytest.param(
            "validation: 0.2",
            "valdation: 0.2",
            "MS201",
            "valdation",
            id="misspelt key of the split",
        ),
        pytest.param("validation: 0.2", "validation: 1.5", "MS205", "1.5", id="fraction past 1"),
        pytest.param(
            "kernel_size: [3, 3]", "kernel_size: [3, many]", "MS204", "many", id="text in a window"
        ),
        pytest.param(
            "kernel_size: [3, 3]", "kernel_size: [3, 0]", "MS205", "0", id="window of nothing"
        ),
        pytest.param("padding: [1, 2]", "padding: [1, -2]", "MS205", "-2", id="negative padding"),
        pytest.param(
            "image: [12, 12, 3]",
            "image: [12, 1.5, 3]",
            "MS204",
            "1.5",
            id="size that is no whole number",
        ),
        pytest.param(
            "image: [12, 12, 3]", "image: [12, 12, -3]", "MS205", "-3", id="negative size"
        ),
        pytest.param("validation: 0.2", "validation: 1e999", "MS109", "1e999", id="past any float"),
        pytest.param("model:\n", "1: a\nmodel:\n", "MS107", "1", id="key that is a number"),
    ],
)
def test_one_fault_gives_one_diagnostic(
    right: str, wrong: str, code: str, at: str, tmp_path: Path
) -> None:
    assert right in SPEC
    assert [(found[0], found[2]) for found in said(SPEC.replace(right, wrong), tmp_path)] == [
        (code, at)
    ]


def test_a_misspelt_data_format_is_read_as_the_one_that_was_meant(tmp_path: Path) -> None:
    spec = """\
model:
  image_data_format: channels_firts
  inputs: {image: [3, 40, 40]}
  layers:
    - Conv2D: {filters: 12, kernel_size: 5, groups: 3}
"""
    assert said(spec, tmp_path) == [("MS205", 2, "channels_firts")]


@pytest.mark.parametrize("version", ["true", "1.0", "2"])
def test_the_version_is_the_whole_number_1(version: str, tmp_path: Path) -> None:
    assert [one[0] for one in said(f"modelspec: {version}\n" + SPEC, tmp_path)] == ["MS205"]


@pytest.mark.parametrize(
    ("word", "known", "expected"),
    [
        ("erlu", ("elu", "relu", "selu"), "relu"),
        ("rel6u", ("relu", "relu6"), "relu6"),
        ("form", ("for", "from"), "from"),
        ("eglu", ("elu", "gelu"), "gelu"),
        ("cccuracy", ("Accuracy", "accuracy"), "accuracy"),
    ],
)
def test_of_names_at_one_distance_the_swapped_one_is_meant(
    word: str, known: tuple[str, ...], expected: str
) -> None:
    assert nearest(word, known) == expected
