"""`modelspec trust`: what a project's `pyproject.toml` grants counts once the user trusts it."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import modelspec as ms
from modelspec.cli import main
from modelspec.core.project import grants_for, project_of, store, trusted_projects

SPEC = """\
model: {inputs: {x: [1]}, layers: [{Dense: 1}]}
data: {source: {csv: ../outer/d.csv}, inputs: [a], targets: y}
"""
GRANTS = '[tool.modelspec]\ndata_roots = ["../outer"]\nallow_hosts = ["logs.example.org:8080"]\n'


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project that would grant a folder beside it, and a user who has trusted nothing."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "configuration"))
    for name in ("MODELSPEC_DATA_ROOTS", "MODELSPEC_ALLOW_HOSTS", "MODELSPEC_TRUST"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "outer").mkdir()
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "pyproject.toml").write_text(GRANTS)
    (folder / "s.yaml").write_text(SPEC)
    monkeypatch.chdir(folder)
    return folder


def codes(path: str = "s.yaml") -> list[str]:
    return sorted(one.code for one in ms.check(path).diagnostics)


def invoke(*args: str) -> Result:
    return CliRunner().invoke(main, args)


def test_the_file_of_a_stranger_is_ignored_and_said_to_be(project: Path) -> None:
    found = {one.code: one for one in ms.check("s.yaml").diagnostics}
    warning = found["MS137"]
    assert set(found) == {"MS137", "MS210"} and warning.severity == "warning"
    assert (warning.file, warning.line) == ("pyproject.toml", 2)
    assert "`data_roots` and `allow_hosts`" in warning.message
    assert warning.help is not None and f"modelspec trust {project}" in warning.help


def test_it_is_said_once_for_several_files(project: Path) -> None:
    (project / "t.yaml").write_text(SPEC)
    assert invoke("check", "s.yaml", "t.yaml").output.count("MS137") == 1
    read = json.loads(invoke("check", "s.yaml", "t.yaml", "--format", "json").output)
    assert sorted(one["code"] for one in read["diagnostics"]) == ["MS137", "MS210", "MS210"]


def test_a_trusted_project_grants(project: Path) -> None:
    result = invoke("trust")
    assert result.exit_code == 0 and "data_roots: ../outer" in result.output
    assert codes() == []
    places = grants_for(project).places
    assert places.allow_host("logs.example.org", 8080)
    assert not places.allow_host("logs.example.org", 80)


def test_a_project_is_trusted_from_inside_it(project: Path) -> None:
    (project / "specs/deep").mkdir(parents=True)
    assert invoke("trust", "specs/deep").exit_code == 0
    assert list(trusted_projects()) == [str(project)] and codes() == []


def test_a_section_that_changes_is_not_trusted_any_more(project: Path) -> None:
    invoke("trust")
    with (project / "pyproject.toml").open("a") as file:
        file.write("\n[tool.other]\nx = 1\n")
    assert codes() == []  # another section
    (project / "pyproject.toml").write_text(GRANTS.replace("../outer", "/"))
    assert codes() == ["MS137", "MS210"]
    assert "has changed since" in ms.check("s.yaml").diagnostics[0].message
    assert "changed: ignored" in invoke("trust", "--list").output
    invoke("trust")
    assert codes() == []


def test_trust_is_for_one_folder_and_not_for_its_copies(project: Path, tmp_path: Path) -> None:
    invoke("trust")
    (tmp_path / "copy").mkdir()
    for name in ("pyproject.toml", "s.yaml"):
        (tmp_path / "copy" / name).write_bytes((project / name).read_bytes())
    assert codes("../copy/s.yaml") == ["MS137", "MS210"]
    (project / "inner").mkdir()
    for name in ("pyproject.toml", "s.yaml"):
        (project / "inner" / name).write_bytes((project / name).read_bytes())
    assert "MS137" in codes("inner/s.yaml")  # the nearest file counts


def test_the_environment_trusts_a_folder(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELSPEC_TRUST", os.pathsep.join(["/nowhere", str(project)]))
    assert codes() == []
    monkeypatch.setenv("MODELSPEC_TRUST", str(project.parent))
    assert codes() == ["MS137", "MS210"]


def test_what_is_trusted_is_kept_for_the_user_alone(project: Path) -> None:
    invoke("trust")
    assert stat.S_IMODE(store().stat().st_mode) == 0o600
    assert [path.name for path in store().parent.iterdir()] == ["trust.json"]
    kept = json.loads(store().read_text())["projects"][str(project)]
    assert len(kept["sha256"]) == 64


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"projects": 3}', '{"projects": {"/": 1}}', "\x00"]
)
def test_a_store_that_cannot_be_read_trusts_nothing(project: Path, text: str) -> None:
    store().parent.mkdir(parents=True)
    store().write_text(text)
    assert codes() == ["MS137", "MS210"]
    assert invoke("trust").exit_code == 0 and codes() == []


@pytest.mark.skipif(os.name != "posix", reason="modes of files are those of POSIX")
def test_what_others_could_have_written_trusts_nothing(project: Path) -> None:
    """The file, or the folder that it lies in, as `chmod` of somebody careless leaves them."""
    assert invoke("trust").exit_code == 0 and codes() == []
    store().chmod(0o666)
    (warning,) = (one for one in ms.check("s.yaml").diagnostics if one.code == "MS137")
    assert "can be written by other users" in warning.message
    assert "no project is trusted: `" in invoke("trust", "--list").output
    assert invoke("trust").exit_code == 0 and codes() == []  # written anew, for the user alone
    store().parent.chmod(0o777)
    assert codes() == ["MS137", "MS210"]
    store().parent.chmod(0o700)
    assert codes() == []


def test_what_a_stranger_grants_is_shown_as_it_is_written(project: Path) -> None:
    """A control character would hide on a terminal what is granted."""
    text = '[tool.modelspec]\ndata_roots = ["/", "\\u001b[2K\\r  data_roots: data"]\n'
    (project / "pyproject.toml").write_text(text)
    shown = invoke("trust").output
    assert "/, \u241b[2K\u240d  data_roots: data" in shown and "\x1b" not in shown


def test_projects_are_listed_and_removed(project: Path) -> None:
    assert "no project is trusted" in invoke("trust", "--list").output
    invoke("trust")
    listed = invoke("trust", "--list").output
    assert str(project) in listed and "data_roots, allow_hosts" in listed
    (project / "pyproject.toml").unlink()
    assert "missing" in invoke("trust", "--list").output
    assert invoke("trust", "--remove", str(project)).exit_code == 0
    assert trusted_projects() == {}
    assert invoke("trust", "--remove").exit_code == 2
    assert invoke("trust", "--list", ".").exit_code == 2


def test_a_folder_that_is_not_there_trusts_none_above_it(project: Path) -> None:
    result = invoke("trust", "sbu")
    assert result.exit_code == 2 and "does not exist" in result.output
    assert trusted_projects() == {}


def test_there_must_be_a_section_to_trust(project: Path) -> None:
    (project / "pyproject.toml").write_text("[tool.other]\n")
    result = invoke("trust")
    assert result.exit_code == 2 and "pyproject.toml" in result.output
    (project / "pyproject.toml").write_text("[tool.modelspec\n")
    assert "TOML" in invoke("trust").output
    assert trusted_projects() == {}


def test_a_configuration_that_cannot_be_written_is_said_to_be(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "file").write_text("")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(project / "file"))
    result = invoke("trust")
    assert result.exit_code == 3 and "cannot be written" in result.output


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[tool.modelspec]\nruns = 'runs'\n", []),  # it grants nothing
        ("[project]\nname = 'modelspec'\n", []),
        ("[tool.modelspec]\ndata_roots = '../outer'\n", ["MS138"]),
        ("[tool.modelspec]\ndata_roots = ['../nowhere']\n", ["MS138"]),
        ("[tool.modelspec]\nallow_hosts = ['a b']\n", ["MS138"]),
        ("[tool.modelspec\n", ["MS138"]),
        ("tool = 3 # modelspec\n", []),
    ],
)
def test_a_file_that_grants_nothing_or_is_wrong(
    project: Path, text: str, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODELSPEC_TRUST", str(project))
    (project / "pyproject.toml").write_text(text)
    assert codes() == [*expected, "MS210"]


def test_a_pipe_or_a_file_that_is_too_large_grants_nothing(project: Path) -> None:
    path = project / "pyproject.toml"
    path.write_text("# modelspec\n" * 100_000)
    assert codes() == ["MS138", "MS210"]
    path.unlink()
    os.mkfifo(path)
    assert project_of(project) is None
    assert codes() == ["MS210"]
