"""The files of sweeps and what reads them: no Optuna, no framework, no training."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from modelspec.cli import main
from modelspec.cli.sweep_table import summary
from modelspec.compiler.spec.sweep_section import Objective
from modelspec.core.diagnostics import Source, Span
from modelspec.errors import RunError
from modelspec.sweep import folder as folders
from modelspec.sweep.files import table, write_trials
from modelspec.sweep.folder import SweepFolder
from modelspec.sweep.folds import fold_table, means
from modelspec.sweep.identity import identity
from modelspec.sweep.names import short_names
from modelspec.sweep.report import page
from modelspec.sweep.trials import Trial, best_of, pareto, ranked, since_better, trial_of
from modelspec.sweep.winner import chosen

from .sweeps import space, spec

SEARCH = """
objective: {minimize: val_loss}
trials: 9
parameters:
  vars.units: [2, 4]
  vars.a: {log_uniform: [1e-3, 1e2]}
"""


def objective(key: str, *, maximize: bool = False) -> Objective:
    return Objective(key, maximize, Span(Source("x", ""), 0, 0))


LOSS = (objective("val_loss"),)
BOTH = (objective("val_accuracy", maximize=True), objective("parameters"))


def trial(number: int, *objectives: float, state: Any = "completed", **more: Any) -> Trial:
    return Trial(number, state, objectives=objectives, **more)


# The best ones ------------------------------------------------------------------------------------


def test_the_best_trial_is_the_first_of_the_best_and_never_nan() -> None:
    found = [trial(0, math.nan), trial(1, 0.5), trial(2, 0.2), trial(3, 0.2)]
    found += [trial(4, 0.1, state="pruned"), trial(5, state="failed"), trial(6, state="running")]
    assert best_of(found, LOSS) == found[2]
    assert [one.number for one in ranked(found, LOSS)] == [2, 3, 1, 0]
    assert best_of([trial(0, math.nan)], LOSS) is None


def test_the_front_has_the_trials_that_none_dominates() -> None:
    points = [(0.9, 100), (0.8, 50), (0.8, 60), (0.95, 200), (0.7, 50), (0.9, 100), (math.nan, 1)]
    found = [trial(at, *one) for at, one in enumerate(points)]
    assert [one.number for one in pareto(found, BOTH)] == [0, 1, 3]
    assert [one.number for one in ranked(found, BOTH)][:3] == [3, 0, 1]


def test_patience_counts_trials_after_the_last_better_one() -> None:
    values = [0.5, 0.6, 0.4, 0.4, 0.7]
    found = [trial(at, one) for at, one in enumerate(values)]
    assert since_better(found, LOSS) == 2
    assert since_better([*found, trial(5, state="failed")], LOSS) == 3
    assert since_better([*found, trial(5, state="running")], LOSS) == 2
    assert since_better([trial(0, state="failed")], LOSS) == 1
    two = [trial(0, 0.9, 10.0), trial(1, 0.5, 5.0), trial(2, 0.4, 6.0)]
    assert since_better(two, BOTH) == 1


# Files of strangers -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "found",
    [
        None, [], "x", {}, {"number": -1, "state": "completed", "values": {}},
        {"number": True, "state": "completed", "values": {}},
        {"number": 1, "state": "unknown", "values": {}},
        {"number": 1, "state": "failed", "values": []},
    ],
)  # fmt: skip
def test_a_trial_from_json_is_whole_or_none(found: Any) -> None:
    assert trial_of(found) is None


def test_a_trial_survives_its_json() -> None:
    one = Trial(3, "pruned", {"vars.a": [1, None]}, (0.5,), (0.7, 0.5), 1.5, ("runs/a/3",))
    again = trial_of(json.loads(json.dumps(one.as_json())))
    assert again == one
    strange = trial_of(
        {**one.as_json(), "objectives": ["x", None], "runs": [1], "seconds": "x", "folds": [3]}
    )
    assert strange is not None and all(map(math.isnan, strange.objectives))
    assert strange.runs == () and strange.seconds is None and strange.folds == ()


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, SweepFolder]:
    """The space of a spec, and its sweep folder with three trials."""
    monkeypatch.chdir(tmp_path)
    found = space(Path(), SEARCH)
    own = folders.create("small", identity(found))
    values = [{"vars.units": 2, "vars.a": 0.5}, {"vars.units": 4, "vars.a": 2.0}, {}]
    trials = [
        Trial(0, "completed", values[0], (0.4,), (0.6, 0.4), 1.0, ("runs/small/sweep-1/0",)),
        Trial(1, "completed", values[1], (0.3,), (0.5, 0.3), 2.0, ("runs/small/sweep-1/1",)),
        Trial(2, "failed", {"vars.units": 4, "vars.a": 9.0}, fault="=<script>alert(1)</script>"),
    ]
    write_trials(own, found, trials)
    return found, own


def test_the_winner_has_the_values_of_the_file(written: tuple[Any, SweepFolder]) -> None:
    found, _ = written
    assert chosen(found, "best").values == {"vars.units": 4, "vars.a": 2.0}
    assert chosen(found, "0").values == {"vars.units": 2, "vars.a": 0.5}
    for which in ("7", "x", "-1"):
        with pytest.raises(RunError, match="MS920"):
            chosen(found, which)


def test_workers_train_the_values_of_the_winner(
    written: tuple[Any, SweepFolder], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each worker reads the file: the values of the trial are its overrides."""
    seen: list[Any] = []
    train = import_module("modelspec.cli.commands.train")
    monkeypatch.setattr(train, "train_with", lambda *given, **_: seen.append(given[3]) or 0)
    words = ["train", "small.yaml", "--workers", "2", "--set", "seed=1", "--from-sweep", "0"]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
    assert seen == [{"seed": 1, "vars.units": 2, "vars.a": 0.5}]


def test_the_front_names_its_trials(tmp_path: Path) -> None:
    both = "objective: [{maximize: val_accuracy}, {minimize: parameters}]\ntrials: 40\n"
    found = space(tmp_path, both + "parameters: {vars.units: {integers: [1, 90]}}")
    few = [trial(0, 0.5, 30), trial(1, 0.9, 30), trial(2, 0.8, 20)]
    assert "2 on the Pareto front (trials 1, 2)" in summary(found, few)
    many = [trial(at, at / 20, at) for at in range(12)]
    assert "12 on the Pareto front (trials 0, 1, 2, 3, 4, 5, 6, 7, ...)" in summary(found, many)


@pytest.mark.parametrize(
    "values",
    [
        {"data.source.csv": "/etc/passwd"},
        {"vars.units": 3},
        {"vars.units": "4"},
        {"vars.units": True},
        {"vars.a": 1e9},
        {"vars.a": "$(1)"},
        {"vars.a": None},
    ],
)
def test_values_out_of_the_space_are_refused(
    values: dict[str, Any], written: tuple[Any, SweepFolder]
) -> None:
    """A file of a stranger must not set anything else in the spec."""
    found, own = written
    path = own.path / "trials.json"
    content = json.loads(path.read_text())
    content["trials"][1]["values"] = values
    path.write_text(json.dumps(content))
    with pytest.raises(RunError, match="MS917"):
        chosen(found, "1")


@pytest.mark.parametrize("text", ["", "[", "[]", '{"trials": 3}', '{"trials": [{}]}', "[" * 99999])
def test_an_unreadable_file_is_a_fault_with_status_3(
    text: str, written: tuple[Any, SweepFolder]
) -> None:
    (written[1].path / "trials.json").write_text(text)
    shown = CliRunner().invoke(main, ["sweep", "small.yaml", "--show"])
    assert shown.exit_code == 3 and "MS917" in shown.output
    trained = CliRunner().invoke(main, ["train", "small.yaml", "--from-sweep", "best"])
    assert trained.exit_code == 3 and "MS917" in trained.output
    listed = CliRunner().invoke(main, ["runs", "--best"])
    assert listed.exit_code == 0 and "MS917" in listed.output


def test_a_changed_spec_or_sweep_is_another_sweep_and_its_name_is_not(
    written: tuple[Any, SweepFolder], tmp_path: Path
) -> None:
    own = identity(written[0])
    text = spec(SEARCH)
    for old, new, same in (
        ("name: small", "name: other", True),
        ("name: small", "name: small\ndescription: words", True),
        ("trials: 9", "trials: 10", False),
        ("epochs: 2", "epochs: 3", False),
        ("[2, 4]", "[2, 8]", False),
        ("training:", "training:  # a comment", True),
    ):
        (tmp_path / "changed.yaml").write_text(text.replace(old, new))
        from modelspec.compiler.pipeline import compile_spec
        from modelspec.compiler.space import space_of

        compiled = compile_spec(tmp_path / "changed.yaml").value
        assert compiled is not None
        changed = space_of(compiled).value
        assert changed is not None and (identity(changed) == own) == same, new


# What people read ---------------------------------------------------------------------------------


def test_show_lists_the_best_trial_first_and_loads_neither_optuna_nor_a_framework(
    written: tuple[Any, SweepFolder],
) -> None:
    program = (
        "import sys\nfrom modelspec.cli import main\n"
        "main(['sweep', 'small.yaml', '--show'], standalone_mode=False)\n"
        "assert not {'optuna', 'tensorflow', 'keras'} & set(sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].split()[:4] == ["trial", "state", "units", "a"]
    assert lines[1].split()[:5] == ["1", "completed", "4", "2", "0.3"]
    assert "best: trial 1, val_loss 0.3" in lines[-1]


def test_a_spreadsheet_runs_no_cell_of_the_table(written: tuple[Any, SweepFolder]) -> None:
    _, own = written
    assert "'=<script>" in (own.path / "trials.csv").read_text()


def test_the_report_escapes_everything_and_loads_nothing(written: tuple[Any, SweepFolder]) -> None:
    found, own = written
    html = page(found, own, own.trials(), "<b>&", [{"vars.a": 0.8, "vars.units": 0.2}])
    assert "<script" not in html and "&lt;script&gt;alert(1)" in html
    assert "&lt;b&gt;&amp;" in html
    assert "default-src &#x27;none&#x27;" in html or "default-src 'none'" in html
    for title in ("History", "Parallel coordinates", "Importance", "Slices", "Trials"):
        assert f"<h2>{title}</h2>" in html
    assert 'href="1/report.html"' in html and "http" not in html.replace("http-equiv", "")


def test_a_report_of_no_trial_is_a_page(written: tuple[Any, SweepFolder]) -> None:
    found, own = written
    assert "0 trials" in page(found, own, [], None)


def test_names_are_as_short_as_they_can_be_told_apart() -> None:
    paths = ["vars.width", "training.optimizer.Adam.beta_1", "model.layers.a.rate", "vars.rate"]
    assert list(short_names(paths).values()) == ["width", "beta_1", "a.rate", "vars.rate"]


def test_the_table_has_a_row_for_each_trial(written: tuple[Any, SweepFolder]) -> None:
    found, own = written
    lines = table(found.sweep, ["vars.units", "vars.a"], own.trials()).splitlines()
    assert lines[0] == "trial,state,vars.units,vars.a,val_loss,epochs,seconds,reused,run,fault"
    assert lines[2] == "1,completed,4,2.0,0.3,2,2.0,,runs/small/sweep-1/1,"


# Folds --------------------------------------------------------------------------------------------


def test_means_decide_expectations_over_folds(tmp_path: Path) -> None:
    more = 'expect: {test_accuracy: {mean: ">= 0.8"}, test_loss: {mean: "< 0.1"}}\n'
    text = "parameters: {data.split.fold: all}"
    path = tmp_path / "small.yaml"
    path.write_text(
        spec(text, more=more).replace("validation: 0.2, test: 0.2", "folds: 2, validation: 0.2")
    )
    from modelspec.compiler.pipeline import compile_spec

    compiled = compile_spec(path)
    assert compiled.ok and compiled.value is not None, compiled.diagnostics
    folds = [{"test_accuracy": 0.7, "test_loss": 0.2}, {"test_accuracy": 0.9, "test_loss": 0.4}]
    found = means(compiled.value, folds)
    assert found.metrics["test_accuracy"].mean == pytest.approx(0.8)
    assert found.metrics["test_accuracy"].std == pytest.approx(0.02**0.5)
    assert found.unmet == ("test_loss.mean",)
    last = fold_table(folds).splitlines()[-2:]
    assert last[0].startswith("mean,0.8,0.3")


def test_a_spec_without_a_sweep_and_wrong_options_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = spec(SEARCH)
    Path("plain.yaml").write_text(text[: text.index("sweep:")])
    Path("small.yaml").write_text(text)
    run = CliRunner().invoke
    for words, status, said in (
        (["sweep", "plain.yaml"], 1, "MS922"),
        (["train", "plain.yaml", "--from-sweep", "best"], 1, "MS922"),
        (["train", "small.yaml", "--from-sweep", "best"], 2, "MS920"),
        (["sweep", "small.yaml", "--show"], 0, "no sweep"),
        (["sweep", "-", "-j", "2"], 2, "requires a file"),
        (["sweep", "small.yaml", "--ray", "auto"], 2, "--storage"),
        (["sweep", "none.yaml"], 2, "MS701"),
    ):
        done = run(main, words)
        assert done.exit_code == status and said in done.output, (words, done.output)
    assert not Path("runs").exists()
