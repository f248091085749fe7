"""Runs read back from their folders: listed, sorted, told of. Nothing here needs a
framework.
"""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from modelspec.cli import main
from modelspec.runtime.history import find, in_order, read_record
from modelspec.runtime.history.formatting import duration, size, sparkline
from modelspec.runtime.history.html_report import page
from modelspec.runtime.history.tables import best_of, of_one
from modelspec.runtime.run.dependencies import dependencies

ROOT = Path(__file__).parents[1]
SPEC = {
    "name": "a",
    "model": {"inputs": {"x": [2]}, "layers": [{"Dense": {"units": 3, "name": "y"}}]},
}
HEADER = "epoch,loss,accuracy,val_loss,val_accuracy,learning_rate,seconds\n"


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def make(path: str, *, rows: int = 2, accuracy: float = 0.5, **manifest: Any) -> Path:
    """A run folder as training leaves it, without a model."""
    folder = Path(path)
    folder.mkdir(parents=True)
    values = {
        "format": 1,
        "name": folder.parent.name,
        "outcome": "completed",
        "started": "2026-11-21T12:00:00+00:00",
        "ended": "2026-11-21T12:01:05+00:00",
        "spec": {"file": "a.yaml", "sha256": "ab" * 32},
        "seed": 5,
        "parameters": 1234,
        "versions": {"keras": "3.15.1"},
        "machine": {"cpu": "A CPU", "cores": 2, "memory": 8e9},
        "data": {"train": {"source": "t.csv", "sha256": "cd" * 32, "examples": 90}},
        "deterministic": {"promised": True, "where": "the same machine"},
        "seconds": 60.5,
        **manifest,
    }
    (folder / "manifest.json").write_text(json.dumps(values))
    lines = [f"{n},{1 / n},{n / 10},{2 / n},{n / 20},0.01,1.5\n" for n in range(1, rows + 1)]
    (folder / "history.csv").write_text(HEADER + "".join(lines))
    if values["outcome"] == "completed":
        (folder / "metrics.json").write_text(
            json.dumps({"test": {"loss": 0.4, "accuracy": accuracy}})
        )
    return folder


def command(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["runs", *arguments])


# Several runs -------------------------------------------------------------------------------------


def test_runs_are_listed_with_the_newest_first() -> None:
    make("runs/a/1", started="2026-01-01T00:00:00+00:00")
    make("runs/b/1", started="2026-03-01T00:00:00+00:00")
    make("runs/a/2", started="2026-02-01T00:00:00+01:00")
    assert [str(one.path) for one in find(Path("runs")).value] == [
        "runs/b/1",
        "runs/a/2",
        "runs/a/1",
    ]
    lines = command().output.splitlines()
    assert [line.split()[0] for line in lines] == ["run", "runs/b/1", "runs/a/2", "runs/a/1"]
    assert lines[0].split() == [
        "run",
        "spec",
        "state",
        "started",
        "epochs",
        "test_loss",
        "test_accuracy",
        "val_loss",
        "val_accuracy",
    ]
    assert lines[1].split()[-4:] == ["0.4000", "0.5000", "1.0000", "0.1000"]
    assert [line.split()[0] for line in command("--reverse").output.splitlines()][1] == "runs/a/1"


def test_a_metric_puts_the_best_first_and_runs_without_it_last() -> None:
    make("runs/a/1", accuracy=0.7)
    make("runs/a/2", accuracy=0.9)
    make("runs/a/3", outcome="failed")
    make("runs/a/4", accuracy=0.8, rows=5)

    def order(*arguments: str) -> list[str]:
        told = command("--format", "json", *arguments)
        assert told.exit_code == 0
        return [one["run"][-1] for one in json.loads(told.output)]

    assert order("--sort", "test_accuracy") == ["2", "4", "1", "3"]
    assert order("--sort", "test_accuracy", "--reverse") == ["1", "4", "2", "3"]
    assert order("--sort", "val_loss")[0] == "4"  # the smallest
    wrong = command("--sort", "val_acuracy")
    assert wrong.exit_code == 3
    assert "MS771" in wrong.output
    assert "did you mean `val_accuracy`?" in wrong.output


def test_a_metric_that_is_no_number_is_never_the_best() -> None:
    for number, value in enumerate(("nan", "0.3", "inf"), 1):
        folder = make(f"runs/a/{number}")
        (folder / "history.csv").write_text(f"epoch,score\n1,{value}\n")
    for reverse in (False, True):
        found = in_order(find(Path("runs")).value, "score", reverse=reverse).value
        assert found[0].path.name == "2"
    assert "NaN" not in command("--format", "json").output


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "not valid JSON"),
        ("[]", "not a run manifest"),
        ('{"format": 99}', "format 1"),
        ("[" * 100_000, "not valid JSON"),
    ],
)
def test_a_run_that_cannot_be_read_is_told_and_the_others_are_listed(
    content: str, words: str
) -> None:
    make("runs/a/1")
    make("runs/a/2")
    Path("runs/a/2/manifest.json").write_text(content)
    listed = command()
    assert listed.exit_code == 0
    assert "runs/a/1" in listed.output
    assert "MS708" in listed.output
    assert words in listed.output
    assert command("runs/a/2").exit_code == 3


def test_where_there_are_no_runs_it_says_so() -> None:
    assert command().output == "no runs in `runs`: `modelspec train` creates them\n"
    assert json.loads(command("--format", "json").output) == []
    Path("runs").mkdir()
    assert command().output == "no runs in `runs`: `modelspec train` creates them\n"
    gone = command("elsewhere")
    assert gone.exit_code == 2
    assert "MS770" in gone.output


def test_what_is_inside_a_run_is_no_run_and_links_are_not_followed() -> None:
    make("runs/a/1")
    make("runs/a/1/checkpoints/1")
    Path("runs/loop").symlink_to("..", target_is_directory=True)
    assert [str(one.path) for one in find(Path("runs")).value] == ["runs/a/1"]


def test_listing_loads_no_framework_and_no_numpy() -> None:
    make("runs/a/1")
    program = (
        "import sys; from modelspec.cli import main\n"
        "try: main(['runs', *sys.argv[1:]])\n"
        "finally: print([m for m in ('tensorflow', 'keras', 'numpy', 'h5py') if m in sys.modules])"
    )
    for arguments in ([], ["runs/a/1"]):
        done = subprocess.run(
            [sys.executable, "-c", program, *arguments],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        assert done.stdout.splitlines()[-1] == "[]"


# One run ------------------------------------------------------------------------------------------


def test_a_run_tells_what_happened() -> None:
    where = make(
        "runs/a/1",
        rows=3,
        resumed=[
            {
                "at": "2026-11-21T12:00:30+00:00",
                "checkpoint": {"epoch": 2, "step": 7},
                "inexact": False,
            },
            {
                "at": "2026-11-21T12:00:40+00:00",
                "checkpoint": None,
                "inexact": True,
                "differences": [
                    {"what": "keras", "was": "3.15.0", "now": "3.15.1", "harmless": False}
                ],
            },
        ],
        inexact=True,
    )
    told = command(str(where)).output
    for words in (
        "a, a.yaml, sha256 abababababab, seed 5, 1,234 parameters",
        "after 1:05 (1:00 of training)",
        "2026-11-21 12:00:30 UTC, from epoch 2, step 7\n",
        "not exactly: keras changed from 3.15.0 to 3.15.1",
        "no: it resumed despite differences",
        "train 90 (t.csv, sha256 cdcdcdcdcdcd)",
        "keras 3.15.1",
        "A CPU, 2 cores, 8.0 GB",
    ):
        assert words in told
    curves = {
        line.split()[0]: line.split()[1:]
        for line in told.splitlines()
        if line.startswith(("val_", "learning"))
    }
    assert curves["val_loss"] == ["2.0000", "0.6667", "0.6667", "3", "█▃▁"]
    assert curves["val_accuracy"][2:4] == ["0.1500", "3"]
    assert curves["learning_rate"] == ["0.0100", "0.0100", "▁▁▁"]


def test_a_run_whose_process_is_gone_was_killed_and_one_that_is_locked_runs() -> None:
    where = make("runs/a/1", outcome="running", ended=None)
    (where / "checkpoints").mkdir()
    assert "killed" in command().output
    assert f"modelspec resume {where}" in command(str(where)).output
    with (where / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        told = command(str(where)).output
        assert "state     running\n" in told
        assert "resume" not in told


def test_a_run_that_a_callback_ended_says_so() -> None:
    where = make("runs/a/1", rows=3, training={"epochs": 10, "stops": ["EarlyStopping"]})
    assert (
        "state     completed (stopped by EarlyStopping after 3 of 10 epochs)\n"
        in command(str(where)).output
    )
    where = make("runs/a/2", rows=3, training={"epochs": 3, "stops": ["EarlyStopping"]})
    assert "state     completed\n" in command(str(where)).output


ENDING = {
    "epochs": 3,
    "planned": 10,
    "weights_of_epoch": 2,
    "monitor": "val_loss",
    "best": 0.25,
    "stopped_by": "EarlyStopping",
    "why": "`val_loss` did not improve for 1 epoch",
}


def test_a_run_says_by_what_it_was_stopped_and_whose_weights_it_kept() -> None:
    where = make("runs/a/1", rows=3, training={"epochs": 10}, ending=ENDING)
    shown = command(str(where)).output
    assert (
        "state     completed (stopped by EarlyStopping after epoch 3 of 10: "
        "`val_loss` did not improve for 1 epoch)\n"
    ) in shown
    assert "weights   those of epoch 2, the best by `val_loss` (0.2500)\n" in shown
    assert json.loads(command("--format", "json").output)[0]["ending"] == ENDING
    last = {"epochs": 3, "planned": 3, "weights_of_epoch": 3}
    shown = command(str(make("runs/a/2", rows=3, ending=last))).output
    assert "state     completed\n" in shown and "weights" not in shown


@pytest.mark.parametrize("key", ENDING)
@pytest.mark.parametrize("value", [None, [], "x", 1e400, -(10**30), True])
def test_an_ending_of_nonsense_is_shown_as_well_as_it_can_be(key: str, value: Any) -> None:
    where = make("runs/a/1", rows=3, ending={**ENDING, key: value})
    assert command(str(where)).exit_code == 0


def test_a_failed_run_says_why_in_the_list_too() -> None:
    make("runs/a/1")
    assert "fault" not in command().output, "the column is there where a run failed"
    faults = [
        {"code": "MS706", "message": "`loss` became NaN\n" + "x" * 500, "help": "scale the inputs"}
    ]
    where = make("runs/a/2", outcome="failed", faults=faults)
    header, *rows = command().output.splitlines()
    assert header.split()[-1] == "fault"
    assert [row.endswith("  MS706: `loss` became NaN") for row in rows].count(True) == 1
    assert "scale the inputs" in command(str(where)).output
    found = {one["run"]: one["fault"] for one in json.loads(command("--format", "json").output)}
    assert found == {"runs/a/1": None, "runs/a/2": faults[0]}
    make("runs/a/3", outcome="failed", faults=[{"code": "MS707", "message": "x " * 100}])
    assert max(map(len, command().output.splitlines())) < 220


def test_resume_is_offered_where_it_can_help() -> None:
    """Not where the same numbers lead to the same fault, nor where nothing was saved."""
    nan, disk = [{"code": "MS706", "message": "NaN"}], [{"code": "MS740", "message": "full"}]

    def offered(name: str, *, checkpoint: bool, **manifest: Any) -> bool:
        where = make(f"runs/a/{name}", **manifest)
        if checkpoint:
            (where / "checkpoints/1").mkdir(parents=True)
        (said,) = (one for one in command(str(where)).output.splitlines() if one.startswith("next"))
        assert "train again" in said or f"modelspec resume {where}" in said
        return f"modelspec resume {where}" in said

    assert not offered("1", checkpoint=True, outcome="failed", faults=nan)
    assert offered("2", checkpoint=True, outcome="failed", faults=disk)
    assert not offered("3", checkpoint=False, outcome="failed", faults=disk)
    assert offered("4", checkpoint=True, outcome="interrupted")
    assert offered("5", checkpoint=False, outcome="running")
    unbegun = make("runs/a/7", rows=0, outcome="running")
    assert f"next      modelspec train a.yaml --run-dir {unbegun}" in command(str(unbegun)).output
    assert "next" not in command(str(make("runs/a/6"))).output


def test_an_interrupted_run_names_the_signal_and_a_failed_one_its_fault() -> None:
    where = make("runs/a/1", outcome="interrupted", signal="SIGTERM")
    assert "interrupted (by SIGTERM)" in command(str(where)).output
    where = make(
        "runs/a/2", outcome="failed", faults=[{"code": "MS706", "message": "`loss` became NaN"}]
    )
    assert "MS706: `loss` became NaN" in command(str(where)).output


def test_a_history_that_was_cut_in_the_middle_of_a_row_has_the_rows_before() -> None:
    where = make("runs/a/1", outcome="running")
    with (where / "history.csv").open("a") as file:
        file.write("3,0.12")
    read = read_record(where)
    assert not read.diagnostics
    assert read.value is not None
    assert read.value.epochs == 2


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("history.csv", "epoch,loss\n1,low\n"),
        ("metrics.json", "[1]"),
        ("metrics.json", '{"test": {"loss": []}}'),
        ("metrics.json", '{"test": {"loss": 1' + "0" * 400 + "}}"),
        ("metrics.json", '{"test": '),
        ("history.csv", "a\0b\n1\n"),
    ],
)
def test_results_that_cannot_be_read_are_left_out(name: str, content: str) -> None:
    where = make("runs/a/1")
    (where / name).write_text(content)
    told = command(str(where))
    assert told.exit_code == 0
    assert ("MS716" in told.output) == ("\0" not in content)
    assert "train 90" in told.output


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.floats()
        | st.text(max_size=5)
        | st.integers()
        | st.sampled_from(["0001-01-01T00:00:00+23:00", "2026-01-01", 10**400, "nan"]),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["what", "at", "sha256", "examples", "checkpoint", "differences"]),
                inner,
                max_size=3,
            )
        ),
    ),
    st.sampled_from(
        [
            "name",
            "outcome",
            "started",
            "ended",
            "spec",
            "seed",
            "versions",
            "machine",
            "data",
            "backend",
            "deterministic",
            "resumed",
            "faults",
            "epochs",
            "seconds",
            "steps",
            "signal",
            "parameters",
        ]
    ),
)
def test_a_manifest_may_say_anything(
    tmp_path_factory: pytest.TempPathFactory, value: Any, key: str
) -> None:
    """Types are asked for, never believed: the page and the report are made all the same."""
    where = make(str(tmp_path_factory.mktemp("any") / "a" / "1"), **{key: value})
    record = read_record(where).value
    assert record is not None
    assert str(where) in of_one(record)
    assert page(record, None, "").endswith("</html>\n")


# Words --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ([0.0, 1.0], "▁█"),
        ([3.0], "▁"),
        ([], ""),
        ([1.0, float("nan"), 0.0], "█!▁"),
        ([float("inf")], "!"),
        (list(range(48)), "▁▁▂▂▂▃▃▃▃▄▄▄▅▅▅▆▆▆▆▇▇▇██"),
    ],
)
def test_a_curve_in_one_line(values: list[float], line: str) -> None:
    drawn = sparkline(values)
    assert len(drawn) == min(len(values), 24)
    assert drawn == line


def test_numbers_as_people_read_them() -> None:
    assert [duration(one) for one in (1.26, 75, 3725)] == ["1.3 s", "1:15", "1:02:05"]
    assert [size(one) for one in (12, 55_107, 2.5e9)] == ["12 bytes", "55.1 kB", "2.5 GB"]
    assert best_of("val_loss", [3.0, float("nan"), 1.0, 1.0]) == (1.0, 2)
    assert best_of("accuracy", [0.1, 0.9, float("nan")]) == (0.9, 1)
    assert best_of("kind_mean_squared_error", [0.1, 0.9]) == (0.1, 0)


# Versions ----------------------------------------------------------------------------------------


def test_the_dependencies_are_all_that_are_stood_on() -> None:
    found = dependencies("keras")
    assert found["keras"]
    assert "numpy" in found
    assert "ml-dtypes" in found
    assert "markdown-it-py" in found  # through rich
    assert "pytest" not in found
    assert dependencies("not-a-distribution-at-all")["tensorflow"]
