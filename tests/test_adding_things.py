"""What is added to modelspec is added in one file: a command, an export."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from .additions import ROOT, copied, python, stated, touched

COMMAND = '''
"""`modelspec greet NAME`: a greeting."""

import click

from ..output import write

ORDER = 25


@click.command()
@click.argument("name")
def command(name: str) -> None:
    """Greet somebody. It is polite.

    NAME is the person.
    """
    write(f"hello {name}")
'''
EXPORT = '''
"""`--to pickled`: a format that the tests add."""

from . import Format

FORMAT = Format(
    __name__, "all of it in brine", (".brine",), packages=("no_such_brine",), extra="brine", order=15
)


def write(job, path):
    raise NotImplementedError
'''


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of the package that a test may add files to."""
    return copied(tmp_path)


def test_a_command_is_one_file(package: Path) -> None:
    (package / "cli/commands/greet.py").write_text(COMMAND)
    assert touched(package) == stated("a command", NAME="greet")
    done = python(package.parent, "-m", "modelspec", "--help")
    assert done.returncode == 0, done.stderr
    listed = re.findall(r"^  (\w+)  ", done.stdout.split("Commands:")[1], re.MULTILINE)
    assert listed[:4] == ["check", "data", "greet", "show"]
    assert re.search(r"^  greet +Greet somebody\.$", done.stdout, re.MULTILINE)
    assert python(package.parent, "-m", "modelspec", "greet", "Ada").stdout == "hello Ada\n"
    assert "did you mean `greet`?" in python(package.parent, "-m", "modelspec", "gret").stderr


def test_an_export_is_one_file(package: Path) -> None:
    (package / "runtime/exporters/formats/pickled.py").write_text(EXPORT)
    assert touched(package) == stated("an export", NAME="pickled")
    done = python(package.parent, "-m", "modelspec", "export", "--help")
    assert done.returncode == 0, done.stderr
    assert "--to [keras|pickled|weights|" in done.stdout
    shown = " ".join(done.stdout.split("Formats:")[1].split())
    assert "pickled all of it in brine, .brine; requires modelspec[brine]" in shown
    (package.parent / "no_run").mkdir()
    to = ("-m", "modelspec", "export", "no_run", "--to")
    refused = python(package.parent, *to, "pickle", "-o", "a.brine")
    assert (refused.returncode, "'keras', 'pickled'" in refused.stderr) == (2, True)
    assert "must end in `.brine`" in python(package.parent, *to, "pickled", "-o", "a.onnx").stderr
    lacking = python(package.parent, *to, "pickled", "-o", "a.brine")
    assert "MS761" in lacking.stderr and 'pip install "modelspec[brine]"' in lacking.stderr


def test_to_list_the_formats_loads_no_framework() -> None:
    code = (
        "import sys; from modelspec.runtime.exporters.formats import formats\n"
        "assert 'onnx' in formats()\n"
        "print(*sorted({'tensorflow', 'keras', 'numpy', 'onnx', 'h5py'} & set(sys.modules)))"
    )
    done = python(ROOT, "-c", code)
    assert (done.stdout, done.stderr) == ("\n", "")


def test_the_document_on_exports_says_what_the_formats_declare() -> None:
    """Each row of the table names a format, and how far that may be from the run's predictions."""
    from modelspec.runtime.exporters.formats import formats

    text = (ROOT / "docs/exporting.md").read_text("utf-8")
    table = text[text.index("| `--to` |") :].split("\n\n")[0].splitlines()
    rows = [line.split("|")[1:-1] for line in table[2:]]
    assert len(rows) >= len(formats())
    for row in rows:
        words = row[0].strip(" `").split()
        form, quantize = formats()[words[0]], words[2] if len(words) > 1 else None
        assert float(row[4]) == form.allowed(quantize), row
        assert (f"modelspec[{form.extra}]" in row[5]) == (form.extra is not None), row
