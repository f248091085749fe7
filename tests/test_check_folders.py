"""`check` with folders and patterns: which files of a repository are specs, and which are not."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from modelspec.cli import main, status
from modelspec.cli.spec_files import _RUN, spec_files
from modelspec.compiler.spec.looks_like_spec import looks_like_spec
from modelspec.runtime.history.run_files import MANIFEST, RESOLVED

ROOT = Path(__file__).parent.parent
GOOD = "model:\n  inputs: {x: [4]}\n  layers: [{Dense: 3}]\n"
BAD = "model:\n  inputs: {x: [4]}\n  layers: [{Dense: {units: -3}}]\n"
COMPOSE = "name: shop\nservices:\n  web: {image: nginx}\nmodels:\n  llm: {model: ai/smollm2}\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("GITHUB_WORKSPACE", "CI_PROJECT_DIR"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def put(**texts: str) -> None:
    """Files by their paths, `__` for a slash and `_yaml` for an ending."""
    for name, text in texts.items():
        path = Path(re.sub(r"_(yaml|yml|json)$", r".\1", name.replace("__", "/")))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def check(*args: str) -> Result:
    return CliRunner().invoke(main, ["check", *args])


# Which texts are specs ----------------------------------------------------------------------------

SPECS = {
    "a version": "modelspec: 1\nanything: else\n",
    "a misspelt key": "modle:\n  inputs: {x: [4]}\n  layers: [{Dense: 3}]\n",
    "misspelt keys at two levels": "Model:\n  input: {x: [4]}\n  layer: [{Dense: 3}]\n",
    "a tab": "model:\n\tinputs: {x: [4]}\n\tlayers: []\n",
    "no closing brace": "model:\n  layers:\n    - Dense: {units: 3\n",
    "nothing in the model": "model:\ntraining: {loss: mse}\n",
    "a base": "extends: base.yaml\ntraining: {epochs: 3}\n",
    "a misspelt key beside a base": "extends: base.yaml\ntraning: {epochs: 3}\n",
    "JSON": '{"model": {"inputs": {"x": [4]}, "layers": []}}',
    "JSON with a comma too many": '{"model": {"inputs": {"x": [4]}, "layers": [],}}',
    "braces of YAML": "{model: {inputs: {x: [4]}, layers: [Flatten]}}",
    "quoted keys": "\"model\":\n  'layers': [{Dense: 3}]\n",
    "a comment and a marker": "# a\n---\nmodel:\n  inputs: {x: [4]}\n",
    "an indentation": "  model:\n    inputs: {x: [4]}\n  training: {}\n",
    "a byte order mark": "\ufeffmodel: {layers: []}\n",
    "keys of other tools": "model: {layers: []}\nservices: {}\nversion: 3\n",
}
OTHERS = {
    "docker-compose": COMPOSE,
    "a workflow": "name: CI\non: [push]\njobs:\n  a:\n    steps:\n      - run: modelspec check .\n",
    "pre-commit": "repos:\n  - repo: local\n    hooks: []\n",
    "GitLab": "check:\n  script: [modelspec check configs]\n",
    "conda": "name: a\nchannels: [conda-forge]\ndependencies: [python]\n",
    "Kubernetes": "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: []}\n",
    "OpenAPI": "openapi: 3.0.0\ninfo: {title: a}\npaths: {}\ncomponents: {}\n",
    "a chart": "model: llama\nreplicas: 2\nimage: {tag: latest}\n",
    "DVC": "stages:\n  train:\n    cmd: modelspec train a.yaml\n    deps: [data.csv]\n",
    "a template": "{{- if .Values.model }}\nmodel: {{ .Values.model }}\n{{- end }}\n",
    "tsconfig": '{"extends": "./base.json", "compilerOptions": {}, "include": ["src"]}',
    "renovate": '{"$schema": "https://a.b", "extends": ["config:base"], "packageRules": []}',
    "package": '{"name": "a", "version": "1", "description": "b", "dependencies": {}}',
    "a model of Keras": '{"class_name": "Sequential", "config": {"layers": []}}',
    "a list": "- model: {layers: []}\n",
    "a list in JSON": '[{"model": {"layers": []}}]',
    "a text": "model\n",
    "nothing": "",
    "comments": "# model: {layers: []}\n",
    "a baseline": '{"name": "iris", "metrics": {}, "spec": "ab"}',
}


@pytest.mark.parametrize("text", SPECS.values(), ids=SPECS)
def test_a_text_that_is_meant_as_a_spec_is_one(text: str) -> None:
    assert looks_like_spec(text)
    assert looks_like_spec(text.replace("\n", "\r\n"))


@pytest.mark.parametrize("text", OTHERS.values(), ids=OTHERS)
def test_a_text_of_another_tool_is_not_a_spec(text: str) -> None:
    assert not looks_like_spec(text)
    assert not looks_like_spec(text.replace("\n", "\r\n"))


def test_every_example_is_a_spec_and_no_file_of_this_project_is_taken_for_one() -> None:
    configs = sorted((ROOT / "configs").glob("*.yaml"))
    assert configs and all(looks_like_spec(one.read_text("utf-8")) for one in configs)
    others = [ROOT / "schemas/modelspec.schema.json", ROOT / "action.yml"]
    others.append(ROOT / ".pre-commit-hooks.yaml")
    assert [one.name for one in others if looks_like_spec(one.read_text("utf-8"))] == []


@pytest.mark.parametrize("count", [10_000, 1_000_000])
def test_a_large_text_of_another_kind_is_looked_at_once(count: int) -> None:
    """It ends soon: what is looked at of each key is bounded, as is the number of keys."""
    assert not looks_like_spec("".join(f"k{number}: 1\n" for number in range(count // 10)))
    assert not looks_like_spec("model: " + "[" * count)
    assert not looks_like_spec("{" * count)
    assert not looks_like_spec(" " * count)
    assert not looks_like_spec('{"' + "a" * count)


# Folders and patterns -----------------------------------------------------------------------------


def test_a_folder_gives_its_specs_in_sorted_order() -> None:
    put(
        c__b_yaml=GOOD,
        c__a__z_yml=GOOD,
        c__z_json='{"model": {"inputs": {"x": [4]}, "layers": ["Flatten"]}}',
    )
    put(c__compose_yaml=COMPOSE, c__notes_txt="model: {layers: []}")
    found = spec_files(["c/"])
    assert found.files == ("c/a/z.yml", "c/b.yaml", "c/z.json")
    assert found.passed_over == ("c/compose.yaml",)
    result = check("c")
    assert re.findall(r"^(\S+): no faults", result.stdout, re.MULTILINE) == list(found.files)
    assert "not checked, 1 file that is not a spec: c/compose.yaml" in result.stderr


def test_hidden_names_other_tools_and_runs_are_left_out() -> None:
    put(a_yaml=GOOD, node_modules__b_yaml=BAD, env__c_yaml=BAD)
    Path("env/pyvenv.cfg").touch()
    for name in (".hidden.yaml", ".github/d.yaml", "runs/iris/1/spec.yaml"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(BAD, encoding="utf-8")
    for name in _RUN:
        Path("runs/iris/1", name).write_text(GOOD, encoding="utf-8")
    assert spec_files(["."]).files == ("a.yaml",)
    assert (MANIFEST, RESOLVED) == _RUN
    assert spec_files([".github"]).files == (".github/d.yaml",), "it is named"


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="needs symbolic links")
def test_links_to_folders_are_not_followed() -> None:
    put(c__a_yaml=GOOD)
    Path("c/again").symlink_to(Path("c").absolute(), target_is_directory=True)
    Path("c/b.yaml").symlink_to(Path("c/a.yaml").absolute())
    Path("c/gone.yaml").symlink_to("nowhere")
    assert spec_files(["c"]).files == ("c/a.yaml", "c/b.yaml", "c/gone.yaml")
    result = check("c")
    assert "gone.yaml` does not exist" in result.output and result.exit_code == status.USAGE


def test_a_pattern_gives_the_specs_among_its_matches() -> None:
    put(c__a_yaml=GOOD, c__deep__er__b_yaml=GOOD, c__deep__c_json="{}", c__compose_yaml=COMPOSE)
    assert spec_files(["c/**/*.yaml"]).files == ("c/a.yaml", "c/deep/er/b.yaml")
    assert spec_files(["c/*"]).files == ("c/a.yaml", "c/deep/er/b.yaml")
    assert spec_files([f"{Path.cwd()}/c/[a-b].yaml"]).files == (f"{Path.cwd()}/c/a.yaml",)
    put(**{"c__odd[1]_yaml": GOOD})
    assert spec_files(["c/odd[1].yaml"]).files == ("c/odd[1].yaml",), "a file with this name"


def test_a_file_is_checked_once_however_it_is_given() -> None:
    put(c__a_yaml=GOOD, c__b_yaml=GOOD)
    given = ["c/b.yaml", "./c", "c/*.yaml", f"{Path.cwd()}/c/a.yaml", "-"]
    assert spec_files(given).files == ("c/b.yaml", "c/a.yaml", "-")


def test_a_file_that_is_named_is_checked_whatever_it_holds() -> None:
    put(compose_yaml=COMPOSE)
    assert check("compose.yaml").exit_code == status.ERRORS
    assert "MS201" in check("compose.yaml").output
    passed = check("--only-specs", "compose.yaml")
    assert (passed.output, passed.exit_code) == ("", status.OK)
    put(b_yaml=BAD)
    assert check("--only-specs", "compose.yaml", "b.yaml").exit_code == status.ERRORS
    assert check("--only-specs", "none.yaml").exit_code == status.USAGE


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("empty", "found no specs below `empty`"),
        (
            "other",
            "found no specs below `other`; YAML and JSON files that are not specs: other/a.yaml",
        ),
        ("*.yml", "no file matches `*.yml`"),
        ("none/**/*.yaml", "no file matches `none/**/*.yaml`"),
        ("other/*.yaml", "found no specs among the files of `other/*.yaml`"),
        ("none/", "`none/` does not exist"),
    ],
)
def test_what_gives_no_spec_is_wrong_usage(given: str, said: str) -> None:
    """A check of nothing must not pass."""
    put(a_yaml=GOOD, other__a_yaml=COMPOSE)
    Path("empty").mkdir()
    for more in ([], ["--only-specs"], ["--format", "gitlab"]):
        result = check("a.yaml", given, *more)
        assert result.exit_code == status.USAGE, result.output
        assert said in " ".join(result.output.split()) or "does not exist" in said


def test_folders_may_be_deep() -> None:
    deep = Path(*["d"] * 600, "more")
    for part in (*reversed(deep.parents), deep):
        part.mkdir(exist_ok=True)
    (deep / "a.yaml").write_text(GOOD, encoding="utf-8")
    assert spec_files(["d"]).files == (str(deep / "a.yaml"),)
    assert spec_files(["d/*"]).files == (str(deep / "a.yaml"),)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes with names")
def test_what_is_not_a_file_or_too_large_for_a_spec_is_passed_over() -> None:
    put(c__a_yaml=GOOD)
    os.mkfifo("c/pipe.yaml")
    with Path("c/large.json").open("wb") as file:
        file.truncate(10_000_001)
    found = spec_files(["c"])
    assert (found.files, found.passed_over) == (("c/a.yaml",), ("c/large.json", "c/pipe.yaml"))


def test_a_spec_that_is_broken_is_reported_from_a_folder() -> None:
    put(c__a_yaml=GOOD, c__b_yaml=SPECS["no closing brace"], c__d_yaml=SPECS["a misspelt key"])
    result = check("c")
    assert "MS103" in result.stdout and "c/b.yaml:3" in result.stdout
    assert "MS201" in result.stdout and "did you mean `model`" in result.stdout
    assert result.exit_code == status.ERRORS


@pytest.mark.parametrize("name", ["a" * 3000, "a" * 300 + "*", "[", "**", "*" * 50, ""])
def test_a_name_that_cannot_be_a_file_is_wrong_usage(name: str) -> None:
    for more in ([], ["--only-specs"]):
        result = check(name, *more)
        assert result.exit_code == status.USAGE, result.output
        assert result.exception is None or isinstance(result.exception, SystemExit)


def test_a_folder_is_mended_by_fix() -> None:
    old = GOOD.replace("Dense: 3", "Dense: {output_dim: 3}")
    put(c__a_yaml=old, c__b__d_yaml=old, c__compose_yaml=COMPOSE)
    result = check("--fix", "c")
    assert result.exit_code == status.OK, result.output
    assert all("units: 3" in Path(one).read_text("utf-8") for one in ("c/a.yaml", "c/b/d.yaml"))
    assert Path("c/compose.yaml").read_text("utf-8") == COMPOSE


# For GitHub and GitLab ----------------------------------------------------------------------------


def gitlab(*args: str) -> list[dict[str, object]]:
    found = json.loads(check("--format", "gitlab", *args).stdout)
    assert isinstance(found, list)
    return found


ISSUE = {
    "type": "object",
    "required": ["description", "check_name", "fingerprint", "severity", "location"],
    "additionalProperties": False,
    "properties": {
        "description": {"type": "string", "minLength": 1, "pattern": r"^[^\n]+$"},
        "check_name": {"type": "string", "pattern": "^MS[0-9]{3}$"},
        "fingerprint": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
        "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
        "location": {
            "type": "object",
            "required": ["path", "lines"],
            "additionalProperties": False,
            "properties": {
                "path": {"type": "string", "pattern": r"^(?!\./|/)."},
                "lines": {
                    "type": "object",
                    "required": ["begin"],
                    "properties": {"begin": {"type": "integer", "minimum": 1}},
                },
            },
        },
    },
}
"""Of docs.gitlab.com, "Code Quality report format"."""


def test_a_code_quality_report_has_the_form_that_gitlab_reads() -> None:
    import jsonschema

    put(
        c__a_yaml=BAD,
        c__b_yaml="modle:\n  layers: [{Dense: 3}, {Dnse: 4}, {Dnse: 4}]\n",
        d_yaml=GOOD,
    )
    found = gitlab("./c", "none.yaml", f"{Path.cwd()}/d.yaml")
    jsonschema.validate(found, {"type": "array", "items": ISSUE})
    assert {one["location"]["path"] for one in found} == {"c/a.yaml", "c/b.yaml", "."}  # type: ignore[index]
    prints = [one["fingerprint"] for one in found]
    assert len(prints) == len(set(prints)) > 3
    assert gitlab("d.yaml") == []


def test_a_fingerprint_stays_where_lines_are_added() -> None:
    put(a_yaml=BAD)
    before = gitlab("a.yaml")
    put(a_yaml="# more\n\n" + BAD.replace("model:\n", "model:\n\n"))
    after = gitlab("a.yaml")
    lines = [[one["location"]["lines"]["begin"] for one in found] for found in (before, after)]  # type: ignore[index]
    assert lines == [[3], [6]]
    assert [one["fingerprint"] for one in before] == [one["fingerprint"] for one in after]
    put(a_yaml=BAD.replace("-3", "-4"))
    assert gitlab("a.yaml")[0]["fingerprint"] != before[0]["fingerprint"]


def test_a_warning_and_an_error_differ_in_severity() -> None:
    put(a_yaml=BAD.replace("units: -3", "output_dim: -3"))
    severities = {one["check_name"]: one["severity"] for one in gitlab("a.yaml")}
    assert set(severities.values()) == {"minor", "major"}


def test_paths_are_those_of_the_repository(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever folder the job is in, and however the files are named."""
    put(part__c__a_yaml=BAD)
    monkeypatch.chdir(folder / "part")
    assert "file=c/a.yaml," in check("--format", "github", "./c").stdout
    monkeypatch.setenv("GITHUB_WORKSPACE", str(folder))
    monkeypatch.setenv("CI_PROJECT_DIR", str(folder))
    for given in ("./c/a.yaml", "../part/c", f"{folder}/part/c/a.yaml"):
        assert "file=part/c/a.yaml," in check("--format", "github", given).stdout
        assert gitlab(given)[0]["location"]["path"] == "part/c/a.yaml"  # type: ignore[index]
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "a.yaml"
    elsewhere.write_text(BAD, encoding="utf-8")
    assert gitlab(str(elsewhere))[0]["location"]["path"] == str(elsewhere)  # type: ignore[index]


def test_values_of_the_command_line_and_standard_input_keep_their_names() -> None:
    put(a_yaml=GOOD)
    said = check("--format", "github", "a.yaml", "--set", "model.layers[0].Dense=-3").stdout
    assert "::error file=--set model.layers[0].Dense,line=" in said
    result = CliRunner().invoke(main, ["check", "-", "--format", "github"], input=BAD)
    assert "file=<stdin>," in result.stdout
