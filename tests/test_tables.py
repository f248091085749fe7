"""Tables and lists of the documents against the code: keys with their defaults, functions, options.

`tests/test_project_files.py` has those of commands, exit statuses and limits; `tests/test_docs.py`
has the files of a run folder.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from modelspec.cli import main, status

from .test_project_files import rows

ROOT = Path(__file__).parent.parent


def names(cell: str) -> list[str]:
    """The words in backticks in a cell of a table."""
    return re.findall(r"`([^`]+)`", cell)


def listed(document: str, heading: str) -> set[str]:
    """The words in backticks of the first column of a table."""
    return {name for row in rows(document, heading) for name in names(row[0])}


def table_of(document: str, header: str) -> list[list[str]]:
    """The cells of the table with a header."""
    text = (ROOT / document).read_text("utf-8")
    assert text.count(f"\n{header}\n") == 1, header
    table = text.partition(f"\n{header}\n")[2].partition("\n\n")[0].splitlines()[1:]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table]


def options(name: str) -> dict[str, click.Parameter]:
    command = main.get_command(click.Context(main), name)
    assert command is not None
    return {option: parameter for parameter in command.params for option in parameter.opts}


def choices(name: str, option: str) -> set[str]:
    kind = options(name)[option].type
    assert isinstance(kind, click.Choice)
    return set(kind.choices)


# Keys ---------------------------------------------------------------------------------------------


def test_the_sections_are_those_of_the_language() -> None:
    from modelspec.compiler.spec.spec_file import EXPANDED, KEYS

    found = listed("docs/guide/file.md", "The file") - {"x-..."}
    assert found == {*KEYS, *EXPANDED}


def test_the_keys_of_training_are_those_of_the_code() -> None:
    from modelspec.compiler.spec.training_section import Choices

    table = rows("docs/guide/training.md", "Training")
    assert {name for row in table for name in names(row[0])} == set(Choices.model_fields)
    written = {name: row[2] for row in table for name in names(row[0])}
    fields = Choices.model_fields
    assert written["optimizer"] == f"`{fields['optimizer'].default}`"
    assert written["on_nan"] == f"`{fields['on_nan'].default}`"
    (both,) = (row[2] for row in table if row[0] == "`epochs`, `batch_size`")
    assert both == f"{fields['epochs'].default}, {fields['batch_size'].default}"
    required = {name for name, one in fields.items() if one.is_required()}
    assert {name for name, default in written.items() if default == "required"} == required


def test_the_keys_of_runtime_are_those_of_the_code() -> None:
    from modelspec.compiler.spec.runtime_section import Runtime

    written = {
        names(row[0])[0]: names(row[2])[0] for row in rows("docs/guide/training.md", "runtime")
    }
    fields = Runtime.model_fields
    shown = {name: str(one.default).lower() for name, one in fields.items() if name != "backend"}
    assert written == {name: "null" if text == "none" else text for name, text in shown.items()}


def test_the_keys_of_an_entry_are_those_of_the_code() -> None:
    from modelspec.compiler.expand.identifiers import RESERVED

    assert listed("docs/guide/graph.md", "The graph") == set(RESERVED)


def test_the_keys_of_a_window_are_those_of_the_code() -> None:
    from modelspec.compiler.spec.data_window import Window

    table = rows("docs/windows.md", "Series over time: windows, lags, rolling means")
    assert [names(row[0])[0] for row in table] == list(Window.model_fields)
    for row in table:
        field = Window.model_fields[names(row[0])[0]]
        if field.is_required():
            assert row[2] == "required"
        elif field.default is not None:
            assert row[2] == str(field.default)


def test_the_keys_of_a_slice_are_those_of_the_code() -> None:
    from modelspec.compiler.spec.data_slices import Slice

    table = rows("docs/slices.md", "Slices: metrics of groups")
    assert [names(row[0])[0] for row in table] == list(Slice.model_fields)
    assert f"{Slice.model_fields['min_examples'].default} by default" in table[-1][1]


def test_the_keys_of_written_numbers_are_those_of_the_code() -> None:
    from modelspec.compiler.spec.number_format import NumberFormat

    assert listed("docs/features.md", "Formatted numbers") == set(NumberFormat.model_fields)


def test_the_parts_of_a_date_are_those_of_the_code() -> None:
    from modelspec.catalog.layers.date_parts import CYCLES

    table = rows("docs/features.md", "Dates and times")
    periods = {name: row[2] for row in table for name in names(row[0])}
    expected = {name: str(cycle.period) for name, cycle in CYCLES.items()}
    assert periods == {**expected, "year": "none"}


def test_the_quantities_of_an_expectation_are_those_of_the_code() -> None:
    from modelspec.compiler.spec.expect_section import OF_RUN, PREFIXES, STATIC

    table = rows("docs/expectations.md", "Quantities")
    decided = {row[2]: set[str]() for row in table}
    for row in table:
        decided[row[2]] |= set(names(row[0]))
    assert decided["`check`"] == set(STATIC)
    metrics = {name for name in decided["the run"] if name.startswith(tuple(PREFIXES))}
    assert {name.partition("_")[0] + "_" for name in metrics} == set(PREFIXES)
    assert decided["the run"] - metrics == set(OF_RUN)


# Functions ----------------------------------------------------------------------------------------


def test_the_functions_of_expressions_are_those_of_the_code() -> None:
    from modelspec.compiler.expand.expression_functions import FUNCTIONS

    text = (ROOT / "docs/guide/expressions.md").read_text("utf-8")
    part = text.partition("The functions are\n")[2].partition(" (")[0]
    assert names(part) == sorted(FUNCTIONS)


def test_the_functions_of_conditions_are_those_of_the_code() -> None:
    from modelspec.compiler.expand.row_syntax import FUNCTIONS

    (row,) = (
        row for row in rows("docs/rows.md", "Rows that are left out") if "row by row" in row[1]
    )
    assert tuple(names(row[0])[0].split()) == FUNCTIONS


def test_the_measures_of_a_threshold_are_those_of_the_code() -> None:
    from modelspec.runtime.run.thresholds import MEASURES

    text = (ROOT / "docs/predictions.md").read_text("utf-8")
    part = text.partition("finds the threshold that makes ")[2].partition(" largest")[0]
    assert tuple(names(part)) == MEASURES


# The command line ---------------------------------------------------------------------------------


def test_the_exit_statuses_of_ci_are_those_of_the_code() -> None:
    found = {int(row[0]) for row in rows("docs/ci.md", "Exit statuses")}
    known = {value for value in vars(status).values() if isinstance(value, int)}
    assert found == known - {status.KILLED_BY_PIPE}


@pytest.mark.parametrize(
    ("document", "header", "command"),
    [
        ("docs/ci.md", "| `--format` | for |", "check"),
        ("docs/exporting.md", None, "export"),
    ],
)
def test_the_formats_of_a_command_are_listed(
    document: str, header: str | None, command: str
) -> None:
    if command == "export":
        from modelspec.runtime.exporters.formats import formats

        text = (ROOT / document).read_text("utf-8")
        found = set(re.findall(r"^\| `([a-z_]+)(?: --quantize \w+)?` \| (?!`)", text, re.MULTILINE))
        assert set(formats()) <= found
        return
    assert header is not None
    found = {names(row[0])[0] for row in table_of(document, header)}
    assert found == choices(command, "--format")


def test_the_inputs_of_the_action_are_those_of_its_file() -> None:
    action: Any = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
    table = {names(row[0])[0]: row[2] for row in rows("docs/ci.md", "GitHub Actions")}
    defaults = {name: one["default"] for name, one in action["inputs"].items()}
    assert table == {name: f"`{value}`" if value else "none" for name, value in defaults.items()}


def test_the_commands_that_take_data_roots_are_listed() -> None:
    text = (ROOT / "docs/places.md").read_text("utf-8")
    part = text.partition("may be given several times, and ")[2].partition(" have it")[0]
    taking = {
        name for name in main.list_commands(click.Context(main)) if "--data-root" in options(name)
    }
    assert set(names(part)) | {"accept", "serve", "test"} == taking


# Packages, errors, architectures ------------------------------------------------------------------


def test_the_layout_has_every_package() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8").partition("## The layout")[2]
    found = set(re.findall(r"^  (\w+)/", text.partition("```\n\n")[0], re.MULTILINE))
    package = ROOT / "modelspec"
    assert found == {path.parent.name for path in package.glob("*/__init__.py")}


def test_the_errors_are_those_of_the_package() -> None:
    import modelspec

    for row in rows("docs/python.md", "Errors"):
        name, *bases = names(row[0])
        kind = getattr(modelspec, name)
        assert set(bases) <= {one.__name__ for one in kind.__mro__}, name


def test_architectures_are_counted() -> None:
    """Those of `keras.applications`: a library file that has inputs is a whole model."""
    library = ROOT / "modelspec/catalog/library"
    whole = [path for path in library.glob("*.yaml") if not _is_block(path)]
    assert len(whole) == 40
    for document in ("README.md", "docs/tour.md"):
        assert re.search(r"\bforty architectures\b", (ROOT / document).read_text("utf-8"), re.I)
    tour = (ROOT / "docs/tour.md").read_text("utf-8")
    counts = re.search(r"`VGG16` \((\d+) lines\) and\s+`ResNet50` \((\d+)\)", tour)
    assert counts is not None
    assert [int(one) for one in counts.groups()] == [
        _lines(library / f"{name}.yaml") for name in ("VGG16", "ResNet50")
    ]


def _is_block(path: Path) -> bool:
    return path.stem in {
        *("TransformerEncoder", "TransformerDecoder", "PositionalEmbedding"),
        *("SinusoidalPositions", "PatchEmbedding"),
    }


def _lines(path: Path) -> int:
    """Lines but for comments and empty ones."""
    lines = path.read_text("utf-8").splitlines()
    return sum(bool(line.strip()) and not line.strip().startswith("#") for line in lines)
