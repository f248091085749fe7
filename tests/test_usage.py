"""What the command line names and cannot be read or written is wrong usage (exit status 2) in every
command; data that a spec names are not.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from modelspec.cli import main, status

STORED = Path(__file__).parent / "stored"
BELOW_A_FILE = ("file/x",)
NOWHERE = ("file/x", "none/x")
"""Commands that write one file make no folder for it."""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A spec, a run of it and its data; `file` is a file, below which nothing can be written."""
    folder = tmp_path_factory.mktemp("project") / "project"
    shutil.copytree(STORED, folder)
    manifest = folder / "completed" / "manifest.json"
    content = json.loads(manifest.read_text())
    content["spec"]["folder"] = str(folder)
    manifest.write_text(json.dumps(content))
    shutil.copy(folder / "completed" / "spec.yaml", folder / "spec.yaml")
    (folder / "file").write_text("")
    return folder


@pytest.fixture(autouse=True)
def in_project(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


@pytest.mark.parametrize(
    ("arguments", "ending", "places"),
    [
        (("train", "spec.yaml", "--run-dir"), "", BELOW_A_FILE),
        (("reproduce", "completed", "--run-dir"), "", BELOW_A_FILE),
        (("predict", "completed", "--data", "penguins.csv", "-o"), ".csv", NOWHERE),
        (("export", "completed", "--to", "keras", "-o"), ".keras", NOWHERE),
        (("weights", "completed", "--extract", "*", "-o"), ".npz", NOWHERE),
        (("import", "completed/model.keras", "-o"), ".yaml", NOWHERE),
        (
            ("import", "completed/model.keras", "-o", "new.yaml", "--weights"),
            ".safetensors",
            NOWHERE,
        ),
        (("show", "spec.yaml", "--picture"), ".svg", NOWHERE),
        (("resolve", "spec.yaml", "-o"), ".yaml", NOWHERE),
        (("init",), ".yaml", NOWHERE),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else None,
)
def test_an_output_that_cannot_be_written_is_wrong_usage(
    arguments: tuple[str, ...], ending: str, places: tuple[str, ...]
) -> None:
    for place in places:
        result = invoke(*arguments, f"{place}{ending}")
        assert result.exit_code == status.USAGE, result.output
        assert f"{place}{ending}" in result.output
        assert not Path("none").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_that_may_not_be_written_is_wrong_usage(tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    for arguments in (
        ("train", "spec.yaml", "--run-dir", str(tmp_path / "run")),
        ("predict", "completed", "--data", "penguins.csv", "-o", str(tmp_path / "x.csv")),
        ("show", "spec.yaml", "--picture", str(tmp_path / "x.svg")),
    ):
        assert invoke(*arguments).exit_code == status.USAGE


def test_a_name_that_no_file_can_have_is_wrong_usage() -> None:
    name = "x" * 300
    for arguments in (
        ("train", "spec.yaml", "--run-dir", f"{name}/run"),
        ("weights", "completed", "--extract", "*", "-o", f"{name}/x.npz"),
    ):
        assert invoke(*arguments).exit_code == status.USAGE


@pytest.mark.parametrize(
    "arguments",
    [
        ("predict", "completed", "--data"),
        ("evaluate", "completed", "--data"),
        ("export", "completed", "--to", "keras", "-o", "x.keras", "--data"),
    ],
    ids=lambda arguments: arguments[0],
)
@pytest.mark.parametrize("source", ["none.csv", "csv=none.csv"])
def test_data_that_an_option_names_and_that_do_not_exist_are_wrong_usage(
    arguments: tuple[str, ...], source: str
) -> None:
    result = invoke(*arguments, source)
    assert (result.exit_code, "MS601" in result.output) == (status.USAGE, True), result.output


def test_data_that_a_spec_names_and_that_do_not_exist_are_a_failed_run() -> None:
    missing = ("--set", "data.source={csv: none.csv}")
    assert invoke("check", "--data", "spec.yaml", *missing).exit_code == status.ERRORS
    for command in ("train", "data"):
        result = invoke(command, "spec.yaml", *missing)
        assert (result.exit_code, "MS601" in result.output) == (status.FAILED, True)
