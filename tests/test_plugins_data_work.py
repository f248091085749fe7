"""Plugins: what transforms learn and compute, what loggers log, and the tests of their contracts,
without a framework.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import modelspec as ms
from modelspec.core.diagnostics import Diagnostic
from modelspec.core.plugins import working
from modelspec.core.settings import Context, Settings
from modelspec.core.shapes import Tensor
from modelspec.errors import RunError
from modelspec.runtime.data.adapted_state import FeatureState, State
from modelspec.runtime.data.plugin_transform import Applied, PluginAdapter
from modelspec.runtime.data.state_arrays import Arrays, arrays_of
from modelspec.runtime.run.logging.guarded import Guarded
from modelspec.runtime.run.logging.plugins import Service
from modelspec.runtime.run.logging.service import Ended, Entry, LoggedRun

from .plugin_data import Make, classes, context, maker
from .plugin_projects import Project, as_before  # noqa: F401  # a fixture

pytestmark = pytest.mark.usefixtures("as_before")


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    return maker(tmp_path, monkeypatch)


def transform(project: Project, **settings: Any) -> Any:
    return classes(project)["Clip"].build({"dtype": "float64", **settings}, context(project))


# Transforms ---------------------------------------------------------------------------------------

GIVEN = Tensor((None, 2), "float64")


def adapted(layer: Any, *blocks: NDArray[Any], given: Tensor = GIVEN) -> Mapping[str, Any]:
    """The state after the passes that the transform asks for."""
    adapter = PluginAdapter(layer, given, block=5)
    while True:
        for one in blocks:
            adapter.update(one, None)
        known = adapter.settings()
        if known is not None:
            state: Mapping[str, Any] = known["state"]
            return state


ROWS = np.random.default_rng(3).normal(size=(23, 2))


def test_a_transform_learns_and_computes(make: Make) -> None:
    layer = transform(make(), low=0.25)
    state = adapted(layer, ROWS[:4], ROWS[4:])
    low, high = np.quantile(ROWS, 0.25, axis=0), np.quantile(ROWS, 0.9, axis=0)
    assert np.array_equal(state["bounds"], [low, high])
    run = Applied(layer.model_copy(update={"state": state}), GIVEN)
    assert np.array_equal(run(ROWS), np.clip(ROWS, low, high))


PASSES = """
        first = np.mean([row for batch in batches for row in batch], axis=0)
        for batch in batches:
            break
        second = np.mean([np.square(row - first) for batch in batches for row in batch], axis=0)
        return {"bounds": np.stack([first, second])}
"""


def test_a_transform_may_iterate_again_and_stop_early(make: Make) -> None:
    body = """
        rows = np.concatenate(list(batches))
        return {"bounds": np.quantile(rows, [self.low, self.high], axis=0)}
"""
    layer = transform(make((body, PASSES)))
    state = adapted(layer, ROWS[:4], ROWS[4:])
    assert np.allclose(state["bounds"], [ROWS.mean(0), ROWS.var(0)], rtol=1e-12)


def test_padding_is_masked(make: Make) -> None:
    layer = transform(
        make(("np.concatenate(list(batches))", "np.ma.concatenate(list(batches)).compressed()"))
    )
    adapter = PluginAdapter(layer, GIVEN)
    real = ROWS > 0
    adapter.update(ROWS, real)
    known = adapter.settings()
    assert known is not None
    assert np.array_equal(known["state"]["bounds"], np.quantile(ROWS[real], [0.1, 0.9]))


@pytest.mark.parametrize(
    ("old", "new", "code", "words"),
    [
        ("return np.clip", "return 3, np.clip", "MS882", "expected an array"),
        ("(batch, low, high)", "(batch, low, high)[:-1]", "MS882", "22 rows for a batch of 23"),
        ("(batch, low, high)", "(batch, low, high)[:, :1]", "MS882", "the shape (batch, 1), but"),
        ("(batch, low, high)", '(batch, low, high).astype("f4")', "MS882", "returned float32"),
        ("(batch, low, high)", "(batch, low, high)[9]", "MS882", "2 rows for a batch of 23"),
        ("low, high = ", "low, high, more = ", "MS853", "`apply` of the transform `Clip`"),
        ('return {"bounds"', 'return 3, {"bounds"', "MS883", "must return a mapping"),
        ('return {"bounds": ', 'return {"bounds": object() or ', "MS883", "cannot be saved"),
        ("rows = ", "rows = 1 / 0, ", "MS853", "`adapt` of the transform `Clip`"),
        ("rows = np.", "raise SystemExit; np.", "MS853", "raised SystemExit"),
        ("rows = np.", "while True: list(batches); np.", "MS853", "at most 1,000 passes"),
    ],
)
def test_a_transform_that_fails_is_named(
    make: Make, old: str, new: str, code: str, words: str
) -> None:
    project = make((old, new))
    layer = transform(project)
    with pytest.raises(RunError) as wrong:
        state = adapted(layer, ROWS)
        Applied(layer.model_copy(update={"state": state}), GIVEN)(ROWS)
    (one,) = wrong.value.diagnostics
    assert one.code == code and words in one.message, one.message
    assert f"`{project.plugin}`" in one.message


def test_a_transform_that_hangs(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    layer = transform(make(("rows = np.", "import time; time.sleep(60); np.")))
    monkeypatch.setattr(working, "WORK_SECONDS", 0.3)
    with pytest.raises(RunError, match="did not return, or ask for a batch, within"):
        adapted(layer, ROWS)


def test_the_state_is_saved_as_arrays_of_numpy(tmp_path: Path) -> None:
    learned = Arrays({"low": np.array(1.5), "names": np.array(["a", "é"]), "w": np.eye(9)})
    state = State({("inputs", "x"): FeatureState(False, learned=({"state": learned}, None))})
    state.save(tmp_path)
    folder = tmp_path / "preprocessing"
    stored = [np.load(file, allow_pickle=False) for file in folder.glob("*.npy")]
    assert sorted(one.shape for one in stored) == [(), (2,), (9, 9)]
    loaded = State.load(tmp_path)
    (known, _) = loaded.features["inputs", "x"].learned
    assert known is not None and known["state"] == learned
    assert loaded.digest() == state.digest() == State.of(state.plain()).digest()
    assert arrays_of(json.loads(json.dumps(learned.plain()))) == learned
    assert learned.facts()["w"] == "float64 [9, 9]" and learned.facts()["low"] == 1.5
    changed = max(folder.glob("*.npy"), key=lambda file: file.stat().st_size)
    changed.write_bytes(changed.read_bytes()[:-1] + b"x")
    with pytest.raises(RunError) as wrong:
        State.load(tmp_path)
    assert wrong.value.diagnostics[0].code == "MS631"
    changed.unlink()
    with pytest.raises(RunError) as wrong:
        State.load(tmp_path)
    assert wrong.value.diagnostics[0].code == "MS631"


# Loggers ------------------------------------------------------------------------------------------


def run_of(folder: Path, past: tuple[Entry, ...] = ()) -> LoggedRun:
    nothing: Any = None
    return LoggedRun(folder, "s", {"seed": 1}, {}, past, {}, None, False, nothing)


def epochs(*numbers: int) -> tuple[Entry, ...]:
    return tuple(Entry("epoch", one, {"loss": float(one)}) for one in numbers)


def steps(*numbers: int) -> tuple[Entry, ...]:
    return tuple(Entry("step", one, {"loss": float(one)}) for one in numbers)


def logged(folder: Path) -> list[str]:
    return [line.split()[0] for line in (folder / "lines.txt").read_text().splitlines()]


def test_nothing_is_doubled_or_missing_in_resumed_runs(make: Make, tmp_path: Path) -> None:
    """Killed twice, at once after the values of a checkpoint and some later ones were logged."""
    settings = classes(make())["Lines"].build({}, Context())

    def process(past: tuple[Entry, ...], *entries: Entry) -> Service:
        service = Service(settings.model_copy())
        service.start(run_of(tmp_path, past))
        for one in entries:
            service.log(one)
        return service

    process((), *epochs(1, 2, 3, 4), *steps(10, 20, 30, 40))
    process(epochs(1, 2), *epochs(3))
    # The file lost the end of its last line, and epoch 5 was in the journal, but not logged.
    file = tmp_path / "logged-Lines.jsonl"
    file.write_text(file.read_text() + '["epoch", 5, {"lo')
    last = process(epochs(1, 2, 3, 4, 5), *steps(25, 40, 50), *epochs(6))
    last.finish(Ended("completed", 6, {"test_loss": 1.0, "val_loss": 2.0}))
    assert logged(tmp_path) == ["1", "2", "3", "4", "10", "20", "30", "40", "5", "50", "6", "6"]
    assert (tmp_path / "lines.txt").read_text().splitlines()[-1] == "6 None test_loss"


def test_a_logger_knows_what_it_has_logged(make: Make, tmp_path: Path) -> None:
    project = make(("self._file = (run", "self._run = run\n        self._file = (run"))
    settings = classes(project)["Lines"].build({}, Context())
    for past, wanted in (((), ()), (epochs(1, 2), ((1, {"loss": 1.0}), (2, {"loss": 2.0})))):
        service = Service(settings)
        service.start(run_of(tmp_path, past))
        assert settings._run.logged == wanted and settings._run.folder == tmp_path
        for one in epochs(1, 2):
            service.log(one)


@pytest.mark.parametrize(
    ("old", "new", "code", "words"),
    [
        ("names = ", "raise OSError('full'); names = ", "MS765", "OSError: full"),
        ("names = ", "raise SystemExit(3); names = ", "MS765", "SystemExit: 3"),
        ("names = ", "import time; time.sleep(60); names = ", "MS766", "within 0.3 seconds"),
        ("names = ", "print('hello'); names = ", "MS884", "printed: hello"),
        ("self._file = (run", "raise KeyError('k'); self._file = (run", "MS765", "KeyError"),
    ],
)
def test_a_logger_that_fails_is_one_warning(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    old: str, new: str, code: str, words: str,
) -> None:  # fmt: skip
    monkeypatch.setattr("modelspec.runtime.run.logging.guarded.LOG_SECONDS", 0.3)
    project = make((old, new))
    settings = classes(project)["Lines"].build({}, Context())
    warnings: list[Diagnostic] = []
    guarded = Guarded("Lines", Service(settings), 0, warnings.append)
    guarded.start(run_of(tmp_path))
    for entry in epochs(1, 2, 3):
        guarded.log(entry)
    guarded.finish(Ended("completed", 3, {}))
    (one,) = warnings
    assert (one.code, one.severity) == (code, "warning") and words in one.message
    assert "`Lines` of the plugin" in one.message and project.plugin in one.message
    assert "hello" not in capsys.readouterr().out


# The contract tests -------------------------------------------------------------------------------


def checked(settings: Settings) -> str:
    """What a contract test finds; empty if it passes."""
    try:
        if isinstance(settings, ms.Source):
            ms.testing.check_source(settings)
        elif isinstance(settings, ms.Transform):
            ms.testing.check_transform(settings, ROWS)
        elif isinstance(settings, ms.Logger):
            ms.testing.check_logger(settings)
    except AssertionError as error:
        return str(error)
    return ""


def test_contract_tests_accept_right_plugins(make: Make) -> None:
    one = classes(make())
    assert checked(one["Table"](table="t")) == ""
    assert checked(one["Clip"](low=0.2)) == ""
    assert checked(one["Lines"]()) == ""


@pytest.mark.parametrize(
    ("kind", "old", "new", "words"),
    [
        ("Table", '"b": np.sin(at)', '"b": np.sin(at - start)', "gives other values of `b`"),
        ("Table", '"b": np.sin(at)', '"b": np.random.rand(len(at))', "gives other values of `b`"),
        ("Table", "return self.table", "return os.urandom(4).hex()", "`version` or `rows` changed"),
        ("Table", "return 40", "print('x'); return 40", "it printed: x"),
        ("Table", '"y": at % 2,', "", "returned no column `y`"),
        ("Clip", "np.clip(batch, low, high)", "batch - batch.mean(0)", "alone than in a batch"),
        ("Clip", "np.clip(batch, low, high)", "np.sort(batch, 0)", "in a batch of another order"),
        ("Clip", "self.low, self.high", "np.random.rand(), 1", "another state for the same rows"),
        ("Clip", "list(batches)", "list(batches)[-1:]", "for batches of another size"),
        ("Clip", "return spec", "return self.result((None, 7))", "`output` declares (batch, 7)"),
        ("Lines", "names = ", "names = 1 / 0, ", "ZeroDivisionError"),
        ("Lines", "self._file.close()", "print('bye')", "it printed: bye"),
    ],
)
def test_contract_tests_find_wrong_plugins(
    make: Make, kind: str, old: str, new: str, words: str
) -> None:
    settings = {"table": "t"} if kind == "Table" else {}
    message = checked(classes(make((old, new)))[kind](**settings))
    assert words in message, message


def test_a_contract_test_requires_examples(make: Make) -> None:
    with pytest.raises(ValueError, match="at least two examples"):
        ms.testing.check_transform(classes(make())["Clip"](), [[1.0, 2.0]])
