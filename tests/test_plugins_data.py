"""Plugins: specs with sources, transforms and loggers, and the rows of sources, without a
framework.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import modelspec as ms
from modelspec.catalog.sources import SOURCES
from modelspec.cli import main
from modelspec.core.diagnostics import Diagnostic
from modelspec.core.plugins import plugins_for, working
from modelspec.errors import DataError
from modelspec.runtime.data import open_source
from modelspec.runtime.data import plugin_source as tables
from modelspec.views.schema.family_schema import definitions

from .plugin_data import DATA, SPEC, Make, classes, context, maker, table
from .plugin_projects import Project, as_before, trusted  # noqa: F401  # a fixture

pytestmark = pytest.mark.usefixtures("as_before")


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    return maker(tmp_path, monkeypatch)


def found(project: Project, text: str = SPEC) -> tuple[Diagnostic, ...]:
    return ms.check(project.spec(text)).diagnostics


def source(project: Project, **settings: Any) -> Any:
    return classes(project)["Table"].build({"table": "t", **settings}, context(project))


# Checking -----------------------------------------------------------------------------------------


def test_a_spec_with_all_three_has_no_fault(make: Make) -> None:
    project = make()
    assert found(project) == ()
    listed = CliRunner().invoke(main, ["plugins"]).output
    rows = {tuple(line.split()[-2:]) for line in listed.splitlines()[1:]}
    assert {("source", "Table"), ("transform", "Clip"), ("logger", "Lines")} == rows


@pytest.mark.parametrize(
    ("old", "new", "code", "help"),
    [
        ("{Table: {table", "{Tabel: {table", "MS206", "did you mean `Table`?"),
        ("{Table: {table:", "{Table: {tabel:", "MS202", "did you mean `table`?"),
        ("{Clip: {low", "{Clop: {low", "MS301", "did you mean `Clip`?"),
        ("{Clip: {low", "{Clip: {lo", "MS202", "did you mean `low`?"),
        ("low: 0.2", 'low: "0.2"', "MS204", "write `0.2` without quotes"),
        ("{Lines: {file", "{Line: {file", "MS206", "did you mean `Lines`?"),
        ("{Lines: {file", "{Lines: {fil", "MS202", "did you mean `file`?"),
        ("columns: [a, b]", "columns: [a, bb]", "MS880", "did you mean `b`?"),
        ("{validation:", "{stratify: yy, validation:", "MS880", "did you mean `y`?"),
        (
            "targets: {out: y}",
            "targets: {out: y}\n  weights: importance",
            "MS880",
            "it has `a`, `b`, `name` and `y`",
        ),
    ],
)
def test_mistakes_are_reported_as_for_a_built_in_kind(
    make: Make, old: str, new: str, code: str, help: str
) -> None:
    assert old in SPEC
    (one,) = found(make(), SPEC.replace(old, new))
    assert (one.code, one.help) == (code, help)
    assert one.span is not None


def test_declared_types_are_compared_with_the_inputs(make: Make) -> None:
    project = make(('"b": "float64"', '"b": ("float64", (3,))'))
    (one,) = found(project, SPEC.replace("columns: [a, b]", "columns: [a, name]"))
    assert one.code == "MS885" and "`name` contains strings" in one.message
    plain = SPEC.replace("{columns: [a, b], transform: [{Clip: {low: 0.2}}]}", "b")
    (one,) = found(project, plain)
    assert one.code == "MS885" and "`b` is read as (batch, 3)" in one.message
    assert one.help == "declare the input as `[3]`, or change the columns"
    (one,) = found(project, SPEC.replace("columns: [a, b]", "column: b"))
    assert one.code == "MS626" and "outputs (batch, 3)" in one.message


def test_unknown_columns_are_read_with_the_data(make: Make) -> None:
    columns = 'return {"a": "float64", "b": "float64", "name": "string", "y": "int64"}'
    project = make((columns, "return None"))
    assert found(project, SPEC.replace("columns: [a, b]", "columns: [a, bb]")) == ()
    opened = open_source(source(project), context(project))
    assert opened.names == ("a", "b", "name", "y")
    with pytest.raises(DataError) as wrong:
        opened.column("bb")
    assert wrong.value.diagnostics[0].code == "MS607"


def test_a_transform_is_no_layer_of_a_model(make: Make) -> None:
    text = "model: {inputs: {x: [2]}, layers: [Clip]}\n"
    (one,) = found(make(), text)
    assert one.code == "MS209" and one.help == "move it to a `transform` of the data"


@pytest.mark.parametrize(
    ("old", "new", "code", "words"),
    [
        ("def read(", "def reads(", "MS852", "`Table` of the plugin `LAB.layers` has no method"),
        ("def rows(", "def row(", "MS852", "has no method `rows(self)`"),
        ("scale: float", "written: float", "MS852", "has a setting `written`"),
        ("def apply(", "def apply_to(", "MS852", "has no method `apply(self, batch)`"),
        ("high: float", "vocabulary: float", "MS852", "has a setting `vocabulary`"),
        ("def log(", "def logs(", "MS852", "has no method `log(self, step, values)`"),
        ("file: str", "steps: int", "MS852", "has a setting `steps`"),
        ('{"a": "float64",', '{"a": "float63",', "MS853", "`columns` of the source `Table`"),
        ('return {"a": "float64"', 'return 1 / 0, {"a": "float64"', "MS853", "ZeroDivisionError"),
        ("return spec", "return spec.shape", "MS853", "`output` of the transform `Clip`"),
        ("return spec", "raise KeyError('k')", "MS853", "raised KeyError: 'k'"),
        ("return spec", "raise ValueError('odd')", "MS854", "`Clip` does not accept these values"),
    ],
)
def test_a_wrong_declaration_is_named(
    make: Make, old: str, new: str, code: str, words: str
) -> None:
    project = make((old, new))
    first = found(project)[0]
    assert any(one.code == code for one in found(project)), first
    one = next(one for one in found(project) if one.code == code)
    assert words.replace("LAB", project.name) in one.message


def test_printing_and_hanging_while_checking(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    project = make(('return {"a": "float64"', 'print("hello")\n        return {"a": "float64"'))
    (one,) = found(project)
    assert (one.code, one.severity) == ("MS884", "warning") and one.line == 7
    assert "hello" in one.message and f"`{project.plugin}`" in one.message
    slow = "import threading; threading.Event().wait(60)"
    other = Project(project.folder.parent / "other", DATA.replace("return spec", slow))
    trusted(other.folder, monkeypatch)
    monkeypatch.setattr("modelspec.catalog.layers.plugin_transform.CALL_SECONDS", 0.3)
    first, *_ = found(other)
    assert first.code == "MS853" and "did not return within 0.3 seconds" in first.message


def test_no_framework_is_loaded(make: Make) -> None:
    project = make()
    lazy = DATA.replace("import numpy as np\n", "").replace("import sqlite3\n", "")
    project.module("layers", lazy)
    code = (
        "import sys, modelspec as ms; from modelspec.cli import main\n"
        f"assert ms.check({project.spec(SPEC)!r}).ok\n"
        "for kind in ('Table', 'Clip', 'Lines'):\n"
        "    main(['explain', kind], standalone_mode=False)\n"
        "assert not {'keras', 'tensorflow', 'numpy'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    for words in ("Rows of a table of ours.", "The lower quantile.", "Appends lines"):
        assert words in done.stdout


def test_the_schema_has_the_settings_of_a_source(make: Make) -> None:
    with plugins_for(make().folder).plugins.active():
        schema = definitions(SOURCES)
    assert "source.Table" in schema
    assert schema["source.Table"]["description"].startswith("Rows of a table of ours.")


# Sources ------------------------------------------------------------------------------------------


def test_a_source_is_read_whole_and_in_blocks(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    project = make()
    opened = open_source(source(project, scale=0.5), context(project))
    wanted = table(0.5)
    assert opened.count == 40
    for name, values in wanted.items():
        assert np.array_equal(opened.column(name), values), name
    monkeypatch.setattr(tables, "IN_MEMORY", 0)
    opened = open_source(source(project, scale=0.5), context(project))
    blocks = list(opened.blocks(("name", "a"), 7))
    assert [len(one["a"]) for one in blocks] == [7] * 5 + [5]
    assert np.array_equal(np.concatenate([one["a"] for one in blocks]), wanted["a"])
    assert np.array_equal(np.concatenate([one["name"] for one in blocks]), wanted["name"])


def test_missing_values_and_lists(make: Make) -> None:
    new = '"a": [None if one % 4 == 0 else float(one) for one in at]'
    names = '"name": [None if one % 2 else "u" for one in at]'
    project = make(('"a": at * self.scale', new), ('"name": np.array(["u", "v"])[at % 2]', names))
    opened = open_source(source(project), context(project))
    missing = opened.missing("a")
    assert missing is not None and np.flatnonzero(missing).tolist() == list(range(0, 40, 4))
    assert opened.column("name").tolist()[:3] == ["u", "", "u"]


@pytest.mark.parametrize(
    ("old", "new", "code", "words"),
    [
        ("return 40", "return 40.0", "MS853", "must return the number of rows as an integer"),
        ("return 40", "raise OSError('down')", "MS853", "`rows` of the source `Table`"),
        ('"b": np.sin(at),', "", "MS881", "returned no column `b`"),
        ('"b": np.sin(at)', '"b": np.sin(at)[:-1]', "MS881", "returned 0 values of `b`"),
        ('"b": np.sin(at)', '"b": np.float64(1)', "MS881", "returned a single value of `b`"),
        ('"b": np.sin(at)', '"b": np.sin(at).astype("f4")', "MS881", "`b` as float32, expected"),
        ('"b": np.sin(at)', '"b": at.astype(str)', "MS881", "`b` as string, expected float64"),
        ('"b": np.sin(at)', '"b": np.ones((len(at), 2))', "MS881", "with the shape (batch, 2)"),
        ("return self.table", "return 5", "MS853", "must return a string, or None"),
        ('self._open.execute("select 1")', "return [1]", "MS853", "must return a mapping"),
        ('self._open.execute("select 1")', "raise SystemExit(3)", "MS853", "raised SystemExit"),
    ],
)
def test_a_source_that_fails_is_named(
    make: Make, old: str, new: str, code: str, words: str
) -> None:
    project = make((old, new))
    with pytest.raises(DataError) as wrong:
        open_source(source(project), context(project))
    (one,) = wrong.value.diagnostics
    assert one.code == code and words in one.message
    assert f"`{project.plugin}`" in one.message


def test_a_source_that_fails_later(make: Make) -> None:
    project = make(('"b": np.sin(at)', '"b": np.sin(at[:5])'))
    opened = open_source(source(project), context(project))
    with pytest.raises(DataError) as wrong:
        opened.column("b")
    assert "`read(0, 40)`" in wrong.value.diagnostics[0].message


def test_a_source_that_hangs(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    wait = "import time; time.sleep(60 if stop > 1 else 0)"
    project = make(('self._open.execute("select 1")', wait))
    opened = open_source(source(project), context(project))
    monkeypatch.setattr(working, "WORK_SECONDS", 0.3)
    for _ in range(2):  # the second call does not wait for the first one
        with pytest.raises(DataError) as wrong:
            opened.column("b")
        assert "did not return within 0.3 seconds" in wrong.value.diagnostics[0].message


def test_the_fingerprint_of_a_source(make: Make) -> None:
    project = make()

    def now(**settings: Any) -> str:
        return open_source(source(project, **settings), context(project)).fingerprint

    assert now() == now()
    assert len({now(), now(scale=2.0), now(table="u")}) == 3
    project.module("more", f"# changed\n{DATA}")
    before = now()
    project.names(f"{project.name}.more")
    assert now() != before, "the code is another one"


def test_a_path_of_a_source_stays_in_the_project(make: Make) -> None:
    project = make()
    one = classes(project)["Table"].build(
        {"table": "t"}, replace(context(project), project=project.folder)
    )
    assert one.located("x.db") == project.folder / "x.db"
    with pytest.raises(Exception, match="outside") as wrong:
        one.located("../x.db")
    assert wrong.value.code == "MS210"  # type: ignore[attr-defined]  # a fault
