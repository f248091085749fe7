"""What a killed process leaves in a run folder, and what a callback may not write there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import modelspec as ms
from modelspec.core.run_names import OWN
from modelspec.runtime.run.atomic_files import sweep, write_bytes
from modelspec.runtime.run.folder import RunFolder


def dead() -> int:
    """The number of a process that has ended."""
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    return done.pid


def unbegun(folder: Path) -> Path:
    """A run that was killed while its data were prepared."""
    folder.mkdir()
    (folder / "spec.yaml").write_text("model: {}\n")
    manifest: dict[str, Any] = {"format": 1, "outcome": "running", "spec": {"path": "s.yaml"}}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def test_a_run_that_was_killed_before_its_training_is_started_again(tmp_path: Path) -> None:
    folder = unbegun(tmp_path / "run")
    with pytest.raises(ms.RunError, match="killed before its training began") as refused:
        ms.resume(folder)
    (found,) = refused.value.diagnostics
    assert found.help == f"start it again: `modelspec train s.yaml --run-dir {folder}`"
    with RunFolder.create("m", folder):
        assert [one.name for one in folder.iterdir()] == [".lock"]


@pytest.mark.parametrize("name", ["history.csv", "notes.txt"])
def test_a_folder_with_anything_else_is_not_emptied(tmp_path: Path, name: str) -> None:
    folder = unbegun(tmp_path / "run")
    (folder / name).write_text("")
    with pytest.raises(ms.RunError, match="already contains a run"):
        RunFolder.create("m", folder)
    assert (folder / "spec.yaml").exists()


def test_incomplete_files_of_killed_processes_are_removed(tmp_path: Path) -> None:
    folder = unbegun(tmp_path / "run")
    (folder / "resolved.yaml").write_text("")
    for number in (dead(), os.getpid()):
        (folder / f".{number}-model.keras").write_bytes(b"half")
    RunFolder.reopen(folder).close()
    left = [one.name for one in folder.glob(".*-model.keras")]
    assert left == [f".{os.getpid()}-model.keras"]


def test_files_outside_of_runs_are_removed_only_after_a_while(tmp_path: Path) -> None:
    """A process of another host may be writing them."""
    new, old, other = (tmp_path / f".{dead()}-{name}" for name in ("p.csv", "p.csv", "q.csv"))
    for path in (new, old, other):
        path.write_bytes(b"half")
    for path in (old, other):
        os.utime(path, (time.time() - 1000,) * 2)
    write_bytes(tmp_path / "p.csv", b"whole")
    assert {one.name for one in tmp_path.iterdir()} == {"p.csv", new.name, other.name}
    sweep(tmp_path)
    assert {one.name for one in tmp_path.iterdir()} == {"p.csv", new.name}


FIELD = {"CSVLogger": "filename", "ModelCheckpoint": "filepath", "TensorBoard": "log_dir"}


@pytest.mark.parametrize("callback", FIELD)
@pytest.mark.parametrize("name", sorted(OWN))
def test_a_callback_does_not_write_a_file_of_the_run(callback: str, name: str) -> None:
    for path in (name, name.upper(), f"{name}/x.keras"):
        spec = {
            "model": {"inputs": {"x": [2]}, "layers": [{"Dense": 1}]},
            "training": {"loss": "mse", "callbacks": [{callback: {FIELD[callback]: path}}]},
        }
        codes = [one.code for one in ms.check(spec).diagnostics if one.severity == "error"]
        assert codes == ["MS210"], (path, codes)
