"""Patterns and folders with too many files, folders that cannot be read, and names that are too
long: each is an error or a warning that names it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from modelspec.core import file_patterns
from modelspec.runtime.data import DataError
from modelspec.runtime.data.sources.formats import class_folders
from modelspec.runtime.history import find, listing
from tests.sources import opened
from tests.tools.fuzz_runs import call

LONG = ("x" * 300, "x" * 5000, f"a/{'x' * 300}/b")
COMMANDS: tuple[tuple[str, ...], ...] = (
    *(("runs", "{}"), ("runs", "{}", "--best"), ("runs", "runs/{}"), ("check", "{}")),
    *(("check", "{}.yaml"), ("train", "{}.yaml"), ("predict", "{}", "--data", "t.csv")),
    *(("resume", "{}"), ("evaluate", "{}"), ("compare", "{}", "{}"), ("diff", "{}", "t.yaml")),
    *(("weights", "{}.h5"), ("import", "{}.keras"), ("show", "{}"), ("trust", "{}")),
    *(("data", "{}.csv"), ("clean", "{}"), ("export", "{}")),
)


def _tables(folder: Path, *paths: str) -> None:
    for one in paths:
        (folder / one).parent.mkdir(parents=True, exist_ok=True)
        (folder / one).write_text("a\n1\n")


def _error(source: dict[str, Any], folder: Path) -> str:
    with pytest.raises(DataError) as error:
        opened(source, folder)
    (found,) = error.value.diagnostics
    return str(found)


def test_a_pattern_that_searches_too_many_files_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _tables(tmp_path, *(f"d/{at}/t.csv" for at in range(5)))
    assert len(opened({"csv": "d/**/*.csv"}, tmp_path).column("a")) == 5
    monkeypatch.setattr(file_patterns, "MAX_ENTRIES", 8)
    assert "error[MS698]: `d/**/*.csv` searches more than" in _error(
        {"csv": "d/**/*.csv"}, tmp_path
    )


def test_a_folder_with_too_many_files_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for at in range(4):
        _tables(tmp_path, f"classes/a/{at}.txt", f"classes/b/{at}.txt", f"flat/{at}.txt")
    monkeypatch.setattr(class_folders, "MAX_FILES", 8)
    assert len(opened({"text": "classes"}, tmp_path).column("text")) == 8
    for most in (6, 3):  # more in all folders, more in one of them
        monkeypatch.setattr(class_folders, "MAX_FILES", most)
        assert "error[MS698]: `classes" in _error({"text": "classes"}, tmp_path)
    assert "error[MS698]: `flat` has more than 3 files" in _error({"text": "flat"}, tmp_path)


@pytest.fixture
def private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that cannot be listed, whoever runs the tests."""
    _tables(tmp_path, "d/open/t.csv", "d/private/t.csv")
    scandir, stat = os.scandir, Path.stat

    def refused(path: Any = ".") -> Any:
        if os.fspath(path).endswith("private"):
            raise PermissionError(13, "Permission denied", os.fspath(path))
        return scandir(path)

    def without(self: Path, **options: Any) -> os.stat_result:
        if "private" in self.parent.parts:
            raise PermissionError(13, "Permission denied", os.fspath(self))
        return stat(self, **options)

    monkeypatch.setattr(os, "scandir", refused)
    monkeypatch.setattr(Path, "stat", without)
    return tmp_path


def test_a_folder_that_a_pattern_cannot_read_is_named(private: Path) -> None:
    table = opened({"csv": "d/**/*.csv"}, private)
    assert len(table.column("a")) == 1
    (found,) = table.warnings
    assert (found.code, found.severity) == ("MS699", "warning")
    assert found.message == "`d/private` cannot be read; the files there are left out"
    assert "MS601" in (said := _error({"csv": "d/p*/*.csv"}, private)) and "d/p*/*.csv" in said
    assert "`d/private/t.csv` cannot be read" in _error({"csv": "d/private/t.csv"}, private)


def test_folders_that_are_not_searched_for_runs_are_named(
    private: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (found,) = find(private).diagnostics
    assert (found.code, found.severity) == ("MS971", "warning")
    assert f"`{private / 'd' / 'private'}` is not searched" in found.message
    monkeypatch.setattr(listing, "_MOST", 2)
    assert [one.code for one in find(private).diagnostics] == ["MS972"]


@pytest.mark.parametrize("name", LONG, ids=["longer", "long", "below"])
def test_a_name_that_is_too_long_is_no_bug(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("t.csv").write_text("a,b,y\n1,2,0\n")
    Path("t.yaml").write_text("model: {inputs: {x: [2]}, layers: [{Dense: 1}]}\n")
    for command in COMMANDS:
        status, printed = call(tuple(one.replace("{}", name) for one in command), "")
        assert status in (0, 1, 2, 3), (command, printed)
        assert "xxx" in printed or "{}" not in command[1], command
    for path in (f"{name}.csv", f"*{name}.csv", f"**/{name}.csv", f"{name}/*.csv"):
        assert "MS601" in _error({"csv": path}, tmp_path)
