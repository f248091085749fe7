"""`training.stages` as it is read and checked: what each stage trains with, and its faults."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from modelspec.cli import main
from modelspec.compiler.infer.memory import Memory, estimated_memory, largest_memory
from modelspec.compiler.pipeline import Compiled, compile_spec
from modelspec.core.diagnostics import Diagnostic
from modelspec.runtime.history import read_record
from modelspec.runtime.history.decide import Results, decide
from modelspec.runtime.history.tables import of_one

MODEL = """\
model:
  inputs: {x: [4]}
  layers:
    - Dense: {units: 8, activation: relu, name: body}
    - Dense: {units: 3, activation: softmax, name: head}
data:
  source: {csv: flowers.csv}
  split: {validation: 0.2}
  targets: {head: {column: kind}}
"""
TWO = """\
training:
  loss: sparse_categorical_crossentropy
  metrics: [accuracy]
  batch_size: 16
  callbacks: [{EarlyStopping: {monitor: val_loss}}]
  stages:
    - {name: first, epochs: 5, freeze: [body], optimizer: {Adam: 0.01}}
    - {name: second, epochs: 10, optimizer: {SGD: 0.1}, batch_size: 64, callbacks: [TerminateOnNaN]}
"""


def checked(tmp_path: Path, text: str, **overrides: Any) -> tuple[Compiled, list[Diagnostic]]:
    path = tmp_path / "spec.yaml"
    path.write_text(MODEL + text)
    found = compile_spec(path, overrides)
    assert found.value is not None
    return found.value, list(found.diagnostics)


def faults(tmp_path: Path, text: str) -> list[tuple[str, str]]:
    """The code of each fault, and the text that it points to."""
    _, found = checked(tmp_path, text)
    return [(one.code, one.span.text if one.span else "") for one in found]


def sound(tmp_path: Path, text: str, **overrides: Any) -> Compiled:
    compiled, found = checked(tmp_path, text, **overrides)
    assert not found, found
    return compiled


# What a stage trains with -------------------------------------------------------------------------


def test_a_stage_replaces_keys_of_the_section_and_adds_callbacks(tmp_path: Path) -> None:
    training = sound(tmp_path, TWO).training
    assert training is not None
    first, second = training.stages
    assert (first.name, second.name) == ("first", "second")
    assert first.training.optimizer.kind() == "Adam" and second.training.optimizer.kind() == "SGD"
    assert (first.training.batch_size, second.training.batch_size) == (16, 64)
    assert (first.training.freeze, second.training.freeze) == (("body",), ())
    assert [one.written for one in first.training.callbacks] == ["EarlyStopping"]
    assert [one.written for one in second.training.callbacks] == ["EarlyStopping", "TerminateOnNaN"]
    assert [one.written for one in second.own] == ["TerminateOnNaN"] and not first.own
    assert [one.written for one in training.every_callback] == ["EarlyStopping", "TerminateOnNaN"]


def test_the_section_is_the_last_stage_with_the_epochs_of_all(tmp_path: Path) -> None:
    compiled = sound(tmp_path, TWO)
    assert compiled.training is not None and compiled.graph is not None
    assert compiled.training.epochs == 15
    assert compiled.training.optimizer.kind() == "SGD"
    assert compiled.graph.trainable_parameters == compiled.graph.parameters
    graphs = [one.graph for one in compiled.stages]
    assert [one.trainable_parameters for one in graphs if one] == [27, 67]


def test_a_kept_optimizer_is_that_of_the_stage_before(tmp_path: Path) -> None:
    text = TWO + "    - {name: third, epochs: 1, optimizer: keep}\n"
    training = sound(tmp_path, text).training
    assert training is not None
    assert training.stages[2].training.optimizer == training.stages[1].training.optimizer
    assert [one.keep is not None for one in training.stages] == [False, False, True]


def test_set_raises_the_epochs_of_a_stage_by_its_name(tmp_path: Path) -> None:
    overrides = {"training.stages.second.epochs": 12, "training.stages.first.optimizer.Adam": 0.5}
    training = sound(tmp_path, TWO, **overrides).training
    assert training is not None
    assert [one.training.epochs for one in training.stages] == [5, 12]
    assert training.stages[0].training.optimizer.model_dump()["learning_rate"] == 0.5
    _, found = checked(tmp_path, TWO, **{"training.stages.secnd.epochs": 12})
    assert [(one.code, one.suggestion) for one in found] == [("MS130", "second")]


def test_the_data_of_a_stage(tmp_path: Path) -> None:
    text = """\
training:
  loss: sparse_categorical_crossentropy
  stages:
    - {name: easy, epochs: 1, data: {where: "size < 3", augment: [{GaussianNoise: 0.1}]}}
    - {name: plain, epochs: 1, data: {augment: []}}
    - {name: all, epochs: 1}
"""
    source = "  source: {csv: flowers.csv}\n"
    path = tmp_path / "spec.yaml"
    path.write_text(MODEL.replace(source, source + "  augment: [{GaussianNoise: 0.5}]\n") + text)
    found = compile_spec(path)
    assert found.value is not None and not found.diagnostics
    easy, plain, whole = found.value.stages
    [stage, *_] = found.value.training_stages
    assert stage.data.where is not None and stage.data.where.text == "size < 3"
    drawn = [one.data.augment for one in (easy, plain, whole) if one.data is not None]
    assert [len(one) for one in drawn] == [1, 0, 1]
    rates = [one["x"].layers[0].model_dump()["stddev"] for one in (drawn[0], drawn[2])]
    assert rates == [0.1, 0.5]


def test_memory_is_that_of_the_largest_stage(tmp_path: Path) -> None:
    stages = sound(tmp_path, TWO).stage_graphs
    found, second = (
        largest_memory(stages),
        estimated_memory(stages[1].graph, stages[1].stage.training),
    )
    assert isinstance(found, Memory) and isinstance(second, Memory)
    assert (found.stage, found.total, found.batch_size) == ("second", second.total, 64)
    reverse = largest_memory(tuple(reversed(stages)))
    assert isinstance(reverse, Memory) and reverse.stage == "second"


# Faults -------------------------------------------------------------------------------------------

LOSS = "training:\n  loss: sparse_categorical_crossentropy\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (LOSS + "  stages: []\n", [("MS834", "[]")]),
        (LOSS + "  stages: {name: a, epochs: 1}\n", [("MS204", "{name: a, epochs: 1}")]),
        (LOSS + "  stages: [a]\n", [("MS204", "a")]),
        (
            LOSS + "  stages: [{name: a, epochs: 1}, {name: a, epochs: 2}]\n",
            [("MS834", "a")],
        ),
        (LOSS + "  stages: [{epochs: 1}]\n", [("MS203", "{epochs: 1}")]),
        (LOSS + "  stages: [{name: 3, epochs: 1}]\n", [("MS204", "3")]),
        (LOSS + "  stages: [{name: a/b, epochs: 1}]\n", [("MS306", "a/b")]),
        (LOSS + "  stages: [{name: a}]\n", [("MS203", "a")]),
        (LOSS + "  stages: [{name: a, epochs: 0}]\n", [("MS205", "0")]),
        (LOSS + "  epochs: 3\n  stages: [{name: a}]\n", [("MS835", "epochs")]),
        (LOSS + "  stages: [{name: a, epochs: 1, batchsize: 3}]\n", [("MS201", "batchsize")]),
        (LOSS + "  stages: [{name: a, epochs: 1, stages: []}]\n", [("MS201", "stages")]),
        (LOSS + "  stages: [{name: a, epochs: 1, optimizer: keep}]\n", [("MS836", "keep")]),
        (LOSS + "  stages: [{name: a, epochs: 1, data: 3}]\n", [("MS204", "3")]),
        (
            LOSS + "  stages: [{name: a, epochs: 1, data: {source: 3}}]\n",
            [("MS201", "source")],
        ),
        (
            LOSS + '  stages: [{name: a, epochs: 1, data: {where: "x <"}}]\n',
            [("MS120", "x <")],
        ),
        (
            "training:\n  stages: [{name: a, epochs: 1}, {name: b, epochs: 1}]\n",
            [("MS203", "training")],
        ),
        (LOSS + "  metrics: [acuracy]\n  stages: [{name: a, epochs: 1}]\n", [("MS206", "acuracy")]),
        (
            LOSS + "  optimizer: adm\n  stages: [{name: a, epochs: 1, optimizer: sgd}]\n",
            [("MS206", "adm")],
        ),
    ],
)
def test_faults_have_their_places(
    tmp_path: Path, text: str, expected: list[tuple[str, str]]
) -> None:
    assert faults(tmp_path, text) == expected


def test_a_rule_is_checked_in_each_stage_and_reported_once(tmp_path: Path) -> None:
    """The first stage has no metrics, so its callback monitors nothing; the second one freezes a
    layer that does not exist, and both have an unknown callback in common.
    """
    text = """\
training:
  loss: sparse_categorical_crossentropy
  callbacks: [{EarlyStopping: {monitor: val_accuracy}}]
  stages:
    - {name: first, epochs: 5}
    - {name: second, epochs: 5}
    - {name: third, epochs: 5, metrics: [accuracy], freeze: [boddy]}
"""
    assert faults(tmp_path, text) == [("MS520", "val_accuracy"), ("MS531", "boddy")]


def test_an_expectation_of_epochs_counts_all_stages(tmp_path: Path) -> None:
    assert not checked(tmp_path, TWO + 'expect: {epochs: ">= 15"}\n')[1]
    assert faults(tmp_path, TWO + 'expect: {epochs: ">= 16"}\n')[0][0] == "MS803"


def test_a_kept_optimizer_for_other_weights_is_a_warning(tmp_path: Path) -> None:
    text = TWO.replace("{SGD: 0.1}", "keep")
    _, found = checked(tmp_path, text)
    assert [(one.code, one.severity) for one in found] == [("MS837", "warning")]
    assert "trains 2 weights that `first` does not" in found[0].message
    same = text.replace("freeze: [body], ", "")
    assert not checked(tmp_path, same)[1]
    without_state = text.replace("{Adam: 0.01}", "{SGD: 0.01}")
    assert not checked(tmp_path, without_state)[1], "there is no state that could be missing"


# Commands -----------------------------------------------------------------------------------------


def test_the_commands_print_the_stages(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(MODEL + TWO)
    shown = CliRunner().invoke(main, ["show", str(path)]).output
    assert "stage first    5 epochs in batches of 16, 27 trainable parameters, Adam" in shown
    assert "in stage `second`" in shown
    made = json.loads(CliRunner().invoke(main, ["show", str(path), "--format", "json"]).output)
    assert [one["trainable_parameters"] for one in made["stages"]] == [27, 67]


def test_a_resolved_spec_with_defaults_means_the_same(tmp_path: Path) -> None:
    path, again = tmp_path / "spec.yaml", tmp_path / "again.yaml"
    path.write_text(MODEL + TWO + "    - {name: third, epochs: 1, optimizer: keep}\n")
    done = CliRunner().invoke(main, ["resolve", str(path), "--defaults", "-o", str(again)])
    assert done.exit_code == 0, done.output
    before, after = compile_spec(path).value, compile_spec(again).value
    assert before is not None and after is not None
    for one, other in zip(before.training_stages, after.training_stages, strict=True):
        assert one.name == other.name and (one.keep is None) == (other.keep is None)
        mine, its = one.training, other.training
        assert mine.choices is not None and its.choices is not None
        for key in ("optimizer", "epochs", "batch_size", "freeze", "on_nan"):
            assert getattr(mine.choices, key) == getattr(its.choices, key), key
        assert [one.settings for one in mine.callbacks] == [one.settings for one in its.callbacks]


# Runs on disk -------------------------------------------------------------------------------------


def test_the_history_of_a_run_names_the_stage_of_each_epoch(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "manifest.json").write_text(
        json.dumps(
            {
                "format": 1,
                "outcome": "completed",
                "training": {"stages": [{"name": "1", "epochs": 3}, {"name": "b", "epochs": 1}]},
                "stages": [{"name": "1", "epochs": 2, "stopped_by": "EarlyStopping"}],
            }
        )
    )
    (run / "history.csv").write_text(
        "epoch,stage,loss,accuracy,seconds\n1,1,0.5,0.4,1\n2,1,0.25,0.6,1\n3,b,0.1,,1\n"
    )
    record = read_record(run).value
    assert record is not None
    assert record.stages == ("1", "1", "b")
    assert record.history["loss"] == (0.5, 0.25, 0.1)
    assert "stage" not in record.history
    assert record.metrics == {"loss": 0.1}, "the last stage logs no accuracy"
    page = of_one(record)
    assert "1 2 of 3 epochs (stopped by EarlyStopping), b 1 epoch" in page
    assert "0.6000         2" in page


def test_a_mean_over_the_epochs_leaves_out_stages_without_the_metric(tmp_path: Path) -> None:
    text = TWO.replace("epochs: 10", "metrics: [accuracy], epochs: 10").replace(
        "  metrics: [accuracy]\n", ""
    )
    compiled = sound(tmp_path, text + 'expect: {val_accuracy: {mean: ">= 0.5"}}\n')
    logged = {"val_accuracy": (math.nan, 0.4, 0.8)}
    [decision] = decide(compiled, Results({}, logged), None)
    assert decision.measured == pytest.approx(0.6) and decision.holds
