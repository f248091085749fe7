"""A source is added with two files: its declaration, and what opens it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from modelspec.catalog.sources import SOURCES

from .additions import ROOT, copied, python, stated, touched

DECLARATION = '''
"""`fixed`: tables whose cells have one width."""

from typing import Annotated, ClassVar

from pydantic import Field

from modelspec.core.paths import ProjectPaths

from .common.source import Source


class fixed(Source):
    """A table of numbers in which every cell is as wide as every other.

    ```yaml
    source: {fixed: {path: measures.fwf, width: 4}}
    ```
    """

    aliases: ClassVar = ("fwf",)
    endings: ClassVar = (".fwf",)
    one_value_cells: ClassVar = True

    path: ProjectPaths
    width: Annotated[int, Field(ge=1)] = 8
    """The characters of a cell."""
'''
OPENER = '''
"""`fixed`: tables whose cells have one width."""

import numpy as np

from ..table import Table
from .formats.files import fingerprint_of, read_bytes


class FixedTable(Table):
    def __init__(self, source, found, span):
        lines = read_bytes(found.path, found.shown).decode().splitlines()
        cut = range(0, len(lines[0]), source.width)
        self._cells = [[line[at : at + source.width].strip() for at in cut] for line in lines]
        fingerprint = fingerprint_of(found.path, found.shown)
        super().__init__(found.shown, tuple(self._cells[0]), fingerprint, span)

    def read(self, name):
        return np.array([float(row[self.names.index(name)]) for row in self._cells[1:]])

    def place(self, name, index):
        return f"{self.name}:{index[0] + 2}"


def open_file(source, found, span):
    return FixedTable(source, found, span)
'''
SPEC = """
model:
  inputs: {{x: [2]}}
  layers: [{{Dense: {{units: 1, name: y}}}}]
data:
  source: {source}
  inputs: {{x: {{columns: [a, b]}}}}
  targets: {{y: {{column: c}}}}
training: {{loss: mse, epochs: 1}}
"""
OPENS = """
import sys
from pathlib import Path
from modelspec.catalog.sources import read_source
from modelspec.core.settings import Context
from modelspec.runtime.data.sources import open_source

here = Context(folder=Path.cwd(), project=Path.cwd())
table = open_source(read_source({"fixed": {"path": ("a.fwf", "b.fwf"), "width": 2}}, here), here)
print(table.names, table.column("b").tolist(), table.place("b", (2,)))
print("tensorflow" in sys.modules)
"""
TOLD_BY_ITS_ENDING = """
from pathlib import Path
from modelspec.core.settings import Context
from modelspec.runtime.run.source_argument import source_of

here = Context(folder=Path.cwd(), project=Path.cwd())
print(repr(source_of("a.fwf", (), here)))
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of the package with one more source."""
    modelspec = copied(tmp_path)
    (modelspec / "catalog/sources/fixed.py").write_text(DECLARATION)
    (modelspec / "runtime/data/sources/fixed.py").write_text(OPENER)
    assert touched(modelspec) == stated("a source", NAME="fixed")
    (tmp_path / "a.fwf").write_text("a b c \n1 2 3 \n4 5 6 \n")
    (tmp_path / "b.fwf").write_text("a b c \n7 8 9 \n")
    return tmp_path


def checked(folder: Path, source: str) -> subprocess.CompletedProcess[str]:
    (folder / "spec.yaml").write_text(SPEC.format(source=source))
    return python(folder, "-m", "modelspec", "check", "spec.yaml")


@pytest.mark.parametrize("source", ["{fixed: a.fwf}", "{fwf: {path: '*.fwf', width: 2}}"])
def test_a_spec_may_name_it(package: Path, source: str) -> None:
    done = checked(package, source)
    assert (done.returncode, "error" in done.stdout + done.stderr) == (0, False), done.stdout


def test_its_settings_and_its_facts_are_checked(package: Path) -> None:
    done = checked(package, "{fixed: {path: a.fwf, widht: 2}}")
    assert "MS202" in done.stdout and "did you mean `width`?" in done.stdout
    assert "MS206" in (found := checked(package, "{fixd: a.fwf}").stdout)
    assert "did you mean `fixed`?" in found
    wide = SPEC.replace("units: 1", "units: 3").format(source="{fixed: a.fwf}")
    (package / "wide.yaml").write_text(wide)
    assert "MS517" in python(package, "-m", "modelspec", "check", "wide.yaml").stdout


def test_the_manual_and_the_schema_have_it(package: Path) -> None:
    page = python(package, "-m", "modelspec", "explain", "fixed").stdout
    assert "every cell is as wide as every other" in page and "The characters of a cell." in page
    assert "fwf" in page
    assert "fixed" in python(package, "-m", "modelspec", "explain", "sources").stdout
    assert python(package, "-m", "modelspec.views.schema.shipped").returncode == 0
    schema = json.loads(python(package, "-m", "modelspec", "schema").stdout)
    assert '"width"' in json.dumps(schema["$defs"]["source.fixed"])


def test_its_data_are_opened(package: Path) -> None:
    done = python(package, "-c", OPENS)
    assert done.stdout == "('a', 'b', 'c') [2.0, 5.0, 8.0] b.fwf:2\nFalse\n", done.stderr
    done = python(package, "-c", TOLD_BY_ITS_ENDING)
    assert done.stdout == "fixed(path='a.fwf', width=8)\n", done.stderr


def test_what_is_declared_can_be_opened_and_nothing_else() -> None:
    """The modules of both packages are the sources: what they share is in packages below them."""
    opened = (ROOT / "modelspec/runtime/data/sources").glob("*.py")
    assert sorted(SOURCES.kinds()) == sorted(one.stem for one in opened if one.stem != "__init__")


def test_a_check_loads_the_source_that_the_spec_names_alone(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(SPEC.format(source="{csv: a.csv}"))
    code = (
        "import sys, modelspec\nmodelspec.check('spec.yaml')\n"
        "print(*(name for name in sys.modules if name.startswith('modelspec.catalog.sources.')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        timeout=120,
    )
    loaded = {name.removeprefix("modelspec.catalog.sources.") for name in done.stdout.split()}
    assert {one for one in loaded if not one.startswith("common")} == {"csv"}, done.stderr
