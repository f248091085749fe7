"""The `generate` section: how it is read, resolved and typed, without a framework."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import modelspec as ms
from modelspec.compiler.infer.generation import typed_generation
from modelspec.compiler.infer.generation_types import TypedGeneration
from modelspec.core.diagnostics import Collector, Diagnostic
from modelspec.core.shapes import Tensor

MODEL = """\
model:
  inputs: {clean: [8, 8, 1], noise: [8, 8, 1], rate: [1], label: {shape: [], dtype: int32}}
  layers:
    - Expression: {formula: "x + r[:, :, None, None] * n", from: {x: clean, r: rate, n: noise}, name: noisy}
    - Embedding: {input_dim: 3, output_dim: 4, from: label}
    - Concatenate: {from: [embedding, rate]}
    - Dense: {units: 64, name: shift}
    - Reshape: {target_shape: [8, 8, 1], name: moved}
    - Add: {from: [noisy, moved], name: sum}
    - Conv2D: {filters: 1, kernel_size: 3, padding: same, name: predicted}
"""
DATA = """\
data:
  source: {npz: digits.npz}
  inputs:
    clean: {column: image}
    noise: {random: normal}
    rate: {random: uniform}
    label: {column: label}
"""
WHOLE = """\
  initial: {x: {random: normal}}
  steps: 20
  values: {time: "1 - step / steps", change: "predicted / steps"}
  inputs: {noisy: x, rate: time}
  update: {x: "x - change + 0.1 * time * random_normal(x)"}
  result: {image: "clip(x, 0, 1)", last: predicted}
"""


def text(section: str = WHOLE, *, model: str = MODEL, data: str = DATA) -> str:
    return f"{model}{data}generate:\n{section}"


def written(tmp_path: Path, content: str) -> Path:
    path = tmp_path / "spec.yaml"
    path.write_text(content, encoding="utf-8")
    return path


def found(tmp_path: Path, content: str) -> tuple[Diagnostic, ...]:
    return tuple(one for one in ms.check(written(tmp_path, content)).diagnostics)


def typed(tmp_path: Path, content: str) -> TypedGeneration:
    spec = ms.load_spec(written(tmp_path, content))
    compiled = spec.compiled
    assert compiled.file.generation is not None
    assert compiled.graph is not None
    made = typed_generation(compiled.file.generation, compiled.graph, Collector())
    assert made is not None
    return made


def test_a_whole_section_has_types_and_reads_rows_for_the_other_inputs(tmp_path: Path) -> None:
    made = typed(tmp_path, text())
    assert made.states == {"x": Tensor((None, 8, 8, 1), "float32")}
    assert made.from_rows == ("label",)  # `clean`, `noise` and `rate` are before replaced tensors
    assert [one.named.name for one in made.early] == ["time"]
    assert [one.named.name for one in made.late] == ["change"]
    assert [draw.shape for draw in made.updates["x"].draws] == [(8, 8, 1)]
    assert made.results["image"].shape == ("batch", 8, 8, 1)


def test_the_result_is_every_state_unless_it_is_written(tmp_path: Path) -> None:
    short = WHOLE.partition("  result")[0]
    assert list(typed(tmp_path, text(short)).results) == ["x"]
    assert list(typed(tmp_path, text(short + "  result: predicted\n")).results) == ["predicted"]
    assert list(typed(tmp_path, text(short + '  result: "x / 2"\n')).results) == ["result"]


def test_a_decoder_is_called_once_from_an_inner_tensor(tmp_path: Path) -> None:
    model = (
        "model:\n  inputs: {image: [64]}\n  layers:\n    - Dense: {units: 4, name: code}\n"
        "    - Dense: {units: 64, name: again}\n"
    )
    section = "  initial: {z: {random: normal}}\n  inputs: {code: z}\n  result: again\n"
    made = typed(tmp_path, text(section, model=model, data=""))
    assert made.from_rows == ()
    assert made.states["z"].shape == (None, 4)
    assert made.generation.steps == 1


def test_a_state_begins_with_an_input_of_the_rows(tmp_path: Path) -> None:
    model = (
        "model:\n  inputs: {window: [6, 2]}\n  layers:\n    - Flatten\n"
        "    - Dense: {units: 2, name: next}\n"
    )
    data = "data:\n  source: {npz: series.npz}\n  inputs: {window: {column: window}}\n"
    section = (
        "  initial: {past: {input: window}}\n  steps: 5\n  inputs: {window: past}\n"
        '  update: {past: "concatenate([past[:, 1:], next[:, None]], axis=1)"}\n'
    )
    made = typed(tmp_path, text(section, model=model, data=data))
    assert made.from_rows == ("window",)
    assert made.states["past"].shape == (None, 6, 2)


WRONG: list[tuple[str, str, str, str]] = [
    # what is replaced in WHOLE, by what, the code, the underlined text
    ("steps: 20", "steps: 0", "MS205", "0"),
    ("steps: 20", "stepz: 20", "MS201", "stepz"),
    ("random: normal}", "random: gauss}", "MS205", "gauss"),
    ("{random: normal}", "{random: normal, value: 0}", "MS208", "0"),
    ("{random: normal}", "{value: 0, scale: 2}", "MS208", "2"),
    ("{random: normal}", "{}", "MS208", "x"),
    ("{random: normal}", "{random: normal, shape: [8, 0, 1]}", "MS204", "0"),
    ("{random: normal}", "{input: labels}", "MS422", "labels"),
    ("{x: {random: normal}}", "{step: {random: normal, shape: [2]}}", "MS422", "step"),
    ("{x: {random: normal}}", "{clean: {random: normal}}", "MS422", "clean"),
    ("update: {x:", "update: {y:", "MS422", "y"),
    ("noisy: x,", "noizy: x,", "MS302", "noizy"),
    ("rate: time}", "rate: x}", "MS424", "x"),
    ("noisy: x,", 'noisy: "x[:, :4]",', "MS426", "x"),
    ("rate: time}", "rate: tim}", "MS144", "tim"),
    ("rate: time}", "rate: change}", "MS427", "change"),
    ("rate: time}", 'rate: "mean(predicted, axis=[1, 2])"}', "MS427", "predicted"),
    ('"1 - step / steps"', '"1 - stepp / steps"', "MS144", "stepp"),
    ('"1 - step / steps"', '"cosine(step)"', "MS142", "cosine"),
    ('"1 - step / steps"', '"change * 1"', "MS427", "change"),
    ("x - change + ", "x - mean(change, axis=0) + ", "MS425", "mean(change, axis=0)"),
    ("random_normal(x)", "random_normal(time)", "MS425", "random_normal(time)"),
    ("random_normal(x)", "x[0]", "MS425", "x[0]"),
    ('{image: "clip(x, 0, 1)", last: predicted}', "time", "MS424", "time"),
]


@pytest.mark.parametrize(("old", "new", "code", "marked"), WRONG)
def test_a_fault_is_reported_once_at_its_place(
    old: str, new: str, code: str, marked: str, tmp_path: Path
) -> None:
    assert WHOLE.count(old) == 1
    content = text(WHOLE.replace(old, new))
    errors = [one for one in found(tmp_path, content) if one.severity == "error"]
    assert [one.code for one in errors] == [code]
    span = errors[0].span
    assert span is not None
    assert span.text.strip("\"'") == marked


def test_every_input_has_a_value(tmp_path: Path) -> None:
    """Nothing gives a random input of the training a value, or an input without a column."""
    short = WHOLE.replace("noisy: x, rate: time", "noisy: x")
    one = found(tmp_path, text(short))
    assert [each.code for each in one] == ["MS423"]
    assert "`rate`" in one[0].message
    without = DATA.replace("    label: {column: label}\n", "")
    codes = [
        each.code for each in found(tmp_path, text(data=without)) if "generate" in each.message
    ]
    assert codes == ["MS423"]


def test_all_faults_are_reported_together_in_the_order_of_the_file(tmp_path: Path) -> None:
    section = WHOLE.replace("1 - step", "1 - stepp").replace("clip(x", "clipp(x")
    section = section.replace("steps: 20", "steps: none")
    codes = [one.code for one in found(tmp_path, text(section))]
    assert codes == ["MS204", "MS142"]  # names are resolved when every formula can be read
    section = WHOLE.replace("1 - step", "1 - stepp").replace("clip(x", "clip(z")
    codes = [one.code for one in found(tmp_path, text(section)) if one.code == "MS144"]
    assert codes == ["MS144", "MS144"]


def test_the_schema_and_the_manual_know_the_section() -> None:
    from modelspec.views.manual.key_pages import page
    from modelspec.views.schema import schema

    keys = schema()["else"]["properties"]["generate"]
    assert "update" in str(keys)
    assert "random_normal" in page("generate").text
    assert "scale" in str(page("generate.initial").tables)


def test_a_number_of_steps_can_be_set(tmp_path: Path) -> None:
    overrides: dict[str, Any] = {"generate.steps": 50}
    spec = ms.load_spec(written(tmp_path, text()), overrides=overrides)
    generation = spec.compiled.file.generation
    assert generation is not None
    assert generation.steps == 50
