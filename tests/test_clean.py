"""`modelspec clean`: what it lists, what it removes, and what it never touches."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from modelspec.cli import main
from modelspec.cli.commands.clean import command
from modelspec.runtime.run.folder import RunFolder
from tests.run_folders import run_folder

DAY = 86_400


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELSPEC_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")


def dead() -> int:
    """The number of a process that has ended."""
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    return done.pid


def clean(*arguments: str) -> Any:
    """The result of the command, as JSON."""
    done = CliRunner().invoke(command, [*arguments, "--format", "json"], catch_exceptions=False)
    return json.loads(done.stdout)


def paths(*arguments: str) -> set[str]:
    return {one["path"] for one in clean(*arguments)["entries"]}


def old(path: Path, days: float = 1) -> Path:
    """A file that has not changed for some days."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("half")
    os.utime(path, (time.time() - days * DAY,) * 2)
    return path


def runs(*numbers: int) -> None:
    for number in numbers:
        (run_folder(f"runs/m/{number}") / ".lock").touch()


def test_files_of_killed_processes_are_listed_and_then_removed() -> None:
    gone = dead()
    left = [Path(f".{gone}-p.csv"), Path(f"out/.{gone}-m.keras"), Path(f"runs/m/1/.{gone}-x")]
    runs(1)
    for one in left:
        old(one)
    old(Path("runs/m/1/checkpoints/.000002-step-9/index.json"))
    checkpoint = "runs/m/1/checkpoints/.000002-step-9"
    assert paths() == {*map(str, left), checkpoint}
    assert all(one.exists() for one in left)
    clean("--yes")
    assert not any(one.exists() for one in left)
    assert not Path(checkpoint).exists()
    assert clean()["entries"] == []


def test_files_of_others_stay() -> None:
    gone = dead()
    mine = [
        old(Path(f".{os.getpid()}-p.csv")),  # of a process that runs
        old(Path(f".{gone}-notes.txt")),  # an extension that modelspec does not write
        old(Path(f".{gone}-new.csv"), 0),  # it may be written on another host
        old(Path(f".git/.{gone}-p.csv")),
        old(Path(f"{gone}-p.csv")),
    ]
    Path("away").mkdir()
    old(Path(f"away/.{gone}-p.csv"), 0)
    Path("link").symlink_to("away")
    assert clean("--yes")["entries"] == []
    assert all(one.exists() for one in mine)


def test_a_run_that_is_being_written_keeps_its_incomplete_files() -> None:
    with RunFolder.create("m", Path("runs/m/1")) as folder:
        folder.file("manifest.json").write_text("{}")
        old(folder.file(f".{dead()}-model.keras"))
        assert clean("--yes", "--runs", "0")["entries"] == []


def test_old_entries_of_the_cache_are_removed_and_used_ones_stay(tmp_path: Path) -> None:
    digest = "ab" * 32
    entry = old(tmp_path / "cache" / digest / "entry.json").parent
    os.utime(entry, (time.time() - 40 * DAY,) * 2)
    used = old(tmp_path / "cache" / ("cd" * 32) / "entry.json").parent
    old(tmp_path / "cache" / "notes" / "entry.json", 400)
    left = old(tmp_path / "cache" / f".{digest}.{dead()}" / "0.npy").parent
    os.utime(left, (time.time() - DAY,) * 2)
    assert paths() == {str(entry), str(left)}
    assert paths("--unused", "60") == {str(left)}
    clean("--yes")
    assert used.exists() and not entry.exists() and not left.exists()


def test_temporary_folders_are_removed_after_a_week(tmp_path: Path) -> None:
    for name, days in (("modelspec-a", 8), ("modelspec-b", 1), ("other-a", 8)):
        place = old(tmp_path / "tmp" / name / "x", days).parent
        os.utime(place, (time.time() - days * DAY,) * 2)
    assert paths() == {str(tmp_path / "tmp" / "modelspec-a")}


def test_old_runs_are_removed_only_on_request() -> None:
    runs(1, 2, 3, 10)
    run_folder("runs/m/mine")
    assert clean("--yes")["entries"] == []
    assert paths("--runs", "2") == {"runs/m/1", "runs/m/2"}
    clean("--runs", "2", "--yes")
    assert sorted(one.name for one in Path("runs/m").iterdir()) == ["10", "3", "mine"]


def test_a_run_that_is_being_written_and_folders_that_are_not_runs_stay() -> None:
    runs(1, 2, 3, 4, 5, 6)
    Path("runs/m/2/.lock").unlink()  # not written by a training
    Path("runs/m/3/checkpoints").symlink_to("/")
    Path("runs/m/4/manifest.json").write_text("[]")
    with Path("runs/m/1/.lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        found = clean("--runs", "0", "--yes")
    assert [one["path"] for one in found["entries"]] == ["runs/m/6", "runs/m/5"]
    assert sorted(one.name for one in Path("runs/m").iterdir()) == ["1", "2", "3", "4"]
    assert len(found["notes"]) == 3


def test_the_command_says_what_it_would_remove(capsys: pytest.CaptureFixture[str]) -> None:
    runs(1, 2)
    with pytest.raises(SystemExit) as ended:
        main(["clean", "--runs", "1"])
    printed = capsys.readouterr().out
    assert ended.value.code == 0
    assert "runs/m/1" in printed and "nothing was removed" in printed
    assert Path("runs/m/1").exists()
