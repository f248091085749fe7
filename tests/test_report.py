"""`report.html`: its parts, its numbers, and that nothing in a run becomes markup. Numbers have
scikit-learn and NumPy as oracles. Nothing here needs TensorFlow.
"""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import modelspec as ms
from modelspec.runtime.history import charts, read_record
from modelspec.runtime.history.html_report import page, run_html
from modelspec.runtime.history.report_style import DARK, HEAT, LIGHT
from modelspec.runtime.history.ticks import nice_ticks, tick_text, whole_ticks
from modelspec.runtime.run.examine_classes import MATRIX, classes, roc, several, thinned
from modelspec.runtime.run.examine_numbers import POINTS, numbers
from modelspec.runtime.run.report import reported, write_report

from .report_findings import BAD, findings
from .test_runs import SPEC, make

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


class Seen(HTMLParser):
    """What a browser would see."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.attributes: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes.append((tag, dict(attrs)))
        for name, value in attrs:
            assert not name.startswith("on")
            if name in ("src", "href", "srcset", "data", "action"):
                self.links.append(value or "")
            if name == "id":
                self.ids.append(value or "")

    def handle_data(self, data: str) -> None:
        self.text += data


def record_of(where: Path) -> Any:
    record = read_record(where).value
    assert record is not None
    return record


def seen_of(where: Path, **more: Any) -> Seen:
    return Seen(page(record_of(where), None, "name: a\n", **more))


# The page -----------------------------------------------------------------------------------------


def test_the_report_is_one_file_with_curves_layers_picture_and_spec() -> None:
    compiled = ms.load_spec(SPEC).compiled
    where = make("runs/a/1", rows=4)
    (where / "spec.yaml").write_text("name: a # <as written>\n")
    assert write_report(where, compiled)
    seen = Seen((where / "report.html").read_text())
    charts_of = [given for tag, given in seen.attributes if given.get("class") == "ms-chart"]
    assert len(charts_of) == 2  # loss and accuracy with validation, not the learning rate
    assert seen.tags.count("img") == 1
    inside = [f"#{one}" for one in seen.ids]
    for link in seen.links:
        assert link in inside or link.startswith("data:image/svg+xml;base64,")
    assert not {"script", "link", "iframe", "object", "form"} & set(seen.tags)
    for words in (
        "completed",
        "0.5000",
        "# <as written>",
        "keras 3.15.1",
        "9 (9 trainable)",
        "Dense",
        "The same in every epoch: learning_rate 0.01.",
    ):
        assert words in seen.text


def test_every_kind_of_section_is_there_and_the_contents_lead_to_it() -> None:
    seen = seen_of(make("runs/a/1"), findings=findings())
    for words in (
        "Confusion matrix",
        "Calibration",
        "ROC curves",
        "Precision and recall",
        "Predicted against true, 100 drawn",
        "Residuals",
        "Error by true value",
        "Error by position",
        "Every label is right for 50.0% of 9 examples.",
        "497 more classes are left out",
        "The worst predictions",
        "Others, drawn at random",
        "5,000 of 9,000 examples of the test part.",
    ):
        assert words in seen.text
    targets = [link[1:] for link in seen.links if link.startswith("#")]
    assert set(targets) <= set(seen.ids)
    assert len(seen.ids) == len(set(seen.ids))
    assert len([one for one in targets if one.startswith("predictions-")]) == 3


def test_regions_that_scroll_are_reached_by_the_keyboard_and_named() -> None:
    seen = seen_of(make("runs/a/1"), findings=findings())
    regions = [given for _, given in seen.attributes if given.get("class") == "scroll"]
    assert len(regions) > 5
    assert all(one["tabindex"] == "0" and one["aria-label"] for one in regions)
    assert [given["lang"] for tag, given in seen.attributes if tag == "html"] == ["en"]
    images = [given for tag, given in seen.attributes if tag == "img"]
    drawn = [given for tag, given in seen.attributes if given.get("role") == "img"]
    assert images and all(one["alt"] for one in images)
    assert drawn and all(one["aria-label"] for one in drawn)
    first = next(given for tag, given in seen.attributes if tag == "a")
    assert first["href"] == "#main" and "main" in seen.ids


def test_nothing_that_a_run_says_becomes_markup() -> None:
    where = make(
        "runs/a/1",
        name=BAD,
        outcome=BAD,
        signal=BAD,
        faults=[{"code": BAD, "message": BAD, "help": BAD}],
        versions={BAD: BAD},
        dependencies={BAD: BAD},
        data={BAD: {"source": BAD, "examples": 1}},
        resumed=[{"at": BAD, "checkpoint": {"epoch": BAD, "step": BAD}, "left": {"outcome": BAD}}],
        ending={"epochs": 2, "planned": 3, "weights_of_epoch": 1, "monitor": BAD,
                "stopped_by": BAD, "why": BAD},
    )  # fmt: skip
    quoted = BAD.replace('"', '""')
    (where / "history.csv").write_text(f'epoch,"{quoted}"\n1,0.5\n2,0.25\n')
    expected = {BAD: {"expected": BAD, "measured": 1, "holds": False, "why": BAD}}
    results = {
        "test": {BAD: 0.5},
        "slices": {f"test_{BAD}@x={BAD}": 0.25},
        "slice_examples": {f"test@x={BAD}": 3},
        "expect": expected,
    }
    (where / "metrics.json").write_text(json.dumps(results))
    record = record_of(where)
    assert list(record.history) == [BAD] and record.expectations and record.slices
    seen = Seen(page(record, ms.load_spec(SPEC).graph, BAD, findings()))
    assert "script" not in seen.tags
    assert all(given["src"].startswith("data:") for tag, given in seen.attributes if tag == "img")  # type: ignore[union-attr]
    assert seen.text.count("alert(1)") > 20


def test_what_a_notebook_shows_has_charts_and_no_script() -> None:
    shown = run_html(BAD, {"loss": [2.0, 1.0], "learning_rate": [0.1, 0.1]}, {"test": {BAD: 1.0}})
    seen = Seen(shown)
    assert seen.tags.count("figure") == 1 and "style" in seen.tags and "script" not in seen.tags
    assert "alert(1)" in seen.text


@pytest.mark.filterwarnings("ignore:the report of the run:RuntimeWarning")
def test_a_report_that_cannot_be_written_hurts_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = ms.load_spec(SPEC).compiled
    where = make("runs/a/1")
    assert not write_report(where, compiled)  # no spec
    assert not write_report(Path("nowhere"), compiled)
    (where / "spec.yaml").write_text("name: a\n")
    (where / "report.html").write_text("the old one")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        assert not write_report(where, compiled)
    assert (where / "report.html").read_text() == "the old one"
    assert not [one.name for one in where.iterdir() if one.name.startswith(".")]


@pytest.mark.parametrize("fault", [ValueError("no"), MemoryError(), KeyboardInterrupt()])
@pytest.mark.filterwarnings("ignore:the report of the run:RuntimeWarning")
def test_predictions_that_cannot_be_shown_leave_the_rest_of_the_report(
    fault: BaseException,
) -> None:
    """Whatever goes wrong with them, or whoever is in a hurry."""
    where = make("runs/a/1")
    (where / "spec.yaml").write_text("name: a\n")

    def examine() -> None:
        raise fault

    with reported(where, ms.load_spec(SPEC).compiled, examine):
        pass
    text = (where / "report.html").read_text()
    assert "The model" in text and "Predictions" not in text


def _failing() -> None:
    raise ValueError("no")


def test_a_report_that_lacks_something_says_so() -> None:
    """It does not fail the run, and it is not silent: a fault of the report would never be found."""
    where = make("runs/a/1")
    (where / "spec.yaml").write_text("name: a\n")
    with pytest.warns(RuntimeWarning, match="does not include predictions: ValueError"):  # noqa: SIM117
        with reported(where, ms.load_spec(SPEC).compiled, _failing):
            pass


def test_importing_modelspec_loads_no_charts() -> None:
    program = "import sys, modelspec; import modelspec.runtime.history.html_report; print('pygal' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.strip() == "False"


# What happened in training ------------------------------------------------------------------------


def test_the_epoch_whose_weights_were_kept_and_interruptions_are_marked() -> None:
    where = make(
        "runs/a/1",
        rows=6,
        ending={"epochs": 6, "planned": 9, "weights_of_epoch": 4, "monitor": "val_loss",
                "best": 0.5, "stopped_by": "EarlyStopping", "why": "it did"},
        resumed=[
            {"at": "2026-11-21T12:00:30+00:00", "checkpoint": {"epoch": 2, "step": 7},
             "left": {"outcome": "interrupted", "signal": "SIGTERM",
                      "ended": "2026-11-21T12:00:20+00:00"}},
            {"at": "2026-11-21T12:00:50+00:00", "checkpoint": None, "left": {"outcome": "running"}},
        ],
    )  # fmt: skip
    seen = seen_of(where)
    marks = [
        given
        for tag, given in seen.attributes
        if tag == "g" and "ms-mark" in (given.get("class") or "")
    ]
    assert len(marks) == 2 * 2  # in each of two charts
    assert "epoch 4: its weights were kept" in seen.text
    assert "Training stopped by EarlyStopping after epoch 6 of 9: it did." in seen.text
    line = seen.text[seen.text.index("Interruptions") :]
    order = [
        "12:00:00 UTC started",
        "12:00:20 UTC interrupted by SIGTERM",
        "12:00:30 UTC resumed from epoch 2, step 7",
        "killed",
        "12:00:50 UTC restarted",
        "12:01:05 UTC completed after 6 epochs",
    ]
    places = [line.index(words) for words in order]
    assert places == sorted(places)


def test_constant_curves_and_single_epochs_have_no_chart() -> None:
    assert [name for name, _ in charts.series({"a": [1.0, 1.0], "b": [1.0, 2.0]})] == ["b"]
    assert not list(charts.series({"a": [1.0], "val_a": [2.0]}))
    varying = {"a": [1.0, 1.0], "val_a": [1.0, 2.0], "val_alone": [2.0, 3.0]}
    assert [title for title, _ in charts.series(varying)] == ["a", "val_alone"]


def test_slices_that_fall_behind_come_first_and_expectations_say_what_holds() -> None:
    where = make("runs/a/1")
    results = {
        "test": {"loss": 0.4, "accuracy": 0.9},
        "slices": {f"test_accuracy@c={one}": value for one, value in zip("abc", (0.95, 0.5, 0.8), strict=True)},
        "slice_examples": {f"test@c={one}": 50 for one in "abc"},
        "expect": {
            "test_accuracy": {"expected": ">= 0.95", "measured": 0.9, "margin": -0.05,
                              "holds": False, "severity": "error"},
            "parameters": {"expected": "<= 2k", "measured": 1234, "margin": 766, "holds": True},
        },
    }  # fmt: skip
    (where / "metrics.json").write_text(json.dumps(results))
    text = seen_of(where).text
    assert text.index("c=b") < text.index("c=c") < text.index("c=a")
    assert text.index("test_accuracy>= 0.95not met") < text.index("parameters<= 2kmet1,234")


# Charts -------------------------------------------------------------------------------------------


@given(
    st.floats(-1e12, 1e12), st.floats(1e-9, 1e12), st.integers(3, 9)
)  # fmt: skip
def test_ticks_are_round_and_hold_the_numbers(low: float, spread: float, most: int) -> None:
    high = low + spread
    if not low < high or spread < 1e-6 * max(abs(low), abs(high)):
        return
    ticks = nice_ticks(low, high, most)
    step = ticks[1] - ticks[0]
    assert 2 <= len(ticks) <= most
    assert ticks[0] <= low + 1e-6 * step and ticks[-1] >= high - 1e-6 * step
    leading = f"{step:.4e}".split("e")[0]
    assert float(leading) in (1, 2, 5, 10)


@pytest.mark.parametrize(
    "values",
    [
        (1.0, 1.0000000000000002),
        (3e300, 3e300),
        (1.7e308, -1.7e308),
        (1.7e308, 1e-308),
        (5e-324, 1e-323),
        (0.0, 5e-324),
    ],
)
def test_numbers_that_hardly_differ_or_are_out_of_range_can_be_drawn(
    values: tuple[float, float],
) -> None:
    assert "<svg" in charts.line_chart("loss", {"loss": values})
    assert "<svg" in charts.scatter("y", [values, values[::-1]], x_title="x", y_title="y")


def test_ticks_are_written_without_needless_digits() -> None:
    drawn = charts.line_chart("accuracy", {"accuracy": [0.9171, 0.93, 0.95]})
    ticks = "accuracyaccuracy0.910.920.930.940.95123epoch"
    assert Seen(re.sub("<title>.*?</title>", "", drawn)).text == ticks
    assert [tick_text(one) for one in (0.1 + 0.2, 12000.0, 2e-5, 0.0)] == [
        "0.3",
        "12,000",
        "2e-05",
        "0",
    ]
    assert whole_ticks(1, 30) == (1, 5, 10, 15, 20, 25, 30)
    assert whole_ticks(1, 3) == (1, 2, 3)
    assert whole_ticks(1, 1) == (1,)


def test_curves_have_gaps_and_a_logarithmic_scale_where_that_shows_more() -> None:
    drawn = charts.line_chart("loss", {"loss": [100.0, math.nan, 1.0, 0.5, math.inf, 0.2]})
    assert "loss, log scale" in drawn
    paths = [
        given["d"]
        for tag, given in Seen(drawn).attributes
        if tag == "path" and given.get("class") == "line" and "L" in (given["d"] or "")
    ]
    assert len(paths) == 1  # a number alone is a dot
    assert drawn.count("<circle") == 4
    empty = charts.line_chart("loss", {"loss": [math.nan, math.nan]})
    assert "<circle" not in empty


def test_charts_are_the_same_each_time_and_escape_names() -> None:
    def drawn() -> str:
        lines = {BAD: [(0.0, 0.0), (1.0, 1.0)], "\x00\x1b": [(0.5, 0.5)]}
        return charts.xy_chart(BAD, lines, x_title=BAD * 9, y_title="x" * 999, dots=True)

    assert drawn() == drawn()
    seen = Seen(drawn())
    assert not {"script", "img", "style"} & set(seen.tags)
    assert seen.text.count("alert(1)") >= 3


def luminance(color: str) -> float:
    channels = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
def test_texts_and_curves_can_be_read(scheme: dict[str, str]) -> None:
    """WCAG AA: 4.5 for texts, 3 for what is drawn."""
    for name in ("ink", "quiet", "link", "good", "bad", "warn"):
        assert contrast(scheme[name], scheme["ground"]) >= 4.5, name
        assert contrast(scheme[name], scheme["panel"]) >= 4.5, name
    for color in charts.COLORS:
        assert contrast(color, scheme["ground"]) >= 3, color
    for heat in ("#2f7ae5", "#d95f0e"):  # the numbers of the darkest cells of a matrix
        mixed = "#" + "".join(
            f"{round(int(scheme['ground'][at : at + 2], 16) * (1 - 0.055 * HEAT) + int(heat[at : at + 2], 16) * 0.055 * HEAT):02x}"
            for at in (1, 3, 5)
        )
        assert contrast(scheme["ink"], mixed) >= 4.5


# Numbers ------------------------------------------------------------------------------------------


def drawn_classes(seed: int, count: int, size: int = 400) -> tuple[Any, Any, Any]:
    random = np.random.default_rng(seed)
    true = random.integers(0, count, size)
    scores = random.normal(size=(size, count)) + 1.5 * np.eye(count)[true]
    scores = np.round(scores, 1)  # so that some are equal
    shares = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    return true, shares.argmax(axis=1), shares.astype(np.float32)


@pytest.mark.parametrize("count", [2, 3, 5])
def test_numbers_of_classes_are_those_of_scikit_learn(count: int) -> None:
    from sklearn import metrics

    true, predicted, shares = drawn_classes(count, count)
    found = classes(true, predicted, shares, [f"c{at}" for at in range(count)])
    assert np.array_equal(found.confusion, metrics.confusion_matrix(true, predicted))
    assert found.accuracy == pytest.approx(metrics.accuracy_score(true, predicted))
    of_each = metrics.precision_recall_fscore_support(true, predicted)
    for at, row in enumerate(found.rows):
        of_class = [row.precision, row.recall, row.f1, row.support]
        assert of_class == pytest.approx([one[at] for one in of_each])
        assert row.area == pytest.approx(metrics.roc_auc_score(true == at, shares[:, at]))
        assert row.average_precision == pytest.approx(
            metrics.average_precision_score(true == at, shares[:, at])
        )
    assert list(found.roc) == (["c1"] if count == 2 else [row.label for row in found.rows])


def test_a_curve_keeps_its_ends_and_its_points_are_those_of_scikit_learn() -> None:
    from sklearn import metrics

    true, _, shares = drawn_classes(1, 2, 5_000)
    x, y = roc(true == 1, shares[:, 1])
    expected = metrics.roc_curve(true, shares[:, 1], drop_intermediate=False)
    assert np.allclose(x, expected[0])
    assert np.allclose(y, expected[1])
    points = thinned((np.linspace(0, 1, 9_999), np.linspace(0, 1, 9_999)))
    assert len(points) == 200
    assert (points[0], points[-1]) == ((0.0, 0.0), (1.0, 1.0))


def test_the_calibration_is_that_of_scikit_learn() -> None:
    from sklearn.calibration import calibration_curve

    true, predicted, shares = drawn_classes(3, 4, 2_000)
    found = classes(true, predicted, shares, list("abcd")).calibration
    assert found is not None
    best, right = shares.max(axis=1).astype(np.float64), true == predicted
    expected = calibration_curve(right, best, n_bins=10)
    assert [one[1] for one in found.bins] == pytest.approx(expected[0])
    assert [one[0] for one in found.bins] == pytest.approx(expected[1])
    counts = np.histogram(best, np.linspace(0, 1, 11))[0]
    weights = counts[counts > 0] / len(best)
    assert found.error == pytest.approx(np.sum(weights * np.abs(expected[0] - expected[1])))


def test_many_classes_are_pooled_without_losing_any() -> None:
    true, predicted, shares = drawn_classes(5, 60, 3_000)
    found = classes(true, predicted, shares, [str(at) for at in range(60)])
    assert found.pooled and len(found.labels) == MATRIX and found.labels[-1] == "other"
    assert sum(map(sum, found.confusion)) == 3_000
    assert len(found.rows) == 60 and not found.roc
    at = found.labels.index(found.labels[0])
    number = int(found.labels[0])
    assert found.confusion[at][at] == int(((true == number) & (predicted == number)).sum())


def test_scores_that_are_not_probabilities_have_no_calibration() -> None:
    true, predicted, shares = drawn_classes(6, 3)
    assert classes(true, predicted, shares * 9 - 4, list("abc")).calibration is None
    assert classes(true, predicted, shares, list("abc"), probable=False).calibration is None


def test_the_overlap_of_masks_is_that_of_scikit_learn() -> None:
    from sklearn.metrics import jaccard_score

    true, predicted, shares = drawn_classes(7, 3)
    found = classes(true, predicted, shares[:0], list("abc"), unit="pixels")
    expected = jaccard_score(true, predicted, average=None)
    assert [row.iou for row in found.rows] == pytest.approx(list(expected))


def test_labels_of_several_are_those_of_scikit_learn() -> None:
    from sklearn import metrics

    random = np.random.default_rng(0)
    true = random.integers(0, 2, (300, 4))
    shares = np.clip(true * 0.4 + random.random((300, 4)) * 0.6, 0, 1)
    predicted = (shares > 0.5).astype(np.int64)
    found = several(true, predicted, shares, list("abcd"))
    expected = metrics.precision_recall_fscore_support(true, predicted)
    for at, row in enumerate(found.rows):
        assert [row.precision, row.recall, row.f1, row.support] == pytest.approx(
            [one[at] for one in expected]
        )
    assert found.exact == pytest.approx(metrics.accuracy_score(true, predicted))


def test_numbers_of_errors_are_those_of_scikit_learn() -> None:
    from sklearn import metrics

    random = np.random.default_rng(0)
    true = random.gamma(2, 100, 2_000)
    predicted = true + random.normal(size=2_000) * 0.1 * true
    found = numbers("price", true, predicted, 1)
    assert found is not None
    assert found.mean_absolute_error == pytest.approx(metrics.mean_absolute_error(true, predicted))
    assert found.root_mean_squared_error == pytest.approx(
        metrics.root_mean_squared_error(true, predicted)
    )
    assert found.r2 == pytest.approx(metrics.r2_score(true, predicted))
    assert sum(found.counts) == 2_000 and len(found.edges) == len(found.counts) + 1
    assert len(found.points) == POINTS and set(found.points) <= set(
        zip(true, predicted, strict=True)
    )
    assert sum(one.count for one in found.ranges) == 2_000
    inside = (true >= found.ranges[2].low) & (true < found.ranges[2].high)
    assert found.ranges[2].error == pytest.approx(np.abs(predicted - true)[inside].mean())
    assert found.ranges[2].bias == pytest.approx((predicted - true)[inside].mean())
    assert numbers("price", true, predicted, 1) == found  # drawn by the seed


def test_numbers_that_are_not_finite_or_alike_do_not_count() -> None:
    assert numbers("y", np.array([np.nan]), np.array([1.0]), 0) is None
    found = numbers("y", np.array([2.0, 2.0, np.nan]), np.array([3.0, 1.0, 5.0]), 0)
    assert found is not None and found.counted == 2 and found.r2 is None and not found.ranges
    many = numbers("y", np.zeros((5, 3)), np.tile([1.0, 2.0, 3.0], (5, 1)), 0)
    assert many is not None and many.by_position == pytest.approx((1, 2, 3))
