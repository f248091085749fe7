"""What Python shows of specs, reports, diagnostics and runs: one line each, and HTML in a notebook."""

from __future__ import annotations

import copy
import json
import pickle
from concurrent.futures import ProcessPoolExecutor
from html.parser import HTMLParser
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

import modelspec as ms

SPEC: dict[str, Any] = {
    "name": "tiny",
    "model": {"inputs": {"x": [4]}, "layers": [{"Dense": {"units": 3, "name": "y"}}]},
    "training": {"loss": "mse", "optimizer": "adam", "epochs": 2},
}
BAD = {
    **SPEC,
    "model": {"inputs": {"x": [4]}, "layers": [{"Dense": {"units": "many", "nme": "<b>"}}]},
}


class Balanced(HTMLParser):
    """Notes the elements that are open; every end has to close the last one."""

    VOID = ("img", "br", "input")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.seen.append(tag)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        self.seen.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def elements(text: str) -> list[str]:
    page = Balanced(text)
    assert not page.open
    return page.seen


def test_every_repr_is_one_line() -> None:
    spec = ms.load_spec(SPEC)
    assert repr(spec) == "<Spec 'tiny': 1 layer, 15 parameters>"
    assert repr(spec.graph) == "<TypedGraph: 1 layers>"
    assert repr(spec.graph.layers[0]) == "<Dense 'y': (batch, 3)>"
    assert repr(ms.check(SPEC)) == "<Report: no errors>"
    report = ms.check(BAD)
    assert repr(report) == "<Report: 3 errors>"
    first = report.diagnostics[0]
    assert repr(first).startswith("<Diagnostic <dict>:") and first.code in repr(first)
    assert "model:" not in repr(first) and len(repr(first)) < 200


def test_the_repr_of_a_large_spec_is_as_short() -> None:
    layers = [{"Dense": {"units": 3}}] * 3000
    spec = ms.load_spec({"model": {"inputs": {"x": [4]}, "layers": layers}})
    assert len(repr(spec)) < 100 and len(repr(spec.graph)) < 100
    assert spec._repr_html_().count("<img") == 0  # no picture of thousands of layers


def test_a_notebook_shows_the_model_the_faults_and_escapes_both() -> None:
    shown = ms.load_spec(SPEC)._repr_html_()
    assert {"img", "details", "pre"} <= set(elements(shown))
    faults = ms.check(BAD)._repr_html_()
    assert elements(faults).count("pre") == 3
    assert "&lt;b&gt;" in faults and "<b>" not in faults


def test_checks_of_one_text_are_equal_and_hashable() -> None:
    one, other = ms.check(BAD), ms.check(copy.deepcopy(BAD))
    assert one == other and hash(one) == hash(other)
    assert len({*one.diagnostics, *other.diagnostics}) == 3
    elsewhere = ms.check({**BAD, "name": "longer name"})
    assert one.diagnostics[0] != elsewhere.diagnostics[0]


def test_a_spec_error_shows_the_mapping_as_yaml_with_carets_and_travels() -> None:
    with pytest.raises(ms.SpecError) as raised:
        ms.load_spec(BAD)
    error = raised.value
    lines = str(error).splitlines()
    assert lines[0] == "the spec has 3 errors"
    at = next(number for number, line in enumerate(lines) if "units: many" in line)
    column = lines[at].index("many")
    assert lines[at + 1][column : column + 4] == "^^^^"
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(again) is ms.SpecError and str(again) == str(error)
        assert again.diagnostics == error.diagnostics


def test_errors_of_runs_travel_and_become_dictionaries(tmp_path: Path) -> None:
    failed = ms.DataError.of("MS601", "there is no file `a.csv`", help="write the path")
    stopped = ms.Interrupted(tmp_path / "run", "SIGTERM", 3, 7)
    for error in (failed, stopped):
        for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
            assert type(again) is type(error) and str(again) == str(error)
            assert again.to_dict() == error.to_dict()
        json.dumps(error.to_dict())
    assert isinstance(failed, ms.RunError) and failed.to_dict()["type"] == "DataError"
    assert str(failed) == "error[MS601]: there is no file `a.csv`"
    assert str(stopped).startswith("SIGTERM after 3 epochs and 7 steps; `modelspec resume ")
    assert stopped.to_dict()["step"] == 7


def test_a_spec_error_reaches_the_parent_of_a_process() -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as workers:
        with pytest.raises(ms.SpecError, match="the spec has 3 errors"):
            workers.submit(ms.load_spec, BAD).result(60)
        assert workers.submit(ms.check, SPEC).result(60).ok


def test_of_many_errors_the_message_has_the_first() -> None:
    layers = [{"Dense": {"units": "many"}} for _ in range(30)]
    with pytest.raises(ms.SpecError) as raised:
        ms.load_spec({"model": {"inputs": {"x": [4]}, "layers": layers}})
    text = str(raised.value)
    assert text.count("error[MS204]") == 5 and text.endswith("25 more: see .diagnostics")


@pytest.mark.tensorflow
def test_data_of_a_program_need_no_data_section(tmp_path: Path) -> None:
    import numpy as np

    rng = np.random.default_rng(0)
    x, y = rng.random((32, 4)), rng.random((32, 3))
    spec = ms.load_spec(SPEC)
    runs = [
        spec.train(tmp_path / str(number), data=data)
        for number, data in enumerate(
            [(x, y), {"x": x, "y": y}, ({"x": x}, {"y": y}), {"train": (x, y), "test": (x, y)}]
        )
    ]
    assert runs[0].history == runs[1].history == runs[2].history
    assert runs[3].by_part["test"].keys() == {"loss"}

    run = ms.open_run(tmp_path / "1")
    assert repr(run).startswith(f"<Run {str(tmp_path / '1')!r}: completed, 2 epochs, loss ")
    assert {"svg", "figure", "code"} <= set(elements(run._repr_html_()))
    loaded = ms.check(tmp_path / "1" / "resolved.yaml")
    assert loaded.ok, loaded.diagnostics


@pytest.mark.tensorflow
def test_what_has_no_column_is_named(tmp_path: Path) -> None:
    import numpy as np

    from modelspec.runtime.data import DataError

    data = {"X": np.ones((8, 4)), "target": np.ones((8, 3))}
    with pytest.raises(DataError) as raised:
        ms.load_spec(SPEC).train(tmp_path / "run", data=data)
    (one,) = raised.value.diagnostics
    assert one.code == "MS651"
    assert one.message == (
        "the data has no column for input `x`, output `y`; it has `X` and `target`"
    )
    assert one.help == "rename `X` to `x`"


@pytest.mark.tensorflow
def test_the_source_python_is_for_programs_alone(tmp_path: Path) -> None:
    import numpy as np

    from modelspec.runtime.data import DataError

    data = {"source": "python", "inputs": {"x": {"columns": ["a", "b", "c", "d"]}}, "targets": "t"}
    spec = ms.load_spec({**SPEC, "data": data})
    with pytest.raises(DataError, match="are passed by a program"):
        spec.train(tmp_path / "none")
    columns = {name: np.arange(8.0) for name in "abcd"} | {"t": np.ones((8, 3))}
    assert spec.train(tmp_path / "run", data=columns).outcome == "completed"
