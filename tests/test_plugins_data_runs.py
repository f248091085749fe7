"""Runs with sources, transforms and loggers of plugins: trained, killed and resumed, used for
predictions, and exported.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import modelspec as ms
from modelspec.cli import main
from modelspec.core.plugins import loading, plugins_for
from modelspec.errors import RunError
from modelspec.runtime.data.adapted_state import State
from modelspec.runtime.run.run_data import prepared_data

from .plugin_data import DATA, SPEC, table
from .plugin_projects import Project, as_before, trusted  # noqa: F401  # a fixture

pytestmark = [pytest.mark.tensorflow, pytest.mark.usefixtures("as_before")]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    made = Project(tmp_path / "project", DATA)
    trusted(made.folder, monkeypatch)
    made.spec(SPEC)
    return made


def command(*args: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs `modelspec` in another process."""
    return subprocess.run(
        [sys.executable, "-m", "modelspec", *args],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, **variables},
    )


def lines(run: Path) -> list[str]:
    return (run / "lines.txt").read_text().splitlines()


def bounds(run: Path) -> np.ndarray:
    """The state of `Clip` in a run folder."""
    known = State.load(run).features["inputs", "x"].learned[0]
    assert known is not None
    found: np.ndarray = known["state"]["bounds"]
    return found


def test_a_killed_run_is_resumed_exactly(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The logger of the undisturbed run and that of the killed one log the same values once."""
    whole = ms.load_spec("s.yaml").train("whole").directory
    killed = command("train", "s.yaml", "--run-dir", "run", folder=project.folder, STOP_AT="3")
    assert killed.returncode == -9, killed.stderr
    assert [line.split()[0] for line in lines(project.folder / "run")] == ["1", "2"]
    run = ms.resume("run").directory
    assert lines(run) == lines(whole)
    assert [line.split()[0] for line in lines(run)] == ["1", "2", "3", "4", "4"]
    for one in ("loss", "val_loss"):
        first, other = (_column(folder / "history.csv", one) for folder in (whole, run))
        assert first == other
    metrics = [json.loads((folder / "metrics.json").read_text())["test"] for folder in (whole, run)]
    assert metrics[0] == metrics[1]
    _only_the_training_rows(project, run)
    _used_elsewhere(project, run)
    _recorded(project)
    project.module("layers", DATA + "\nX = 1\n")
    monkeypatch.setattr(loading, "_loaded", {})  # so that the hash is computed again
    with pytest.raises(RunError) as refused:
        ms.resume("run", {"training.epochs": 5})
    (refusal,) = refused.value.diagnostics
    reasons = " ".join(str(note) for note in refusal.notes)
    assert refusal.code == "MS720" and f"plugin {project.plugin}" in reasons


def _column(file: Path, name: str) -> list[str]:
    heads, *rows = (line.split(",") for line in file.read_text().splitlines())
    return [row[heads.index(name)] for row in rows]


def _only_the_training_rows(project: Project, run: Path) -> None:
    """The state is that of NumPy for the rows of the training part."""
    prepared = prepared_data(ms.load_spec("s.yaml").compiled)
    part = prepared.parts["train"]
    rows = table()
    x = np.stack([rows["a"], rows["b"]], axis=1)
    assert len(part.positions) == 24
    wanted = np.quantile(x[part.positions], [0.2, 0.9], axis=0)
    assert np.array_equal(bounds(run), wanted)
    inputs = part.examples.inputs["x"][part.positions]
    clipped = np.clip(x[part.positions], *wanted).astype("float32")
    assert np.array_equal(inputs, clipped)


def _used_elsewhere(project: Project, run: Path) -> None:
    """`predict`, `evaluate` and exports; the results are computed here from the weights."""
    opened = ms.open_run(run)
    other = "Table={table: people, scale: 2.0}"
    predicted, loss = opened.predict(other)["out"], opened.evaluate(other).metrics["loss"]
    rows = table(2.0)
    x = np.clip(np.stack([rows["a"], rows["b"]], axis=1), *bounds(run))
    kernel, bias = (np.asarray(one, "float64") for one in opened.model.get_weights())
    one_hot = np.eye(2)[(rows["name"] == "v").astype(int)]
    logits = (np.concatenate([x, one_hot], axis=1) @ kernel + bias)[:, 0]
    assert np.array_equal(np.ravel(predicted), logits > 0)
    assert np.isclose(loss, np.log1p(np.exp(np.where(rows["y"], -logits, logits))).mean())
    result = CliRunner().invoke(main, ["export", "run", "--to", "keras", "-o", "m.keras"])
    assert result.exit_code == 0, result.output
    assert "left out: `Clip` of `x`" in result.output


def _recorded(project: Project) -> None:
    (plugin,) = plugins_for(project.folder).plugins.all
    manifest = json.loads((project.folder / "run/manifest.json").read_text())
    recorded = manifest["plugins"][project.plugin]
    assert recorded["sha256"] == plugin.digest
    assert recorded["kinds"] == ["Clip", "Lines", "Table"]


def test_prepared_data_are_cached_by_the_code(project: Project) -> None:
    """An entry of the cache, with the state, is used again; not after a change of the code."""
    spec = SPEC.replace("  split:", "  cache: disk\n  split:")

    def prepared() -> tuple[bool, State]:
        found = prepared_data(ms.load_spec(project.spec(spec)).compiled)
        return found.cache[0].used, found.state

    used, first = prepared()
    assert not used
    used, second = prepared()
    assert used and second.digest() == first.digest()
    project.module("more", DATA.replace("np.clip(batch, low, high)", "np.clip(batch, low, 0)"))
    project.names(f"{project.name}.more")
    assert not prepared()[0]


def test_data_that_a_plugin_prepares_are_shown(project: Project) -> None:
    result = CliRunner().invoke(main, ["data", "s.yaml"])
    assert result.exit_code == 0, result.output
    assert "input x: Clip: bounds [" in result.output


@pytest.mark.parametrize(
    ("old", "new", "code", "words"),
    [
        ('"b": np.sin(at)', '"b": np.sin(at[1:])', "MS881", "returned 0 values of `b`"),
        ("(batch, low, high)", "(batch, low, high)[:, :1]", "MS882", "the shape (batch, 1)"),
        ("rows = np.", "raise OSError('gone'); np.", "MS853", "raised OSError: gone"),
    ],
)
def test_a_plugin_that_fails_ends_with_a_diagnostic(
    project: Project, old: str, new: str, code: str, words: str
) -> None:
    project.module("wrong", DATA.replace(old, new))
    project.names(f"{project.name}.wrong")
    result = CliRunner().invoke(main, ["train", "s.yaml", "--run-dir", "wrong"])
    assert result.exit_code == 3, result.output
    assert f"error[{code}]" in result.output and words in result.output
    assert "Traceback" not in result.output


def test_output_is_a_warning_and_a_failing_logger_ends_nothing(project: Project) -> None:
    noisy = DATA.replace("low, high = ", "print('noise'); low, high = ")
    project.module("noisy", noisy.replace("names = ", "raise OSError('full'); names = "))
    project.names(f"{project.name}.noisy")
    result = CliRunner().invoke(main, ["train", "s.yaml", "--run-dir", "noisy"])
    assert result.exit_code == 0, result.output
    assert "warning[MS884]: the transform `Clip`" in result.output
    assert result.output.count("warning[MS765]") == 1 and "OSError: full" in result.output
    assert not (project.folder / "noisy/logged-Lines.jsonl").exists()
