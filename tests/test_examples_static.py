"""The specs of `configs/examples` that follow examples of keras.io: they are checked without data, their
size is that of the original, and a page lists them.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

import modelspec as ms

ROOT = Path(__file__).parent.parent
EXAMPLES = sorted((ROOT / "configs" / "examples").glob("*.yaml"))
PATTERNS = {"timeseries_weather_forecasting": "MS663"}
"""Notes that a missing file causes: a name of a column with a `*` is a pattern until it is read."""
PAGE = (ROOT / "docs" / "keras-examples.md").read_text("utf-8")
KINDS = {
    "spec": r"\[",
    "yes": "yes[:,]",
    "plugin": "one plugin file:",
    "lacking": "(missing|partly):",
    "other": "not a model:",
}
"""How a cell of the page begins that says how an example is written."""


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_has_no_fault_and_the_size_that_it_expects(path: Path) -> None:
    found = [one.code for one in ms.check(path).diagnostics]
    assert found == ([PATTERNS[path.stem]] if path.stem in PATTERNS else [])
    expected = yaml.safe_load(path.read_text("utf-8")).get("expect", {})
    assert {"parameters", "trainable_parameters"} & set(expected), "`check` compares no size"


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_names_its_original_and_is_named_by_the_page(path: Path) -> None:
    """A line of its comment is the address of the original, which has the name of the file."""
    comment = "\n".join(
        line for line in path.read_text("utf-8").splitlines() if line.startswith("#")
    )
    section = r"(examples/\w+|keras_rs/examples)"
    assert re.search(rf"https://keras\.io/{section}/{re.escape(path.stem)}/", comment)
    assert f"[{path.name}](../configs/examples/{path.name}) |" in PAGE


def test_the_page_counts_its_examples() -> None:
    """The first line of the page, by the beginnings of the last cells."""
    rows = re.findall(r"(?m)^\| \[(.+?)\]\(https://keras\.io/.*\) \| .* \| (.*) \|$", PAGE)
    assert len({name for name, _ in rows}) == len(rows) == PAGE.count("\n| [")
    kinds = [
        next(kind for kind, start in KINDS.items() if re.match(start, cell)) for _, cell in rows
    ]
    count = {kind: kinds.count(kind) for kind in KINDS}
    assert count["spec"] == len(EXAMPLES)
    assert (
        f"Of {len(rows)} examples, {count['spec']} have a spec here, {count['yes']} can be written"
        f" with the forms that are named, {count['plugin']} need one plugin file,"
        f" {count['lacking']} lack something, and {count['other']} have no model." in PAGE
    )
