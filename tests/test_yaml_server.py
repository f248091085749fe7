"""The JSON Schema in the server that editors use for YAML files: messages about mistakes, and what is
suggested at a place.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from modelspec.catalog import components as c

from .yaml_server import YamlServer, yaml_server

ROOT = Path(__file__).parent.parent
CONFIGS = sorted((ROOT / "configs").glob("*.yaml"))
HEAD = "modelspec: 1\nmodel:\n  inputs: {x: [4]}\n  layers:\n    - Dense: {units: 3, name: out}\n"


@pytest.fixture(scope="module")
def editor() -> Iterator[YamlServer]:
    with yaml_server(ROOT / "schemas" / "modelspec.schema.json") as found:
        yield found


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_a_sound_file_is_not_red(editor: YamlServer, path: Path) -> None:
    assert editor.report(path.read_text()) == []


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        (HEAD.replace("Dense", "Dens"), ["5: unknown layer, or missing settings"]),
        (HEAD + "    - Flaten\n", ["6: unknown layer, or missing settings"]),
        (HEAD + "    - Dense\n", ["6: unknown layer, or missing settings"]),
        (HEAD.replace("units: 3", "units: x"), ["5: must be an integer of at least 1"]),
        (
            HEAD + "training: {loss: mse, optimizer: Adm}\n",
            ["6: unknown optimizer, or missing settings"],
        ),
        (
            HEAD + "training: {loss: mse, optimizer: {Adm: 1}}\n",
            ["6: Property Adm is not allowed."],
        ),
        (
            HEAD + "training: {loss: mse, optimizer: {Adam: {lr: 1}}}\n",
            ["6: Property lr is not allowed."],
        ),
        (HEAD + "training: {loss: mse, epoch: 3}\n", ["6: Property epoch is not allowed."]),
        (HEAD + "trainning: {loss: mse}\n", ["6: Property trainning is not allowed."]),
        (HEAD + "seed: -1\n", ["6: Value is below the minimum of 0."]),
        ("extends: base.yaml\ntraining: {epochs: many}\n", ["2: must be an integer of at least 1"]),
    ],
)
def test_one_mistake_gives_one_message(editor: YamlServer, text: str, messages: list[str]) -> None:
    assert editor.report(text) == messages


@pytest.mark.parametrize(
    ("below", "some"),
    [
        ("training:\n  |\n", {"optimizer", "loss", "metrics", "epochs"}),
        ("training:\n  optimizer:\n    |\n", set(c.OPTIMIZERS.own_kinds())),
        ("training:\n  loss:\n    |\n", set(c.LOSSES.own_kinds())),
        (
            "training:\n  optimizer:\n    Adam:\n      learning_rate:\n        |\n",
            {"CosineDecay", "WarmupCosine"},
        ),
        ("data:\n  source:\n    |\n", {"csv", "images", "parquet"}),
        ("    - Dense:\n        kernel_initializer:\n          |\n", {"HeNormal", "Zeros"}),
        ("    - Bidirectional:\n        |\n", {"LSTM", "GRU"}),
        ("    - |\n", {"Dense", "Flatten", "branches", "repeat"}),
        ("|\n", {"training", "data", "expect"}),
    ],
)
def test_a_line_below_a_key_is_completed(editor: YamlServer, below: str, some: set[str]) -> None:
    offered = editor.offers(HEAD + below)
    assert some <= set(offered)


def test_a_layer_is_inserted_as_it_is_written(editor: YamlServer) -> None:
    offered = editor.offers(HEAD + "    - |\n")
    assert offered["Flatten"] == "Flatten" and offered["Dense"].startswith("Dense:")
    sections = editor.offers(HEAD + "|\n")
    assert sections["training"].startswith("training:") and sections["seed"].startswith("seed:")


def test_no_name_is_that_of_the_whole_schema(editor: YamlServer) -> None:
    assert "language" not in editor.hover(HEAD.replace("Dense", "De|nse"))
    assert editor.report(HEAD + "training: 3\n") == ['6: Incorrect type. Expected "object | null".']
