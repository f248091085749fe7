"""`expect`: comparisons as they are written, what is checked of them before anything runs, and how a
run is judged. Faults are seeded into a sound spec, and reported at their own column.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner

import modelspec as ms
from modelspec.catalog.components import LOSSES, METRICS
from modelspec.catalog.components.loss import Loss
from modelspec.catalog.components.metric import Metric
from modelspec.cli import main
from modelspec.compiler.pipeline import Compiled, compile_spec
from modelspec.compiler.spec.comparison import parse_comparison
from modelspec.core.diagnostics import Diagnostic, Fault, Source, Span
from modelspec.runtime.history.decide import Decision, Results, decide, spec_folder
from modelspec.views.schema import schema

NOWHERE = Span(Source("nowhere", ""), 0, 0)
SPEC = """\
model:
  inputs: {x: [4]}
  layers:
    - Dense: {units: 300, activation: relu, name: wide}
    - Dense: {units: 3, activation: softmax}
data:
  source: {csv: flowers.csv}
  split: {validation: 0.2, test: 0.2}
  slices: [island, {column: age, bins: [0, 18, 65]}]
  inputs: {x: {columns: [a, b, c, d]}}
  targets: {column: e}
training:
  loss: sparse_categorical_crossentropy
  metrics: [accuracy]
  epochs: 20
expect:
"""
"""4 * 300 + 300 + 300 * 3 + 3 = 2,403 parameters; 4 * 300 + 300 * 3 = 2,100 multiply-adds."""


def found(*lines: str, spec: str = SPEC) -> list[Diagnostic]:
    """What is said of the spec with these expectations, a line each."""
    text = spec + "".join(f"  {line}\n" for line in lines)
    read = ms.check(_written(text))
    return list(read.diagnostics)


def _written(text: str) -> Path:
    path = Path("spec.yaml")
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


# Comparisons --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "operator", "number"),
    [
        ("<= 200k", "<=", 200_000),
        ("<=200k", "<=", 200_000),
        ("  >  1.5M ", ">", 1_500_000),
        (">= 95%", ">=", 0.95),
        (">= 0.1%", ">=", 0.001),
        ("== 3", "==", 3),
        ("< 2 MB", "<", 2_000_000),
        ("<= 8 GB", "<=", 8_000_000_000),
        ("<= 512 bytes", "<=", 512),
        ("<= 1.5kB", "<=", 1500),
        ("< 2 min", "<", 120),
        ("<= 1.5 h", "<=", 5400),
        ("> -0.5", ">", -0.5),
        ("> 1e-3", ">", 0.001),
        ("> .5", ">", 0.5),
        ("<= 1_000_000", "<=", 1_000_000),
    ],
)
def test_a_comparison_is_a_sign_and_a_number(text: str, operator: str, number: float) -> None:
    one = parse_comparison(text, NOWHERE)
    assert (one.operator, one.number, one.of_baseline) == (operator, number, "")
    assert one.limit() == number


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("<= baseline", 0.5),
        ("<= baseline + 0.01", 0.51),
        (">= baseline-0.01", 0.49),
        (">= baseline -0.01", 0.49),
        ("<= baseline * 1.1", 0.55),
        ("<= baseline * 90%", 0.45),
        (">= 98% of baseline", 0.49),
        ("<= baseline + 2k", 2000.5),
    ],
)
def test_a_limit_follows_from_the_baseline(text: str, limit: float) -> None:
    one = parse_comparison(text, NOWHERE)
    assert one.limit(0.5) == pytest.approx(limit)
    assert one.limit() is None


@pytest.mark.parametrize(
    ("text", "at_fault", "suggestion"),
    [
        ("=> 0.9", "=>", ">="),
        ("=< 0.9", "=<", "<="),
        ("= 0.9", "=", "=="),
        ("≥ 0.9", "≥", ">="),
        ("!= 0.9", "!=", None),
        ("<= 200K", "K", "k"),
        ("<= 2 mb", "mb", "MB"),
        ("<= 2 KB", "KB", "kB"),
        ("<= 2 MiB", "2 MiB", "2.097152 MB"),
        ("<= 2 foobars", "foobars", None),
        ("<= 200,000", "200,000", "200000"),
        ("<= baselin", "baselin", "baseline"),
        ("<= 1.05 * baseline", "1.05 * baseline", "baseline * 1.05"),
        ("<= 0.9 of baseline", "0.9 of baseline", "baseline * 0.9"),
        ("<= baseline - 1%", "- 1%", None),
        ("<= baseline + baseline", "baseline", None),
        ("<= baseline / 2", "/", None),
        ("<= baseline * 2 MB", "2 MB", "2"),
        (">= 0.5 and <= 0.9", "and <= 0.9", None),
        (">= 0.5 0.9", "0.9", None),
        (">= %", "%", None),
        (">= 0,9", "0,9", "0.9"),
        (">= 0,900", "0,900", "0.900"),
        (">= baseline - 0,01", "0,01", "0.01"),
        ("<= 1,000k", "1,000", "1000"),
        ("<= 1,2,3", "1,2,3", None),
        (">= 98% of baselin", "baselin", "baseline"),
        (">= 98 of baseline", "98 of baseline", "98% of baseline"),
        ("<= 1m", "m", None),
        ("<= 8 TB", "TB", "GB"),
        (">= \u0660.5", "\u0660", None),
    ],
)
def test_what_cannot_be_read_is_marked(text: str, at_fault: str, suggestion: str | None) -> None:
    with pytest.raises(Fault) as caught:
        parse_comparison(text, NOWHERE)
    assert caught.value.code == "MS800"
    start, end = caught.value.part or (0, 0)
    assert text[start:end].strip() == at_fault
    assert caught.value.suggestion == suggestion


@pytest.mark.parametrize("text", ["0.9", "", "at least 0.9", "between 0.5 and 0.9", "<=", ">= "])
def test_a_text_without_a_sign_or_a_number_is_not_a_comparison(text: str) -> None:
    with pytest.raises(Fault) as caught:
        parse_comparison(text, NOWHERE)
    assert caught.value.code == "MS800" and caught.value.help


@pytest.mark.parametrize("text", ["<= " + "9" * 5000, "<= 1e999", "<= 9e307 GB"])
def test_a_number_that_is_too_large_is_a_fault(text: str) -> None:
    with pytest.raises(Fault, match="too large"):
        parse_comparison(text, NOWHERE)


# Faults that `check` finds ------------------------------------------------------------------------

MANY = "[" + ", ".join(['">= 0.5"'] * 17) + "]"
SEEDED = [
    # line, code, text at fault, suggestion
    ('test_acuracy: ">= 0.9"', "MS801", "test_acuracy", "test_accuracy"),
    ('test_acc: ">= 0.9"', "MS801", "test_acc", "test_accuracy"),
    ('accuracy: ">= 0.9"', "MS801", "accuracy", "test_accuracy"),
    ('validation_loss: "<= 0.9"', "MS801", "validation_loss", "val_loss"),
    ('training_loss: "<= 0.9"', "MS801", "training_loss", "train_loss"),
    ('tets_loss: "<= 0.9"', "MS801", "tets_loss", "test_loss"),
    ('paramters: "<= 9k"', "MS801", "paramters", "parameters"),
    ('flops: "<= 9k"', "MS801", "flops", "multiply_adds"),
    ('second: "<= 9"', "MS801", "second", "seconds"),
    ('test_precision: ">= 0.9"', "MS801", "test_precision", None),
    ('test_original_accuracy: ">= 0.9"', "MS801", "test_original_accuracy", "test_accuracy"),
    ('test_acc@island=Dream: ">= 0.9"', "MS801", "test_acc", "test_accuracy"),
    ('parameters@island=Dream: "<= 9k"', "MS801", "@island=Dream", None),
    ('train_loss@island=Dream: "<= 9"', "MS801", "@island=Dream", None),
    ('test_accuracy@islnd=Dream: ">= 0.9"', "MS818", "islnd=Dream", "island=Dream"),
    ('test_accuracy@age=0..19: ">= 0.9"', "MS818", "age=0..19", "age=0..18"),
    ('test_accuracy: ">= 95 MB"', "MS802", '">= 95 MB"', None),
    ('test_accuracy: ">= 2k"', "MS802", '">= 2k"', None),
    ('parameters: "<= 5%"', "MS802", '"<= 5%"', None),
    ('seconds: "<= 5 kB"', "MS802", '"<= 5 kB"', None),
    ('size: "<= 5 s"', "MS802", '"<= 5 s"', None),
    ('test_accuracy: ">= 95"', "MS803", '">= 95"', '">= 95%"'),
    ('test_accuracy: "> 1"', "MS803", '"> 1"', None),
    ('test_accuracy: "< 0"', "MS803", '"< 0"', None),
    ('test_accuracy: "== 1.5"', "MS803", '"== 1.5"', '"== 1.5%"'),
    ('test_loss: "< 0"', "MS803", '"< 0"', None),
    ('size: "<= -1"', "MS803", '"<= -1"', None),
    ('epochs: ">= 30"', "MS803", '">= 30"', None),
    ('epochs: "== 2.5"', "MS803", '"== 2.5"', None),
    ('test_accuracy: ["> 0.9", "< 0.5"]', "MS803", '"< 0.5"', None),
    ('test_accuracy: ["> 0.9", "<= 0.9"]', "MS803", '"<= 0.9"', None),
    ('test_accuracy: [">= baseline", "< baseline - 0.1"]', "MS803", '"< baseline - 0.1"', None),
    ('test_accuracy: {best: ">= 0.9"}', "MS805", "best", None),
    ('size: {last: "<= 2 MB"}', "MS805", "last", None),
    ('val_loss@island=Dream: {mean: "<= 2"}', "MS805", "mean", None),
    ('val_loss: {best: "<= baseline"}', "MS805", "best", None),
    ('val_loss: {bst: "<= 0.5"}', "MS201", "bst", "best"),
    ('test_accuracy: "<= 0.9"', "MS806", '"<= 0.9"', None),
    ('test_loss: ">= baseline"', "MS806", '">= baseline"', None),
    ('val_loss: {best: "> 0.1"}', "MS806", '"> 0.1"', None),
    ('test_accuracy: ">= 0"', "MS807", '">= 0"', None),
    ('test_accuracy: [">= 0.9", ">= 0.8"]', "MS807", '">= 0.8"', None),
    ('test_accuracy: [">= 0.8", ">= 0.9"]', "MS807", '">= 0.8"', None),
    ('test_loss: ["<= baseline", "<= baseline"]', "MS807", '"<= baseline"', None),
    ('parameters: "<= 2400"', "MS810", '"<= 2400"', None),
    ('parameters: [">= 10", "<= 2k"]', "MS810", '"<= 2k"', None),
    ('multiply_adds: "< 2100"', "MS810", '"< 2100"', None),
    ('trainable_parameters: "== 2402"', "MS810", '"== 2402"', None),
    ("test_accuracy: 0.9", "MS800", "0.9", None),
    ("parameters: 5000", "MS800", "5000", '"<= 5000"'),
    ('test_accuracy: [">= 0.9", 0.5]', "MS800", "0.5", None),
    ("test_accuracy: []", "MS800", "[]", None),
    ("val_accuracy: {}", "MS800", "{}", None),
    ('test_loss: ">= 0"', "MS807", '">= 0"', None),
    ('parameters: "< 0"', "MS803", '"< 0"', None),
    ('parameters: "== 2402.5"', "MS803", '"== 2402.5"', None),
    (f"test_accuracy: {MANY}", "MS800", MANY, None),
    ('test_accuracy: ">= 90 percent"', "MS800", "percent", None),
]


@pytest.mark.parametrize(("line", "code", "text", "suggestion"), SEEDED)
def test_a_seeded_fault_is_reported_at_its_column(
    line: str, code: str, text: str, suggestion: str | None
) -> None:
    """Once, and nothing else; with the text that was most likely meant."""
    said = found(line)
    assert [one.code for one in said] == [code], "\n".join(map(str, said))
    (one,) = said
    assert one.span is not None and one.span.text == text
    written = f"  {line}"
    columns = [at for at in range(len(written)) if written.startswith(text, at)]
    assert one.line == SPEC.count("\n") + 1 and one.column in [at + 1 for at in columns]
    assert one.suggestion == suggestion
    assert one.help


@pytest.mark.parametrize("line", [line for line, _, _, suggestion in SEEDED if suggestion])
def test_a_suggestion_corrects_the_fault(line: str) -> None:
    (one,) = found(line)
    assert one.span is not None and one.suggestion is not None
    text = Path("spec.yaml").read_text()
    text = text[: one.span.start] + one.suggestion + text[one.span.end :]
    Path("spec.yaml").write_text(text)
    after = ms.check("spec.yaml").diagnostics
    assert one.code not in [each.code for each in after], "\n".join(map(str, after))


def test_all_faults_of_a_section_are_reported_at_once() -> None:
    lines = [line for line, code, *_ in SEEDED if code == "MS801"]
    assert [one.code for one in found(*lines)] == ["MS801"] * len(lines)


def test_sound_expectations_have_no_fault() -> None:
    assert (
        found(
            'parameters: "<= 2403"',
            'trainable_parameters: "== 2403"',
            'multiply_adds: "<= 2.1k"',
            'memory: "<= 1 GB"',
            'test_accuracy: [">= 60%", "<= 99.9%", ">= baseline - 0.01"]',
            'test_loss: "<= baseline + 0.01"',
            'val_loss: {best: "< 0.5", last: "<= 0.6", mean: ["<= 2", ">= 0.01"]}',
            'train_accuracy: {best: ">= 0.9"}',
            'train_loss: "<= 105% of baseline"',
            'test_accuracy@island=Dream: ">= 0.9"',
            'val_accuracy@age=18..65: ">= 0.9"',
            'test_loss@age=missing: "<= 3"',
            'size: "<= 2 MB"',
            'seconds: "<= 2 min"',
            'epochs: "<= 20"',
        )
        == []
    )


def test_the_largest_layers_are_named_with_their_places() -> None:
    (one,) = found('parameters: "<= 2k"')
    assert [(note.message, note.span and note.span.line) for note in one.notes] == [
        ("`wide` has 1,500 parameters", 4),
        ("`dense` has 903 parameters", 5),
    ]
    (one,) = found('multiply_adds: "<= 2k"')
    assert [note.message for note in one.notes] == [
        "`wide` has 1,200 multiply-adds",
        "`dense` has 900 multiply-adds",
    ]


def test_memory_is_decided_with_its_batch_size() -> None:
    """Weights, gradients and one slot of RMSprop are 3 * 2,403 * 4 bytes at least, which is more
    than 28 kB.
    """
    (one,) = found('memory: "<= 28 kB"')
    assert one.code == "MS810" and "of memory" in one.message and "batch_size" in str(one.help)


@pytest.mark.parametrize(
    ("split", "line", "said"),
    [
        ("{validation: 0.2}", 'test_accuracy: ">= 0.9"', "test"),
        ("{test: 0.2}", 'val_accuracy: ">= 0.9"', "validation"),
        ("{test: 0.2}", 'val_loss: {best: "<= 0.9"}', "validation"),
        ("{validation: 0.2}", 'test_loss@island=Dream: "<= 0.9"', "test"),
    ],
)
def test_a_part_that_is_not_there_is_an_error(split: str, line: str, said: str) -> None:
    spec = SPEC.replace("{validation: 0.2, test: 0.2}", split)
    (one,) = found(line, spec=spec)
    assert one.code == "MS804" and f"no {said} part" in one.message
    assert one.span is not None and one.span.text == line.partition(":")[0]


@pytest.mark.parametrize("key", ["test_accuracy", "val_loss", "size", "seconds", "memory"])
def test_what_a_training_gives_needs_a_training(key: str) -> None:
    spec = SPEC[: SPEC.index("data:")] + "expect:\n"
    (one,) = found(f'{key}: "<= 1"', spec=spec)
    assert one.code == "MS804" and one.line == 7


def test_a_section_in_error_is_reported_alone() -> None:
    """What a metric in error would log may be what is expected."""
    spec = SPEC.replace("metrics: [accuracy]", "metrics: [accuracyy]")
    (one,) = found('test_precision: ">= 0.9"', spec=spec)
    assert one.span is not None and one.span.text == "accuracyy"


def test_names_of_several_outputs_are_those_that_training_logs() -> None:
    spec = """\
model:
  inputs: {x: [4]}
  layers:
    - Dense: {units: 1, name: price}
    - Dense: {units: 3, activation: softmax, from: x, name: kind}
  outputs: [price, kind]
training:
  loss: {price: mse, kind: sparse_categorical_crossentropy}
  metrics: {price: [mae, {RootMeanSquaredError: {name: rmse}}], kind: [accuracy]}
expect:
"""
    sound = ["loss", "price_loss", "kind_loss", "price_mae", "price_rmse"]
    lines = [f'test_{name}: "<= 1"' for name in sound]
    assert found(*lines, 'test_kind_accuracy: ">= 0.5"', spec=spec) == []
    for key, meant in {
        "test_mae": "test_price_mae",
        "val_accuracy": "val_kind_accuracy",
        "test_loss_price": "test_price_loss",
    }.items():
        (one,) = found(f'{key}: "<= 0.5"', spec=spec)
        assert (one.code, one.suggestion) == ("MS801", meant)
    (one,) = found('test_kind_acuracy: ">= 0.5"', spec=spec)
    assert (one.code, one.suggestion) == ("MS801", "test_kind_accuracy")


def test_each_number_of_a_metric_is_a_quantity() -> None:
    """`F1Score` without an average gives one for each class."""
    spec = SPEC.replace("sparse_categorical", "categorical")
    spec = spec.replace("[accuracy]", "[{F1Score: {}}]")
    spec = spec.replace("{column: e}", "{columns: [e, f, g]}")
    assert found('test_f1_score_2: ">= 0.5"', spec=spec) == []
    (one,) = found('test_f1_score_3: ">= 0.5"', spec=spec)
    assert (one.code, one.suggestion) == ("MS801", "test_f1_score_0")


def test_metrics_in_the_unit_of_the_column_are_known_where_a_target_is_transformed() -> None:
    spec = """\
model:
  inputs: {x: [4]}
  layers: [{Dense: 2}]
data:
  source: {csv: prices.csv}
  split: {validation: 0.2, test: 0.2}
  inputs: {x: {columns: [a, b, c, d]}}
  targets: {columns: [price, rent], transform: [Normalization]}
training: {loss: mse, metrics: [mae, {CosineSimilarity: {}}]}
expect:
"""
    name = "mae"
    assert found(f'test_original_{name}: "<= 10k"', spec=spec) == []
    (one,) = found(f'train_original_{name}: "<= 10k"', spec=spec)
    assert (one.code, one.suggestion) == ("MS801", f"val_original_{name}")
    (one,) = found('test_original_cosine_similarity: ">= 0.5"', spec=spec)
    assert one.code == "MS801"
    plain = spec.replace(", transform: [Normalization]", "")
    (one,) = found(f'test_original_{name}: "<= 10k"', spec=plain)
    assert one.code == "MS801"


def test_a_size_that_the_data_give_leaves_the_decision_to_the_data() -> None:
    spec = SPEC.replace("{x: [4]}", "{x: [auto]}")
    assert found('parameters: "<= 10"', 'multiply_adds: "<= 10"', spec=spec) == []


def test_a_number_that_is_never_known_cannot_be_expected() -> None:
    spec = """\
model:
  inputs: {x: [time, 4]}
  layers: [{Dense: 3}]
expect:
"""
    assert found('parameters: "<= 15"', spec=spec) == []
    (one,) = found('multiply_adds: "<= 15"', spec=spec)
    assert one.code == "MS810" and "not known" in one.message


def test_a_text_that_begins_with_a_sign_is_offered_in_quotes() -> None:
    """YAML has another meaning for `>`; the correction is the whole value."""
    (one,) = found("parameters: >= 3k  # at least")
    assert (one.code, one.suggestion) == ("MS103", '">= 3k"')
    assert one.span is not None and one.span.text == ">= 3k"


@pytest.mark.parametrize("value", ["[a]", "3", "text"])
def test_the_section_is_a_mapping(value: str) -> None:
    (one,) = found(spec=SPEC.replace("expect:\n", f"expect: {value}\n"))
    assert one.code == "MS204"


# The section among others -------------------------------------------------------------------------


def test_expectations_are_extended_set_and_switched_off() -> None:
    found('test_accuracy: ">= $least"', 'parameters: "<= 5k"', 'seconds: "<= 60"')
    path = Path("spec.yaml")
    path.write_text("vars: {least: 0.8}\n" + path.read_text())
    Path("own.yaml").write_text(
        'extends: spec.yaml\nexpect: {seconds: null, test_loss: "<= 0.5"}\n', encoding="utf-8"
    )
    read = compile_spec("own.yaml", {"expect.parameters": "<= 4k"})
    assert read.diagnostics == () and read.value is not None
    assert [(one.key, one.text) for one in read.value.expectations] == [
        ("test_accuracy", ">= 0.8"),
        ("parameters", "<= 4k"),
        ("test_loss", "<= 0.5"),
    ]


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ("expect.parameters=>= 10k", 1),
        ("expect.parameters=<= 10k", 0),
        ("expect.parameters='<= 10k'", 0),
        ('expect["test_accuracy@island=Dream"]=>= 0.5', 0),
    ],
)
def test_an_expectation_is_set_on_the_command_line(given: str, status: int) -> None:
    found()
    text = Path("spec.yaml").read_text().replace("expect:\n", "")
    Path("spec.yaml").write_text(text)
    result = CliRunner().invoke(main, ["show", "spec.yaml", "--set", given])
    assert result.exit_code == status, result.output


def test_resolve_and_diff_have_the_section() -> None:
    found('test_accuracy: ">= 0.5"', 'val_loss: {best: "<= 1"}')
    resolved = CliRunner().invoke(main, ["resolve", "spec.yaml"]).output
    assert 'expect: {test_accuracy: ">= 0.5", val_loss: {best: "<= 1"}}\n' in resolved
    other = Path("spec.yaml").read_text().replace(">= 0.5", ">= 0.6")
    Path("other.yaml").write_text(other)
    said = CliRunner().invoke(main, ["diff", "spec.yaml", "other.yaml", "--format", "json"])
    assert json.loads(said.output)["sections"] == [
        {"path": "expect.test_accuracy", "before": ">= 0.5", "after": ">= 0.6"}
    ]


@pytest.mark.parametrize(
    ("expect", "right"),
    [
        ({"parameters": "<= 200k", "test_accuracy": [">= 0.5", "<= 0.9"]}, True),
        ({"val_loss": {"best": "<= 0.5", "mean": ["<= 2"]}, "size": None}, True),
        ({"test_accuracy": "$target", "test_loss": "<= baseline + 0.1"}, True),
        (None, True),
        ({"parameters": 200}, False),
        ({"parameters": {"best": "<= 3"}}, False),
        ({"val_loss": {"worst": "<= 3"}}, False),
        ({"test_accuracy": "0.9"}, False),
        ({"test_accuracy": []}, False),
    ],
)
def test_the_schema_has_the_forms_of_the_section(expect: Any, right: bool) -> None:
    spec = {"model": {"inputs": {"x": [4]}, "layers": [{"Dense": 3}]}, "expect": expect}
    validator = jsonschema.Draft202012Validator(schema())
    assert validator.is_valid(spec) == right


def test_check_with_expectations_loads_no_framework() -> None:
    found('parameters: "<= 2403"', 'test_accuracy: ">= 0.5"', 'memory: "<= 1 GB"')
    code = (
        "import sys, modelspec as ms; assert ms.check('spec.yaml').ok;"
        "print([one for one in ('numpy', 'tensorflow', 'keras', 'pandas', 'rich')"
        " if one in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"


# Facts of losses and metrics ----------------------------------------------------------------------


def test_shares_are_those_metrics_that_count_right_answers() -> None:
    """The names are written down here; a new metric has to be considered."""
    shares = {one for one in METRICS.kinds() if _metric(one).lies_in == (0.0, 1.0)}
    assert shares == {
        *("Accuracy", "BinaryAccuracy", "CategoricalAccuracy", "SparseCategoricalAccuracy"),
        *("TopKCategoricalAccuracy", "SparseTopKCategoricalAccuracy", "AUC", "F1Score"),
        *("FBetaScore", "Precision", "PrecisionAtRecall", "Recall", "RecallAtPrecision"),
        *("SensitivityAtSpecificity", "SpecificityAtSensitivity", "BinaryIoU", "IoU"),
        *("MeanIoU", "OneHotIoU", "OneHotMeanIoU"),
    }


def test_metrics_in_any_unit_are_those_that_a_run_computes_in_the_column_s() -> None:
    """The rule and the run name the same metrics."""
    from modelspec.runtime.run.original_metrics import _SUMS

    assert {one for one in METRICS.kinds() if _metric(one).in_any_unit} == set(_SUMS)


def test_losses_below_0_are_known() -> None:
    below = {one for one in LOSSES.kinds() if not _loss(one).at_least_0}
    assert below == {"CosineSimilarity", "Poisson", "CTC", "Circle", "KLDivergence", "Expression"}


def _metric(name: str) -> type[Metric]:
    found = METRICS.find(name)
    assert found is not None and issubclass(found, Metric)
    return found


def _loss(name: str) -> type[Loss]:
    found = LOSSES.find(name)
    assert found is not None and issubclass(found, Loss)
    return found


# Deciding -----------------------------------------------------------------------------------------


@dataclass
class Accepted:
    """A baseline."""

    metrics: dict[str, float]
    errors: dict[str, float] = field(default_factory=dict)


def compiled(*lines: str) -> Compiled:
    assert not [one for one in found(*lines) if one.severity == "error"]
    read = compile_spec("spec.yaml")
    assert read.value is not None
    return read.value


def decided(
    line: str, results: Results, baseline: Accepted | None = None, *, key: str | None = None
) -> Decision:
    (one,) = decide(compiled(line), results, baseline)
    assert key is None or one.key == key
    return one


@pytest.mark.parametrize(
    ("expected", "value", "holds", "margin"),
    [
        (">= 0.9", 0.95, True, 0.05),
        (">= 0.9", 0.85, False, -0.05),
        (">= 0.9", 0.8999999761581421, True, 0.0),  # 9 of 10 in float32
        ("> 0.9", 0.8999999761581421, False, 0.0),
        ("> 0.9", 0.9000000357627869, False, 0.0),
        ("> 0.9", 0.91, True, 0.01),
        ("== 0.9", 0.8999999761581421, True, 0.0),
        ("== 0.9", 0.91, False, -0.01),
    ],
)
def test_metrics_are_compared_as_float32_has_them(
    expected: str, value: float, holds: bool, margin: float
) -> None:
    one = decided(f'test_accuracy: "{expected}"', Results({"test_accuracy": value}))
    assert (one.holds, one.measured, one.expected) == (holds, value, expected)
    assert one.margin == pytest.approx(margin, abs=1e-12)


def test_counts_are_compared_to_the_last_one() -> None:
    line = 'size: "<= 10 MB"'
    assert decided(line, Results({"size": 10_000_000})).holds is True
    one = decided(line, Results({"size": 10_000_001}))
    assert (one.holds, one.margin) == (False, -1)


def test_all_comparisons_of_a_list_must_hold() -> None:
    line = 'test_accuracy: [">= 0.6", "<= 0.9"]'
    for value, holds, margin in [(0.7, True, 0.1), (0.5, False, -0.1), (0.95, False, -0.05)]:
        one = decided(line, Results({"test_accuracy": value}))
        assert one.holds is holds and one.margin == pytest.approx(margin)
        assert one.expected == ">= 0.6, <= 0.9"


def test_what_is_taken_over_the_epochs() -> None:
    """A NaN is never the best, and always in the mean."""
    history = {"val_loss": (0.9, math.nan, 0.3, 0.5), "accuracy": (0.5, 0.8, 0.7)}
    results = Results({"val_loss": 0.5}, history)
    best, last, mean = decide(
        compiled('val_loss: {best: "<= 0.3", last: "<= 0.4", mean: "<= 1"}'), results, None
    )
    assert (best.key, best.measured, best.holds) == ("val_loss.best", 0.3, True)
    assert (last.key, last.measured, last.holds) == ("val_loss.last", 0.5, False)
    assert mean.holds is False and mean.why == "it is not a number (NaN)"
    one = decided('train_accuracy: {best: ">= 0.8"}', results)
    assert (one.measured, one.holds) == (0.8, True)
    one = decided('train_accuracy: {mean: ">= 0.6"}', results)
    assert one.measured == pytest.approx(2 / 3) and one.holds


@pytest.mark.parametrize(
    ("values", "mean"),
    [((math.inf, 1.0), math.inf), ((math.inf, -math.inf), math.nan), ((math.nan, 1.0), math.nan)],
)
def test_the_mean_of_infinite_numbers_is_what_numpy_gives(
    values: tuple[float, ...], mean: float
) -> None:
    results = Results({}, {"val_loss": list(values)})
    one = decided('val_loss: {mean: "<= 1"}', results)
    assert one.measured == pytest.approx(mean, nan_ok=True) and one.holds is False


def test_a_metric_that_is_missing_or_not_a_number_is_not_met() -> None:
    one = decided('test_accuracy: ">= 0.5"', Results({}))
    assert (one.holds, one.measured, one.why) == (False, None, "it was not measured")
    one = decided('test_loss: "<= 0.5"', Results({"test_loss": math.nan}))
    assert (one.holds, one.why) == (False, "it is not a number (NaN)")
    assert json.loads(json.dumps(one.as_json()))["measured"] is None
    one = decided('test_loss: "<= 0.5"', Results({"test_loss": math.inf}))
    assert one.holds is False
    one = decided('test_accuracy@island=Dream: ">= 0.5"', Results({}))
    assert one.why == "no example of the test part is in the slice"


def test_training_metrics_are_those_of_the_last_epoch() -> None:
    one = decided('train_loss: "<= 0.5"', Results({"loss": 0.4, "test_loss": 0.9}))
    assert (one.measured, one.holds) == (0.4, True)


def test_seconds_are_a_warning() -> None:
    one = decided('seconds: "<= 1 min"', Results({"seconds": 61.5}))
    assert (one.holds, one.severity, one.margin) == (False, "warning", -1.5)


def test_a_slice_with_few_examples_is_not_judged() -> None:
    key = "test_accuracy@island=Dream"
    results = Results({key: 0.1}, few={"test@island=Dream"})
    one = decided(f'{key}: ">= 0.5"', results)
    assert (one.holds, one.undecided, one.measured) == (None, "examples", 0.1)
    one = decided(f'{key}: ">= 0.5"', Results({key: 0.1}, few={"val@island=Dream"}))
    assert one.holds is False


def test_a_baseline_is_compared_with() -> None:
    line = 'test_loss: "<= baseline + 0.01"'
    base = Accepted({"test_loss": 0.5})
    one = decided(line, Results({"test_loss": 0.505}), base)
    assert one.holds is True and one.baseline == 0.5
    assert one.margin == pytest.approx(0.005)
    assert decided(line, Results({"test_loss": 0.52}), base).holds is False
    line = 'train_loss: "<= baseline"'
    assert decided(line, Results({"loss": 0.4}), Accepted({"loss": 0.5})).holds is True


def test_without_a_baseline_nothing_is_decided_but_what_needs_none() -> None:
    line = 'test_accuracy: [">= 0.6", ">= baseline - 0.01"]'
    for baseline in (None, Accepted({"test_loss": 0.5})):
        one = decided(line, Results({"test_accuracy": 0.7}), baseline)
        assert (one.holds, one.undecided) == (None, "baseline") and "baseline" in str(one.why)
        assert decided(line, Results({"test_accuracy": 0.5}), baseline).holds is False


def test_a_baseline_of_several_seeds_allows_for_chance() -> None:
    """Two standard errors, on the side that is worse; a limit without a baseline stays."""
    base = Accepted({"test_accuracy": 0.9}, {"test_accuracy": 0.02})
    line = 'test_accuracy: ">= baseline"'
    assert decided(line, Results({"test_accuracy": 0.861}), base).holds is True
    assert decided(line, Results({"test_accuracy": 0.859}), base).holds is False
    line = 'test_accuracy: [">= 0.87", ">= baseline"]'
    assert decided(line, Results({"test_accuracy": 0.861}), base).holds is False


def test_baselines_are_beside_the_spec_and_nowhere_out_of_its_project(tmp_path: Path) -> None:
    spec = compiled('test_loss: "<= baseline"')
    assert spec_folder(spec) == tmp_path
    inside = tmp_path / "configs" / "spec.yaml"
    assert spec_folder(spec, str(inside)) == tmp_path / "configs"
    assert spec_folder(spec, "/elsewhere/spec.yaml") == tmp_path
    assert spec_folder(spec, str(tmp_path / ".." / "spec.yaml")) == tmp_path
