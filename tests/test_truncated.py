"""A text that is cut off anywhere is read without an exception: what is open is reported."""

from __future__ import annotations

from pathlib import Path

import pytest

import modelspec as ms
from modelspec.core.source import read_text

CONFIGS = Path(__file__).parent.parent / "configs"
NAMES = sorted(path.stem for path in CONFIGS.glob("*.yaml"))
FLOW = "model:\n  inputs: {image: [28, 28,\n  layers: [[a: {b: [c: d, {e: f}: g]}], ? [h], {i}]"


@pytest.mark.parametrize("name", NAMES)
def test_a_config_that_is_cut_off_anywhere_is_read(name: str) -> None:
    text = (CONFIGS / f"{name}.yaml").read_text(encoding="utf-8")
    for end in range(len(text)):
        found = read_text(text[:end], "spec.yaml")
        assert found.value is not None or found.diagnostics, text[:end]


@pytest.mark.parametrize("end", range(FLOW.index("{") + 1, len(FLOW)))
def test_brackets_that_are_cut_off_are_reported(end: int) -> None:
    found = read_text(FLOW[:end], "spec.yaml")
    assert found.value is None and "MS103" in {one.code for one in found.diagnostics}


@pytest.mark.parametrize(
    ("text", "column"),
    [("[ a:", 1), ("[ a: b,", 1), ("[a: {b", 5), ("[[x]: ", 1), ("{a: [b: c", 5)],
)
def test_the_innermost_open_bracket_is_named(text: str, column: int) -> None:
    found = read_text(text, "spec.yaml").diagnostics[0]
    assert (found.code, found.column) == ("MS103", column)
    assert found.message == f"`{text[column - 1]}` is never closed"


def test_a_spec_that_is_cut_off_is_checked(tmp_path: Path) -> None:
    text = (CONFIGS / "siamese.yaml").read_text(encoding="utf-8")
    path = tmp_path / "spec.yaml"
    for end in range(0, len(text), 97):
        path.write_text(text[:end], encoding="utf-8")
        ms.check(path)
