"""`modelspec compare` and the settings in `modelspec runs`: runs side by side, read from their
folders. Nothing here needs a framework.
"""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from modelspec.cli import main
from modelspec.runtime.history import read_record
from modelspec.runtime.history.compare import Comparison, compare
from modelspec.runtime.history.compare.as_json import as_json
from modelspec.runtime.history.compare.labels import labels, setting_names
from modelspec.runtime.history.compare.markdown import as_markdown
from modelspec.runtime.history.compare.page import page
from modelspec.runtime.history.compare.text import as_text

from .run_folders import LAYERS, run_folder, spec

ROOT = Path(__file__).parents[1]
HOSTILE = "<script>alert(1)</script>\x1b[2J\r\n|`*_[x](javascript:1) @all \u202e&amp;"


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def command(*words: str) -> Result:
    return CliRunner().invoke(main, ["compare", *words])


def found(*words: str) -> dict[str, Any]:
    result = command(*words, "--format", "json")
    assert result.exit_code == 0, result.output
    value: dict[str, Any] = json.loads(result.stdout)
    return value


def settings(*words: str) -> dict[str, list[Any]]:
    """The settings that differ, with the value of each run in their order."""
    value = found(*words)
    runs = [one["run"] for one in value["runs"]]
    return {one["path"]: [one["values"].get(run, "-") for run in runs] for one in value["settings"]}


def comparison(*folders: str) -> Comparison:
    records = [read_record(Path(one)).value for one in folders]
    return compare([one for one in records if one is not None]).value


# Settings -----------------------------------------------------------------------------------------


def test_settings_that_differ_are_shown_by_their_paths() -> None:
    run_folder("runs/1", spec())
    run_folder("runs/2", spec(seed=2, optimizer="{Adam: {learning_rate: 0.002}}", csv="b.csv"))
    assert settings("runs/1", "runs/2") == {
        "seed": [1, 2],
        "data.source.csv.path": ["iris.csv", "b.csv"],
        "training.optimizer.Adam.learning_rate": [0.02, 0.002],
    }


def test_a_default_that_is_written_is_no_difference() -> None:
    run_folder("runs/1", spec(optimizer="{Adam: 0.02}"))
    written = "{Adam: {learning_rate: 0.02, beta_1: 0.9, amsgrad: false}}"
    layers = ("Dense: {units: 16, activation: relu, use_bias: true}", LAYERS[1])
    run_folder("runs/2", spec(optimizer=written, layers=layers))
    assert settings("runs/1", "runs/2") == {}
    assert "All settings are the same." in command("runs/1", "runs/2").output


def test_components_with_different_names_are_compared_as_they_are_written() -> None:
    run_folder("runs/1", spec(optimizer="{Adam: 0.02}"))
    run_folder("runs/2", spec(optimizer="{SGD: {learning_rate: 0.1, momentum: 0.9}}"))
    run_folder("runs/3", spec(metrics="[accuracy, {SparseTopKCategoricalAccuracy: {k: 2}}]"))
    assert settings("runs/1", "runs/2", "runs/3") == {
        "training.optimizer": [
            {"Adam": 0.02},
            {"SGD": {"learning_rate": 0.1, "momentum": 0.9}},
            {"Adam": 0.02},
        ],
        "training.metrics": [
            ["accuracy"],
            ["accuracy"],
            ["accuracy", {"SparseTopKCategoricalAccuracy": {"k": 2}}],
        ],
    }


def test_a_layer_that_is_added_does_not_shift_the_others() -> None:
    """Layers without a name are numbered by their order, which an added layer changes."""
    run_folder("runs/1", spec(layers=("Dense: 16", "Dense: 8", LAYERS[1])))
    run_folder("runs/2", spec(layers=("Dense: 4", "Dense: 16", "Dense: 8", LAYERS[1])))
    assert settings("runs/1", "runs/2") == {"model.layers.dense_2": ["-", {"Dense": 4}]}


def test_layers_of_one_name_are_compared_setting_by_setting() -> None:
    first, last = "Dense: {units: 16, name: stem}", LAYERS[1]
    run_folder("runs/1", spec(layers=(first, "Dropout: 0.2", last)))
    run_folder("runs/2", spec(layers=("Dense: {units: 32, name: stem}", "Dropout: 0.5", last)))
    run_folder("runs/3", spec(layers=("EinsumDense: {equation: 'ab,bc->ac', output_shape: 16,"
                                      " name: stem}", "Dropout: 0.2", last)))  # fmt: skip
    assert settings("runs/1", "runs/2") == {
        "model.layers.stem.units": [16, 32],
        "model.layers.dropout.rate": [0.2, 0.5],
    }
    assert settings("runs/1", "runs/3") == {
        "model.layers.stem": [
            {"Dense": {"units": 16}},
            {"EinsumDense": {"equation": "ab,bc->ac", "output_shape": 16}},
        ],
    }


def test_names_and_expectations_are_not_settings() -> None:
    run_folder("runs/1", spec())
    run_folder("runs/2", spec(name="other") + "expect: {test_accuracy: '> 0.5'}\n", name="other")
    assert settings("runs/1", "runs/2") == {}


def test_runs_of_different_models_are_compared_in_what_they_share() -> None:
    run_folder("a", spec())
    other = """\
modelspec: 1
name: series
model:
  inputs: {s: {shape: [10, 2], dtype: float32}}
  layers: [LSTM: 4, Dense: 1]
data: {source: {npz: s.npz}, inputs: {s: {column: s}}, targets: {dense: {column: v}}}
training: {optimizer: sgd, loss: mse, epochs: 2}
"""
    run_folder("b", other, metrics={"test": {"loss": 3.0, "mae": 1.0}})
    value = found("a", "b")
    assert {one["path"] for one in value["settings"]} >= {"training.loss", "model.layers.lstm"}
    by_name = {one["name"]: one for one in value["metrics"]}
    assert by_name["test_accuracy"]["values"] == {"a": 0.9}
    assert by_name["test_mae"]["values"] == {"b": 1.0}
    assert by_name["test_mae"]["better"] == "smaller"


# Data, versions, machine --------------------------------------------------------------------------


def test_what_runs_were_made_of_is_shown_where_it_differs() -> None:
    run_folder("runs/1")
    data = {"train": {"source": "iris.csv", "sha256": "ef" * 32, "examples": 91}}
    run_folder("runs/2", versions={"python": "3.12.1", "keras": "3.15.1"}, data=data)
    value = {one["path"]: list(one["values"].values()) for one in found("runs")["environment"]}
    assert value == {
        "data.train.sha256": ["cd" * 32, "ef" * 32],
        "data.train.examples": [90, 91],
        "versions.python": ["3.11.7", "3.12.1"],
    }


# Metrics and curves -------------------------------------------------------------------------------


def test_metrics_are_compared_with_the_first_run_and_the_best_is_marked() -> None:
    for number, (loss, accuracy) in enumerate([(0.4, 0.9), (0.3, 0.85), (0.5, 0.95)], 1):
        run_folder(f"runs/{number}", metrics={"test": {"loss": loss, "accuracy": accuracy}})
    by_name = {one["name"]: one for one in found("runs")["metrics"]}
    loss, accuracy = by_name["test_loss"], by_name["test_accuracy"]
    assert (loss["better"], accuracy["better"]) == ("smaller", "larger")
    assert (loss["best"], accuracy["best"]) == (["runs/2"], ["runs/3"])
    assert accuracy["differences"] == pytest.approx({"runs/1": 0, "runs/2": -0.05, "runs/3": 0.05})
    lines = {
        line.split()[0]: line.split()[1:] for line in command("runs").output.splitlines() if line
    }
    assert lines["test_accuracy"] == ["0.9000", "0.8500", "-0.0500", "*0.9500", "+0.0500"]
    other = {one["name"]: one for one in found("runs", "--reference", "runs/3")["metrics"]}
    assert other["test_accuracy"]["differences"]["runs/1"] == pytest.approx(-0.05)


def test_the_class_of_a_metric_says_which_way_is_better() -> None:
    """By its name alone, a metric that somebody called `score` would be better large."""
    metrics = "[{MeanSquaredError: {name: score}}, {FalsePositives: {name: wrong}}]"
    text = spec(metrics=metrics, loss="binary_crossentropy", layers=("Dense: {units: 1, name: y}",))
    text = text.replace("units: 1,", "units: 1, activation: sigmoid,")
    for number in (1, 2):
        run_folder(f"runs/{number}", text, metrics={"test": {"score": number, "wrong": number}})
    by_name = {one["name"]: one for one in found("runs")["metrics"]}
    assert by_name["test_score"]["better"] == "smaller"
    assert by_name["test_score"]["best"] == ["runs/1"]
    assert (by_name["test_wrong"]["better"], by_name["test_wrong"]["best"]) == (None, [])


def test_losses_of_different_kinds_have_no_best() -> None:
    one_hot = "{SparseCategoricalCrossentropy: {ignore_class: 0}}"
    run_folder("runs/1", metrics={"test": {"loss": 0.4, "accuracy": 0.9}})
    run_folder("runs/2", spec(loss=one_hot), metrics={"test": {"loss": 0.1, "accuracy": 0.8}})
    by_name = {one["name"]: one for one in found("runs")["metrics"]}
    assert by_name["test_loss"]["best"] == []
    assert by_name["test_accuracy"]["best"] == ["runs/1"]


def test_a_number_that_is_not_finite_is_never_the_best() -> None:
    run_folder("runs/1", metrics={"test": {"loss": float("nan"), "accuracy": float("inf")}})
    run_folder("runs/2", metrics={"test": {"loss": 0.5, "accuracy": 0.5}})
    run_folder("runs/3", metrics={"test": {"loss": 0.6, "accuracy": 0.6}})
    by_name = {one["name"]: one for one in found("runs")["metrics"]}
    assert by_name["test_loss"]["best"] == ["runs/2"]
    assert by_name["test_accuracy"]["best"] == ["runs/3"]


def test_curves_have_their_best_epoch_and_one_scale() -> None:
    run_folder("runs/1", val_loss=[0.9, 0.5, 0.7])
    run_folder("runs/2", val_loss=[0.9, 0.8])
    value = {one["name"]: one for one in found("runs")["curves"]}
    assert list(value) == ["loss", "val_loss", "accuracy", "val_accuracy"], "constants are left out"
    assert value["val_loss"]["values"] == {"runs/1": [0.9, 0.5, 0.7], "runs/2": [0.9, 0.8]}
    assert value["val_loss"]["best_epoch"] == {"runs/1": 2, "runs/2": 2}
    lines = command("runs").output.splitlines()
    at = next(at for at, one in enumerate(lines) if one.split()[:2] == ["val_loss", "runs/1"])
    assert lines[at].split()[2:] == ["0.7000", "0.5000", "2", "█▁▄"]
    assert lines[at + 1].split()[1:] == ["0.8000", "0.8000", "2", "█▆"]


def test_slices_and_expectations_are_compared() -> None:
    for number, (accuracy, holds) in enumerate([(0.9, True), (0.7, False)], 1):
        run_folder(
            f"runs/{number}",
            metrics={
                "test": {"accuracy": accuracy},
                "slices": {"test_accuracy@site=A": accuracy, "test_accuracy@site=B": accuracy},
                "slice_examples": {"test@site=A": 40, "test@site=B": 2},
                "few_slices": ["test@site=B"],
                "expect": {
                    "test_accuracy": {
                        "expected": ">= 0.8",
                        "measured": accuracy,
                        "margin": accuracy - 0.8,
                        "holds": holds,
                        "severity": "error",
                    }
                },
            },
        )
    value = found("runs")
    best = {one["name"]: one["best"] for one in value["slices"]}
    assert best == {"test_accuracy@site=A": ["runs/1"], "test_accuracy@site=B": []}
    assert "test_accuracy@site=A" not in [one["name"] for one in value["metrics"]]
    assert value["expectations"][0]["values"]["runs/2"]["holds"] is False
    output = command("runs").output
    assert "test_accuracy@site=B (few examples)" in output
    row = next(one for one in output.splitlines() if one.startswith("test_accuracy >= 0.8"))
    assert row.split()[3:] == ["0.9000", "met", "0.7000", "not", "met"]


MATRIX = {"output": "y", "part": "test", "labels": ["a", "b"], "counts": [[9, 1], [2, 8]]}


def test_confusion_matrices_come_from_the_reports() -> None:
    run_folder("runs/1", confusion=MATRIX)
    run_folder("runs/2", confusion={**MATRIX, "counts": [[10, 0], [3, 7]]})
    run_folder("runs/3")
    (value,) = found("runs")["confusion"]
    assert (value["output"], value["part"], list(value["values"])) == (
        "y", "test", ["runs/1", "runs/2"],
    )  # fmt: skip
    assert value["values"]["runs/2"]["counts"] == [[10, 0], [3, 7]]
    output = command("runs").output
    assert "The reports of runs/3 contain none." in output
    assert ["b", "3", "7"] in [line.split() for line in output.splitlines()]
    command("runs", "-o", "c.html")
    html = Path("c.html").read_text("utf-8")
    assert html.count('<table class="matrix">') == 2


# Which runs ---------------------------------------------------------------------------------------


def test_runs_are_named_by_folders_and_patterns_each_once() -> None:
    for name, started in (("a/1", "2026-03-01"), ("a/2", "2026-01-01"), ("b/1", "2026-02-01")):
        run_folder(f"runs/{name}", started=f"{started}T00:00:00+00:00")

    def order(*words: str) -> list[str]:
        return [one["run"] for one in found(*words)["runs"]]

    assert order("runs") == ["runs/a/2", "runs/b/1", "runs/a/1"], "from the oldest to the newest"
    assert order("runs/a/1", "runs") == ["runs/a/1", "runs/a/2", "runs/b/1"]
    assert order("runs/*/1") == ["runs/a/1", "runs/b/1"]
    assert order("runs/a", "--reference", "runs/b/1") == ["runs/b/1", "runs/a/2", "runs/a/1"]
    assert order("runs/b/1", "last") == ["runs/b/1", "runs/a/1"]


def test_what_cannot_be_compared_is_said() -> None:
    run_folder("runs/a/1")
    for words in (["runs/a/1"], ["runs/a/1", "runs/a/../a/1"], ["runs"]):
        result = command(*words)
        assert result.exit_code == 2
        assert "MS845" in result.output and "runs/a/1" in result.output
    for words in (["runs/a/1", "gone"], ["runs/*/7"], []):
        assert command(*words).exit_code == 2
    Path("empty").mkdir()
    result = command("runs/a/1", "empty")
    assert result.exit_code == 3
    assert "MS708" in result.output and "`empty`" in result.output


def test_a_broken_run_is_said_and_the_others_are_compared() -> None:
    for number in (1, 2, 3):
        run_folder(f"runs/{number}")
    Path("runs/2/manifest.json").write_text("{")
    result = command("runs/1", "runs/2", "runs/3")
    assert result.exit_code == 3
    assert result.output.count("MS708") == 1 and "test_accuracy" in result.output
    below = command("runs")
    assert below.exit_code == 0 and "warning[MS708]" in below.output


@pytest.mark.parametrize(
    "content",
    [None, "", "model: [", "modelspec: 1\nmodel: {inputs: {x: [4]}, layers: [Dens: 3]}\n"],
)
def test_a_spec_that_cannot_be_read_leaves_the_results(content: str | None) -> None:
    for number in (1, 2, 3):
        run_folder(f"runs/{number}", spec(seed=number))
    path = Path("runs/2/resolved.yaml")
    if content is None:
        path.unlink()
    else:
        path.write_text(content)
    result = command("runs/1", "runs/2", "runs/3")
    assert result.exit_code == 0
    assert result.output.count("warning[MS846]") == 1 and "runs/2/resolved.yaml" in result.output
    row = next(one for one in result.output.splitlines() if one.startswith("seed "))
    assert (row.split()[1], row.split()[3]) == ("1", "3")
    assert "test_accuracy" in result.output


# What is written ----------------------------------------------------------------------------------


def test_the_ending_of_the_file_says_what_is_written() -> None:
    run_folder("runs/1")
    run_folder("runs/2", spec(seed=2))
    for name, beginning in (
        ("c.html", "<!doctype html>"),
        ("c.md", "### Runs\n"),
        ("c.json", "{\n"),
        ("c.txt", "Runs\n"),
    ):
        result = command("runs", "-o", name)
        assert result.exit_code == 0 and result.output == f"2 runs compared in {name}\n"
        assert Path(name).read_text("utf-8").startswith(beginning)
    assert command("runs", "-o", "c.xls").exit_code == 2
    assert command("runs", "-o", "gone/c.md").exit_code == 2
    assert command("runs", "-o", "c.md", "--format", "json").exit_code == 2


def test_tables_are_as_wide_as_they_may_be() -> None:
    """Every run is in some table, in lines that fit."""
    for number in range(1, 8):
        settings = f"learning_rate: 0.00{number}, weight_decay: 0.004, beta_2: 0.95"
        optimizer = f"{{AdamW: {{{settings}}}}}"
        run_folder(f"a/long/folder/name/{number}", spec(optimizer=optimizer, seed=number))
    folders = [f"a/long/folder/name/{number}" for number in range(1, 8)]
    for width in (40, 60, 80, 100, 200):
        text = as_text(comparison(*folders), width=width)
        assert max(map(len, text.splitlines())) <= width
        rows = [one.split()[1:] for one in text.splitlines() if one.startswith("seed ")]
        assert [cell for row in rows for cell in row] == list("1234567")
        assert "\x1b" not in text
    assert "\x1b[32m*" not in as_text(comparison(*folders[:2]), colour=True), "all are equal"


def test_the_best_is_green_on_a_terminal() -> None:
    run_folder("1")
    run_folder("2", metrics={"test": {"loss": 0.3, "accuracy": 0.8}})
    text = as_text(comparison("1", "2"), colour=True)
    assert "\x1b[32m*0.9000\x1b[0m" in text and "\x1b[1mMetrics" in text


def test_markdown_is_a_table_for_each_part() -> None:
    run_folder("runs/1")
    run_folder("runs/2", spec(optimizer="{SGD: 0.1}"), metrics={"test": {"accuracy": 0.95}})
    lines = command("runs", "--format", "markdown").output.splitlines()
    assert "| `test_accuracy` | 0.9000 | **0.9500** (+0.0500) |" in lines
    assert "| `training.optimizer` | `Adam: 0.02` | `SGD: 0.1` |" in lines
    tables = "\n".join(lines).split("\n\n")
    for table in (one.splitlines() for one in tables if one.startswith("|")):
        assert len({line.count("|") for line in table}) == 1


def test_comparing_loads_no_framework_and_no_numpy() -> None:
    run_folder("runs/1")
    run_folder("runs/2", spec(seed=2))
    program = (
        "import sys; from modelspec.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "finally: print([m for m in ('tensorflow', 'keras', 'numpy', 'h5py') if m in sys.modules])"
    )
    for words in (["compare", "runs"], ["compare", "runs", "-o", "c.html"], ["runs"]):
        done = subprocess.run(
            [sys.executable, "-c", program, *words],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        assert done.stdout.splitlines()[-1] == "[]"


# From strangers -----------------------------------------------------------------------------------


class Tags(HTMLParser):
    """The tags of a page, and its attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs


def hostile_folder(path: str) -> None:
    """Wherever a text is taken from, it is one that would do harm."""
    text = spec(
        csv=json.dumps(HOSTILE.replace("\x1b", "").replace("\u202e", "").replace("\r\n", ""))
    )
    text = text.replace("iris\n", json.dumps("<b>x</b>") + "\n", 1)
    metrics = {
        "test": {HOSTILE: 0.5, "accuracy": 0.5},
        "slices": {f"test_accuracy@{HOSTILE}": 0.5},
        "slice_examples": {f"test@{HOSTILE}": 5},
        "expect": {HOSTILE: {"expected": HOSTILE, "measured": 1, "holds": False, "why": HOSTILE}},
    }
    folder = run_folder(
        path,
        text,
        metrics=metrics,
        confusion={**MATRIX, "output": HOSTILE, "labels": [HOSTILE, "b"]},
        name=HOSTILE,
        versions={HOSTILE: HOSTILE, "keras": [HOSTILE]},
        data={HOSTILE: {"sha256": HOSTILE, "examples": "many"}},
        outcome="failed",
        faults=[{"code": HOSTILE, "message": HOSTILE}],
    )
    out = io.StringIO()
    csv.writer(out).writerows([["epoch", HOSTILE], [1, 0.5], [2, 0.25]])
    (folder / "history.csv").write_text(out.getvalue(), "utf-8", newline="")


def test_hostile_texts_are_texts_everywhere() -> None:
    run_folder("1")
    hostile_folder("2")
    value = comparison("1", "2")
    text, html, markdown = as_text(value), page(value), as_markdown(value)
    assert not any(ord(one) < 32 and one != "\n" for one in text + html + markdown)
    assert "\u202e" not in text + html + markdown
    tags = Tags(html)
    assert not tags.tags & {"script", "b", "img", "iframe", "link", "object", "form"}
    assert not [name for name, _ in tags.attributes if name.startswith("on")]
    links = [value for name, value in tags.attributes if name in ("href", "src", "action")]
    assert links and all(value and value.startswith("#") for value in links)
    assert "<script>" not in markdown and "](" not in markdown and "| @all" not in markdown
    assert "default-src 'none'" in html
    json.loads(command("1", "2", "--format", "json").stdout)


WRONG: list[Any] = [None, True, -1, 1e300, "x" * 5000, [], [[]], {}, {"a": {"b": [1]}}]


@pytest.mark.parametrize(
    "key", ["versions", "data", "machine", "backend", "training", "seconds", "ending", "name",
            "outcome", "started", "parameters", "epochs", "faults", "dependencies"],
)  # fmt: skip
def test_a_manifest_of_nonsense_is_compared_as_well_as_it_can_be(key: str) -> None:
    run_folder("0", outcome="failed")
    for number, value in enumerate(WRONG, 1):
        run_folder(str(number), **{"outcome": "failed", key: value})
    value = comparison(*(str(number) for number in range(len(WRONG) + 1)))
    assert len(value.records) == len(WRONG) + 1
    assert max(map(len, as_text(value).splitlines())) <= 100
    for written in (page(value), as_markdown(value), json.dumps(as_json(value), allow_nan=False)):
        assert "0.9000" in written or '"test_accuracy": 0.9' in written


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)  # fmt: skip


@given(plain, plain)
def test_any_values_give_matrices_or_none(one: Any, other: Any) -> None:
    from modelspec.runtime.history.confusion import _confusion

    for value in ({**MATRIX, "labels": one}, {**MATRIX, "counts": other}, {"output": one}):
        found = _confusion(value)
        assert found is None or len(found.counts) == len(found.labels)


@pytest.mark.parametrize("name", ["resolved.yaml", "history.csv", "metrics.json", "report.html"])
def test_devices_and_folders_in_place_of_files_do_no_harm(name: str) -> None:
    run_folder("runs/1", confusion=MATRIX)
    for number in (2, 3):
        path = run_folder(f"runs/{number}", confusion=MATRIX) / name
        path.unlink()
        if number == 2:
            path.mkdir()
        else:
            path.symlink_to("/dev/zero")
    result = command("runs/1", "runs/2", "runs/3")
    assert result.exit_code == 0, (result.output, result.exception)
    assert "runs/3" in result.output


def test_a_long_history_gives_a_page_of_bounded_size() -> None:
    for number in (1, 2):
        run_folder(str(number), val_loss=[1 / (number + at) for at in range(5_000)])
    assert command("1", "2", "-o", "c.html").exit_code == 0
    assert Path("c.html").stat().st_size < 1_500_000
    assert max(map(len, command("1", "2").output.splitlines())) <= 100


def test_a_curve_that_the_first_runs_do_not_have_is_drawn_of_those_that_have_it() -> None:
    for number in range(1, 12):
        run_folder(f"runs/{number:02}", val_loss=(0.9, 0.5))
    Path("runs/11/history.csv").write_text("epoch,kl\n1,0.75\n2,0.25\n", "utf-8")
    result = command("runs", "-o", "c.html")
    assert result.exit_code == 0, result.output
    assert "kl" in Path("c.html").read_text("utf-8")


# The list of runs ---------------------------------------------------------------------------------


def listed(*words: str) -> Result:
    return CliRunner().invoke(main, ["runs", *words])


def test_the_list_of_runs_has_columns_for_settings_that_differ() -> None:
    run_folder("runs/1", spec(optimizer="{Adam: 0.02}"))
    run_folder("runs/2", spec(optimizer="{Adam: 0.002}", layers=("Dense: 32", LAYERS[1])))
    header, *rows = (line.split() for line in listed("runs").output.splitlines())
    assert header[5:7] == ["Adam", "dense"], "those of the training come first"
    at = header.index("Adam") + 2  # `started` is three words
    assert {row[0]: row[at] for row in rows} == {"runs/1": "0.02", "runs/2": "0.002"}
    one = json.loads(listed("runs", "--format", "json").output)
    assert {run["run"]: run["settings"]["training.optimizer.Adam"] for run in one} == {
        "runs/1": 0.02,
        "runs/2": 0.002,
    }


def test_only_runs_of_one_spec_make_columns() -> None:
    for number, (name, optimizer) in enumerate(
        [("a", "{Adam: 0.02}"), ("a", "{Adam: 0.02}"), ("b", "{SGD: 0.1}"), ("b", "{SGD: 0.2}")], 1
    ):
        text = spec(name=name, optimizer=optimizer, csv=f"{name}.csv")
        run_folder(f"runs/{name}/{number}", text, name=name)
    header = listed("runs").output.splitlines()[0].split()
    assert header[5] == "optimizer" and "csv" not in header
    settings = [one["settings"] for one in json.loads(listed("runs", "--format", "json").output)]
    assert all(list(one) == ["training.optimizer"] for one in settings)


def test_runs_without_a_resolved_spec_are_listed_as_before() -> None:
    for number in (1, 2):
        (run_folder(f"runs/{number}") / "resolved.yaml").unlink()
    header = listed("runs").output.splitlines()[0].split()
    assert header[5] == "test_loss"
    assert json.loads(listed("runs", "--format", "json").output)[0]["settings"] == {}


def test_settings_with_long_names_are_each_a_column() -> None:
    """Their names are cut, and equal then."""
    for number in (1, 2):
        names = ("a_long_name_of_a_layer_1", "a_long_name_of_a_layer_2")
        layers = [f"Dense: {{units: {number}, name: {name}}}" for name in names]
        run_folder(f"runs/{number}", spec(layers=[*layers, LAYERS[1]]))
    header = listed("runs").output.splitlines()[0]
    assert header.count("a_long_name_of_a_...") == 2


def test_settings_that_do_not_fit_are_left_out() -> None:
    for number in (1, 2):
        layers = [f"Dense: {{units: {number + at}, name: layer_{at}}}" for at in range(20)]
        run_folder(f"runs/{number}", spec(layers=[*layers, LAYERS[1]]))
    header = listed("runs").output.splitlines()[0]
    assert 0 < header.count("units") < 20
    assert len(json.loads(listed("runs", "--format", "json").output)[0]["settings"]) == 20


# Names --------------------------------------------------------------------------------------------


def test_names_are_as_short_as_they_can_be() -> None:
    paths = [Path("runs/a/1"), Path("runs/b/1"), Path("other/a/1"), Path("x")]
    assert labels(paths) == ("runs/a/1", "b/1", "other/a/1", "x")
    assert labels([Path("runs/iris/1"), Path("runs/iris/2")]) == ("iris/1", "iris/2")
    names = [
        "training.optimizer.Adam.learning_rate",
        "model.layers.a.units",
        "model.layers.b.units",
    ]
    assert setting_names(names) == ("learning_rate", "a.units", "b.units")


@given(
    st.lists(st.lists(st.sampled_from("ab1"), min_size=1, max_size=4), unique_by=tuple, min_size=1)
)
def test_every_name_is_there_once(parts: list[list[str]]) -> None:
    found = labels([Path(*one) for one in parts])
    assert len(set(found)) == len(parts)
    assert all(str(Path(*one)).endswith(name) for one, name in zip(parts, found, strict=True))
