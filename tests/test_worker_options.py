"""What `train` and `resume` do with `--workers`: the processes that they start, without starting
them.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from modelspec.cli import main, worker_options
from modelspec.core.plugins import plugging
from modelspec.runtime.distributed import cluster, supervisor
from modelspec.runtime.distributed.supervisor import Job

_SPEC = """\
name: small
model:
  inputs: {x: [4]}
  layers:
    - Dense: {units: 2, name: y}
data:
  source: {csv: data.csv}
  inputs: {x: [a, b, c, d]}
  targets: {y: [e, f]}
training: {optimizer: SGD, loss: mse, epochs: 2}
"""
Run = Callable[..., Result]


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> list[Job]:
    """The jobs that the commands supervise; their status is 4."""
    found: list[Job] = []

    def supervise(job: Job, *more: Any) -> int:
        found.append(job)
        return 4

    monkeypatch.setattr(supervisor, "supervise", supervise)
    return found


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    (tmp_path / "spec.yaml").write_text(_SPEC)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MODELSPEC_WAIT", raising=False)
    return lambda *words: CliRunner().invoke(main, list(words))


def test_the_workers_get_the_options_of_the_command(run: Run, jobs: list[Job]) -> None:
    result = run(
        *("train", "spec.yaml", "--workers", "3", "--restarts", "7", "--run-dir", "here"),
        *("--set", "training.epochs=5", "--set", "description='a: b'", "--quiet", "--strict-time"),
    )
    assert (result.exit_code, result.output) == (4, "")
    [job] = jobs
    assert (job.directory, job.workers, job.restarts) == (Path("here"), 3, 7)
    options = ("--quiet", "--strict-time")
    assert job.train == (
        *("train", "spec.yaml", "--run-dir", "here"),
        *("--set=training.epochs=5", '--set=description="a: b"'),
        *options,
    )
    assert job.resume == ("resume", "here", *options)
    assert job.words == job.train


def test_the_workers_get_the_plugins_of_the_command_line() -> None:
    with plugging(["ourlab", "others.layers"]):
        assert worker_options._plugins() == ["--plugin=ourlab", "--plugin=others.layers"]


def test_the_run_folder_is_chosen_before_the_workers_start(run: Run, jobs: list[Job]) -> None:
    """And removed, if no run began in it."""
    run("train", "spec.yaml", "--workers", "2")
    assert jobs[0].directory == Path("runs/small/1")
    assert jobs[0].train[2:4] == ("--run-dir", "runs/small/1")
    assert not Path("runs").exists()


def test_a_run_that_has_begun_is_resumed(run: Run, jobs: list[Job]) -> None:
    run("train", "spec.yaml", "--workers", "2", "--run-dir", "here")
    Path("here").mkdir()
    assert jobs[0].words == jobs[0].train
    for name in ("manifest.json", "resolved.yaml"):
        Path("here", name).write_text("{}")
    Path("here/checkpoints").mkdir()
    assert jobs[0].words == jobs[0].resume


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--ray", "10.0.0.1:6379"), "--ray requires --workers N"),
        (("--workers", "0"), "0 is not in the range"),
        (("--workers", "2", "--restarts", "-1"), "-1 is not in the range"),
        (("--workers", "2", "--wait", "0"), "0.0 is not in the range"),
    ],
)
def test_wrong_usage(words: tuple[str, ...], message: str, run: Run, jobs: list[Job]) -> None:
    result = run("train", "spec.yaml", *words)
    assert result.exit_code == 2
    assert message in result.output
    assert jobs == []


def test_a_spec_on_standard_input_is_refused(run: Run, jobs: list[Job]) -> None:
    result = CliRunner().invoke(main, ["train", "-", "--workers", "2"], input=_SPEC)
    assert result.exit_code == 2
    assert "a spec on standard input cannot be read by several workers" in result.output
    assert jobs == []


def test_a_spec_with_errors_starts_no_worker(run: Run, jobs: list[Job]) -> None:
    Path("spec.yaml").write_text(_SPEC.replace("units: 2", "units: two"))
    assert run("train", "spec.yaml", "--workers", "2").exit_code == 1
    assert jobs == []


def test_the_wait_applies_to_the_workers(
    run: Run, jobs: list[Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODELSPEC_WAIT", "1")  # restored after the test
    run("train", "spec.yaml", "--workers", "2", "--wait", "45")
    assert os.environ["MODELSPEC_WAIT"] == "45.0"


def test_processes_that_are_described_wrongly_are_an_error(
    run: Run, jobs: list[Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODELSPEC_WORKER", "1")
    result = run("train", "spec.yaml")
    assert result.exit_code == 3
    assert "MODELSPEC_WORKER is set, but MODELSPEC_HOSTS is not" in result.output


# Commands that use a run ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        ("evaluate", "here", "--split", "train", "--format", "json"),
        ("predict", "here", "--data", "data.csv", "-o", "out.csv", "--keep", "all"),
    ],
)
def test_the_processes_that_use_a_run_get_the_arguments(
    words: tuple[str, ...], run: Run, jobs: list[Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODELSPEC_WAIT", "1")
    Path("here").mkdir()
    result = run(words[0], "--workers", "3", *words[1:], "--restarts=2", "--wait", "9")
    assert (result.exit_code, result.output) == (4, "")
    [job] = jobs
    assert (job.workers, job.restarts, job.continues) == (3, 2, False)
    assert job.words == words
    assert os.environ["MODELSPEC_WAIT"] == "9.0"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("evaluate", "here", "--ray", "a:1"), "--ray requires --workers N"),
        (
            ("evaluate", "here", "--workers", "2", "--quantize", "int8"),
            "`--workers` cannot be combined with `--quantize`",
        ),
        (
            ("evaluate", "here", "--workers", "2", "--choose-threshold", "f1"),
            "`--workers` cannot be combined with `--choose-threshold`",
        ),
        (
            ("predict", "here", "--workers", "2", "--generate", "3"),
            "`--workers` cannot be combined with `--generate`",
        ),
        (
            ("predict", "here", "--workers", "2", "--data", "csv=-"),
            "standard input cannot be read by several workers",
        ),
        (("sweep", "spec.yaml", "--workers", "2"), "`-j N` runs N trials at once"),
    ],
)
def test_work_that_is_not_divided_is_wrong_usage(
    words: tuple[str, ...], message: str, run: Run, jobs: list[Job]
) -> None:
    Path("here").mkdir()
    result = run(*words)
    assert result.exit_code == 2
    assert message in " ".join(result.output.split())
    assert jobs == []


def test_the_chief_does_alone_what_is_not_divided(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the processes of a launcher, the others end at once."""
    monkeypatch.setenv("MODELSPEC_HOSTS", "127.0.0.1:5001,127.0.0.1:5002")
    monkeypatch.setenv("MODELSPEC_WORKER", "1")
    Path("here").mkdir()
    for words in (
        ("predict", "here", "--generate", "3"),
        ("predict", "here", "--data", "data.csv", "--nearest", "2", "--items", "data.csv"),
        ("evaluate", "here", "--quantize", "int8"),
        ("evaluate", "here", "--choose-threshold", "f1"),
    ):
        result = run(*words)
        assert (result.exit_code, result.output) == (0, ""), words


def test_a_sweep_is_not_part_of_several_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each process of a launcher is a worker of the sweep, and trains whole trials."""
    monkeypatch.setenv("MODELSPEC_HOSTS", "127.0.0.1:5001,127.0.0.1:5002")
    monkeypatch.setenv("MODELSPEC_WORKER", "1")
    assert cluster.current_cluster() is not None
    with cluster.alone():
        assert cluster.current_cluster() is None
    assert cluster.current_cluster() is not None
