"""Completion in the editor: keys and words of the language, names of the spec, files and columns."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from modelspec.catalog.layers import LAYERS
from modelspec.core.source import Mapping, Node, Scalar, Sequence
from modelspec.editor import json_lists
from modelspec.editor.analysis import analyze
from modelspec.editor.completion import Suggested, completions
from modelspec.editor.cursor import cursor_at
from modelspec.editor.positions import Lines

from .plugin_projects import Project, as_before, trusted  # noqa: F401  # a fixture

CONFIGS = Path(__file__).parent.parent / "configs"
FILES = sorted([*CONFIGS.glob("*.yaml"), *(CONFIGS / "examples").glob("*.yaml")])
HEAD = "modelspec: 1\nmodel:\n  inputs: {x: [4], y: [4]}\n"
BLOCK = "blocks:\n  res: {parameters: {units: 3, rate: 0.1}, layers: [{Dense: $units}]}\n"


def suggested(marked: str, name: str = "spec.yaml") -> dict[str, Suggested]:
    """The suggestions at the `|` of a text, by label; the first of each."""
    offset = marked.index("|")
    text = marked.replace("|", "", 1)
    found = completions(analyze(Path(name).resolve(), text), offset)
    return {one.label: one for one in sorted(found, key=lambda one: one.rank, reverse=True)}


def written(marked: str, label: str, name: str = "spec.yaml") -> str:
    """The line of the `|` after a suggestion is accepted."""
    text = marked.replace("|", "", 1)
    one = suggested(marked, name)[label]
    after = text[: one.start] + one.text + text[one.end :]
    return after[after.rfind("\n", 0, one.start) + 1 :].partition("\n")[0]


@pytest.mark.parametrize(
    ("marked", "label", "line"),
    [
        (HEAD + "  layers:\n    - Flat|\n", "Flatten", "    - Flatten"),
        (HEAD + "  layers:\n    - Den|\n    - ReLU\n", "Dense", "    - Dense: "),
        (HEAD + "  layers:\n    - |\n", "Conv2D", "    - Conv2D: "),
        (HEAD + "  layers:\n    - Dense: {units: 3, act|\n    - ReLU\n", "activation", ""),
        (
            HEAD + "  layers:\n    - Dense: {un|, name: a}\n",
            "units",
            "    - Dense: {units: , name: a}",
        ),
        (HEAD + "  layers:\n    - Dense:\n        un|\n    - ReLU\n", "units", "        units: "),
        (HEAD + "  layers:\n    - Activation: re|\n", "relu", "    - Activation: relu"),
        (HEAD + "  layers: [ReLU]\ntraining:\n  |\n  epochs: 3\n", "optimizer", "  optimizer: "),
        (HEAD + "  layers: [ReLU]\ntraining:\n  optimizer:\n    |\n", "Adam", "    Adam"),
        (HEAD + "  layers: [ReLU]\ntraining: {loss: |}\n", "mse", "training: {loss: mse}"),
        (HEAD + "  layers: [ReLU]\ndata:\n  source: {|}\n", "csv", "  source: {csv: }"),
        (HEAD + "  layers: [ReLU]\ndata:\n  source: |\n", "csv", "  source: {csv: }"),
        (HEAD + "  layers: [ReLU]\ntr|\n", "training", "training: "),
        ("|", "model", "model: "),
    ],
)
def test_keys_and_words(marked: str, label: str, line: str) -> None:
    found = written(marked, label)
    assert found == line or (not line and found.endswith("activation: "))


@pytest.mark.parametrize(
    ("marked", "label", "line"),
    [
        ('{"model": {"layers": [{"De|"}]}}', "Dense", '{"model": {"layers": [{"Dense"}]}}'),
        ('{"training": {"optimizer": |', "Adam", '{"training": {"optimizer": "Adam"'),
        ('{"training": {|}}', "epochs", '{"training": {"epochs": }}'),
    ],
)
def test_json(marked: str, label: str, line: str) -> None:
    assert written(marked, label, "spec.json") == line


def test_a_key_is_offered_once() -> None:
    found = suggested(HEAD + "  layers:\n    - Dense: {units: 3, |}\n")
    assert "units" not in found
    assert "use_bias" in found
    assert not {"Dense", "model"} & set(found)


def test_no_suggestions_in_a_comment() -> None:
    assert suggested("modelspec: 1  # model |\n") == {}


def test_names_of_tensors_with_their_shapes() -> None:
    found = suggested(
        HEAD + "  layers:\n    - Dense: {units: 3, name: a}\n    - Dense: {units: 5, from: |}\n"
        "    - ReLU: {name: later}\n"
    )
    assert {one.label: one.detail for one in found.values() if one.kind == "tensor"} == {
        "x": "input (batch, 4)",
        "y": "input (batch, 4)",
        "a": "Dense (batch, 3)",
    }


def test_names_in_a_block_are_those_of_the_block() -> None:
    found = suggested(
        HEAD + "  layers: [{Dense: {units: 3, name: outside}}]\n"
        "blocks:\n  b:\n    layers:\n      - Dense: {units: 3, name: inside}\n"
        "      - Add: {from: [input, |]}\n"
    )
    assert {"input", "inside"} <= set(found)
    assert "outside" not in found


def test_blocks_and_their_parameters() -> None:
    assert written(HEAD + "  layers:\n    - r|\n" + BLOCK, "res") == "    - res: "
    found = suggested(HEAD + "  layers:\n    - res: {units: 5, |}\n" + BLOCK)
    assert found["rate"].detail == "0.1"
    assert "units" not in found


def test_values_in_expressions() -> None:
    text = "vars: {width: 32}\n" + HEAD + "  layers:\n    - Dense: %s\n" + BLOCK
    assert written(text % "$w|", "width") == "    - Dense: $width"
    assert written(text % "$(2 * |)", "width") == "    - Dense: $(2 * width)"
    assert suggested(text % "$|")["width"].detail == "32"
    inside = text % "3" + "  tail: {parameters: {rate: 0.5}, layers: [{Dropout: $r|}]}\n"
    assert "rate" in suggested(inside)
    assert "units" not in suggested(inside)


def test_variables_of_a_loop() -> None:
    text = HEAD + "  layers:\n    - for: {size: [3, 4]}\n      index: i\n      do: [{Dense: $|}]\n"
    assert {"size", "i"} <= set(suggested(text))


def test_quantities_to_monitor() -> None:
    text = (
        HEAD + "  layers: [{Dense: 1}]\ntraining:\n  loss: mse\n  metrics: [mae]\n"
        "  callbacks: [{EarlyStopping: {monitor: |}}]\n"
    )
    found = [one.label for one in suggested(text).values() if one.kind == "metric"]
    assert sorted(found) == ["loss", "mae", "val_loss", "val_mae"]


def test_columns_inputs_and_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("tables").mkdir()
    Path("tables/a.csv").write_text("age,income\n1,2\n")
    data = "data:\n  source: {csv: tables/a.csv}\n  inputs: {x: {column: |}}\n"
    text = HEAD + "  layers: [{Dense: 1}]\n"
    assert sorted(suggested(text + data)) == ["age", "income"]
    assert "y" in suggested(text + "data:\n  inputs:\n    x: age\n    |\n")
    assert "tables/" in suggested(text + "data:\n  source: {csv: |}\n")
    assert "tables/a.csv" in suggested(text + "data:\n  source: {csv: tables/|}\n")
    assert suggested(text + "data:\n  source: {csv: ../|}\n").keys() <= {
        "path"
    }  # outside the project


@pytest.mark.usefixtures("as_before")
def test_the_layers_of_a_project_and_their_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = Project(tmp_path)
    trusted(tmp_path, monkeypatch)
    monkeypatch.chdir(project.folder)
    assert "ScaledAdd" in suggested(HEAD + "  layers:\n    - |\n")
    found = suggested(HEAD + "  layers:\n    - ScaledAdd: {|}\n")
    assert "initial" in found and "The factor at the start" in found["initial"].documentation


def sites(node: Node, path: tuple[str | int, ...] = ()) -> list[tuple[int, int, str]]:
    """The places of kinds of layers, their settings, and keys of `training`."""
    found = []
    if isinstance(node, Mapping):
        for key, entry in node.entries.items():
            known = key in LAYERS or path[-1:] == ("training",)
            if known and entry.key_span.text == key:
                found.append((entry.key_span.start, entry.key_span.end, key))
            found += sites(entry.value, (*path, key))
    elif isinstance(node, Sequence):
        for at, one in enumerate(node.items):
            found += sites(one, (*path, at))
    elif isinstance(node, Scalar) and "layers" in path[-2:] and node.value in LAYERS:
        found.append((node.span.start, node.span.end, str(node.value)))
    return found


@pytest.mark.parametrize("seed", range(2))
def test_what_real_specs_contain_is_suggested(seed: int) -> None:
    """A word of a real spec is cut after its first letter; then it must be among the suggestions."""
    chosen = random.Random(seed)
    missing, count = [], 0
    for file in chosen.sample(FILES, 12):
        text = file.read_text()
        document = analyze(file, text).document
        assert document is not None
        found = [one for one in sites(document.root) if one[2] != "for"]
        for start, end, word in chosen.sample(found, min(4, len(found))):
            cut = start + 1
            typed = text[:cut] + text[end:]
            labels = {one.label for one in completions(analyze(file, typed), cut)}
            count += 1
            missing += [] if word in labels else [(file.name, word, typed[start - 40 : end + 20])]
    assert count > 30
    assert not missing, missing


def long_json(chosen: random.Random) -> str:
    """A spec of 60 layers, in one of several layouts, half of the time with a word too many."""
    entry = {"Dense": {"units": 4, "activation": "relu", "name": "n, {x}"}}
    spec = {"model": {"inputs": {"x": [4]}, "layers": [entry, "Flatten"] * 30}, "name": "a"}
    text = json.dumps(spec, indent=chosen.choice([None, 1, 2]))
    cut = chosen.randrange(len(text))
    word = chosen.choice(['"', "{", "]", ",", '"ab', "#"]) if chosen.random() < 0.5 else ""
    return text[:cut] + word + text[cut:]


@pytest.mark.parametrize("seed", range(25))
def test_the_cursor_in_long_json_is_that_in_the_whole_text(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a broken text the cursor is found more often, and with more of the keys beside it."""
    chosen = random.Random(seed)
    text = long_json(chosen)
    for _ in range(4):
        at = chosen.randrange(len(text))
        found = []
        for shortest in (0, len(text)):
            monkeypatch.setattr(json_lists, "_SHORT", shortest + 1)
            found.append(cursor_at(Lines(text), "spec.json", at))
        cut, whole = found
        if is_json(text):
            assert cut == whole
        elif whole is not None:
            assert cut is not None and cut.path == whole.path
            assert set(cut.siblings) >= set(whole.siblings)


def is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def test_little_of_long_json_is_read() -> None:
    items = ", ".join(f'{{"Dense": {number}}}' for number in range(2_000))
    text = f'{{"model": {{"layers": [{items}]}}}}'
    for number in (0, 1_000, 1_999):
        at = text.index(f": {number}}}")
        cut = json_lists.without_other_json_items(text[:at], text[at:])
        assert len(cut.before + cut.after) < 100
        assert cut.left_out == max(0, number - 1)


@pytest.mark.parametrize("seed", range(2))
def test_no_cursor_raises(seed: int) -> None:
    chosen = random.Random(seed)
    text = chosen.choice(FILES).read_text()
    for _ in range(150):
        cut = chosen.randrange(len(text))
        broken = (
            text[:cut]
            + chosen.choice(["", "{", "[", '"', "'", ": ", "- ", "\n", "&a ", "|", "$("])
            + text[cut + chosen.randrange(3) :]
        )
        cursor = cursor_at(Lines(broken), "a.yaml", min(cut + 1, len(broken)))
        assert cursor is None or 0 <= cursor.start <= cursor.end <= len(broken)
