"""Names in the editor: where they are defined and used, and the edits that change them."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from modelspec.core.source import Mapping, Sequence, find
from modelspec.editor.analysis import Analysis, analyze
from modelspec.editor.names import Refusal, definition, edited, prepare_rename, references, rename
from modelspec.editor.symbols import places

CONFIGS = Path(__file__).parent.parent / "configs"
FILES = sorted([*CONFIGS.glob("*.yaml"), *(CONFIGS / "examples").glob("*.yaml")])

SPEC = """\
modelspec: 1
vars: {width: 3}
blocks:
  dense:
    parameters: {units: 3, rate: 0.1}
    layers: [{Dense: $units}, {Dropout: $rate}, {Dense: {units: $(2 * units), name: last}}]
    outputs: last
model:
  inputs: {x: [5, 4], y: [5, 4]}
  shared: {encoder: {Dense: $width}}
  layers:
    - encoder: {from: x, name: a}
    - encoder: {from: y, name: "b"}
    - Add: {from: [a, b]}
    - dense: {units: $(width + 1)}
    - for: {size: [3, 4]}
      do: [{Dense: $size}]
    - LSTM: {units: 4, return_state: true, name: memory}
    - Dense: {units: 1, from: memory.0, name: score}
training:
  loss: {score: mse}
  freeze: [encoder]
  callbacks: [{EarlyStopping: {monitor: loss}}]
"""


def analysis(text: str = SPEC, name: str = "spec.yaml") -> Analysis:
    return analyze(Path(name).resolve(), text)


def spot(text: str, before: str, name: str) -> int:
    """The offset of a name in the first line that contains `before`."""
    line = text.index(before)
    return text.index(name, line) + 1


@pytest.mark.parametrize(
    ("before", "name", "line"),
    [
        ("shared:", "width", 2),
        ("Dropout", "rate", 5),
        ("units: $(2 * units)", "units)", 5),
        ("outputs: last", "last", 6),
        ("encoder: {from: x", "encoder", 10),
        ("encoder: {from: x", "x", 9),
        ("Add", "b]", 13),
        ("- dense: {units: $(", "dense", 4),
        ("- dense: {units: $(", "units", 5),
        ("Dense: $size", "size", 16),
        ("from: memory.0", "memory", 18),
        ("loss: {score", "score", 19),
    ],
)
def test_the_definition_of_a_name(before: str, name: str, line: int) -> None:
    found = definition(analysis(), spot(SPEC, before, name))
    assert [one.line for one in found] == [line]
    assert found[0].text == name.strip("])")


def test_a_tensor_without_a_name_is_defined_by_its_layer() -> None:
    text = "model: {inputs: {x: [4]}, layers: [{Dense: 3}, {ReLU: {from: dense}}]}\n"
    found = definition(analysis(text), text.index("dense"))
    assert [one.text for one in found] == ["Dense"]


def test_references_with_and_without_the_definition() -> None:
    offset = spot(SPEC, "parameters", "units")
    assert [one.line for one in references(analysis(), offset, declaration=False)].count(6) == 2
    lines = sorted(one.line for one in references(analysis(), offset, declaration=True))
    assert lines == [5, 6, 6, 15]


def test_no_name_no_answer() -> None:
    offset = SPEC.index("EarlyStopping")
    assert definition(analysis(), offset) == []
    assert references(analysis(), offset, declaration=True) == []
    assert prepare_rename(analysis(), offset) is None
    assert rename(analysis(), offset, "other") == Refusal("this place has no name")


@pytest.mark.parametrize(
    ("before", "name", "new", "reason"),
    [
        ("shared:", "width", "the width", "not a valid name"),
        ("Add", "b]", "true", "a word of YAML"),
        ("Add", "b]", "a", "is defined in line 12"),
        ("shared:", "width", "units", ""),  # the parameter of the block is another name
    ],
)
def test_names_that_are_refused(before: str, name: str, new: str, reason: str) -> None:
    found = rename(analysis(), spot(SPEC, before, name), new)
    assert isinstance(found, Refusal) == bool(reason)
    assert not isinstance(found, Refusal) or reason in found.reason


def test_a_name_that_is_part_of_another_word_is_not_changed() -> None:
    text = SPEC.replace("loss: {score: mse}", "loss: {score: mse, memory: mse}").replace(
        "training:", "  outputs: [score, memory.0]\ntraining:"
    )
    text = text.replace("monitor: loss", "monitor: score_loss")
    assert analysis(text).checked.ok
    found = rename(analysis(text), spot(text, "loss: {score", "score"), "value")
    assert isinstance(found, Refusal)
    assert "score_loss" in found.reason


def test_names_across_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("base.yaml").write_text(SPEC)
    text = "modelspec: 1\nextends: base.yaml\nvars: {width: 5}\ntraining: {epochs: 2}\n"
    here = analysis(text)
    assert [Path(one.file).name for one in definition(here, text.index("base"))] == ["base.yaml"]
    found = rename(here, text.index("width"), "size_of_all")
    assert not isinstance(found, Refusal)
    files = {Path(one.span.file).name for one in found}
    assert files == {"spec.yaml", "base.yaml"}
    assert len(found) == 4
    base = [one for one in found if Path(one.span.file).name == "base.yaml"]
    Path("base.yaml").write_text(edited(SPEC, base))
    after = analysis(edited(text, [one for one in found if one not in base]))
    assert after.checked.ok, after.diagnostics


def shapes(one: Analysis) -> list[str]:
    return [str(call.output_shape) for call in one.graph.layers] if one.graph else []


@pytest.mark.parametrize("seed", range(2))
def test_every_other_name_leaves_the_model_as_it_is(seed: int) -> None:
    """In real specs: the same layers with the same shapes, and the same diagnostics."""
    chosen = random.Random(seed)
    for file in chosen.sample(FILES, 10):
        here = analyze(file, file.read_text())
        if here.graph is None or not here.checked.ok:
            continue
        defined = [one for one in places(here) if one.defines and here.is_here(one.span)]
        for one in chosen.sample(defined, min(3, len(defined))):
            found = rename(here, one.span.start, "another_name")
            if isinstance(found, Refusal):
                continue
            after = analyze(file, edited(here.text, found))
            assert shapes(after) == shapes(here), (file, one)
            assert [d.code for d in after.diagnostics] == [d.code for d in here.diagnostics], (
                file,
                one,
            )


def test_most_names_of_real_specs_can_be_changed() -> None:
    refused, count = [], 0
    for file in FILES[::10]:
        here = analyze(file, file.read_text())
        for one in (places(here) if here.checked.ok else [])[:12]:
            if one.defines and here.is_here(one.span):
                count += 1
                found = rename(here, one.span.start, "another_name")
                refused += [(file.name, one.symbol, found)] if isinstance(found, Refusal) else []
    assert count > 40
    # The others are written in expressions, or are parts of other names.
    assert len(refused) <= 0.2 * count, refused


def test_the_tree_is_searched_in_bounded_time() -> None:
    layers = "\n".join(f"    - Dense: {{units: 3, name: d{n}, from: x}}" for n in range(2_000))
    text = f"modelspec: 1\nmodel:\n  inputs: {{x: [4]}}\n  layers:\n{layers}\n"
    here = analysis(text)
    assert len(references(here, text.index("x:"), declaration=True)) == 2_001
    assert isinstance(here.document and find(here.document.root, ("model", "layers")), Sequence)
    assert isinstance(here.document and here.document.root, Mapping)
