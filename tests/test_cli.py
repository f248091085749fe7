"""The command line: what it prints, to whom, and what it exits with."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

import modelspec as ms
from modelspec.cli import command_modules, main, status

ROOT = Path(__file__).parent.parent
GOOD = "model:\n  inputs: {x: [4]}\n  layers:\n    - Dense: 3\n"
BAD = (
    "model:\n  inputs: {x: [4]}\n  layers:\n    - Dense: {units: 3, activaton: relu}\n    -"
    " Dropout: 2\n"
)
WARNS = (
    "model:\n  inputs: {x: [4]}\n  layers:\n    - Dense: {units: 3, name: dead}\n    - Dense:"
    " {units: 2, from: x}\n"
)
TRAINS = GOOD + "training: {loss: mse, epochs: 5}\n"
COMMANDS = main.list_commands(click.Context(main))
FRAMEWORKS = {"tensorflow", "keras", "numpy", "h5py", "sklearn", "rich"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a spec of each sort."""
    for name, text in {"good": GOOD, "bad": BAD, "warns": WARNS, "trains": TRAINS}.items():
        (tmp_path / f"{name}.yaml").write_text(text, "utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def invoke(*args: str, input: str | bytes | None = None) -> Result:
    return CliRunner().invoke(main, args, input=input)


def python(*args: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """A process of its own: what it loads and how it ends is seen from outside."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **options.pop("env", {})}
    command = [sys.executable, *args]
    return subprocess.run(
        command, capture_output=True, text=True, env=environment, timeout=120, **options
    )


def loaded_by(*args: str) -> set[str]:
    """The packages that a command leaves loaded."""
    code = (
        f"import sys\nfrom modelspec.cli import main\nmain({list(args)!r}, standalone_mode=False)\n"
        "print(*{name.partition('.')[0] for name in sys.modules}, file=sys.stderr)"
    )
    return set(python("-c", code).stderr.split("\n")[-2].split())


# The group ----------------------------------------------------------------------------------------


def test_help_names_every_command_and_the_exit_statuses() -> None:
    result = invoke("--help")
    assert result.exit_code == 0
    assert all(f"  {name} " in result.output for name in COMMANDS)
    assert "Exit status: 0" in result.output


def test_help_and_version_load_nothing_heavy() -> None:
    assert not loaded_by("--help") & {"pydantic", "yaml", *FRAMEWORKS}
    assert ms.__version__ in invoke("--version").output


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_file_and_a_help(name: str) -> None:
    command = import_module(command_modules()[name]).command
    assert isinstance(command, click.Command)
    result = invoke(name, "--help")
    assert result.exit_code == 0, result.output
    assert "Usage:" in result.output


@pytest.mark.parametrize(
    "args", [("check",), ("show",), ("explain", "Conv2D"), ("explain", "codes"), ("schema",)]
)
def test_no_command_but_the_run_loads_a_framework(args: tuple[str, ...], folder: Path) -> None:
    files = ["good.yaml"] if args[0] in ("check", "show") else []
    assert not loaded_by(*args, *files) & FRAMEWORKS


def test_a_wrong_command_is_told_the_right_one() -> None:
    result = invoke("chek", "a.yaml")
    assert result.exit_code == status.USAGE
    assert "did you mean `check`?" in result.output
    assert f"the commands are {', '.join(COMMANDS)}" in invoke("frobnicate").output


@pytest.mark.parametrize(
    "args",
    [
        (),
        ("check",),
        ("check", "--format", "xml", "a"),
        ("show",),
        ("show", "a", "b"),
        ("--nope",),
        ("explain", "a", "b"),
    ],
)
def test_wrong_usage_exits_with_2(args: tuple[str, ...]) -> None:
    result = invoke(*args)
    assert result.exit_code == status.USAGE
    assert "Usage:" in result.output


def test_a_bug_of_ours_is_no_traceback(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("out of cheese")

    monkeypatch.setattr("modelspec.compiler.pipeline.compile_spec", broken)
    result = invoke("check", "good.yaml")
    assert result.exit_code == status.BUG
    assert "modelspec failed: RuntimeError: out of cheese" in result.stderr
    assert "Traceback" not in result.stderr
    monkeypatch.setenv("MODELSPEC_TRACEBACK", "1")
    assert "Traceback" in invoke("check", "good.yaml").stderr


def test_ctrl_c_says_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("modelspec.compiler.pipeline.compile_spec", interrupted)
    result = invoke("check", "good.yaml")
    assert result.exit_code == status.KILLED_BY_INTERRUPT
    assert not result.output.strip()


# check --------------------------------------------------------------------------------------------


def test_a_good_spec(folder: Path) -> None:
    result = invoke("check", "good.yaml")
    assert (result.exit_code, result.output) == (
        0,
        "good.yaml: no faults (1 layer, 15 parameters)\n",
    )


def test_every_fault_of_a_bad_spec(folder: Path) -> None:
    result = invoke("check", "bad.yaml")
    assert result.exit_code == status.ERRORS
    assert "error[MS202]" in result.output
    assert " --> bad.yaml:4:25" in result.output
    assert "error[MS205]" in result.output
    assert result.output.endswith("2 errors\n")


def test_warnings_are_no_errors(folder: Path) -> None:
    result = invoke("check", "warns.yaml")
    assert result.exit_code == 0
    assert "warning[MS307]" in result.output
    assert "no faults" not in result.output


def test_several_files_are_one_run(folder: Path) -> None:
    result = invoke("check", "good.yaml", "bad.yaml", "warns.yaml", "good.yaml")
    assert result.exit_code == status.ERRORS
    assert result.output.count("good.yaml: no faults") == 1
    assert "2 errors, 1 warning\n" in result.output


def test_standard_input(folder: Path) -> None:
    assert invoke("check", "-", input=GOOD).output.startswith("<stdin>: no faults")
    assert " --> <stdin>:4:25" in invoke("check", "-", input=BAD).output
    assert invoke("check", "-", input=b"\xff\xfe").exit_code == status.ERRORS


@pytest.mark.parametrize(
    "command",
    [
        "check",
        "check fine.yaml",
        "data",
        "show",
        "resolve",
        "train",
        "diff fine.yaml",
        "resume",
        "evaluate",
        "reproduce",
        "export --to keras -o x.keras",
        "predict --data x.csv",
        "import -o x.yaml",
        "weights",
        "runs",
    ],
)
def test_a_file_that_is_not_there_is_wrong_usage(folder: Path, command: str) -> None:
    (folder / "fine.yaml").write_text(
        "model: {inputs: {x: [3]}, layers: [{Dense: 1}]}", encoding="utf-8"
    )
    result = invoke(*command.split(), "nope.yaml")
    assert result.exit_code == status.USAGE
    assert "nope.yaml" in result.output and "not exist" in result.output


STORED = ROOT / "tests" / "stored"


@pytest.mark.parametrize(
    "command",
    [
        f"predict {STORED / 'completed'} --data {STORED / 'penguins.csv'} -o no/out.csv",
        f"export {STORED / 'completed'} --to keras -o no/out.keras",
        "resolve fine.yaml -o no/out.yaml",
        "show fine.yaml --picture no/out.svg",
        "init no/out",
    ],
)
def test_an_output_that_cannot_be_written_is_wrong_usage(folder: Path, command: str) -> None:
    (folder / "fine.yaml").write_text(
        "model: {inputs: {x: [3]}, layers: [{Dense: 1}]}", encoding="utf-8"
    )
    result = invoke(*command.split())
    assert result.exit_code == status.USAGE
    assert "no/out" in result.output


def test_a_file_that_a_spec_names_and_that_is_not_there_is_a_fault_of_the_spec(
    folder: Path,
) -> None:
    (folder / "on.yaml").write_text("extends: nope.yaml", encoding="utf-8")
    result = invoke("check", "on.yaml")
    assert result.exit_code == status.ERRORS
    assert "MS701" in result.output


def test_json_has_the_faults_of_all_files(folder: Path) -> None:
    result = invoke("check", "--format", "json", "bad.yaml", "warns.yaml")
    found = json.loads(result.stdout)
    assert result.exit_code == status.ERRORS
    assert found["ok"] is False
    assert [(d["file"], d["code"]) for d in found["diagnostics"]] == [
        ("bad.yaml", "MS202"),
        ("bad.yaml", "MS205"),
        ("warns.yaml", "MS307"),
    ]
    assert json.loads(invoke("check", "--format", "json", "good.yaml").stdout) == {
        "ok": True,
        "diagnostics": [],
    }


def test_the_other_formats(folder: Path) -> None:
    github = invoke("check", "--format", "github", "bad.yaml")
    assert github.exit_code == status.ERRORS
    assert github.output.startswith("::error file=bad.yaml,line=4,")
    sarif = json.loads(invoke("check", "--format", "sarif", "bad.yaml").stdout)
    assert [one["ruleId"] for one in sarif["runs"][0]["results"]] == ["MS202", "MS205"]
    assert sarif["runs"][0]["tool"]["driver"]["version"] == ms.__version__


# --set --------------------------------------------------------------------------------------------


def test_set_takes_yaml_values(folder: Path) -> None:
    def shown(*overrides: str) -> list[dict[str, Any]]:
        flags = [word for override in overrides for word in ("--set", override)]
        result = invoke("show", "--format", "json", "good.yaml", *flags)
        assert result.exit_code == 0, result.output
        layers: list[dict[str, Any]] = json.loads(result.stdout)["layers"]
        return layers

    assert shown()[0]["output_shape"] == [None, 3]
    assert shown("model.inputs.x=[5]")[0]["parameters"] == 18
    assert shown("model.layers[0].Dense={units: 7, name: a}")[0]["name"] == "a"


def test_a_value_that_is_set_is_checked(folder: Path) -> None:
    result = invoke("check", "trains.yaml", "--set", "training.epochs=none")
    assert result.exit_code == status.ERRORS
    assert "MS204" in result.output
    assert invoke("check", "trains.yaml", "--set", "training.epochz=3").exit_code == status.ERRORS


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("training.epochs", "is not PATH=VALUE"),
        ("=3", "is not PATH=VALUE"),
        ("a=[1", "is not YAML"),
        ("a=b: c", "is not YAML"),
        ("a=!!python/name:os.system", "is not YAML"),
        ("a=1\nb: 2", "is not YAML"),
    ],
)
def test_what_cannot_be_set_is_wrong_usage(written: str, said: str, folder: Path) -> None:
    result = invoke("check", "good.yaml", "--set", written)
    assert result.exit_code == status.USAGE
    assert said in result.output


def test_one_path_is_set_once(folder: Path) -> None:
    result = invoke(
        "check", "trains.yaml", "--set", "training.epochs=3", "--set", "training.epochs=4"
    )
    assert result.exit_code == status.USAGE
    assert "`training.epochs` is set twice" in result.output


# show, schema, explain, init ----------------------------------------------------------------------


def test_show_prints_the_table(folder: Path) -> None:
    result = invoke("show", "good.yaml")
    assert result.exit_code == 0
    assert result.output.startswith("good\n\nlayer  kind   output  parameters")


def test_show_refuses_a_bad_spec(folder: Path) -> None:
    result = invoke("show", "bad.yaml")
    assert result.exit_code == status.ERRORS
    assert not result.stdout
    assert "error[MS202]" in result.stderr


def test_schema_is_json() -> None:
    assert json.loads(invoke("schema").stdout)["$schema"].endswith("2020-12/schema")


def test_explain_shows_a_page(folder: Path) -> None:
    assert invoke("explain", "Conv2D").output.startswith("Conv2D (layer)\n")
    assert invoke("explain", "ms402").output.startswith("MS402: ")
    assert invoke("explain", "--markdown", "Conv2D").output.startswith("# Conv2D\n")
    assert "Lists\n" in invoke("explain").output


def test_explain_shows_the_help_of_a_command() -> None:
    """Beside the page of a key that has its name."""
    assert invoke("explain", "predict").output.startswith("Usage: ")
    assert "--threshold" in invoke("explain", "--markdown", "predict").output
    both = invoke("explain", "data").output
    assert both.startswith("data (") and "Usage: " in both
    assert "did you mean `predict`?" in invoke("explain", "predcit").output


def test_explain_helps_who_misspells() -> None:
    result = invoke("explain", "Conv2DD")
    assert result.exit_code == status.USAGE
    assert "did you mean `Conv2D`?" in result.output
    assert "did you mean" not in invoke("explain", "MS999").output


def test_init_writes_a_spec_that_checks_clean(folder: Path) -> None:
    assert invoke("init").exit_code == 0
    assert invoke("init", "first").exit_code == 0
    for name in ("model.yaml", "first.yaml"):
        assert invoke("check", name).output.startswith(f"{name}: no faults")
        assert f"modelspec train {name}" in (folder / name).read_text("utf-8")
    spec = ms.load_spec("first.yaml")
    assert spec.compiled.training is not None
    assert spec.compiled.data is not None


def test_init_never_overwrites(folder: Path) -> None:
    before = (folder / "good.yaml").read_bytes()
    for name in ("good", "good.yaml"):
        result = invoke("init", name)
        assert result.exit_code == status.USAGE
        assert "already exists" in result.output
    assert (folder / "good.yaml").read_bytes() == before
    assert invoke("init", "no/such/folder/spec").exit_code == status.USAGE


@pytest.mark.tensorflow
def test_the_spec_of_init_trains(folder: Path) -> None:
    assert invoke("init").exit_code == 0
    done = python(
        "-m", "modelspec", "train", "model.yaml", "--set", "training.epochs=1", "--run-dir", "run"
    )
    assert done.returncode == 0, done.stderr
    assert (folder / "run" / "model.keras").exists()


# Terminals, pipes, encodings ----------------------------------------------------------------------


def on_a_terminal(*args: str, **environment: str) -> str:
    """What a command prints on a terminal."""
    ours, theirs = pty.openpty()
    env = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm", **environment}
    process = subprocess.Popen(
        [sys.executable, "-m", "modelspec", *args], stdout=theirs, stderr=theirs, env=env
    )
    os.close(theirs)
    parts = []
    while True:
        try:
            part = os.read(ours, 4096)
        except OSError:  # how Linux says that the other end is closed
            break
        if not part:
            break
        parts.append(part)
    os.close(ours)
    process.wait(timeout=30)
    return b"".join(parts).decode()


def test_colour_is_for_terminals_that_want_it(folder: Path) -> None:
    assert "\x1b[" in on_a_terminal("check", "bad.yaml", NO_COLOR="")
    assert "\x1b[" not in on_a_terminal("check", "bad.yaml", NO_COLOR="1")
    assert "\x1b[" not in on_a_terminal("check", "bad.yaml", NO_COLOR="", TERM="dumb")
    assert "\x1b[" not in python("-m", "modelspec", "check", "bad.yaml").stdout


@pytest.mark.parametrize(("args", "expected"), [(("schema",), 0), (("check", "bad.yaml"), 1)])
def test_a_reader_that_goes_away_changes_nothing(
    args: tuple[str, ...], expected: int, folder: Path
) -> None:
    """The verdict stands, and nobody hears of the broken pipe."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    read, write = os.pipe()
    os.close(read)
    process = subprocess.Popen(
        [sys.executable, "-m", "modelspec", *args],
        stdout=write,
        stderr=subprocess.PIPE,
        env=environment,
    )
    os.close(write)
    _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (expected, b"")


def test_any_text_can_be_printed(folder: Path) -> None:
    """A terminal that knows only ASCII gets escapes in place of what it cannot show."""
    (folder / "é.yaml").write_text(BAD.replace("activaton", "größe"), "utf-8")
    done = python(
        "-m", "modelspec", "check", "é.yaml", env={"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    )
    assert done.returncode == status.ERRORS, done.stderr
    assert "gr\\xf6\\xdfe" in done.stdout
