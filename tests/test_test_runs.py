"""`modelspec test` and `modelspec accept` with trainings, each in a process of its own; those that
follow from the first results run in this one.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

from modelspec.cli import main, status

from .testing_specs import write_points, write_spec
from .trainings_here import trained_here

pytestmark = pytest.mark.tensorflow
COMPARED = '{test_loss: "<= baseline * 1.005", parameters: "<= 100"}'


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Specs: one sound, one that does not meet what it expects, one without its data, one misspelt."""
    folder = tmp_path_factory.mktemp("specs")
    write_points(folder / "points.csv")
    write_spec(folder / "sound.yaml", epochs=2, expect=COMPARED)
    write_spec(folder / "low.yaml", units=3, epochs=1, expect='test_accuracy: ">= 1"')
    text = write_spec(folder / "lost.yaml").read_text()
    (folder / "lost.yaml").write_text(text.replace("points.csv", "nowhere.csv"))
    write_spec(folder / "misspelt.yaml", expect='test_acuracy: ">= 0.5"')
    return folder


@pytest.fixture(scope="module")
def first(folder: Path) -> tuple[Result, dict[str, dict[str, object]]]:
    """The first test of all of them."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        found = run(".", "-j", "2", "--junit", "junit.xml", "--format", "json")
    finally:
        os.chdir(before)
    return found, {one["file"]: one for one in json.loads(found.stdout)["specs"]}


@pytest.fixture(autouse=True)
def in_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)


def run(*args: str) -> Result:
    return CliRunner().invoke(main, ["test", *args])


def test_each_spec_gets_what_it_deserves(
    first: tuple[Result, dict[str, dict[str, object]]],
) -> None:
    found, specs = first
    assert {name: one["state"] for name, one in specs.items()} == {
        "lost.yaml": "failed",
        "low.yaml": "unmet",
        "misspelt.yaml": "errors",
        "sound.yaml": "passed",
    }
    assert found.exit_code == status.ERRORS
    assert specs["sound.yaml"]["run"] == "runs/sound/1"
    (fault,) = specs["lost.yaml"]["diagnostics"]  # type: ignore[misc,attr-defined]
    assert (fault["code"], fault["line"], fault["column"]) == ("MS601", 10, 11)
    assert specs["lost.yaml"]["run"] is None and not Path("runs/lost").exists()
    root = ElementTree.parse("junit.xml").getroot()
    assert {one.get("name"): one.get("errors") for one in root}["lost.yaml"] == "1"
    assert "epoch 2/2" in root.findtext("testsuite[@name='sound.yaml']//system-out", "")


def test_the_exit_statuses_of_failing_and_of_unmet_specs(
    first: tuple[Result, dict[str, dict[str, object]]],
) -> None:
    """The run that failed is made again."""
    assert run("low.yaml", "lost.yaml").exit_code == status.FAILED
    assert run("low.yaml", "sound.yaml").exit_code == status.UNMET
    assert run("sound.yaml").exit_code == status.OK


def test_a_second_test_trains_nothing_and_loads_no_framework(
    first: tuple[Result, dict[str, dict[str, object]]],
) -> None:
    text = Path("sound.yaml").read_text()
    Path("sound.yaml").write_text(text.replace("# a comment", "# another comment"))
    runs = sorted(Path("runs").glob("*/*"))
    program = (
        "import sys\nfrom modelspec.cli import main\ntry: main(['test', 'sound.yaml', 'low.yaml'])\n"
        "except SystemExit as end: assert end.code == 4, end.code\n"
        "assert not {'tensorflow', 'keras', 'numpy'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("(reused)") == 2
    assert sorted(Path("runs").glob("*/*")) == runs


def test_a_run_that_is_worse_than_the_accepted_one_is_named(
    first: tuple[Result, dict[str, dict[str, object]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One epoch in place of two gives a loss that is more than 1% larger."""
    jobs = trained_here(monkeypatch)
    accepted = CliRunner().invoke(main, ["accept", "runs/sound/1"])
    assert accepted.exit_code == status.OK, accepted.output
    baseline = json.loads(Path("baselines/sound.json").read_text())
    metrics = json.loads(Path("runs/sound/1/metrics.json").read_text())
    assert baseline["metrics"]["test_loss"] == metrics["test"]["loss"]
    assert run("sound.yaml").exit_code == status.OK
    text = Path("sound.yaml").read_text()
    Path("sound.yaml").write_text(text.replace("epochs: 2", "epochs: 1"))
    found = run("sound.yaml", "--explain-reuse")
    assert len(jobs) == 1, "the accepted run is used again"
    worse = json.loads(Path("runs/sound/2/metrics.json").read_text())["test"]["loss"]
    Path("sound.yaml").write_text(text)
    assert worse > 1.01 * metrics["test"]["loss"]
    assert found.exit_code == status.UNMET
    assert "error[MS829]: `test_loss`" in found.stdout
    assert "spec/training" in found.stdout
    assert run("sound.yaml").exit_code == status.OK


def test_further_seeds_have_the_same_split(
    first: tuple[Result, dict[str, dict[str, object]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    trained_here(monkeypatch)
    found = CliRunner().invoke(main, ["accept", "runs/sound/1", "--noise", "2"])
    assert found.exit_code == status.OK, found.output
    newest = max(Path("runs/sound").iterdir(), key=lambda one: int(one.name))
    manifest = json.loads((newest / "manifest.json").read_text())
    assert manifest["seed"] == 2 and "seed: 1" in (newest / "resolved.yaml").read_text()
    values = [
        json.loads((run / "metrics.json").read_text())["test"]["loss"]
        for run in (Path("runs/sound/1"), newest)
    ]
    baseline = json.loads(Path("baselines/sound.json").read_text())
    assert baseline["seeds"] == [1, 2]
    assert baseline["metrics"]["test_loss"] == pytest.approx(sum(values) / 2)
    assert baseline["of_run"]["test_loss"] == values[0]


def test_smoke_tries_a_batch_and_leaves_no_run(
    first: tuple[Result, dict[str, dict[str, object]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    trained_here(monkeypatch)
    runs = sorted(Path("runs").glob("*/*"))
    found = run("low.yaml", "--smoke", "--format", "json")
    assert found.exit_code == status.OK
    assert json.loads(found.stdout)["specs"][0]["state"] == "passed"
    assert sorted(Path("runs").glob("*/*")) == runs


def test_an_interrupted_test_is_resumed_by_the_next_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_points(Path("points.csv"), 1500)
    spec = write_spec(Path("long.yaml"), epochs=6, expect='train_loss: ">= 0"')
    spec.write_text(spec.read_text().replace("batch_size: 16", "batch_size: 1"))
    write_spec(Path("next.yaml"))
    command = [sys.executable, "-m", "modelspec", "test", "long.yaml", "next.yaml"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    history = Path("runs/long/1/history.csv")
    deadline = time.monotonic() + 300
    while not (history.exists() and history.read_text().count("\n") > 1):
        assert process.poll() is None and time.monotonic() < deadline, process.communicate()
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=300)
    assert process.returncode == status.INTERRUPTED
    assert "1 interrupted, 1 left out" in out
    assert sorted(Path("runs").glob("*/*")) == [Path("runs/long/1")]
    assert json.loads(Path("runs/long/1/manifest.json").read_text())["outcome"] == "interrupted"
    trained_here(monkeypatch)
    found = run("long.yaml", "--explain-reuse")
    assert found.exit_code == status.OK and "resumes runs/long/1" in found.stdout
    manifest = json.loads(Path("runs/long/1/manifest.json").read_text())
    assert manifest["outcome"] == "completed" and len(manifest["resumed"]) == 1
    assert history.read_text().count("\n") == 7
    assert "passed (reused)" in run("long.yaml").stdout
