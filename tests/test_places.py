"""Paths outside the project: only the user grants them, and links lead where they lead."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import modelspec as ms
from modelspec.catalog.sources import read_source
from modelspec.cli import main
from modelspec.core.file_patterns import matching
from modelspec.core.paths import context_for
from modelspec.core.places import Host, addresses_apart, granted, granting
from modelspec.runtime.data import DataError, RunError, open_source
from modelspec.runtime.run.run_data import checked_data

ROWS = "a,b,y\n" + "".join(f"{i},{i % 3},{i % 2}\n" for i in range(12))
SPEC: dict[str, Any] = {
    "model": {"inputs": {"x": [2]}, "layers": [{"Dense": {"units": 1, "activation": "sigmoid"}}]},
    "data": {
        "source": {"csv": "d.csv"},
        "split": {"test": 0.5},
        "inputs": {"x": {"columns": ["a", "b"]}},
        "targets": "y",
    },
    "training": {"loss": "binary_crossentropy", "epochs": 1, "batch_size": 6},
}


@pytest.fixture(autouse=True)
def own_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of whoever runs the tests is granted."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "configuration"))
    for name in ("MODELSPEC_DATA_ROOTS", "MODELSPEC_ALLOW_HOSTS", "MODELSPEC_TRUST"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def outer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder outside the project, with data; the working directory is the project."""
    (tmp_path / "outer").mkdir()
    (tmp_path / "outer/d.csv").write_text(ROWS)
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path / "outer"


def spec(path: str, **source: Any) -> dict[str, Any]:
    settings = {"path": path, **source} if source else path
    return {**SPEC, "data": {**SPEC["data"], "source": {"csv": settings}}}


def written(path: str) -> Path:
    """A file of a spec in the working directory that reads a path."""
    file = Path("s.yaml")
    file.write_text(json.dumps(spec(path)))
    return file


def codes(report: ms.Report) -> list[str]:
    return sorted(one.code for one in report.diagnostics if one.severity == "error")


def invoke(*args: str) -> Result:
    return CliRunner().invoke(main, args)


# Grants -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["../outer/d.csv", "{outer}/d.csv", "../outer/*.csv", "link.csv"])
def test_a_path_outside_is_an_error_until_its_folder_is_granted(path: str, outer: Path) -> None:
    """By a flag, by the environment or by the API; the message says which flag."""
    Path("link.csv").symlink_to(outer / "d.csv")
    file = written(path.format(outer=outer))
    (fault,) = ms.check(file).diagnostics
    assert (fault.code, fault.line) == ("MS210", 1)
    assert fault.help is not None and f"`--data-root {outer}`" in fault.help
    assert invoke("check", str(file)).exit_code == 1
    assert invoke("check", str(file), "--data-root", str(outer), "--data").exit_code == 0
    assert codes(ms.check(file, data_roots=[outer])) == []
    assert codes(ms.check(file)) == ["MS210"]  # nothing is left of a grant


def test_the_environment_grants(outer: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELSPEC_DATA_ROOTS", os.pathsep.join(["/", "/nowhere"])[1:])
    file = written(str(outer / "d.csv"))
    assert [one.code for one in ms.check(file).diagnostics] == ["MS139", "MS210"]
    monkeypatch.setenv("MODELSPEC_DATA_ROOTS", os.pathsep.join(["s3://bucket/x", str(outer)]))
    assert ms.check(file).diagnostics == ()


@pytest.mark.parametrize("root", ["nowhere", "file:///etc", "../outer/d.csv", ""])
def test_a_root_that_is_not_a_folder_is_wrong_usage(root: str, outer: Path) -> None:
    result = invoke("check", str(written("d.csv")), "--data-root", root)
    assert result.exit_code == 2 and "--data-root" in result.output
    with pytest.raises(ValueError, match=r"does not exist|not an address"):
        ms.check(SPEC, data_roots=[root])
    assert granted().folders == ()


def test_a_path_that_the_user_sets_is_granted_by_that(outer: Path) -> None:
    file = written("d.csv")
    assert codes(ms.check(file, {"data.source.csv": "../outer/d.csv"})) == []
    assert codes(ms.check(file, {"data.source.csv": str(outer / "*.csv")})) == []
    assert codes(ms.check(file, {"data.source.csv": [str(outer / "d.csv")]})) == []
    checked = ms.load_spec(file, {"data.source.csv": {"path": "../outer/d.csv"}})
    assert checked_data(checked.compiled)[1] == ()
    result = invoke("check", str(file), "--data", "--set", f"data.source.csv={outer / 'd.csv'}")
    assert result.exit_code == 0, result.output


def test_only_the_path_itself_is_granted_by_setting_it(outer: Path) -> None:
    (outer / "other.csv").write_text(ROWS)
    Path("s.yaml").write_text(
        json.dumps(
            {
                **SPEC,
                "data": {
                    "train": {"csv": "d.csv"},
                    "test": {"csv": "../outer/other.csv"},
                    "inputs": ["a", "b"],
                    "targets": "y",
                },
            }
        )
    )
    assert codes(ms.check("s.yaml", {"data.train.csv": "../outer/d.csv"})) == ["MS210"]


def test_an_expression_that_is_set_grants_nothing(
    outer: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it gives follows from the spec or the environment."""
    monkeypatch.setenv("WHERE", str(outer))
    file = written("d.csv")
    assert codes(ms.check(file, {"data.source.csv": '$(env("WHERE"))/d.csv'})) == ["MS210"]
    file = Path("v.yaml")
    file.write_text(json.dumps({"vars": {"at": str(outer)}, **spec("d.csv")}))
    assert codes(ms.check(file, {"data.source.csv": "$at/d.csv"})) == ["MS210"]


def test_a_path_from_the_environment_must_be_granted(
    outer: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHERE", str(outer))
    file = written('$(env("WHERE"))/d.csv')
    assert codes(ms.check(file)) == ["MS210"]
    assert codes(ms.check(file, data_roots=[outer])) == []


def test_a_spec_cannot_grant(outer: Path) -> None:
    for key in ("data_roots", "trust", "plugins"):
        assert codes(ms.check({**spec("../outer/d.csv"), key: [str(outer)]})) == ["MS201", "MS210"]
    with_key = {**SPEC, "data": {**SPEC["data"], "data_roots": [str(outer)]}}
    assert codes(ms.check(with_key)) == ["MS201"]


def test_weights_may_lie_in_a_granted_folder(outer: Path) -> None:
    weights = {"weights": "../outer/start.weights.h5"}
    trained = {**SPEC, "training": {**SPEC["training"], **weights}}
    assert codes(ms.check(trained)) == ["MS210"]
    assert codes(ms.check(trained, data_roots=[outer])) == []


def test_extended_files_and_vocabularies_stay_in_the_project(outer: Path) -> None:
    (outer / "base.yaml").write_text(json.dumps(SPEC))
    (outer / "words.txt").write_text("a\nb\n")
    Path("s.yaml").write_text("extends: ../outer/base.yaml\n")
    assert "MS210" in codes(ms.check("s.yaml", data_roots=[outer]))
    lookup = {"StringLookup": {"vocabulary": "../outer/words.txt"}}
    texts = {"inputs": {"x": {"shape": [1], "dtype": "string"}}, "layers": [lookup]}
    assert codes(ms.check({"model": texts}, data_roots=[outer])) == ["MS210"]


def test_a_grant_of_one_folder_does_not_hold_for_its_neighbours(
    outer: Path, tmp_path: Path
) -> None:
    (tmp_path / "outer2").mkdir()
    for path in ("../outer2/d.csv", "../outer/../outer2/d.csv", "../outer/../secret.csv"):
        assert codes(ms.check(spec(path), data_roots=[outer])) == ["MS210"], path


# Links --------------------------------------------------------------------------------------------


def test_the_message_says_which_part_is_a_link_and_where_it_leads(outer: Path) -> None:
    Path("link.csv").symlink_to(outer / "d.csv")
    Path("data").symlink_to(outer)
    said = {
        path: ms.check(spec(path)).diagnostics[0].message for path in ("link.csv", "data/d.csv")
    }
    target = outer / "d.csv"
    assert f"`link.csv` is a link that leads to {target}, outside" in said["link.csv"]
    assert f"leads to {target} (`data` is a link), outside" in said["data/d.csv"]


def test_a_link_in_a_granted_folder_leads_where_it_leads(outer: Path, tmp_path: Path) -> None:
    (outer / "same.csv").symlink_to("d.csv")
    (tmp_path / "secret.csv").write_text(ROWS)
    (outer / "away.csv").symlink_to(tmp_path / "secret.csv")
    assert codes(ms.check(spec("../outer/same.csv"), data_roots=[outer])) == []
    assert codes(ms.check(spec("../outer/away.csv"), data_roots=[outer])) == ["MS210"]


def test_a_link_that_is_changed_after_the_check_is_not_followed(
    outer: Path, tmp_path: Path
) -> None:
    Path("own.csv").write_text(ROWS)
    (tmp_path / "secret.csv").write_text(ROWS)
    Path("link.csv").symlink_to("own.csv")
    checked = ms.load_spec(spec("link.csv"))
    Path("link.csv").unlink()
    Path("link.csv").symlink_to(tmp_path / "secret.csv")
    assert [one.code for one in checked_data(checked.compiled)[1]] == ["MS210"]


def test_a_link_that_leads_to_itself_is_said_to(outer: Path) -> None:
    Path("loop.csv").symlink_to("loop.csv")
    Path("one.csv").symlink_to("two.csv")
    Path("two.csv").symlink_to("one.csv")
    for path in ("loop.csv", "one.csv"):
        (fault,) = ms.check(spec(path)).diagnostics
        assert fault.message == f"`{path}` is a symbolic link to itself"


def test_patterns_pass_over_links_to_folders(outer: Path) -> None:
    """Two links of a folder to itself have more paths than there is time for."""
    Path("d.csv").write_text(ROWS)
    for name in ("l0", "l1"):
        Path(name).symlink_to(".")
    Path("e/.hidden").mkdir(parents=True)
    Path("e/x.csv").write_text(ROWS)
    Path("e/.hidden/y.csv").write_text(ROWS)
    here = Path.cwd()
    assert matching(here, "**/*.csv") == ["d.csv", "e/x.csv"]
    assert matching(here, "l0/*.csv") == ["l0/d.csv"]  # a link that is named is followed
    assert matching(here, "[de]*/x.csv") == ["e/x.csv"]
    assert matching(here, "e/**") == ["e/x.csv"]
    assert matching(here, f"{here}/e/?.csv") == [f"{here}/e/x.csv"]
    assert matching(here, "nowhere/*") == []
    assert checked_data(ms.load_spec(spec("**/*.csv")).compiled)[1] == ()


def test_links_in_a_folder_of_classes_lead_to_granted_places(outer: Path, tmp_path: Path) -> None:
    """A link to a file or to a folder; one that points to a parent folder is a fault."""
    for name in ("x/1.txt", "y/1.txt"):
        (Path("t") / name).parent.mkdir(parents=True, exist_ok=True)
        (Path("t") / name).write_text("words")
    (outer / "z").mkdir()
    (outer / "z/2.txt").write_text("more words")

    def found(*roots: Path) -> list[str]:
        with granting(roots):
            context = context_for(None)
        try:
            return sorted(open_source(read_source({"text": "t"}, context), context).column("label"))
        except DataError as error:
            return [one.message for one in error.diagnostics]

    assert found() == ["x", "y"]
    Path("t/x/2.txt").symlink_to(outer / "z/2.txt")
    assert found() == [f"`t/x/2.txt` is a link to {outer}/z/2.txt, outside of its folder"]
    assert found(outer) == ["x", "x", "y"]
    Path("t/z").symlink_to(outer / "z")
    assert "which is not allowed" in found()[0]
    assert found(outer) == ["x", "x", "y", "z"]
    (outer / "z/again").symlink_to(outer / "z")
    assert "is a link to one of its parent folders" in found(outer)[0]


# Runs ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project with data outside of it, and a run that was trained with that granted."""
    base = tmp_path_factory.mktemp("trained")
    (base / "outer").mkdir()
    (base / "outer/d.csv").write_text(ROWS)
    (base / "project").mkdir()
    before = Path.cwd()
    os.chdir(base / "project")
    loaded = ms.load_spec(spec("../outer/d.csv"), data_roots=[base / "outer"])
    loaded.train(run_dir="r")
    yield base
    os.chdir(before)


@pytest.mark.tensorflow
@pytest.mark.parametrize("name", ["manifest.json", "spec.yaml", "resolved.yaml", "threshold.json"])
def test_a_file_of_a_run_that_leads_to_a_device_is_refused(
    name: str, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such a file never ends, and a repository from a stranger may hold a link to one."""
    run = tmp_path / "run"
    shutil.copytree(trained / "project/r", run)
    (run / name).unlink(missing_ok=True)
    (run / name).symlink_to("/dev/zero")
    monkeypatch.chdir(trained / "project")
    answer = invoke("predict", str(run), "--data", "../outer/d.csv")
    assert name in answer.output
    if name != "spec.yaml":  # which nothing follows from any more
        assert answer.exit_code == 3 and "MS970" in answer.output


@pytest.mark.tensorflow
def test_a_run_says_that_a_project_is_not_trusted(
    trained: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(trained / "project")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    file = trained / "project/pyproject.toml"
    file.write_text('[tool.modelspec]\ndata_roots = ["../outer"]\n')
    try:
        answer = invoke("evaluate", "r", "--data", "../outer/d.csv")
        assert answer.exit_code == 0 and answer.output.count("MS137") == 1
        answer = invoke("evaluate", "r")
        assert answer.exit_code == 1 and "MS210" in answer.output and "MS137" in answer.output
        answer = invoke("resume", "r", "--set", "training.epochs=2", "-q")
        assert answer.exit_code == 1 and "MS210" in answer.output and "MS137" in answer.output
        assert invoke("trust").exit_code == 0
        answer = invoke("evaluate", "r")
        assert answer.exit_code == 0 and "MS137" not in answer.output
    finally:
        file.unlink()


@pytest.mark.tensorflow
def test_a_run_keeps_no_grant(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was granted to `train` is granted again to `evaluate` and `resume`."""
    monkeypatch.chdir(trained / "project")
    for command in (["evaluate", "r"], ["resume", "r", "--set", "training.epochs=2", "-q"]):
        refused = invoke(*command)
        assert refused.exit_code == 1 and "MS210" in refused.output
        assert f"--data-root {trained / 'outer'}" in refused.output
    flag = ["--data-root", "../outer"]
    assert invoke("evaluate", "r", *flag).exit_code == 0
    assert invoke("evaluate", "r", "--data", "../outer/d.csv").exit_code == 0
    with pytest.raises(RunError, match="outside the project"):
        ms.resume("r", {"training.epochs": 2})
    done = ms.resume("r", {"training.epochs": 2}, data_roots=[trained / "outer"])
    assert len(done.history["loss"]) == 2


@pytest.mark.tensorflow
def test_a_run_of_a_stranger_reads_nothing_outside(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its manifest may name any folder as that of its spec, `/` too; what it names is not read."""
    (tmp_path / "secret.csv").write_text("a,b,y\nSECRETWORD,2,0\n3,4,1\n")
    (tmp_path / "victim").mkdir()
    monkeypatch.chdir(tmp_path / "victim")
    shutil.copytree(trained / "project/r", "r")
    text = Path("r/resolved.yaml").read_text()
    text = text.replace("../outer/d.csv", str(tmp_path / "secret.csv"))
    Path("r/resolved.yaml").write_text(text)
    manifest = json.loads(Path("r/manifest.json").read_text())
    manifest["spec"] |= {"resolved_sha256": sha256(text.encode()).hexdigest()}
    for folder in ("/", str(tmp_path), str(Path.cwd())):
        manifest["spec"]["folder"] = folder
        Path("r/manifest.json").write_text(json.dumps(manifest))
        for command in ("evaluate", "reproduce"):
            result = invoke(command, "r")
            assert result.exit_code in (1, 3) and "SECRETWORD" not in result.output
            assert "MS210" in result.output or command == "reproduce"


@pytest.mark.tensorflow
def test_a_run_predicts_from_anywhere(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own data are out of reach there, and not needed."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "new.csv").write_text(ROWS)
    result = invoke("predict", str(trained / "project/r"), "--data", "new.csv")
    assert result.exit_code == 0, result.output
    refused = invoke("evaluate", str(trained / "project/r"))
    assert "MS210" in refused.output and f"--data-root {trained / 'outer'}" in refused.output
    allowed = invoke("evaluate", str(trained / "project/r"), "--data-root", str(trained / "outer"))
    assert allowed.exit_code == 0, allowed.output


# Forms --------------------------------------------------------------------------------------------


def test_a_list_of_roots_may_hold_addresses() -> None:
    found = addresses_apart("/a:s3://b/c:https://h:8080/x:/d:https://h:90")
    assert found == ["/a", "s3://b/c", "https://h:8080/x", "/d", "https://h:90"]


@pytest.mark.parametrize("text", ["", "a b", "u@h", "h:0", "h:99999", "https://h", "h/x"])
def test_a_host_is_a_name_and_a_port(text: str) -> None:
    with pytest.raises(ValueError, match="HOST"):
        Host.parse(text)
    with pytest.raises(ValueError, match="HOST"), granting(hosts=[text]):
        pass


def test_a_host_without_a_port_is_meant_on_every_port() -> None:
    assert Host.parse("Logs.example.org").holds("logs.example.org", 443)
    assert Host.parse("h:8080").holds("H", 8080) and not Host.parse("h:8080").holds("h", 80)
    assert not Host.parse("example.org").holds("evil.example.org", 80)
