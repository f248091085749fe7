"""The report in a browser: at the width of a phone, a tablet and a screen, light and dark, in print,
and by the keyboard.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import modelspec as ms
from modelspec.runtime.history import read_record
from modelspec.runtime.history.html_report import page, run_html
from modelspec.runtime.history.report_style import DARK, LIGHT

from .browser import Page, browser
from .report_findings import findings
from .test_runs import SPEC, make

WIDTHS = (320, 400, 800, 1600)
LONG = tuple(f"a class with a rather long name {at}" for at in range(20))


@pytest.fixture(scope="module")
def tab() -> Iterator[Page]:
    with browser() as found:
        yield found


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One with everything that a report may have."""
    where = make(
        str(tmp_path_factory.mktemp("runs") / ("a-long-name" * 9) / "1"),
        rows=12,
        ending={"epochs": 12, "planned": 20, "weights_of_epoch": 9, "monitor": "val_loss"},
        resumed=[{"at": "2026-11-21T12:00:30+00:00", "checkpoint": {"epoch": 2, "step": 7}}],
        faults=[{"code": "MS706", "message": "x" * 300, "help": "y" * 300}],
        versions={"a-long-name" * 20: "1"},
    )
    record = read_record(where).value
    assert record is not None
    text = page(record, ms.load_spec(SPEC).graph, "name: a\n" + "x" * 500, findings(LONG))
    (where / "report.html").write_text(text)
    return where / "report.html"


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_fits_any_width_and_loads_nothing(
    tab: Page, report: Path, width: int, dark: bool
) -> None:
    """What is wider than the page scrolls on its own; the page itself never does."""
    tab.open(report, width, dark=dark)
    assert tab.value("innerWidth") == width
    assert tab.value("document.documentElement.scrollWidth") <= width
    assert tab.complaints() == []
    assert tab.requests() == []
    ground = (DARK if dark else LIGHT)["ground"]
    rgb = ", ".join(str(int(ground[at : at + 2], 16)) for at in (1, 3, 5))
    assert tab.value("getComputedStyle(document.body).backgroundColor") == f"rgb({rgb})"


def test_curves_are_as_wide_as_a_phone_and_their_texts_are_inside(tab: Page, report: Path) -> None:
    tab.open(report, 400)
    widths = tab.value(
        "[...document.querySelectorAll('.ms-chart > svg')].map(e => e.getBoundingClientRect().width)"
    )
    assert len(widths) > 6 and min(widths) > 350
    outside = tab.value(
        """[...document.querySelectorAll('.ms-chart > svg')].flatMap(svg => {
            const box = svg.getBoundingClientRect();
            return [...svg.querySelectorAll('text')].filter(one => {
                const own = one.getBoundingClientRect();
                return own.left < box.left - 1 || own.right > box.right + 1
                    || own.top < box.top - 1 || own.bottom > box.bottom + 1;
            }).map(one => one.textContent);
        })"""
    )
    assert outside == []
    smallest = tab.value(
        """Math.min(...[...document.querySelectorAll('.ms-chart text')].map(
            one => one.getBoundingClientRect().height))"""
    )
    assert smallest >= 9


def test_ticks_do_not_overlap(tab: Page, report: Path) -> None:
    tab.open(report, 800)
    overlapping = tab.value(
        """[...document.querySelectorAll('.ms-chart .axis')].flatMap(axis => {
            const boxes = [...axis.querySelectorAll('text')].map(t => t.getBoundingClientRect());
            return boxes.slice(1).map((b, i) => [boxes[i], b]).filter(([a, b]) =>
                a.left < b.right && b.left < a.right && a.top + 3 < b.bottom && b.top + 3 < a.bottom);
        }).length"""
    )
    assert overlapping == 0


def test_the_keyboard_reaches_what_scrolls_and_skips_to_the_report(tab: Page, report: Path) -> None:
    tab.open(report, 400)
    tab.press("Tab")
    assert tab.value("document.activeElement.className") == "skip"
    assert tab.value("document.activeElement.getBoundingClientRect().left") >= 0
    seen = set()
    for _ in range(60):
        tab.press("Tab")
        seen.add(tab.value("document.activeElement.getAttribute('aria-label')"))
    assert {"Confusion matrix", "Classes", "Metrics"} <= seen
    unreached = tab.value(
        """[...document.querySelectorAll('main *')].filter(e =>
            e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0
            && getComputedStyle(e).overflowX === 'auto' && e.tabIndex < 0
            && e.tagName !== 'PRE').length"""
    )
    assert unreached == 0


def test_print_is_light_and_shows_what_opens_on_demand(tab: Page, report: Path) -> None:
    tab.open(report, 800, dark=True, media="print")
    assert tab.value("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert tab.value("getComputedStyle(document.querySelector('nav')).display") == "none"
    assert tab.value(
        """[...document.querySelectorAll('details')].every(
            one => one.lastElementChild.checkVisibility({contentVisibilityAuto: true}))"""
    )
    cut = tab.value(
        """[...document.querySelectorAll('.scroll')].filter(
            one => getComputedStyle(one).overflowY !== 'visible').length"""
    )
    assert cut == 0


def test_what_a_notebook_shows_fits_too(tab: Page, tmp_path: Path) -> None:
    history = {"loss": [3.0, 2.0, 1.5], "val_loss": [3.0, 2.5, 2.0]}
    shown = run_html("<Run>", history, {"test": {"loss": 2.0}})
    path = tmp_path / "cell.html"
    path.write_text(
        f"<!doctype html><meta charset='utf-8'><meta name='viewport' content='width=device-width'><div style='width:360px'>{shown}</div>"
    )
    tab.open(path, 400)
    assert tab.value("document.documentElement.scrollWidth") <= 400
    assert (
        tab.value("document.querySelector('.ms-chart > svg').getBoundingClientRect().width") > 300
    )
    assert tab.complaints() == []
