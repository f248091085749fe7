"""`modelspec test` where nothing has to be trained: which specs are taken, which runs are reused, the
reports and the exit statuses.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

from modelspec.cli import main, status
from modelspec.runtime.history.baseline import checked_baseline, path_of
from modelspec.runtime.testing.accept import accept, candidate

from .testing_specs import write_points, write_run, write_spec

PLAIN = "model:\n  inputs: {x: [4]}\n  layers: [{Dense: 3}]\n"
STATIC = PLAIN + 'expect: {parameters: "<= 20"}\n'
MISSPELT = 'test_acuracy: ">= 0.5"'


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith(("GITHUB_", "CI_", "GIT_")):
            monkeypatch.delenv(name)
    return tmp_path


def run(*args: str) -> Result:
    found = CliRunner().invoke(main, ["test", *args])
    assert found.exception is None or isinstance(found.exception, SystemExit), found.exception
    return found


def states(*args: str) -> dict[str, str]:
    """What became of each spec, by its file."""
    found = json.loads(run(*args, "--format", "json").stdout)
    return {one["file"]: one["state"] for one in found["specs"]}


def write(**texts: str) -> None:
    for name, text in texts.items():
        Path(f"{name}.yaml").write_text(text, encoding="utf-8")


@pytest.fixture
def trained() -> Path:
    """A spec and a run of it, whose accuracy is 0.75."""
    write_points(Path("points.csv"))
    spec = write_spec(Path("a.yaml"))
    write_run(spec, Path("runs/a/1"))
    return spec


# Which specs --------------------------------------------------------------------------------------


def test_specs_without_measured_expectations_are_checked_only() -> None:
    write(a=PLAIN, b=STATIC)
    assert states(".") == {"a.yaml": "checked", "b.yaml": "checked"}
    assert run(".").exit_code == status.OK
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    ("pattern", "files"),
    [
        ("small", ["one/small.yaml", "two/other.yaml"]),
        ("SMALL", ["one/small.yaml", "two/other.yaml"]),
        ("one/", ["one/small.yaml"]),
        ("*other*", ["two/other.yaml"]),
        ("small_[0-9]", ["two/other.yaml"]),
    ],
)
def test_k_selects_by_path_and_name(pattern: str, files: list[str]) -> None:
    Path("one").mkdir()
    Path("two").mkdir()
    Path("one/small.yaml").write_text(PLAIN)
    Path("two/other.yaml").write_text(f"name: small_2\n{PLAIN}")
    Path("two/third.yaml").write_text(PLAIN)
    assert list(states("one", "two", "-k", pattern)) == files


def test_k_that_selects_nothing_is_wrong_usage() -> None:
    write(a=PLAIN)
    found = run(".", "-k", "nothing")
    assert found.exit_code == status.USAGE and "`nothing`" in found.output


def test_two_specs_of_one_name_in_a_folder_are_an_error() -> None:
    Path("other").mkdir()
    write(a=f"name: same\n{PLAIN}", b=f"name: same\n{PLAIN}")
    Path("other/a.yaml").write_text(f"name: same\n{PLAIN}")
    found = run("a.yaml", "b.yaml", "other/a.yaml")
    assert found.exit_code == status.ERRORS
    assert found.output.count("MS826") == 1 and "b.yaml:1:7" in found.output
    assert states(".")["other/a.yaml"] == "checked"


def test_standard_input_has_no_folder_for_a_baseline() -> None:
    assert run("-").exit_code == status.USAGE


# What changed in git ------------------------------------------------------------------------------


def git(*words: str) -> None:
    names = ("-c", "user.name=n", "-c", "user.email=e@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *names, *words], check=True, capture_output=True)


@pytest.fixture
def repository() -> None:
    """Three specs: one extends a base, one reads a table and a vocabulary, one is alone."""
    write(
        base=PLAIN,
        extending="extends: base.yaml\nseed: 3\n",
        alone=PLAIN,
        reading=(
            "model:\n  inputs: {word: {shape: [1], dtype: string}}\n  layers:\n"
            "    - StringLookup: {vocabulary: words.txt}\n"
            "    - Embedding: {input_dim: 3, output_dim: 2}\n    - Flatten\n    - Dense: 1\n"
            "data: {source: {csv: data/t.csv}, inputs: {word: w}, targets: {dense: y}}\n"
        ),
    )
    Path("words.txt").write_text("red\ngreen\n")
    Path("data").mkdir()
    Path("data/t.csv").write_text("w,y\nred,1\n")
    git("init", "-q", "-b", "main")
    git("add", ".")
    git("commit", "-q", "-m", "first")


@pytest.mark.parametrize(
    ("path", "selected"),
    [
        ("alone.yaml", ["alone.yaml"]),
        ("base.yaml", ["base.yaml", "extending.yaml"]),
        ("data/t.csv", ["reading.yaml"]),
        ("words.txt", ["reading.yaml"]),
        ("README.md", []),
        ("baselines/alone.json", ["alone.yaml"]),
        ("new.yaml", ["new.yaml"]),
    ],
)
@pytest.mark.parametrize("committed", [False, True])
def test_changed_since_takes_the_specs_whose_files_changed(
    path: str, selected: list[str], committed: bool, repository: None
) -> None:
    git("checkout", "-q", "-b", "topic")
    Path(path).parent.mkdir(exist_ok=True)
    text = Path(path).read_text() if Path(path).exists() else PLAIN if path == "new.yaml" else ""
    Path(path).write_text(f"{text}\n# changed\n" if path.endswith(".yaml") else f"{text}x,1\n")
    if committed:
        git("add", ".")
        git("commit", "-q", "-m", "second")
    assert list(states(".", "--changed-since", "main")) == selected
    assert run(".", "--changed-since", "main").exit_code == status.OK


def test_changed_since_compares_with_the_commit_where_the_branch_left(repository: None) -> None:
    """What the other branch changed since is not a change of this one."""
    git("branch", "topic")
    write(alone=PLAIN + "seed: 9\n")
    git("commit", "-q", "-a", "-m", "on main")
    git("checkout", "-q", "topic")
    write(base=PLAIN + "seed: 5\n")
    assert list(states(".", "--changed-since", "main")) == ["base.yaml", "extending.yaml"]


def test_a_deleted_file_is_a_change(repository: None) -> None:
    Path("data/t.csv").unlink()
    assert list(states(".", "--changed-since", "HEAD")) == ["reading.yaml"]


def test_a_spec_that_cannot_be_read_is_taken_by_its_own_text(repository: None) -> None:
    write(alone="modelspec: 1\nmodel: [\n")
    found = run(".", "--changed-since", "HEAD")
    assert found.exit_code == status.ERRORS and "alone.yaml" in found.output


@pytest.mark.parametrize("ref", ["nowhere", "--output=x", "HEAD~7"])
def test_a_commit_that_git_does_not_know_is_wrong_usage(ref: str, repository: None) -> None:
    found = run(".", f"--changed-since={ref}")
    assert found.exit_code == status.USAGE and ref in found.output
    assert not Path("x").exists()


def test_changed_since_outside_of_git_is_wrong_usage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(Path.cwd().parent))
    write(a=PLAIN)
    found = run(".", "--changed-since", "main")
    assert found.exit_code == status.USAGE and "not in a git repository" in found.output


# Reuse --------------------------------------------------------------------------------------------


def test_a_completed_run_with_the_same_fingerprint_is_reused(trained: Path) -> None:
    found = run("a.yaml", "--explain-reuse")
    assert found.exit_code == status.OK
    assert "passed (reused)" in found.output and "runs/a/1 has the same fingerprint" in found.output


def test_its_numbers_decide_expectations_that_were_written_later(trained: Path) -> None:
    write_spec(trained, expect='{test_accuracy: ">= 0.8", val_loss: {best: "<= 0.7"}}')
    found = json.loads(run("a.yaml", "--format", "json").stdout)["specs"][0]
    assert found["state"] == "unmet" and found["reused"] == "run"
    accuracy = found["expectations"]["test_accuracy"]
    assert (accuracy["measured"], accuracy["holds"]) == (0.75, False)
    assert accuracy["margin"] == pytest.approx(-0.05)
    assert found["expectations"]["val_loss.best"]["holds"] is True
    assert run("a.yaml").exit_code == status.UNMET


def test_a_baseline_is_reused_where_its_run_is_not_here(trained: Path) -> None:
    found = candidate(Path("runs/a/1")).value
    assert found is not None
    accept(found, found.baseline)
    Path("runs").rename("elsewhere")
    report = json.loads(run("a.yaml", "--format", "json").stdout)["specs"][0]
    assert (report["state"], report["reused"]) == ("passed", "baseline")


@pytest.mark.parametrize("outcome", ["failed", "interrupted", "running"])
def test_a_run_that_did_not_end_well_is_not_reused(outcome: str) -> None:
    from modelspec.compiler.pipeline import compile_spec
    from modelspec.runtime.history.fingerprint import fingerprint
    from modelspec.runtime.history.machine import machine
    from modelspec.runtime.testing.reuse import Runs, explained

    write_points(Path("points.csv"))
    spec = write_spec(Path("a.yaml"))
    write_run(spec, Path("runs/a/1"), outcome=outcome, machine=machine())
    compiled = compile_spec(spec).value
    here = fingerprint(compiled) if compiled is not None else None
    assert here is not None
    assert Runs().completed(here) is None
    assert "no usable result" in explained(here, "a", Runs(), None)
    assert Runs().stopped(here) is None  # it has no checkpoint
    Path("runs/a/1/checkpoints/1").mkdir(parents=True)
    stopped = Runs().stopped(here)
    assert (stopped is not None) == (outcome != "failed")


def test_what_differs_is_named(trained: Path) -> None:
    from modelspec.compiler.pipeline import compile_spec
    from modelspec.runtime.history.fingerprint import fingerprint
    from modelspec.runtime.testing.reuse import Runs, explained

    write_spec(trained, units=5)
    Path("points.csv").write_text(Path("points.csv").read_text() + "1,1,1\n")
    compiled = compile_spec(trained).value
    here = fingerprint(compiled) if compiled is not None else None
    assert here is not None
    said = explained(here, "a", Runs(), None)
    assert said == "differs from runs/a/1 in data/points.csv, spec/model"
    assert "it has no run" in explained(here, "other", Runs(), None)


def test_nothing_heavy_is_imported_where_all_is_reused(trained: Path) -> None:
    """Twenty specs, each with a run."""
    for number in range(20):
        spec = write_spec(Path(f"s{number}.yaml"), units=number + 2)
        write_run(spec, Path(f"runs/s{number}/1"))
    program = (
        "import sys, time\nfrom modelspec.cli import main\ntry: main(['test', '.'])\n"
        "except SystemExit as end: assert end.code == 0, end.code\n"
        "heavy = {'tensorflow', 'keras', 'numpy', 'pandas', 'sklearn', 'h5py', 'rich'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "21 specs: 21 passed (21 reused)" in done.stdout


# Processes ----------------------------------------------------------------------------------------


def test_processes_run_side_by_side_and_give_their_status_and_output() -> None:
    from modelspec.runtime.testing.workers import Ended, Job, run_all

    write(good=PLAIN, bad=PLAIN.replace("3}", "-3}"))
    jobs = [Job(name, ("check", f"{name}.yaml")) for name in ("good", "bad", "nowhere")]
    found: dict[str, Ended] = {}
    most = 0

    def look(running: Sequence[object]) -> None:
        nonlocal most
        most = max(most, len(running))

    assert not run_all(jobs, 2, lambda job, how: found.update({job.key: how}), look)
    assert {key: how.status for key, how in found.items()} == {"good": 0, "bad": 1, "nowhere": 2}
    assert "no faults" in found["good"].output and "MS205" in found["bad"].output
    assert most == 2


def test_what_is_said_of_a_spec_that_is_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    """That it has no baseline, and by what a bug of modelspec ended its training."""
    from modelspec.runtime.testing import session
    from modelspec.runtime.testing.workers import Ended

    write_points(Path("points.csv"))
    spec = write_spec(Path("a.yaml"))
    text = re.sub(r"(?s)\nexpect:.*", '\nexpect: {test_loss: "<= baseline"}\n', spec.read_text())
    spec.write_text(text)
    output = (
        "examples: 3\nmodelspec failed: KeyError: 1\n  in f, g.py:3\nMODELSPEC_TRACEBACK=1 shows.\n"
    )

    def run_all(jobs: Any, count: int, ended: Any, look: Any) -> bool:
        for job in jobs:
            ended(job, Ended(70, output, 1.0))
        return False

    monkeypatch.setattr(session, "run_all", run_all)
    (one,) = json.loads(run("a.yaml", "--format", "json").stdout)["specs"]
    assert (one["state"], one["fault"]) == ("failed", "modelspec failed: KeyError: 1")
    assert "MS811" in [each["code"] for each in one["diagnostics"]]


def test_a_module_in_the_working_directory_is_not_taken_for_modelspec() -> None:
    from modelspec.runtime.testing.workers import Ended, Job, run_all

    for name in ("modelspec", "click", "json"):
        Path(f"{name}.py").write_text("raise SystemExit(9)\n")
    found: list[Ended] = []
    run_all([Job("a", ("--version",))], 1, lambda job, how: found.append(how), lambda running: None)
    assert found[0].status == 0, found[0].output


def test_what_the_command_line_grants_reaches_the_processes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from modelspec.core.places import granted, granting, of_environment
    from modelspec.runtime.distributed.processes import environment as _environment

    Path("data").mkdir()
    monkeypatch.setenv("MODELSPEC_ALLOW_HOSTS", "before.example.org")
    with granting(["data", "s3://bucket/points"], ["logs.example.org:8080"]):
        places, environment = granted(), _environment()
    for name in ("MODELSPEC_DATA_ROOTS", "MODELSPEC_ALLOW_HOSTS"):
        monkeypatch.setenv(name, environment[name])
    found, wrong = of_environment()
    assert not wrong and found.folders == places.folders and found.addresses == places.addresses
    assert [str(one) for one in found.hosts] == ["before.example.org", "logs.example.org:8080"]


# Reports and exit statuses ------------------------------------------------------------------------


@pytest.fixture
def mixed(trained: Path) -> None:
    """One of each: sound, not met, with errors, checked only."""
    low = write_spec(Path("low.yaml"), units=6)
    write_run(low, Path("runs/low/1"), {"accuracy": 0.25})
    write_spec(Path("misspelt.yaml"), expect=MISSPELT)
    write(plain=PLAIN)


FILES = ("a.yaml", "low.yaml", "misspelt.yaml", "plain.yaml")


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (("a.yaml", "plain.yaml"), status.OK),
        (("a.yaml", "low.yaml"), status.UNMET),
        (FILES, status.ERRORS),
        (("misspelt.yaml",), status.ERRORS),
        (("nowhere.yaml",), status.USAGE),
    ],
)
def test_the_exit_status_is_the_first_that_occurs(
    files: tuple[str, ...], expected: int, mixed: None
) -> None:
    assert run(*files).exit_code == expected


def test_another_program_reads_the_junit_report(mixed: None) -> None:
    run(*FILES, "--junit", "reports/junit.xml")
    root = ElementTree.parse("reports/junit.xml").getroot()
    suites = {suite.get("name"): suite for suite in root}
    assert list(suites) == list(FILES)
    assert (root.get("failures"), root.get("errors")) == ("2", "0")
    assert int(root.get("tests", "0")) == len(root.findall("suite/case")) + len(
        root.findall("testsuite/testcase")
    )
    cases = {case.get("name"): case for case in suites["low.yaml"]}
    failure = cases["test_accuracy >= 0.5"].find("failure")
    assert failure is not None and "measured 0.2500" in failure.get("message", "")
    misspelt = suites["misspelt.yaml"].find("testcase/failure")
    assert misspelt is not None and "`test_acuracy`" in misspelt.get("message", "")
    assert suites["a.yaml"].find(".//failure") is None


def test_junit_escapes_what_xml_cannot_have() -> None:
    from modelspec.runtime.testing.outcome import Outcome
    from modelspec.runtime.testing.reports import junit

    name = "a & <b> \x07\x1b[31m ]]> \ud800.yaml"
    text = junit.render([Outcome(name, "n", "failed", fault='"<&>"\x00', output="\x1b[1mbold")])
    suite = ElementTree.fromstring(text)[0]
    assert suite.get("name") == "a & <b> \ufffd\ufffd[31m ]]> \ufffd.yaml"
    assert suite.findtext(".//error") == "\ufffd[1mbold"


def test_annotations_are_at_the_expectations(mixed: None) -> None:
    found = run(*FILES, "--format", "github").stdout.splitlines()
    annotations = [line for line in found if line.startswith("::")]
    line = 1 + Path("low.yaml").read_text().splitlines().index('  test_accuracy: ">= 0.5"')
    assert any(f"file=low.yaml,line={line}," in one and "MS829" in one for one in annotations)
    assert any("file=misspelt.yaml" in one for one in annotations)
    assert len(annotations) == 2


def test_a_code_quality_report_has_each_fault(mixed: None) -> None:
    issues = json.loads(run(*FILES, "--format", "gitlab").stdout)
    found = {(one["location"]["path"], one["check_name"]) for one in issues}
    assert ("low.yaml", "MS829") in found and len(issues) == 2


def test_github_gets_annotations_and_a_summary_by_itself(
    mixed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "summary.md")
    Path("summary.md").write_text("# before\n")
    assert "::error file=low.yaml" in run(*FILES).stdout
    summary = Path("summary.md").read_text()
    assert summary.startswith("# before\n### modelspec test")
    assert summary == "# before\n" + run(*FILES, "--format", "markdown").stdout + "\n"


def test_markdown_has_a_row_for_each_spec_with_as_many_cells_as_the_header(mixed: None) -> None:
    Path("odd|name.yaml").write_text(PLAIN)
    lines = run(*FILES, "odd|name.yaml", "--format", "markdown").stdout.splitlines()
    start = lines.index(next(line for line in lines if line.startswith("| spec | result")))
    rows = lines[start : lines.index("", start)]
    assert len(rows) == 2 + 5
    assert {row.replace("\\|", "").count("|") for row in rows} == {5}


def test_the_summary_counts_what_became_of_the_specs(mixed: None) -> None:
    last = run(*FILES).stdout.rstrip().splitlines()[-1]
    assert last == "4 specs: 1 has errors, 1 checked, 1 passed (1 reused), 1 not met (1 reused)"


def test_an_expectation_of_seconds_fails_with_strict_time_alone(trained: Path) -> None:
    write_spec(trained, expect='seconds: "<= 1"')
    assert run("a.yaml").exit_code == status.OK
    assert "warning[MS829]" in run("a.yaml").stdout
    assert run("a.yaml", "--strict-time").exit_code == status.UNMET


def test_a_baseline_that_is_missing_is_a_warning_unless_it_is_required(trained: Path) -> None:
    write_spec(trained, expect='test_loss: "<= baseline + 0.01"')
    found = run("a.yaml")
    assert found.exit_code == status.OK and "warning[MS811]" in found.stdout
    assert "not decided" in found.stdout
    assert run("a.yaml", "--require-baseline").exit_code == status.ERRORS


# Baselines ----------------------------------------------------------------------------------------


def invoke(*args: str) -> Result:
    return CliRunner().invoke(main, ["accept", *args])


def test_a_run_that_is_one_percent_worse_than_the_baseline_is_named(trained: Path) -> None:
    expect = '{test_loss: "<= baseline * 1.005", test_accuracy: ">= baseline"}'
    write_spec(trained, expect=expect)
    assert invoke("runs/a/1").exit_code == status.OK
    assert run("a.yaml").exit_code == status.OK
    worse = write_spec(trained, units=5, expect=expect)
    write_run(worse, Path("runs/a/2"), {"loss": 0.505})
    found = run("a.yaml")
    assert found.exit_code == status.UNMET
    assert "`test_loss` is expected to be `<= baseline * 1.005 (baseline 0.5000)`" in found.stdout
    assert found.stdout.count("error[MS829]") == 1


def test_a_baseline_holds_the_numbers_of_the_run(trained: Path) -> None:
    assert invoke("runs/a/1").exit_code == status.OK
    text = Path("baselines/a.json").read_text()
    found = json.loads(text)
    assert list(found["metrics"]) == sorted(found["metrics"])
    assert found["metrics"]["test_accuracy"] == 0.75
    assert found["metrics"]["parameters"] == 2 * 4 + 4 + 4 + 1
    assert found["metrics"]["size"] == 2000
    manifest = json.loads(Path("runs/a/1/manifest.json").read_text())
    assert found["fingerprint"] == manifest["fingerprint"]
    assert (found["spec"], found["seeds"]) == ("a.yaml", [1])
    invoke("runs/a/1")
    assert Path("baselines/a.json").read_text() == text
    assert [one.name for one in Path("baselines").iterdir()] == ["a.json"]


def test_accept_says_what_changed(trained: Path) -> None:
    invoke("runs/a/1")
    assert "all numbers are equal to those of the previous baseline" in invoke("runs/a/1").stdout
    write_run(trained, Path("runs/a/2"), {"accuracy": 0.8})
    lines = invoke("runs/a/2").stdout.splitlines()
    assert lines[1].split() == ["test_accuracy", "0.7500", "0.8000", "+0.05"]
    assert len(lines) == 3


@pytest.mark.parametrize("outcome", ["failed", "interrupted", "running"])
def test_a_run_that_is_not_complete_cannot_be_accepted(outcome: str) -> None:
    write_points(Path("points.csv"))
    write_run(write_spec(Path("a.yaml")), Path("runs/a/1"), outcome=outcome)
    found = invoke("runs/a/1")
    assert found.exit_code == status.FAILED and "MS825" in found.output
    assert not Path("baselines").exists()


def test_a_run_whose_spec_is_gone_or_renamed_cannot_be_accepted(trained: Path) -> None:
    text = trained.read_text()
    trained.write_text(text.replace("name: a", "name: b"))
    assert "MS831" in invoke("runs/a/1").output
    trained.unlink()
    assert "MS831" in invoke("runs/a/1").output


def test_a_name_that_two_specs_of_the_folder_have_cannot_be_accepted(trained: Path) -> None:
    write_spec(Path("other.yaml"), name="a")
    found = invoke("runs/a/1")
    assert found.exit_code == status.FAILED and "MS826" in found.output


NUMBERS = (
    '{"format": 1, "name": "a", "spec": "a.yaml", "run": "runs/a/1", "seeds": [1], "metrics": '
)


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[]", "<<<<<<< HEAD\n", '{"format": 2}', "null"]
    + [f'{NUMBERS}{{"test_loss": {one}}}}}' for one in ("NaN", "Infinity", "true", '"0.5"')],
)
def test_a_damaged_baseline_is_an_error_of_a_test_and_replaced_by_accept(
    text: str, trained: Path
) -> None:
    Path("baselines").mkdir()
    Path("baselines/a.json").write_text(text)
    found = run("a.yaml")
    assert found.exit_code == status.ERRORS and "MS827" in found.output
    again = invoke("runs/a/1")
    assert again.exit_code == status.OK and "warning[MS827]" in again.output
    assert checked_baseline(Path(), "a").ok


def test_the_name_of_a_spec_cannot_lead_out_of_the_folder() -> None:
    assert path_of(Path("x"), "../../etc/passwd").parent == Path("x/baselines")


def test_further_seeds_need_the_spec_as_it_was(trained: Path) -> None:
    write_spec(trained, units=9)
    found = invoke("runs/a/1", "--noise", "3")
    assert found.exit_code == status.FAILED
    assert "MS832" in found.output and "spec/model" in found.output


@pytest.mark.parametrize(
    ("split", "expected"),
    [
        ("{test: 0.2}", {"seed": 8, "data.split.seed": 1}),
        ("{test: 0.2, seed: 5}", {"seed": 8}),
        (None, {"seed": 8}),
    ],
)
def test_further_seeds_keep_the_split(split: str | None, expected: Mapping[str, int]) -> None:
    from modelspec.compiler.pipeline import compile_spec
    from modelspec.runtime.testing.accept import seed_overrides

    write_points(Path("points.csv"))
    text = write_spec(Path("a.yaml")).read_text()
    old = "  split: {validation: 0.2, test: 0.2}\n"
    Path("a.yaml").write_text(
        text.replace(old, f"  split: {split}\n" if split else "").replace(
            'test_accuracy: ">= 0.5"', 'train_accuracy: ">= 0"'
        )
    )
    compiled = compile_spec("a.yaml").value
    assert compiled is not None and seed_overrides(compiled, 8) == expected
    assert compile_spec("a.yaml", expected).ok


def test_means_deviations_and_the_error_of_a_comparison() -> None:
    """Against NumPy; a difference of two random numbers has the sum of their variances."""
    np = pytest.importorskip("numpy")
    from modelspec.runtime.history.baseline import Baseline, spread

    values = [0.91, 0.94, 0.9, 0.97]
    means, deviations = spread(
        [{"m": one, "own": 1.0} if i else {"m": one} for i, one in enumerate(values)]
    )
    assert set(means) == {"m"}
    assert means["m"] == pytest.approx(np.mean(values), rel=1e-15)
    assert deviations["m"] == pytest.approx(np.std(values, ddof=1), rel=1e-12)
    found = Baseline("n", "n.yaml", "r", means, None, (1, 2, 3, 4), deviations)
    variance = np.var(values, ddof=1)
    assert found.errors["m"] == pytest.approx(np.sqrt(variance + variance / 4), rel=1e-12)


def test_comparisons_allow_for_the_noise_of_the_seeds(trained: Path) -> None:
    from dataclasses import replace

    from modelspec.runtime.history.baseline import write_baseline

    write_spec(trained, expect='test_loss: "<= baseline"')
    found = candidate(Path("runs/a/1")).value
    assert found is not None
    base = found.baseline
    means = {**base.metrics, "test_loss": 0.48}
    write_baseline(Path(), replace(base, metrics=means))
    assert run("a.yaml").exit_code == status.UNMET
    wide = dict.fromkeys(means, 0.02)
    noisy = replace(base, metrics=means, of_run=base.metrics, deviations=wide, seeds=(1, 2, 3))
    write_baseline(Path(), noisy)
    assert run("a.yaml").exit_code == status.OK
    read = checked_baseline(Path(), "a").value
    assert read == noisy


# docs/testing.md ----------------------------------------------------------------------------------

PAGE = (Path(__file__).parent.parent / "docs/testing.md").read_text("utf-8")
WORKFLOWS = re.findall(r"^```yml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("text", WORKFLOWS)
def test_the_commands_of_the_workflows_run(text: str) -> None:
    """In a repository whose specs need no training."""
    yaml = pytest.importorskip("yaml")
    assert isinstance(yaml.safe_load(text), dict)
    Path("specs").mkdir()
    Path("specs/a.yaml").write_text(STATIC)
    lines = re.findall(r"modelspec (test [^>\n]*?)(?: > .*)?$", text, re.MULTILINE)
    assert lines
    for line in lines:
        assert CliRunner().invoke(main, line.split()).exit_code == status.OK
    assert ElementTree.parse("junit.xml").getroot().get("failures") == "0"


def test_the_page_names_every_option_and_every_result() -> None:
    from modelspec.cli.commands.test import command
    from modelspec.runtime.testing.outcome import WORDS

    options = {max(one.opts, key=len) for one in command.params if one.opts[0].startswith("-")}
    for option in options - {"--jobs", "--data-root", "--allow-host", "--plugin"}:
        assert f"`{option}" in PAGE, option
    assert "`-j 4`" in PAGE
    for words in WORDS.values():
        assert f"`{words}`" in PAGE, words
