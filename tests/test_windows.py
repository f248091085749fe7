"""`data.window`: windows against plain slices of NumPy, what each setting says where it is wrong,
and what a run makes of them.
"""

from __future__ import annotations

import random
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from modelspec.compiler.pipeline import Compiled, compile_spec
from modelspec.runtime.data import DataError, Prepared, prepare
from modelspec.runtime.data.arranged import by_share
from modelspec.runtime.data.in_memory import with_data
from modelspec.runtime.data.inspection import inspect
from modelspec.runtime.data.past_table import PastTable
from modelspec.runtime.data.prepare import prepare_source
from modelspec.runtime.data.skipped_rows import SkippedRows
from modelspec.runtime.data.sources import open_source
from modelspec.runtime.data.storage import Storage

Array = np.ndarray[Any, Any]
ROWS = 300


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MODELSPEC_CACHE", str(tmp_path / "cache"))


# Specs and tables ---------------------------------------------------------------------------------


class Series(NamedTuple):
    """A table of several series, its rows in any order."""

    station: Array
    time: Array
    wind: Array
    power: Array

    def write(self, name: str = "t.csv") -> None:
        lines = [
            f"{one},{time},{_cell(wind)},{_cell(power)}"
            for one, time, wind, power in zip(*self, strict=True)
        ]
        Path(name).write_text("station,time,wind,power\n" + "\n".join(lines) + "\n", "utf-8")


def _cell(value: float) -> str:
    return "" if np.isnan(value) else repr(float(value))


def drawn_series(draw: random.Random, *, gaps: bool = False, groups: int = 3) -> Series:
    """Rows of some stations at times that they share, shuffled."""
    names = [draw.choice("abcdefgh"[:groups]) for _ in range(ROWS)]
    times = dict.fromkeys(set(names), 0)
    rows = []
    for name in names:
        times[name] += draw.randint(1, 2)
        values = [draw.gauss(3, 2), draw.gauss(-1, 1)]
        lacking = [gaps and draw.random() < 0.04 for _ in values]
        rows.append(
            (
                name,
                times[name],
                *(np.nan if gone else one for one, gone in zip(values, lacking, strict=True)),
            )
        )
    draw.shuffle(rows)
    station, time, wind, power = zip(*rows, strict=True)
    return Series(np.array(station), np.array(time), np.array(wind), np.array(power))


def mapping(window: Any, *, inputs: Any = None, targets: Any = None, **more: Any) -> Any:
    """A spec of the columns `wind` and `power`; the model has the shape of the window."""
    steps, horizon = window.get("length", 1), window.get("horizon", 0)
    data = {
        "source": {"csv": "t.csv"},
        "window": window,
        "inputs": {"x": inputs or {"columns": ["wind", "power"]}},
        "targets": {"y": targets or {"column": "power"}},
        **more.pop("data", {}),
    }
    model = more.pop("model", None) or {
        "inputs": {"x": [steps, 2]},
        "layers": ["Flatten", {"Dense": {"units": max(horizon, 1), "name": "y"}}],
    }
    return {"training": {"loss": "mse", "batch_size": 8}, "model": model, "data": data, **more}


def spec(*args: Any, **more: Any) -> Compiled:
    checked = compile_spec(mapping(*args, **more))
    assert checked.ok, [str(one) for one in checked.diagnostics]
    assert checked.value is not None
    return checked.value


def faults(*args: Any, **more: Any) -> list[str]:
    return [str(one) for one in compile_spec(mapping(*args, **more)).diagnostics]


# Slices, and what is learned ----------------------------------------------------------------------


class Oracle(NamedTuple):
    """The windows of one part, by the row of the source that is their last."""

    inputs: dict[int, Array]
    targets: dict[int, Array]


def runs(series: Series, window: Any, rows: Array) -> Iterator[Array]:
    """The rows of a part, series by series, each in its order."""
    names = series.station[rows] if "by" in window else np.zeros(len(rows), int)
    for name in np.unique(names):
        inside = rows[names == name]
        if "order" in window:
            inside = inside[np.argsort(series.time[inside], kind="stable")]
        yield inside


def sliced(
    series: Series,
    window: Any,
    rows: Array,
    *,
    with_targets: bool = True,
    power: Array | None = None,
) -> Oracle:
    """Every window of a part, by slicing; those with a missing value left out. `power` are the
    targets, where they are not those of the table.
    """
    length, sampling = window["length"], window.get("sampling", 1)
    horizon, gap, stride = window.get("horizon", 0), window.get("gap", 0), window.get("stride", 1)
    found = Oracle({}, {})
    for inside in runs(series, window, rows):
        both = np.stack([series.wind[inside], series.power[inside]], axis=-1)
        target = (series.power if power is None else power)[inside]
        reach = (length - 1) * sampling + 1
        whole = reach + (gap + horizon if with_targets and horizon else 0)
        first = 0 if with_targets else (len(inside) - reach) % stride
        for start in range(first, len(inside) - whole + 1, stride):
            x = both[start : start + reach : sampling]
            last = start + reach - 1
            after = last + 1 + gap
            y = target[after : after + horizon] if horizon else target[last : last + 1]
            if not np.isnan(x).any() and not (with_targets and np.isnan(y).any()):
                found.inputs[int(inside[last])] = x
                found.targets[int(inside[last])] = y
    return found


def in_time(series: Series, window: Any, validation: float, test: float) -> dict[str, Array]:
    """The rows of each part: the last times are the test, and no time is in two parts."""
    count = len(series.time)
    times = series.time if "order" in window else np.arange(count)
    ordered = sorted(times)
    tests, validations = round(count * test), round(count * validation)
    borders = [ordered[count - tests - validations], ordered[count - tests]]
    parts: dict[str, list[int]] = {"train": [], "validation": [], "test": []}
    for row, time in enumerate(times):
        name = "test" if time >= borders[1] else "validation" if time >= borders[0] else "train"
        parts[name].append(row)
    return {name: np.array(rows) for name, rows in parts.items()}


def gathered(prepared: Prepared, part: str) -> Oracle:
    """The windows of a part as they are fed."""
    one = prepared.parts[part]
    windows = one.examples.windows
    assert windows is not None and one.examples.rows is not None
    starts = windows.starts[one.positions]
    inputs = one.examples.inputs["x"][windows.series.rows[starts[:, None] + windows.input_steps]]
    targets = one.examples.targets["y"][windows.series.rows[starts[:, None] + windows.target_steps]]
    last = one.examples.rows[one.positions]
    return Oracle(
        dict(zip(last.tolist(), inputs, strict=True)),
        dict(zip(last.tolist(), targets, strict=True)),
    )


def assert_equal(found: Oracle, wanted: Oracle, *, scale: Any = None) -> None:
    assert found.inputs.keys() == wanted.inputs.keys()
    for row, x in wanted.inputs.items():
        x = x if scale is None else (x - scale[0]) / scale[1]
        np.testing.assert_allclose(found.inputs[row], x, rtol=2e-6, atol=2e-6)
        np.testing.assert_allclose(
            found.targets[row].ravel(), wanted.targets[row].ravel(), rtol=2e-6, atol=2e-6
        )


def drawn_window(draw: random.Random) -> dict[str, Any]:
    horizon = draw.choice([0, 1, 3])
    return {
        "length": draw.randint(1, 4),
        "horizon": horizon,
        **({"gap": draw.randint(0, 2)} if horizon else {}),
        "stride": draw.randint(1, 3),
        "sampling": draw.randint(1, 2),
        **({"by": "station"} if draw.random() < 0.7 else {}),
        **({"order": "time"} if draw.random() < 0.7 else {}),
    }


@pytest.mark.parametrize("number", range(40))
def test_windows_are_slices_of_each_series_and_part(number: int) -> None:
    draw = random.Random(number)
    window, gaps = drawn_window(draw), number % 2 == 1
    series = drawn_series(draw, gaps=gaps)
    series.write()
    missing = {"missing": "drop"} if gaps else {}
    prepared = prepare(
        spec(
            window,
            inputs={"columns": ["wind", "power"], **missing},
            targets={"column": "power", **missing},
            data={"split": {"validation": 0.2, "test": 0.2}},
        )
    )
    parts = in_time(series, window, 0.2, 0.2)
    for name, rows in parts.items():
        found, wanted = gathered(prepared, name), sliced(series, window, rows)
        assert_equal(found, wanted)
        part = prepared.parts[name]
        np.testing.assert_array_equal(part.rows, rows)
        if window["length"] == 1:
            np.testing.assert_array_equal(part.rows_of("inputs"), sorted(wanted.inputs))


@pytest.mark.tensorflow
@pytest.mark.parametrize("gaps", [False, True])
def test_transforms_learn_from_each_training_row_once(gaps: bool) -> None:
    window = {"length": 4, "horizon": 2, "by": "station", "order": "time"}
    series = drawn_series(random.Random(5), gaps=gaps)
    series.write()
    transform = {"transform": ["Normalization"], **({"missing": "drop"} if gaps else {})}
    prepared = prepare(
        spec(
            window,
            inputs={"columns": ["wind", "power"], **transform},
            targets={"column": "power", "missing": "drop"},
            data={"split": {"validation": 0.2, "test": 0.2}},
        )
    )
    rows = in_time(series, window, 0.2, 0.2)["train"]
    both = np.stack([series.wind[rows], series.power[rows]], axis=-1)
    both = both[~np.isnan(both).any(axis=1)]
    wanted = sliced(series, window, rows)
    assert_equal(gathered(prepared, "train"), wanted, scale=(both.mean(0), both.std(0)))


def test_a_border_among_equal_times_keeps_them_in_the_later_part() -> None:
    found = by_share(np.array([5, 1, 2, 2, 2, 3, 3, 4]), 0.25, 0.25)
    assert {name: rows.tolist() for name, rows in found.items()} == {
        "train": [1, 2, 3, 4],
        "validation": [5, 6],
        "test": [0, 7],
    }
    found = by_share(np.array([1, 2, 2, 2]), 0.0, 0.25)
    assert [rows.tolist() for rows in found.values()] == [[0], [], [1, 2, 3]]


def test_parts_by_a_column_and_by_borders_end_windows_too() -> None:
    draw = random.Random(3)
    window = {"length": 3, "horizon": 1, "by": "station", "order": "time"}
    series = drawn_series(draw)
    series.write()
    middle = int(np.median(series.time))
    prepared = prepare(spec(window, data={"split": {"order": "time", "at": [middle]}}))
    for name, rows in (
        ("train", np.flatnonzero(series.time < middle)),
        ("test", np.flatnonzero(series.time >= middle)),
    ):
        assert_equal(gathered(prepared, name), sliced(series, window, rows))


def test_sources_of_their_own_are_cut_one_by_one() -> None:
    window = {"length": 3, "horizon": 2, "by": "station", "order": "time"}
    tables = {name: drawn_series(random.Random(at)) for at, name in enumerate(("train", "test"))}
    for name, series in tables.items():
        series.write(f"{name}.csv")
    given = mapping(window)
    del given["data"]["source"]
    given["data"] |= {name: {"csv": f"{name}.csv"} for name in tables}
    checked = compile_spec(given)
    assert checked.value is not None and checked.ok
    prepared = prepare(checked.value)
    for name, series in tables.items():
        assert_equal(gathered(prepared, name), sliced(series, window, np.arange(ROWS)))


@pytest.mark.parametrize("stride", [1, 3])
def test_a_new_file_gives_windows_up_to_its_last_row_without_targets(stride: int) -> None:
    window = {"length": 4, "horizon": 2, "stride": stride, "by": "station", "order": "time"}
    series = drawn_series(random.Random(7))
    series.write()
    compiled = spec(window)
    Path("new.csv").write_text(
        "\n".join(line for line in Path("t.csv").read_text("utf-8").splitlines()), "utf-8"
    )
    source = {"csv": "new.csv"}
    other = compile_spec({**mapping(window), "data": {**mapping(window)["data"], "source": source}})
    assert other.value is not None and other.value.data is not None
    table = open_source(other.value.data.sources["train"], other.value.file.context)
    examples, _ = prepare_source(compiled, table, with_targets=False)
    assert examples.windows is not None and examples.rows is not None
    found = examples.inputs["x"][
        examples.windows.series.rows[examples.windows.starts[:, None] + np.arange(4)]
    ]
    wanted = sliced(series, window, np.arange(ROWS), with_targets=False).inputs
    assert examples.rows.tolist() == sorted(wanted)
    for row, x in zip(examples.rows.tolist(), found, strict=True):
        np.testing.assert_allclose(x, wanted[row], rtol=2e-6)
    evaluated, _ = prepare_source(compiled, table, with_targets=True)
    assert evaluated.count == len(sliced(series, window, np.arange(ROWS)).inputs)


def test_a_million_rows_are_not_copied_for_each_window() -> None:
    count, length = 1_000_000, 48
    values = np.arange(count, dtype=np.float32)
    np.savez("t.npz", wind=values, power=values)
    compiled = spec(
        {"length": length, "horizon": 12},
        inputs={"columns": ["wind", "power"]},
        data={"source": {"npz": "t.npz"}, "split": {"test": 0.2}, "cache": "memory"},
    )
    tracemalloc.start()
    prepared = prepare(compiled)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(prepared.parts["train"]) == 800_000 - length - 12 + 1
    assert most < length * values.nbytes  # copies of one column alone would take as much


# Lags and rolling means ---------------------------------------------------------------------------


def shifted(values: Array, rows: int) -> Array:
    found = np.full(len(values), np.nan)
    found[rows:] = values[: len(values) - rows]
    return found


def rolled(values: Array, rows: int) -> Array:
    found = np.full(len(values), np.nan)
    for last in range(rows - 1, len(values)):
        found[last] = values[last - rows + 1 : last + 1].mean()
    return found


def per_run(series: Series, window: Any, parts: Any, make: Any) -> Array:
    found = np.full(len(series.wind), np.nan)
    for rows in parts.values():
        for inside in runs(series, window, rows):
            found[inside] = make(series.wind[inside])
    return found


@pytest.mark.parametrize("number", range(12))
def test_lags_and_rolling_means_are_those_of_each_series_and_part(number: int) -> None:
    draw = random.Random(100 + number)
    window = {
        "length": 2,
        "horizon": 1,
        **({"by": "station"} if number % 2 else {}),
        **({"order": "time"} if number % 3 else {}),
    }
    series = drawn_series(draw, gaps=number % 4 == 1)
    series.write()
    lag, count = draw.randint(1, 3), draw.randint(1, 5)
    transform = [{"RollingMean": count}, {"Lags": [0, lag]}]
    prepared = prepare(
        spec(
            window,
            inputs={"column": "wind", "missing": "drop", "transform": transform},
            targets={"column": "power", "missing": "drop"},
            data={"split": {"validation": 0.2, "test": 0.2}},
        )
    )
    parts = in_time(series, window, 0.2, 0.2)
    mean = per_run(series, window, parts, lambda x: rolled(x, count))
    late = per_run(series, window, parts, lambda x: shifted(rolled(x, count), lag))
    made = Series(series.station, series.time, mean, late)
    for name, rows in parts.items():
        assert_equal(gathered(prepared, name), sliced(made, window, rows, power=series.power))


def test_lags_without_a_window_read_the_rows_of_the_file() -> None:
    values = [3.0, 1.0, 4.0, 1.5, 9.0, 2.0, 6.0, 5.0]
    lines = "\n".join(f"{value},{value * 2}" for value in values)
    Path("t.csv").write_text(f"wind,power\n{lines}\n", "utf-8")
    given = {
        "model": {"inputs": {"x": [4]}, "layers": [{"Dense": {"units": 1, "name": "y"}}]},
        "training": {"loss": "mse", "batch_size": 2},
        "data": {
            "source": {"csv": "t.csv"},
            "inputs": {
                "x": {
                    "columns": ["wind", "power"],
                    "missing": "drop",
                    "transform": [{"Lags": [1, 3]}],
                }
            },
            "targets": {"y": "power"},
        },
    }
    checked = compile_spec(given)
    assert checked.value is not None and checked.ok, [str(one) for one in checked.diagnostics]
    examples = prepare(checked.value).parts["train"].examples
    wanted = [
        [values[i - 1], 2 * values[i - 1], values[i - 3], 2 * values[i - 3]] for i in range(3, 8)
    ]
    assert examples.inputs["x"].tolist() == wanted
    assert examples.rows is not None and examples.rows.tolist() == [3, 4, 5, 6, 7]


def test_first_rows_without_a_past_are_missing_values_at_their_places() -> None:
    Path("t.csv").write_text("wind,power\n1,2\n2,3\n3,4\n4,5\n", "utf-8")
    compiled = spec(
        {"length": 2},
        inputs={"column": "wind", "transform": [{"Lags": [0, 1]}]},
    )
    with pytest.raises(DataError) as caught:
        prepare(compiled)
    (found,) = caught.value.diagnostics
    assert found.code == "MS608"
    assert "`wind lag 1` has no value at t.csv:2" in found.message
    assert found.help == "the first rows have no earlier rows: `missing: drop` drops them"


def test_a_lag_of_text_is_refused_at_its_first_cell() -> None:
    Path("t.csv").write_text("wind,power\n1,2\nnone at all,3\n3,4\n4,5\n", "utf-8")
    compiled = spec(
        {"length": 2},
        inputs={"column": "wind", "missing": 0, "transform": [{"Lags": [0, 1]}]},
    )
    with pytest.raises(DataError) as caught:
        prepare(compiled)
    assert [one.code for one in caught.value.diagnostics] == ["MS664"]
    assert "t.csv:3" in caught.value.diagnostics[0].message


# What is wrong ------------------------------------------------------------------------------------

SERIES = {"length": 4, "horizon": 2, "by": "station", "order": "time"}
WRONG: dict[str, tuple[Any, str, str]] = {
    "no rows": ({"window": {"length": 0}}, "MS205", "`length` of `window`"),
    "no stride": ({"window": {"length": 4, "stride": 0}}, "MS205", "`stride` of `window`"),
    "no sampling": ({"window": {"length": 4, "sampling": 0}}, "MS205", "`sampling` of `window`"),
    "a gap without a target": ({"window": {"length": 4, "gap": 2}}, "MS208", "`gap`"),
    "no length": ({"window": {"horizon": 2}}, "MS203", "`length`"),
    "a share by value": (
        {"data": {"split": {"test": 0.2, "stratify": "station"}}},
        "MS570",
        "`stratify` implies",
    ),
    "a seed of its own": ({"data": {"split": {"test": 0.2, "seed": 3}}}, "MS570", "`seed` implies"),
    "whole groups": (
        {"data": {"split": {"test": 0.2, "group": "station"}}},
        "MS570",
        "`group` implies",
    ),
    "folds": ({"data": {"split": {"folds": 3}}}, "MS570", "`folds` implies"),
    "another length": (
        {"model": {"inputs": {"x": [5, 2]}, "layers": ["Flatten", {"Dense": 2}]}},
        "MS571",
        "a window has 4 rows",
    ),
    "other columns": (
        {"model": {"inputs": {"x": [4, 3]}, "layers": ["Flatten", {"Dense": 2}]}},
        "MS571",
        "have the shape [4, 2]",
    ),
    "another horizon": (
        {
            "model": {
                "inputs": {"x": [4, 2]},
                "layers": ["Flatten", {"Dense": {"units": 3, "name": "y"}}],
            }
        },
        "MS571",
        "a target has 2 rows",
    ),
    "a lag behind a layer": (
        {"inputs": {"column": "wind", "transform": ["Normalization", {"Lags": [0, 1]}]}},
        "MS572",
        "no other layer can come before it",
    ),
    "the mean of a target": (
        {"targets": {"column": "power", "transform": [{"RollingMean": 3}]}},
        "MS572",
        "the target",
    ),
    "a lag that is not a list": (
        {"inputs": {"column": "wind", "transform": [{"Lags": 1}]}},
        "MS204",
        "`rows` of `Lags` must be a list",
    ),
    "no lag": (
        {"inputs": {"column": "wind", "transform": [{"Lags": []}]}},
        "MS205",
        "`rows` of `Lags` needs at least 1 entry",
    ),
    "columns of one name": (
        {"inputs": {"columns": ["wind", "wind"]}},
        "MS208",
        "`columns` names `wind` twice",
    ),
    "a number for the window": (
        {"data": {"window": 4}},
        "MS204",
        "`window` must be a mapping, found `4`",
    ),
    "the future": (
        {"inputs": {"column": "wind", "transform": [{"Lags": [-1, 1]}]}},
        "MS205",
        "`rows` of `Lags`",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_check_says_what_is_wrong_at_its_place(name: str) -> None:
    changes, code, words = WRONG[name]
    window = changes.get("window", SERIES)
    found = faults(window, **{key: one for key, one in changes.items() if key != "window"})
    assert any(code in one and words in one for one in found), found


def test_rows_that_are_predicted_from_earlier_ones_are_no_leak() -> None:
    assert not faults(SERIES)
    leaking = faults({"length": 4, "by": "station", "order": "time"})
    assert any("MS530" in one for one in leaking)


def test_auto_sizes_are_those_of_the_window() -> None:
    drawn_series(random.Random(1)).write()
    model = {
        "inputs": {"x": ["auto", "auto"]},
        "layers": ["Flatten", {"Dense": {"units": 2, "name": "y"}}],
    }
    prepared = prepare(spec(SERIES, model=model))
    assert prepared.compiled.graph is not None
    assert prepared.compiled.graph.inputs["x"].shape == (None, 4, 2)


def test_a_window_longer_than_the_series_is_an_error_with_numbers() -> None:
    Path("t.csv").write_text(
        "wind,power\n" + "".join(f"{row},{row}\n" for row in range(20)), "utf-8"
    )
    with pytest.raises(DataError) as caught:
        prepare(spec({"length": 10, "horizon": 5, "sampling": 2, "gap": 1}))
    (found,) = caught.value.diagnostics
    assert found.code == "MS658"
    assert "takes 25 rows, but the longest series in this part of t.csv has 20" in found.message


def test_a_part_without_a_window_is_an_error() -> None:
    Path("t.csv").write_text(
        "wind,power\n" + "".join(f"{row},{row}\n" for row in range(40)), "utf-8"
    )
    with pytest.raises(DataError) as caught:
        prepare(spec({"length": 8, "horizon": 2}, data={"split": {"test": 0.2}}))
    assert [one.code for one in caught.value.diagnostics] == ["MS658"]
    assert "for the test" in caught.value.diagnostics[0].message


def test_columns_that_say_the_series_need_a_value_in_each_row() -> None:
    Path("t.csv").write_text(
        "station,time,wind,power\na,1,1,1\na,2,2,2\n,3,3,3\na,,4,4\na,5,5,5\n", "utf-8"
    )
    with pytest.raises(DataError) as caught:
        prepare(spec({"length": 2, "by": "station", "order": "time"}))
    found = [(one.code, one.message) for one in caught.value.diagnostics]
    assert [code for code, _ in found] == ["MS659", "MS659"]
    assert {"t.csv:4", "t.csv:5"} <= {word for _, said in found for word in said.split()} | {
        said.split(" at ")[1].split(",")[0] for _, said in found
    }


def test_equal_times_of_one_series_are_warned_of() -> None:
    drawn = drawn_series(random.Random(2))
    drawn.write()
    prepared = prepare(spec({"length": 3, "order": "time"}, data={"split": {"test": 0.3}}))
    assert "MS659" in [one.code for one in prepared.warnings]
    prepared = prepare(spec({"length": 3, "order": "time", "by": "station"}))
    assert "MS659" not in [one.code for one in prepared.warnings]


# Reports, and the cache ---------------------------------------------------------------------------


def test_the_report_counts_the_windows_of_parts_and_series() -> None:
    series = drawn_series(random.Random(4))
    series.write()
    facts, _ = inspect(spec(SERIES, data={"split": {"validation": 0.2, "test": 0.3}}))
    for name, rows in in_time(series, SERIES, 0.2, 0.3).items():
        wanted = sliced(series, SERIES, rows).inputs
        windows = facts.parts[name].windows
        assert windows is not None
        assert (facts.parts[name].rows, windows.count) == (len(rows), len(wanted))
        by_name = {
            one: int(np.count_nonzero(series.station[sorted(wanted)] == one))
            for one in np.unique(series.station).tolist()
        }
        assert dict(windows.series) == by_name
    assert facts.inputs["x"].shape == (4, 2)
    assert facts.targets["y"].shape == (2,)


def test_the_report_has_no_fill_for_what_is_dropped() -> None:
    drawn_series(random.Random(4), gaps=True).write()
    dropped = {"columns": ["wind", "power"], "missing": "drop"}
    target = {"column": "power", "missing": "drop"}
    facts, _ = inspect(spec(SERIES, inputs=dropped, targets=target))
    assert facts.ok and not facts.inputs["x"].fill and not facts.targets["y"].fill


def test_the_key_of_prepared_data_holds_the_settings_of_the_window() -> None:
    drawn_series(random.Random(4)).write()

    def key(**changes: Any) -> str:
        prepared = prepare(spec({**SERIES, **changes}))
        storage = Storage(prepared.compiled, prepared.compiled.data, prepared.binding, print)
        return storage.key(prepared.parts["train"].examples.table, None).digest

    assert len({key(), key(stride=2), key(gap=1), key(sampling=2)}) == 4
    assert key() == key()


@pytest.mark.tensorflow
@pytest.mark.parametrize("one_hot", [False, True])
def test_classes_of_several_rows_are_those_of_their_rows(one_hot: bool) -> None:
    series = drawn_series(random.Random(6))
    series.write()
    window = {"length": 3, "horizon": 2, "by": "station", "order": "time"}
    body = [{"Dense": 6}, {"Reshape": [2, 3]}, {"Softmax": {"name": "y"}}]
    lookup = {"num_oov_indices": 0, **({"output_mode": "one_hot"} if one_hot else {})}
    prepared = prepare(
        spec(
            window,
            model={"inputs": {"x": [3, 2]}, "layers": ["Flatten", *body]},
            targets={"column": "station", "transform": [{"StringLookup": lookup}]},
            training={
                "loss": f"{'' if one_hot else 'sparse_'}categorical_crossentropy",
                "batch_size": 8,
            },
        )
    )
    for row, found in gathered(prepared, "train").targets.items():
        place = "abc".index(series.station[row])
        wanted = np.eye(3)[[place, place]] if one_hot else [place, place]
        np.testing.assert_array_equal(found, wanted)


def test_arrays_of_a_program_are_cut_into_windows_too() -> None:
    values = np.arange(40, dtype=np.float32)
    compiled = spec({"length": 5, "horizon": 2}, data={"split": {"test": 0.25}})
    found = prepare(with_data(compiled, {"wind": values, "power": -values}))
    assert [len(part) for part in found.parts.values()] == [30 - 6, 10 - 6]
    assert gathered(found, "test").inputs[34].tolist() == [[v, -v] for v in range(30, 35)]
    assert gathered(found, "test").targets[34].tolist() == [-35.0, -36.0]


def test_sources_that_are_streamed_give_the_same_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn_series(random.Random(9), gaps=True).write()
    compiled = spec(
        SERIES,
        inputs={"columns": ["wind"], "missing": "drop", "transform": [{"Lags": [0, 2]}]},
        targets={"column": "power", "missing": "drop"},
        data={"split": {"validation": 0.2, "test": 0.3}},
    )
    whole = prepare(compiled)
    for name in ("column_reader.MEMORY", "column_reader.BLOCK", "table.BLOCK"):
        monkeypatch.setattr(f"modelspec.runtime.data.{name}", 0 if "MEMORY" in name else 16)
    streamed = prepare(compiled)
    for part in whole.parts:
        one, other = gathered(whole, part), gathered(streamed, part)
        assert one.inputs.keys() == other.inputs.keys()
        assert all(np.array_equal(x, other.inputs[row]) for row, x in one.inputs.items())


@pytest.mark.tensorflow
def test_prepared_data_on_disk_make_the_same_windows() -> None:
    series = drawn_series(random.Random(9), gaps=True)
    series.write()
    transform = [{"Lags": [0, 1]}, "Normalization"]
    compiled = spec(
        SERIES,
        inputs={"column": "wind", "missing": "drop", "transform": transform},
        targets={"column": "power", "missing": "drop"},
        data={"split": {"validation": 0.2, "test": 0.3}, "cache": "disk"},
    )
    made, found = prepare(compiled), prepare(compiled)
    assert [one.used for one in (*made.cache, *found.cache)] == [False, True]
    for part in made.parts:
        one, other = gathered(made, part), gathered(found, part)
        assert one.inputs.keys() == other.inputs.keys()
        for row, x in one.inputs.items():
            assert x.tobytes() == other.inputs[row].tobytes()
            assert one.targets[row].tobytes() == other.targets[row].tobytes()


def test_a_table_with_earlier_rows_says_of_its_source_what_that_says() -> None:
    drawn_series(random.Random(4)).write()
    prepared = prepare(
        spec(
            SERIES,
            inputs={"column": "wind", "missing": "drop", "transform": [{"Lags": [0, 1]}]},
        )
    )
    table = prepared.parts["train"].examples.table
    assert isinstance(table, PastTable)
    assert table.count == ROWS
    assert table.as_written
    assert "wind lag 1" in table and "wind" in table and "lag" not in table


@pytest.mark.parametrize("key", ["sampling", "gap"])
def test_a_window_longer_than_64_bits_count_has_no_place(key: str) -> None:
    drawn_series(random.Random(1)).write()
    window = {"length": 3, "horizon": 1, "order": "time", "by": "station", key: 2**62}
    with pytest.raises(DataError, match="MS658"):
        prepare(spec(window, data={"split": {"test": 0.2}}))


@pytest.mark.parametrize("block", [4, 0])
def test_rows_that_cannot_be_read_leave_out_their_windows_where_errors_are_skipped(
    block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others have the values that they have in a file without such rows."""
    for name in ("column_reader.MEMORY", "column_reader.BLOCK", "table.BLOCK") if block else ():
        monkeypatch.setattr(f"modelspec.runtime.data.{name}", 0 if "MEMORY" in name else block)
    series = drawn_series(random.Random(3))
    series.write()
    compiled = spec({"length": 4, "by": "station", "order": "time"})
    state = prepare(compiled).state
    source = compiled.data.sources["train"]  # type: ignore[union-attr]  # it has a `data` section

    def windows(skipped: SkippedRows | None) -> dict[int, list[float]]:
        table = open_source(source, compiled.file.context, None)
        found, _ = prepare_source(compiled, table, with_targets=False, state=state, skipped=skipped)
        assert found.windows is not None and found.rows is not None
        taken = found.windows.starts[:, None] + np.arange(4)
        values = found.inputs["x"][found.windows.series.rows[taken]]
        return dict(zip(found.rows.tolist(), values.tolist(), strict=True))

    whole = windows(None)
    lines = Path("t.csv").read_text("utf-8").splitlines()
    bad = [0, 1, 2, 3, 4, 5, 6, 7, 50, 299]
    for row in bad:
        first, time, *_ = lines[row + 1].split(",")
        lines[row + 1] = f"{first},{time},oops,1"
    Path("t.csv").write_text("\n".join(lines) + "\n", "utf-8")
    skipped = SkippedRows()
    found = windows(skipped)
    assert [one.number - 1 for one in skipped.listed()] == bad
    hit = set()
    for name in set(series.station):
        rows = np.flatnonzero(series.station == name)
        rows = rows[np.argsort(series.time[rows], kind="stable")]
        hit |= {int(rows[at + 3]) for at in range(len(rows) - 3) if {*rows[at : at + 4]} & {*bad}}
    assert found == {row: values for row, values in whole.items() if row not in hit}
    table = open_source(source, compiled.file.context, None)
    said = skipped.warning(table, len(found)).message
    assert "neither does a window that contains one" in said
