"""`compare.html` in a browser: on phones and wide screens, light and dark, in print, by keyboard."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from modelspec.cli import main

from .browser import Page, browser
from .run_folders import LAYERS, run_folder, spec

OVERLAPS = """(() => {
  const boxes = [...document.querySelectorAll('.ms-chart svg[role=img]')].map(svg => {
    const outer = svg.getBoundingClientRect();
    return [...svg.querySelectorAll('text')].filter(text => {
      const inner = text.getBoundingClientRect();
      return inner.left < outer.left - 1 || inner.right > outer.right + 1
        || inner.top < outer.top - 1 || inner.bottom > outer.bottom + 1;
    }).map(text => text.textContent);
  });
  return boxes.flat();
})()"""
"""Texts of charts that are cut off."""
BROKEN = """[...document.querySelectorAll('.compared .n')].filter(cell => {
  const range = document.createRange();
  range.selectNodeContents(cell);
  return range.getBoundingClientRect().height > 30;
}).map(cell => cell.textContent)"""
"""Numbers that are broken over lines."""


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four runs with everything that a page shows."""
    folder = tmp_path_factory.mktemp("page")
    for number in range(1, 5):
        part = 0.9 - number / 50
        run_folder(
            folder / f"runs/iris/{number}",
            spec(
                optimizer=f"{{AdamW: {{learning_rate: 0.0{number}, weight_decay: 0.004}}}}",
                layers=(f"Dense: {{units: {8 * number}, activation: relu}}", LAYERS[1]),
            ),
            val_loss=[1 / (number + at) for at in range(12)],
            metrics={
                "test": {"loss": 1 - part, "accuracy": part},
                "slices": {"test_accuracy@a_long_name_of_a_column=a_long_value": part},
                "slice_examples": {"test@a_long_name_of_a_column=a_long_value": 30},
                "expect": {"test_accuracy": {"expected": ">= 0.85", "measured": part,
                                             "margin": part - 0.85, "holds": part >= 0.85}},
            },
            confusion={"output": "y", "part": "test", "labels": ["setosa", "versicolor", "virginica"],
                       "counts": [[10, 0, 0], [0, 10 - number, number], [0, number, 10 - number]]},
        )  # fmt: skip
    words = ["compare", str(folder / "runs"), "-o", str(folder / "compare.html")]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, result.output
    return folder / "compare.html"


@pytest.fixture(scope="module")
def tab() -> Iterator[Page]:
    with browser() as page:
        yield page


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [400, 800, 1600])
def test_a_comparison_fits_every_width_in_both_schemes(
    tab: Page, path: Path, width: int, dark: bool
) -> None:
    tab.open(path, width, dark=dark)
    assert tab.complaints() == []
    assert tab.value("document.documentElement.scrollWidth") <= width
    assert tab.value("document.querySelectorAll('.ms-chart').length") == 4
    assert tab.value(OVERLAPS) == []
    assert tab.value(BROKEN) == []
    ground = "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)"
    text = "getComputedStyle(document.querySelector('td')).color.match(/\\d+/g).map(Number)"
    assert (sum(tab.value(ground)) < sum(tab.value(text))) == dark


def test_it_loads_and_runs_nothing(tab: Page, path: Path) -> None:
    tab.open(path)
    assert tab.requests() == []
    assert tab.value("document.scripts.length") == 0


def test_tables_are_reached_and_scrolled_by_keyboard(tab: Page, path: Path) -> None:
    tab.open(path, 400)
    labels = []
    for _ in range(40):
        tab.press("Tab")
        labels.append(tab.value("document.activeElement.getAttribute('aria-label')"))
    assert {"Runs", "Metrics", "Settings that differ", "Expectations"} <= set(labels)


def test_print_shows_whole_tables_on_white(tab: Page, path: Path) -> None:
    tab.open(path, 800, dark=True, media="print")
    hidden = "getComputedStyle(document.querySelector('nav')).display"
    assert tab.value(hidden) == "none"
    overflow = "getComputedStyle(document.querySelector('.scroll')).overflowY"
    assert tab.value(overflow) == "visible"
    text = "getComputedStyle(document.querySelector('td')).color.match(/\\d+/g).map(Number)"
    assert sum(tab.value(text)) < 200, "dark text"
