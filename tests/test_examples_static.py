"""The specs of `configs/examples` that follow examples of keras.io: they are checked without data, their
size is that of the original, and the pages list them.
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


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_has_no_fault_and_the_size_that_it_expects(path: Path) -> None:
    found = [one.code for one in ms.check(path).diagnostics]
    assert found == ([PATTERNS[path.stem]] if path.stem in PATTERNS else [])
    expected = yaml.safe_load(path.read_text("utf-8")).get("expect", {})
    assert {"parameters", "trainable_parameters"} & set(expected), "`check` compares no size"


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_names_its_original_and_is_named_by_the_pages(path: Path) -> None:
    """A line of its comment is the address of the original, which has the name of the file."""
    comment = "\n".join(
        line for line in path.read_text("utf-8").splitlines() if line.startswith("#")
    )
    assert re.search(rf"https://keras\.io/examples/\w+/{re.escape(path.stem)}/", comment)
    pages = "\n".join(one.read_text("utf-8") for one in (ROOT / "docs").glob("keras-examples*.md"))
    assert f"configs/examples/{path.name})" in pages
