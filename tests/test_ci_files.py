"""What runs modelspec elsewhere: the GitHub action, the hooks of pre-commit, the examples of
docs/ci.md. Their shell lines run here, in a folder with specs.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

from modelspec.cli import main, status

ROOT = Path(__file__).parent.parent
GOOD = "model:\n  inputs: {x: [4]}\n  layers: [{Dense: 3}]\n"
BAD = "model:\n  inputs: {x: [4]}\n  layers: [{Dense: {units: -3}}]\n"
OLD = "model:\n  inputs: {x: [4]}\n  layers: [{Dense: {output_dim: 3}}]\n"
COMPOSE = "services:\n  web: {image: nginx}\n"
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ACTION = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
HOOKS = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with `modelspec` and `python` of this interpreter on the path."""
    scripts = tmp_path / "bin"
    scripts.mkdir()
    for name, words in (("modelspec", "-m modelspec "), ("python", "")):
        (scripts / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {words}"$@"\n', "utf-8")
        (scripts / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{scripts}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    for name in ("GITHUB_WORKSPACE", "CI_PROJECT_DIR"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "work"
    (folder / "configs").mkdir(parents=True)
    (folder / "configs/good.yaml").write_text(GOOD, "utf-8")
    (folder / "docker-compose.yml").write_text(COMPOSE, "utf-8")
    monkeypatch.chdir(folder)
    return folder


def bash(script: str, **env: str) -> subprocess.CompletedProcess[str]:
    """As GitHub runs a step with `shell: bash`."""
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
    return subprocess.run(
        command, env={**os.environ, **env}, capture_output=True, text=True, timeout=300, check=False
    )


# The action ---------------------------------------------------------------------------------------


def steps() -> dict[str, dict[str, Any]]:
    return {step["name"]: step for step in ACTION["runs"]["steps"]}


def step_of_action(name: str, **given: str) -> subprocess.CompletedProcess[str]:
    """Run a step with the inputs given, the others as they are by default."""
    inputs = {key: one["default"] for key, one in ACTION["inputs"].items()} | given
    step = steps()[name]

    def filled(text: str) -> str:
        return re.sub(r"\$\{\{ inputs\.([\w-]+) \}\}", lambda found: inputs[found[1]], text)

    assert "${{" not in step["run"], "an input is a variable, not a part of the script"
    env = {key: filled(value) for key, value in step.get("env", {}).items()}
    return bash(
        f"cd {filled(step.get('working-directory', '.'))}\n{step['run']}",
        **env,
        GITHUB_OUTPUT=str(Path.cwd() / "output"),
        GITHUB_STEP_SUMMARY=str(Path.cwd() / "summary.md"),
        GITHUB_WORKSPACE=str(Path.cwd()),
    )


def test_every_expression_of_the_action_names_an_input_or_a_step_that_there_is() -> None:
    text = (ROOT / "action.yml").read_text("utf-8")
    assert set(re.findall(r"\binputs\.([\w-]+)", text)) == set(ACTION["inputs"])
    ids = {step.get("id") for step in ACTION["runs"]["steps"]}
    assert set(re.findall(r"\bsteps\.(\w+)", text)) <= ids
    assert ACTION["runs"]["using"] == "composite"
    for step in ACTION["runs"]["steps"]:
        assert ("run" in step) != ("uses" in step) and (
            "run" not in step or step["shell"] == "bash"
        )
        assert "uses" not in step or re.fullmatch(r"[\w./-]+@v\d+", step["uses"])
    for one in ACTION["inputs"].values():
        assert isinstance(one["default"], str) and one["description"]


def test_the_action_installs_what_it_is_given(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wheel of nothing, so that pip runs without a network."""
    pytest.importorskip("pip", reason="pip is not installed")
    wheel = project / "nothing here-1.0-py3-none-any.whl".replace(" ", "_")
    meta = "nothing_here-1.0.dist-info"
    with zipfile.ZipFile(wheel, "w") as file:
        file.writestr("nothing_here.py", "")
        file.writestr(
            f"{meta}/METADATA", "Metadata-Version: 2.1\nName: nothing-here\nVersion: 1.0\n"
        )
        file.writestr(
            f"{meta}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        file.writestr(f"{meta}/RECORD", "")
    monkeypatch.setenv("PIP_TARGET", str(project / "site"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    result = step_of_action("Install modelspec", package=str(wheel))
    assert result.returncode == 0, result.stderr
    assert (project / "site/nothing_here.py").exists()


def test_the_action_passes_where_all_is_well(project: Path) -> None:
    result = step_of_action("Check")
    assert result.returncode == status.OK, result.stderr
    assert "::" not in result.stdout
    assert (project / "output").read_text() == "status=0\n"
    summary = (project / "summary.md").read_text("utf-8")
    assert "    configs/good.yaml: no faults" in summary and "docker-compose.yml" in summary


def test_the_action_annotates_and_fails_where_a_spec_has_errors(project: Path) -> None:
    (project / "configs/bad one.yaml").write_text(BAD, "utf-8")
    result = step_of_action(
        "Check",
        **{"working-directory": "configs", "files": "bad one.yaml\n\n*.yaml\n", "sarif": "a.sarif"},
    )
    assert result.returncode == status.ERRORS, result.stderr
    assert "::error file=configs/bad one.yaml,line=3,endLine=3," in result.stdout
    assert (project / "output").read_text() == "status=1\n"
    assert "    error[MS205]" in (project / "summary.md").read_text("utf-8")
    sarif = json.loads((project / "configs/a.sarif").read_text("utf-8"))
    (found,) = sarif["runs"][0]["results"]
    place = found["locations"][0]["physicalLocation"]["artifactLocation"]
    assert (found["ruleId"], place) == ("MS205", {"uri": "configs/bad%20one.yaml"})


@pytest.mark.parametrize("files", ["configs/*.json", "--help", "$(touch made)\n`touch made`"])
def test_the_action_fails_where_there_is_nothing_to_check(project: Path, files: str) -> None:
    """What is given is a name, whatever is in it."""
    result = step_of_action("Check", files=files, sarif="a.sarif")
    assert result.returncode == status.USAGE
    assert not (project / "made").exists() and not (project / "a.sarif").exists()


# pre-commit ---------------------------------------------------------------------------------------

needs_pre_commit = pytest.mark.skipif(
    any(shutil.which(name) is None for name in ("git", "pre-commit"))
    and not (Path(sys.executable).parent / "pre-commit").exists(),
    reason="pre-commit (or git) is not installed",
)


def run(*args: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(args, cwd=cwd, capture_output=True, text=True, timeout=300, check=False)


def commit(folder: Path) -> str:
    for words in (
        ("init", "-q"),
        ("add", "-A"),
        ("-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "-qm", "a", "--no-verify"),
    ):
        done = run("git", *words, cwd=folder)
        assert done.returncode == 0, done.stderr
    return run("git", "rev-parse", "HEAD", cwd=folder).stdout.strip()


@pytest.fixture
def hooks(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository whose pre-commit uses the hooks of this one, in the environment that there is:
    to build one of its own would need a network.
    """
    monkeypatch.setenv("PRE_COMMIT_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", os.environ["PATH"] + os.pathsep + str(Path(sys.executable).parent))
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    source = tmp_path / "source"
    source.mkdir()
    here = [{**hook, "language": "system"} for hook in HOOKS]
    (source / ".pre-commit-hooks.yaml").write_text(yaml.safe_dump(here), "utf-8")
    chosen = [{"id": "modelspec-fix"}, {"id": "modelspec-check"}]
    config = {"repos": [{"repo": str(source), "rev": commit(source), "hooks": chosen}]}
    (project / ".pre-commit-config.yaml").write_text(yaml.safe_dump(config), "utf-8")
    commit(project)
    return project


@needs_pre_commit
def test_the_hooks_check_and_mend_specs_and_leave_other_files_alone(hooks: Path) -> None:
    every = ("pre-commit", "run", "--all-files", "--verbose")
    passed = run(*every, cwd=hooks)
    assert passed.returncode == 0, passed.stdout + passed.stderr
    assert passed.stdout.count("Passed") == 2 and "configs/good.yaml: no faults" in passed.stdout

    (hooks / "configs/bad.yaml").write_text(BAD, "utf-8")
    (hooks / "configs/old.yaml").write_text(OLD, "utf-8")
    commit(hooks)
    failed = run(*every, cwd=hooks)
    assert failed.returncode == 1
    assert "files were modified by this hook" in failed.stdout
    assert "configs/bad.yaml:3:" in failed.stdout and "exit code: 1" in failed.stdout
    assert (hooks / "configs/old.yaml").read_text("utf-8") == OLD.replace("output_dim", "units")
    assert (hooks / "docker-compose.yml").read_text("utf-8") == COMPOSE

    (hooks / "configs/bad.yaml").unlink()
    commit(hooks)
    assert run(*every, cwd=hooks).returncode == 0, "what was mended passes"


@needs_pre_commit
def test_pre_commit_takes_the_manifest_of_the_hooks(hooks: Path) -> None:
    result = run("pre-commit", "validate-manifest", str(ROOT / ".pre-commit-hooks.yaml"), cwd=hooks)
    assert result.returncode == 0, result.stdout + result.stderr


def test_hooks_call_options_that_there_are(project: Path) -> None:
    from click.testing import CliRunner

    for hook in HOOKS:
        program, *words = hook["entry"].split()
        assert program == "modelspec" and hook["types_or"] == ["yaml", "json"]
        result = CliRunner().invoke(main, [*words, "configs/good.yaml", "docker-compose.yml"])
        assert result.exit_code == status.OK, result.output


def test_the_action_tests_the_specs_with_annotations_and_a_summary(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    (project / "configs/bad.yaml").write_text(BAD, "utf-8")
    found = step_of_action("Test", files="configs/")
    assert found.returncode == status.ERRORS
    assert "::error file=configs/bad.yaml" in found.stdout
    summary = (project / "summary.md").read_text("utf-8")
    assert "| configs/good.yaml |" in summary and "has errors" in summary
    (project / "configs/bad.yaml").unlink()
    assert step_of_action("Test", files="configs/").returncode == status.OK


# docs/ci.md ---------------------------------------------------------------------------------------

PAGE = (ROOT / "docs/ci.md").read_text("utf-8")
EXAMPLES = [
    pytest.param(text, id=f"{language}-{number}")
    for number, (language, text) in enumerate(FENCE.findall(PAGE))
    if language == "yml"
]


def scripts(value: Any) -> list[str]:
    """The shell lines of a workflow, of GitHub or of GitLab."""
    if isinstance(value, list):
        return [line for one in value for line in scripts(one)]
    if not isinstance(value, dict):
        return []
    found = [value["run"]] if isinstance(value.get("run"), str) else []
    for key in ("script", "after_script"):
        found += value.get(key, [])
    return found + [line for one in value.values() for line in scripts(one)]


@pytest.fixture
def examples(project: Path) -> Path:
    """A folder as the page has it, without an installation."""
    shutil.copy(ROOT / "configs/iris.yaml", project / "configs")
    (project.parent / "bin/pip").write_text("#!/bin/sh\nexit 0\n", "utf-8")
    (project.parent / "bin/pip").chmod(0o755)
    return project


@pytest.mark.parametrize("text", EXAMPLES)
def test_an_example_is_yaml_and_its_checks_run(text: str, examples: Path) -> None:
    value = yaml.safe_load(text)
    assert isinstance(value, dict)
    for script in scripts(value):
        if "modelspec train" in script:
            assert bash(f"set -n\n{script}").returncode == 0
            continue
        result = bash(script, GITHUB_STEP_SUMMARY=str(examples / "summary.md"))
        assert result.returncode == 0, result.stderr
    if "gl-code-quality" in text:
        assert json.loads((examples / "gl-code-quality-report.json").read_text("utf-8")) == []


def test_the_examples_use_inputs_and_hooks_that_there_are() -> None:
    used = 0
    for text in (one.values[0] for one in EXAMPLES):
        for job in yaml.safe_load(str(text)).get("jobs", {}).values():
            for step in job["steps"]:
                if step.get("uses", "").startswith("OWNER/modelspec@"):
                    assert set(step["with"]) <= set(ACTION["inputs"])
                    used += 1
        for repo in yaml.safe_load(str(text)).get("repos", []):
            assert {hook["id"] for hook in repo["hooks"]} <= {hook["id"] for hook in HOOKS}
    assert used == 2
    rows = re.findall(r"^\| `([\w-]+)` \|.*\| (?:`(.*)`|none) \|$", PAGE, re.MULTILINE)
    assert dict(rows) == {name: one["default"] for name, one in ACTION["inputs"].items()}


@pytest.mark.parametrize("code", [0, 1, 3, 75])
@pytest.mark.parametrize("begun", [False, True])
def test_the_example_of_a_training_heeds_its_exit_status(
    code: int, begun: bool, examples: Path
) -> None:
    """With a program in place of modelspec that notes how it is called."""
    fake = f'#!/bin/sh\necho "$@" >> "{examples}/calls"\n[ "$1" = runs ] || exit {code}\n'
    (examples.parent / "bin/modelspec").write_text(fake, "utf-8")
    if begun:
        (examples / "runs/iris/ci").mkdir(parents=True)
        (examples / "runs/iris/ci/manifest.json").touch()
    on_github, on_gitlab = (
        next(one for one in scripts(yaml.safe_load(str(text))) if "modelspec train" in one)
        for text in (one.values[0] for one in EXAMPLES)
        if "modelspec train" in str(text)
    )
    first = "resume runs/iris/ci" if begun else "train configs/iris.yaml --run-dir runs/iris/ci"
    result = bash(on_github, GITHUB_STEP_SUMMARY=str(examples / "summary.md"))
    assert result.returncode == (0 if code == 75 else code)
    assert ("::notice::" in result.stdout) == (code == 75)
    assert (examples / "calls").read_text().splitlines() == [first, "runs runs/iris/ci"]
    assert bash(on_gitlab).returncode == code
    assert (examples / "calls").read_text().splitlines()[2:] == [first]


def test_the_shell_lines_for_jenkins_run(examples: Path) -> None:
    (groovy,) = (text for language, text in FENCE.findall(PAGE) if language == "groovy")
    lines = re.findall(r"(?:sh|script:) '([^']+)'", groovy)
    assert len(lines) == 3
    for line in lines:
        assert bash(line).returncode == 0
    assert json.loads((examples / "modelspec.sarif").read_text("utf-8"))["version"] == "2.1.0"
    suites = ElementTree.parse(examples / "modelspec.xml").getroot()
    assert [suite.get("failures") for suite in suites.iter("testsuite")] == ["0", "0"]


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_the_makefile_checks_and_trains_where_a_spec_is_newer(examples: Path) -> None:
    (text,) = (text for language, text in FENCE.findall(PAGE) if language == "makefile")
    (examples / "Makefile").write_text(text, "utf-8")
    done = run("make", "check", cwd=examples)
    assert done.returncode == 0, done.stderr
    assert "configs/iris.yaml: no faults" in done.stdout
    done = run("make", "test", cwd=examples)
    assert done.returncode == 0 and "configs/iris.yaml" in done.stdout, done.stderr
    wanted = "runs/iris/ci/metrics.json"
    planned = run("make", "-n", wanted, cwd=examples).stdout.splitlines()
    assert planned[-1] == "modelspec train configs/iris.yaml --run-dir runs/iris/ci"
    (examples / wanted).parent.mkdir(parents=True)
    (examples / wanted).touch()
    assert "up to date" in run("make", "-n", wanted, cwd=examples).stdout
