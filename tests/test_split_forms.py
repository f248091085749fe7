"""`data.split` by values of an ordered column, by a column of parts, and by folds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import GroupKFold, KFold, StratifiedKFold, TimeSeriesSplit

from modelspec.compiler.pipeline import Compiled, compile_spec
from modelspec.core.diagnostics import Diagnostic
from modelspec.runtime.data import RunError, prepare
from modelspec.runtime.data.split import draws_of, of_draws, split
from modelspec.runtime.data.split_forms import by_borders, by_fold, by_names, folds_of


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MODELSPEC_CACHE", str(tmp_path / "cache"))


def text_of(split: str, more: str = "") -> str:
    return (
        "model: {inputs: {x: [1]}, layers: [{Dense: 1}]}\n"
        "training: {loss: mse, batch_size: 2}\n"
        f"data: {{source: {{csv: t.csv}}, inputs: a, targets: y, split: {split}{more}}}\n"
    )


def checked(split: str, more: str = "") -> tuple[Compiled, tuple[Diagnostic, ...]]:
    Path("spec.yaml").write_text(text_of(split, more), encoding="utf-8")
    found = compile_spec("spec.yaml")
    assert found.value is not None
    return found.value, found.diagnostics


def parts(split: str, more: str = "") -> dict[str, list[int]]:
    """By part: the rows of `t.csv` that it has, from 0."""
    compiled, diagnostics = checked(split, more)
    assert not diagnostics, [str(one) for one in diagnostics]
    return {name: one.positions.tolist() for name, one in prepare(compiled).parts.items()}


def fault(split: str, more: str = "") -> tuple[str, str, str]:
    """The code, the place and the message of the one fault that the data show."""
    compiled, diagnostics = checked(split, more)
    assert not diagnostics, [str(one) for one in diagnostics]
    with pytest.raises(RunError) as caught:
        prepare(compiled)
    one = caught.value.diagnostics[0]
    assert one.span is not None
    return one.code, one.span.text, one.message


def write(**columns: Any) -> None:
    count = len(next(iter(columns.values())))
    frame = pd.DataFrame({"a": range(count), "y": range(count), **columns})
    frame.to_csv("t.csv", index=False)


# What is wrong with a split is said without the data ------------------------------------------

WRONG = {
    # split: (code, what is marked)
    "{order: d, at: [2024-06-01, 2024-01-01]}": ("MS567", "2024-01-01"),
    "{order: d, at: [2024-06-01, 2024-06-01]}": ("MS567", "2024-06-01"),
    "{order: d, at: [2024-06-01, 7]}": ("MS567", "7"),
    '{order: d, at: ["2024-01-01T00:00Z", 2024-06-01]}': ("MS567", "2024-06-01"),
    "{order: d, at: [soon]}": ("MS205", "soon"),
    "{order: d, at: []}": ("MS205", "[]"),
    "{order: d, at: [1, 2, 3]}": ("MS205", "[1, 2, 3]"),
    "{order: d, at: [1], test: 0.1}": ("MS208", "test"),
    "{order: d, at: [1], folds: 3}": ("MS208", "folds"),
    "{at: [1]}": ("MS203", "at"),
    "{group: g, at: [1]}": ("MS208", "at"),
    "{column: p, validation: 0.1}": ("MS208", "validation"),
    "{column: p, group: g}": ("MS208", "column"),
    "{column: p, parts: {tset: [1]}}": ("MS201", "tset"),
    "{column: p, parts: {test: [1], train: [1]}}": ("MS208", "train"),
    "{column: p, parts: {test: [[1]]}}": ("MS204", "[1]"),
    "{parts: {test: [1]}}": ("MS203", "parts"),
    "{folds: 1}": ("MS205", "1"),
    "{folds: 3, fold: 3}": ("MS567", "3"),
    "{folds: 3, fold: -1}": ("MS205", "-1"),
    "{folds: 3, test: 0.2}": ("MS208", "test"),
    "{folds: 3, group: g, order: d}": ("MS208", "order"),
    "{fold: 1, test: 0.1}": ("MS203", "fold"),
    "{test: 0.1, seed: -1}": ("MS205", "-1"),
}


@pytest.mark.parametrize("written", WRONG)
def test_what_does_not_go_together_is_said_at_its_place(written: str) -> None:
    code, marked = WRONG[written]
    _, (one,) = checked(written)
    assert one.code == code
    assert one.span is not None and one.span.text == marked


def test_a_date_is_a_text_without_quotes() -> None:
    """YAML 1.2 has no type for dates."""
    compiled, diagnostics = checked("{order: d, at: [2024-01-01, 2024-06-01T12:00:00]}")
    assert not diagnostics
    assert compiled.data is not None and compiled.data.split is not None
    assert compiled.data.split.at == ("2024-01-01", "2024-06-01T12:00:00")


# By share -------------------------------------------------------------------------------------


SHARES = {
    "test": [0, 14, 15, 18, 19],
    "validation": [2, 6, 11, 12],
    "train": [1, 3, 4, 5, 7, 8, 9, 10, 13, 16, 17],
}


def test_a_split_by_share_is_what_it_was() -> None:
    """The draw is a function of seed and position; these rows were drawn by earlier versions."""
    found = split(3, 20, 0.2, 0.25)
    assert {name: one.tolist() for name, one in found.items()} == SHARES


def test_a_seed_of_its_own_takes_the_place_of_the_spec_s() -> None:
    write(a=range(30), y=range(30))
    alone = parts("{test: 0.3, seed: 5}", "}\nseed: 1\nx-rest: {")
    assert alone == parts("{test: 0.3}", "}\nseed: 5\nx-rest: {")
    assert alone != parts("{test: 0.3}", "}\nseed: 1\nx-rest: {")


# By values of an ordered column -----------------------------------------------------------------


@given(
    st.lists(st.integers(-5, 5), min_size=1, max_size=30),
    st.lists(st.integers(-6, 6), min_size=1, max_size=2, unique=True),
)
def test_a_value_equal_to_a_border_is_in_the_later_part(
    values: list[int], borders: list[int]
) -> None:
    at = sorted(borders)
    found = by_borders(np.array(values), np.array(at))
    series = pd.Series(values)
    expected = {
        "train": series < at[0],
        "validation": (series >= at[0]) & (series < at[-1]),
        "test": series >= at[-1],
    }
    assert {name: one.tolist() for name, one in found.items()} == {
        name: np.flatnonzero(one).tolist() for name, one in expected.items()
    }


def test_times_with_offsets_are_compared_as_instants() -> None:
    times = [
        "2024-01-01T00:30:00+09:00",  # still 2023 in UTC
        "2023-12-31T23:30:00-02:00",  # 2024 already
        "2024-01-01T00:00:00Z",
        "2024-06-01T01:00:00+02:00",
        "2024-06-01T00:00:00+00:00",
        "2023-01-01T00:00:00Z",
    ]
    write(d=times)
    found = parts('{order: d, at: ["2024-01-01T00:00:00Z", "2024-06-01T00:00:00Z"]}')
    instants = pd.to_datetime(pd.Series(times), utc=True, format="ISO8601")
    borders = pd.to_datetime(["2024-01-01T00:00Z", "2024-06-01T00:00Z"], utc=True)
    numbers = np.searchsorted(borders, instants, side="right")
    expected = {
        name: np.flatnonzero(numbers == at).tolist()
        for at, name in enumerate(("train", "validation", "test"))
    }
    assert found == expected


def test_numbers_of_a_column_are_compared_as_numbers() -> None:
    write(d=[9, 10, 2, 100, 30, 9])
    assert parts("{order: d, at: [10, 100]}") == {
        "train": [0, 2, 5],
        "validation": [1, 4],
        "test": [3],
    }
    assert parts("{order: d, at: 10}") == {"train": [0, 2, 5], "test": [1, 3, 4]}


def test_a_border_of_another_kind_is_an_error_at_the_border() -> None:
    write(d=["2024-01-01", "2024-02-01", "2024-03-01"])
    code, marked, message = fault('{order: d, at: ["2024-03-01T00:00Z"]}')
    assert (code, marked) == ("MS657", '"2024-03-01T00:00Z"')
    assert "times without a UTC offset" in message and "times with a UTC offset" in message
    assert fault("{order: d, at: [7]}")[:2] == ("MS657", "7")


def test_a_part_between_borders_must_have_examples() -> None:
    write(d=["2024-01-01", "2024-02-01", "2024-03-01"])
    code, marked, message = fault("{order: d, at: [2024-02-01, 2025-02-01]}")
    assert (code, marked) == ("MS618", "2025-02-01") and "nothing for the test" in message
    code, _, message = fault("{order: d, at: 2024-01-01}")
    assert code == "MS618" and "nothing for training" in message


# By a column that names the part ------------------------------------------------------------------


def test_a_column_names_the_part_of_each_row() -> None:
    write(p=["train", "val", "test", "validation", "train"])
    assert parts("{column: p}") == {"train": [0, 4], "validation": [1, 3], "test": [2]}


def test_parts_map_other_values() -> None:
    write(p=[2022, 2024, 2023, 2022])
    assert parts("{column: p, parts: {train: 2022, validation: [2023], test: [2024]}}") == {
        "train": [0, 3],
        "validation": [2],
        "test": [1],
    }
    write(p=["train", "2024", "2023", "2022"])
    assert parts("{column: p, parts: {train: [2023, '2022'], test: [2024.0]}}") == {
        "train": [0, 2, 3],
        "test": [1],
    }


def test_a_value_that_names_no_part_is_an_error_with_its_place() -> None:
    write(p=["train", "tset", "train", "test"])
    code, marked, message = fault("{column: p}")
    assert (code, marked) == ("MS654", "p")
    assert '"tset"' in message and "t.csv:3" in message
    write(p=["train", "", "train", "test"])
    assert fault("{column: p}")[0] == "MS634"
    write(p=["test", "test"])
    assert fault("{column: p}")[0] == "MS618", "there is nothing to train on"


def test_a_callback_needs_a_validation_that_the_column_has() -> None:
    """Only the data show whether there is one."""
    more = "}\nx-rest: {"
    write(p=["train", "test", "train", "val"])
    text = text_of("{column: p}", more).replace(
        "loss: mse", "loss: mse, callbacks: [{EarlyStopping: {monitor: val_loss}}]"
    )
    Path("spec.yaml").write_text(text, encoding="utf-8")
    found = compile_spec("spec.yaml")
    assert found.ok and found.value is not None, [str(one) for one in found.diagnostics]
    assert len(prepare(found.value).parts["validation"]) == 1
    write(p=["train", "test", "train", "test"])
    with pytest.raises(RunError) as caught:
        prepare(found.value)
    assert [(one.code, one.span and one.span.text) for one in caught.value.diagnostics] == [
        ("MS521", "val_loss")
    ]


@given(st.lists(st.sampled_from(["train", "val", "test", "x"]), min_size=1, max_size=20))
def test_every_row_is_in_the_part_that_its_value_names(values: list[str]) -> None:
    numbers, bad = by_names(np.array(values, object), {"test": ("x",)})
    assert not bad.any()
    known = {"train": 0, "val": 1, "test": 2, "x": 2}
    assert numbers.tolist() == pd.Series(values).map(known).tolist()


def test_the_column_of_parts_feeds_no_input_by_default() -> None:
    write(p=["train", "test", "train", "test"])
    text = text_of("{column: p}").replace("inputs: a, ", "").replace("x: [1]", "x: [auto]")
    Path("spec.yaml").write_text(text, encoding="utf-8")
    compiled = compile_spec("spec.yaml").value
    assert compiled is not None
    assert prepare(compiled).binding.inputs["x"].names == ("a",)


# Folds --------------------------------------------------------------------------------------------


def all_folds(count: int, folds: int, **column: Any) -> list[dict[str, np.ndarray[Any, Any]]]:
    (key, values), *_ = [*column.items(), ("", None)]
    draws = draws_of(11, count)
    fold_of = folds_of(draws, folds, key, values)
    return [
        {
            name: np.asarray(one)
            for name, one in by_fold(draws, fold_of, at, 0.0, key, values).items()
        }
        for at in range(folds)
    ]


@given(st.integers(2, 6), st.integers(6, 60))
def test_every_row_is_once_in_a_test(folds: int, count: int) -> None:
    """As with `KFold` of scikit-learn, whose folds have the same sizes."""
    found = all_folds(count, folds)
    assert sorted(np.concatenate([one["test"] for one in found]).tolist()) == list(range(count))
    sizes = sorted(len(test) for _, test in KFold(folds).split(np.zeros(count)))
    assert sorted(len(one["test"]) for one in found) == sizes
    for one in found:
        assert sorted([*one["train"], *one["test"]]) == list(range(count))


@given(st.integers(2, 5), st.lists(st.integers(0, 2), min_size=20, max_size=60))
def test_strata_are_even_over_folds(folds: int, labels: list[int]) -> None:
    """To within one example, as those of `StratifiedKFold` are."""
    values = np.array(labels)
    found = all_folds(len(values), folds, stratify=values)
    assert sorted(np.concatenate([one["test"] for one in found]).tolist()) == list(
        range(len(values))
    )
    for label in set(labels):
        sizes = [int((values[one["test"]] == label).sum()) for one in found]
        assert max(sizes) - min(sizes) <= 1
    if min(np.bincount(values)[sorted(set(labels))]) >= folds:
        theirs = StratifiedKFold(folds).split(values, values)
        assert sorted(len(one["test"]) for one in found) == sorted(len(test) for _, test in theirs)


@given(st.integers(2, 4), st.lists(st.integers(0, 9), min_size=20, max_size=60))
def test_groups_stay_together_in_folds(folds: int, groups: list[int]) -> None:
    values = np.array(groups)
    if len(set(groups)) < folds:
        return
    found = all_folds(len(values), folds, group=values)
    assert sorted(np.concatenate([one["test"] for one in found]).tolist()) == list(
        range(len(values))
    )
    for one in found:
        assert not set(values[one["train"]]) & set(values[one["test"]])
    theirs = GroupKFold(folds).split(values, groups=values)
    assert sorted(len(one["test"]) for one in found) == sorted(len(test) for _, test in theirs)


@given(st.integers(2, 5), st.permutations(range(24)))
def test_an_ordered_fold_trains_on_what_came_before_it(folds: int, times: list[int]) -> None:
    values = np.array(times)
    found = all_folds(len(values), folds, order=values)
    for one in found:
        assert values[one["train"]].max() < values[one["test"]].min()
    if 24 % (folds + 1) == 0:
        ordered = TimeSeriesSplit(folds).split(values)
        for one, (train, test) in zip(found, ordered, strict=True):
            assert sorted(values[one["train"]]) == train.tolist()
            assert sorted(values[one["test"]]) == test.tolist()


def test_equal_times_are_in_one_piece() -> None:
    values = np.array([0, 0, 1, 1, 1, 1, 2, 2, 3])
    for one in all_folds(len(values), 2, order=values):
        assert values[one["train"]].max() < values[one["test"]].min()


def test_validation_is_taken_from_the_rest_of_a_fold() -> None:
    write(a=range(50), y=range(50), s=["u", "v"] * 25)
    whole = parts("{folds: 5, fold: 2, stratify: s}")
    some = parts("{folds: 5, fold: 2, stratify: s, validation: 0.25}")
    assert some["test"] == whole["test"] and len(whole["test"]) == 10
    assert sorted(some["train"] + some["validation"]) == whole["train"]
    assert [sum(row % 2 for row in some["validation"]), len(some["validation"])] == [5, 10]
    assert parts("{folds: 5, stratify: s}") == parts("{folds: 5, fold: 0, stratify: s}")


def test_the_validation_of_an_ordered_fold_is_the_last_of_what_came_before() -> None:
    write(a=range(12), y=range(12), d=range(12))
    assert parts("{folds: 2, fold: 1, order: d, validation: 0.25}") == {
        "train": [0, 1, 2, 3, 4, 5],
        "validation": [6, 7],
        "test": [8, 9, 10, 11],
    }


def test_more_folds_than_groups_are_an_error() -> None:
    write(g=[1, 1, 2, 2])
    code, marked, message = fault("{folds: 3, group: g}")
    assert (code, marked) == ("MS618", "3") and "in 2 groups" in message


def test_draws_and_cuts_are_those_of_split() -> None:
    strata = np.arange(40) % 3
    both = split(7, 40, 0.2, 0.1, strata), of_draws(draws_of(7, 40), 0.2, 0.1, strata)
    for name in ("train", "validation", "test"):
        np.testing.assert_array_equal(both[0][name], both[1][name])


# Switched off -------------------------------------------------------------------------------------


def test_null_switches_off_what_an_extended_file_has_set() -> None:
    write(a=range(10), y=range(10), w=[1] * 10)
    Path("base.yaml").write_text(
        text_of("{test: 0.5}", ", weights: w, where: 'a > 5', augment: [{GaussianNoise: 0.1}]")
        + "runtime: {precision: float64, deterministic: false}\n",
        encoding="utf-8",
    )
    Path("spec.yaml").write_text(
        "extends: base.yaml\n"
        "data: {split: null, weights: null, where: null, augment: []}\n"
        "runtime: {precision: null, deterministic: null, jit: null, backend: null}\n",
        encoding="utf-8",
    )
    found = compile_spec("spec.yaml")
    assert found.ok and found.value is not None, [str(one) for one in found.diagnostics]
    data, runtime = found.value.data, found.value.file.runtime
    assert data is not None
    assert (data.split, data.weights, data.where, dict(data.augment)) == (None, None, None, {})
    assert not data.split_in_error
    assert (runtime.precision, runtime.deterministic, runtime.jit) == ("float32", True, "auto")
    assert {name: len(one) for name, one in prepare(found.value).parts.items()} == {"train": 10}


@pytest.mark.parametrize("key", ["data.split", "data.where", "data.weights", "data.augment"])
def test_null_from_outside_switches_off_too(key: str) -> None:
    write(w=[1, 1])
    more = ", weights: w, where: 'a > 5', augment: [{GaussianNoise: 0.1}]"
    Path("spec.yaml").write_text(text_of("{test: 0.5}", more), encoding="utf-8")
    found = compile_spec("spec.yaml", {key: None})
    assert found.ok and found.value is not None and found.value.data is not None
    assert not getattr(found.value.data, key.partition(".")[2])
    kept = {"split", "where", "weights", "augment"} - {key.partition(".")[2]}
    assert all(getattr(found.value.data, name) for name in kept)


@pytest.mark.parametrize(
    "written",
    [
        "{order: d, at: [2024-01-01, 2024-06-01]}",
        "{column: p, parts: {test: [2024], train: x}}",
        "{folds: 5, fold: 2, validation: 0.1, group: g}",
    ],
)
def test_a_resolved_split_is_the_same_split(written: str) -> None:
    from click.testing import CliRunner

    from modelspec.cli import main

    compiled, diagnostics = checked(written)
    assert not diagnostics and compiled.data is not None
    resolved = CliRunner().invoke(main, ["resolve", "spec.yaml"])
    Path("resolved.yaml").write_text(resolved.output, encoding="utf-8")
    again = compile_spec("resolved.yaml")
    assert again.ok and again.value is not None and again.value.data is not None
    assert again.value.data.split == compiled.data.split


def test_a_share_for_training_is_left_out() -> None:
    (one,) = checked("{train: 0.8, test: 0.2}")[1]
    assert (one.code, one.span and one.span.text) == ("MS201", "train")
    assert one.help == "remove it: training uses what `validation` and `test` leave"


# Shares ------------------------------------------------------------------------------------------


@given(
    st.lists(st.integers(0, 6), max_size=40),
    st.floats(0, 0.6),
    st.floats(0, 0.4),
)
def test_equal_random_numbers_are_taken_in_their_order(
    drawn: list[int], validation: float, test: float
) -> None:
    """As a stable sort would: with strata, the random numbers of two examples can be equal."""
    draws = np.array(drawn, float)
    parts = of_draws(draws, validation, test)
    order = list(np.argsort(draws, kind="stable"))
    for name in ("test", "validation", "train"):
        taken, order = order[: len(parts[name])], order[len(parts[name]) :]
        assert parts[name].tolist() == sorted(taken)
    assert not order
    assert len(parts["test"]) == int(np.floor(len(draws) * test + 0.5))
