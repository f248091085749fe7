"""The space of a sweep: which trials a spec has, the spec of each, and how `check` reports them."""

from __future__ import annotations

import itertools
import json
import re
import statistics
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import KFold

import modelspec as ms
from modelspec.cli import main
from modelspec.compiler.pipeline import Compiled, compile_spec
from modelspec.compiler.space import (
    Space,
    check_space,
    folds_of,
    grid,
    grid_size,
    identity,
    in_order,
    over_folds,
    resolved_with,
    space_of,
)
from modelspec.compiler.space.combinations import MOST, to_check
from modelspec.compiler.spec.sweep_section import Parameter
from modelspec.runtime.data import prepare
from modelspec.views.resolve import resolved

SPEC: dict[str, Any] = {
    "vars": {"base": 4, "width": "$(2 * base)", "deep": False},
    "model": {
        "inputs": {"x": [4]},
        "layers": [
            {"Dense": {"units": "$width", "activation": "relu"}},
            {"Dense": {"units": "$base", "when": "$deep"}},
            {"Dropout": {"rate": 0.2, "name": "drop"}},
            {"Dense": {"units": 3, "activation": "softmax"}},
        ],
    },
    "data": {
        "source": {"dataset": "iris"},
        "split": {"validation": 0.2, "test": 0.2},
        "inputs": {"x": {"column": "features"}},
        "targets": {"column": "target"},
    },
    "training": {
        "optimizer": {"Adam": 0.01},
        "loss": "sparse_categorical_crossentropy",
        "metrics": ["accuracy"],
    },
}


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MODELSPEC_CACHE", str(tmp_path / "cache"))


def written(parameters: dict[str, Any], **keys: Any) -> dict[str, Any]:
    """The spec with a sweep."""
    sweep = {"objective": {"maximize": "val_accuracy"}, **keys, "parameters": parameters}
    return {**SPEC, "sweep": sweep}


def compiled(spec: dict[str, Any]) -> Compiled:
    found = compile_spec(spec)
    assert found.ok, [str(one) for one in found.diagnostics]
    assert found.value is not None
    return found.value


def space(parameters: dict[str, Any], **keys: Any) -> Space:
    found = space_of(compiled(written(parameters, **keys)))
    assert found.value is not None, [str(one) for one in found.diagnostics]
    return found.value


# The spec of a trial ------------------------------------------------------------------------------

VALUES: dict[str, list[Any]] = {
    "vars.base": [2, 4, 8],
    "vars.deep": [False, True],
    "model.layers.drop.rate": [0.1, 0.5],
    "training.optimizer": ["sgd", {"Adam": {"learning_rate": 0.1}}],
    "training.batch_size": [8, 16],
    "data.split": [{"test": 0.2, "validation": 0.1}],
}


@settings(max_examples=15, deadline=None)
@given(st.fixed_dictionaries({}, optional={k: st.sampled_from(v) for k, v in VALUES.items()}))
def test_a_trial_is_the_spec_with_its_values_set_from_outside(values: dict[str, Any]) -> None:
    """As `--set` sets them, which does not go through the sweep."""
    trial = space(VALUES).compiled_with(values)
    assert trial.ok and trial.value is not None
    other = compile_spec(SPEC, values).value
    assert other is not None
    assert resolved(trial.value, defaults=True) == resolved(other, defaults=True)
    assert trial.value.sweep is None


def test_values_between_the_ends_of_a_range_and_other_paths_are_set_too() -> None:
    one = compiled(written({"model.layers.drop.rate": {"uniform": [0, 0.5]}}, trials=2))
    values = {"model.layers.drop.rate": 0.3125, "training.epochs": 7, "seed": 5}
    found = resolved_with(one, values)
    assert found.ok and found.value is not None and found.value.training is not None
    assert found.value.training.epochs == 7 and found.value.file.seed == 5
    assert resolved(found.value)["model"]["layers"][1] == {
        "Dropout": {"rate": 0.3125, "name": "drop"}
    }


def test_files_that_a_spec_extends_and_overrides_from_outside_are_part_of_a_trial() -> None:
    Path("base.yaml").write_text(yaml.safe_dump(written({"vars.base": [2, 4]})))
    Path("spec.yaml").write_text(
        "extends: base.yaml\nsweep: {parameters: {training.batch_size: [8, 16]}}\n"
    )
    found = compile_spec("spec.yaml", {"training.epochs": 9})
    assert found.ok and found.value is not None
    whole = space_of(found.value).value
    assert whole is not None
    assert [one.path for one in whole.parameters] == ["vars.base", "training.batch_size"]
    trial = whole.compiled_with({"vars.base": 2, "training.batch_size": 8}).value
    assert trial is not None and trial.training is not None
    assert (trial.training.epochs, trial.training.batch_size, trial.name) == (9, 8, "spec")


def test_a_listed_path_grants_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path that the user sets outside the spec is allowed by that; one in a sweep is not."""
    outside = tmp_path / "outside.csv"
    outside.write_text("a,b\n1,2\n")
    project = tmp_path / "project"
    project.mkdir()
    spec = written({"data.source": [{"csv": "in.csv"}, {"csv": str(outside)}]})
    spec["data"] = {
        "source": {"csv": "in.csv"},
        "split": {"validation": 0.2},
        "inputs": {"x": {"columns": ["a", "b", "c", "d"]}},
        "targets": "e",
    }
    (project / "spec.yaml").write_text(yaml.safe_dump(spec))
    monkeypatch.chdir(project)
    found = ms.check("spec.yaml").diagnostics
    assert [one.code for one in found] == ["MS210"]
    assert found[0].span is not None and found[0].span.text == str(outside)


def test_a_resolved_spec_has_no_sweep_and_trains_as_before() -> None:
    spec = written({"vars.base": [2, 4], "data.split.fold": "all"})
    spec["data"] = {**SPEC["data"], "split": {"folds": 3, "validation": 0.2}}
    spec["expect"] = {"test_accuracy": {"mean": ">= 0.1"}, "parameters": "<= 1M"}
    one = compiled(spec)
    assert "sweep" not in resolved(one)
    assert resolved(one)["expect"] == {"parameters": "<= 1M"}
    assert compile_spec(resolved(one)).diagnostics == ()
    assert [each.name for each in one.expectations] == ["parameters"]
    assert [each.name for each in one.fold_expectations] == ["test_accuracy.mean"]
    plain = {key: value for key, value in spec.items() if key not in ("sweep", "expect")}
    plain["expect"] = {"parameters": "<= 1M"}
    assert resolved(one, defaults=True) == resolved(compiled(plain), defaults=True)


# Grids and conditions -----------------------------------------------------------------------------


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.integers(1, 50), min_size=1, max_size=4, unique=True),
    st.tuples(st.integers(1, 3), st.integers(6, 12), st.integers(1, 3)),
)
def test_a_grid_is_the_product_of_its_values(
    listed: list[int], whole: tuple[int, int, int]
) -> None:
    low, high, step = whole
    one = space(
        {
            "vars.base": listed,
            "training.batch_size": {"integers": [low, high], "step": step},
            "model.layers.drop.rate": {"uniform": [0, 0.5], "step": 0.1},
        }
    )
    rates = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]
    expected = list(itertools.product(listed, range(low, high + 1, step), rates))
    assert [tuple(each.values()) for each in grid(one)] == expected
    assert grid_size(one) == len(expected)


def test_a_parameter_whose_condition_does_not_hold_adds_no_trial() -> None:
    """`width` follows from `base`, so a condition on it depends on `base`, which is chosen first."""
    one = space(
        {
            "model.layers.drop.rate": {"values": [0.1, 0.5], "when": "$(width > 8)"},
            "vars.base": [2, 8],
            "training.batch_size": {
                "values": [8, 16],
                "when": "$(model.layers.drop.rate == 0.5)",
            },
        }
    )
    assert [each.path for each in one.parameters] == [
        "vars.base",
        "model.layers.drop.rate",
        "training.batch_size",
    ]
    assert [tuple(each.values()) for each in grid(one)] == [
        (2,),
        (8, 0.1),
        (8, 0.5, 8),
        (8, 0.5, 16),
    ]
    rate = one.parameters[1]
    assert not one.is_active(rate, {"vars.base": 2})
    assert one.is_active(rate, {"vars.base": 8})


@pytest.mark.parametrize(
    ("form", "count", "points"),
    [
        ({"integers": [2, 6]}, 5, [2, 3, 4, 5, 6]),
        ({"integers": [2, 7], "step": 2}, 3, [2, 4, 6]),
        ({"uniform": [0, 0.3], "step": 0.1}, 4, [0.0, 0.1, 0.2, 0.3]),
        ({"uniform": [0, 0.5]}, None, [0.0, 0.5]),
        (["a", None, 1.5], 3, ["a", None, 1.5]),
    ],
)
def test_the_points_of_a_parameter(form: Any, count: int | None, points: list[Any]) -> None:
    (one,) = space({"vars.base": form}, trials=2).parameters
    assert isinstance(one, Parameter)
    assert (one.count, list(one.points)) == (count, points)


# What is checked ----------------------------------------------------------------------------------


def test_a_large_space_is_sampled_the_same_way_every_time() -> None:
    ranges = {f"vars.v{index}": {"integers": [1, 1000]} for index in range(11)}
    spec = written({**ranges, "vars.base": list(range(1, 31))}, trials=5)
    uses = " + ".join(f"v{index}" for index in range(11))
    spec["vars"] = {
        **{f"v{index}": 1 for index in range(11)},
        **SPEC["vars"],
        "all": f"$({uses})",
    }
    one = space_of(compiled(spec)).value
    assert one is not None
    first, second = to_check(one), to_check(one)
    assert first.found == second.found and len(first.found) <= MOST and not first.complete
    seen = {node.value for each in first.found for node in [each["vars.base"]]}  # type: ignore[union-attr]
    assert seen == set(range(1, 31))
    for index in range(11):
        ends = {node.value for each in first.found for node in [each[f"vars.v{index}"]]}  # type: ignore[union-attr]
        assert ends == {1, 1000}


def test_a_value_in_a_sample_that_does_not_fit_is_found() -> None:
    parameters = {f"vars.v{index}": {"integers": [1, 1000]} for index in range(11)}
    spec = written({**parameters, "vars.base": [*range(1, 31), -1]}, trials=5)
    spec["vars"] = {**{f"v{index}": 1 for index in range(11)}, **SPEC["vars"]}
    spec["vars"]["all"] = "$(" + " + ".join(f"v{index}" for index in range(11)) + ")"
    found = check_space(compiled(spec)).diagnostics
    assert [(one.code, one.span and one.span.text) for one in found] == [("MS205", "-1")]


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("vars.base", {"uniform": [1, 4]}),
        ("vars.base", {"log_uniform": [1, 4]}),
        ("vars.base", {"uniform": [1, 4], "step": 1}),
        ("training.batch_size", {"uniform": [1, 4]}),
    ],
)
def test_a_range_of_numbers_where_an_integer_is_required_is_refused_once(
    path: str, form: dict[str, Any]
) -> None:
    """Its ends are written as integers, but its trials set 1.0 and 2.7."""
    (found,) = check_space(compiled(written({path: form}, trials=2))).diagnostics
    assert (found.code, found.span and found.span.text) == ("MS204", "1")
    assert ".0`" in found.message and "`integers` gives integers" in str(found.help)


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.integers(1, 6), min_size=1, max_size=4, unique=True),
    st.lists(st.integers(1, 9), min_size=1, max_size=4, unique=True),
    st.lists(st.sampled_from([4, 8, -1]), min_size=1, max_size=3, unique=True),
)
def test_the_reported_values_are_in_every_invalid_trial_and_in_no_valid_one(
    kernels: list[int], pools: list[int], widths: list[int]
) -> None:
    """The expectation is arithmetic: a pool of p leaves 8 // p of 8 pixels for the kernel."""
    layers = [
        {"MaxPooling2D": {"pool_size": "$pool"}},
        {"Conv2D": {"filters": "$width", "kernel_size": "$kernel"}},
        {"Flatten": {}},
        {"Dense": 1},
    ]
    values = {"vars.kernel": kernels, "vars.pool": pools, "vars.width": widths}
    spec = {
        "vars": {"kernel": 1, "pool": 1, "width": 4},
        "model": {"inputs": {"image": [8, 8, 1]}, "layers": layers},
        "training": {"loss": "mse"},
        "sweep": {"objective": {"minimize": "parameters"}, "parameters": values},
    }
    causes = [
        dict(re.findall(r"`vars\.(\w+): (-?\d+)`", one.message))
        for one in check_space(compiled(spec)).diagnostics
    ]
    for kernel, pool, width in itertools.product(kernels, pools, widths):
        trial = {"kernel": str(kernel), "pool": str(pool), "width": str(width)}
        fits = pool <= 8 and kernel <= 8 // pool and width > 0
        assert fits != any(cause.items() <= trial.items() for cause in causes), (trial, causes)


def test_the_sizes_are_those_of_the_smallest_and_largest_trial() -> None:
    one = compiled(written({"vars.base": [2, 4, 8], "vars.deep": [True, False]}))
    report = check_space(one)
    sizes = [resolved_with(one, each).value for each in grid(report.space or space({}))]
    counts = [each.graph.parameters for each in sizes if each is not None and each.graph]
    assert report.trials == report.checked == len(counts) == 6 and report.complete
    assert report.sizes["parameters"] == (min(counts), max(counts))  # type: ignore[type-var]


def test_check_prints_the_number_of_trials_and_the_sizes() -> None:
    Path("grid.yaml").write_text(yaml.safe_dump(written({"vars.base": [2, 8]})))
    output = CliRunner().invoke(main, ["check", "grid.yaml"]).output
    assert output.splitlines()[1] == (
        "  sweep: a grid of 2 trials, 35 to 131 parameters and 28 to 112 multiply-adds"
    )
    found = json.loads(CliRunner().invoke(main, ["check", "grid.yaml", "--format", "json"]).output)
    assert found["sweeps"]["grid.yaml"] == {
        "trials": 2,
        "folds": None,
        "checked": 2,
        "complete": True,
        "parameters": [35, 131],
        "multiply_adds": [28, 112],
    }


@pytest.mark.parametrize(
    ("parameters", "keys", "text"),
    [
        ({"vars.base": {"integers": [2, 8]}}, {"trials": 40}, "sweep: 40 trials, 35 to 131"),
        ({"vars.base": [2, 8]}, {"trials": 1}, "sweep: 1 trial, 35 to 131"),
        (
            {"vars.base": [2, 8]},
            {"timeout": "2 hours", "sampler": "random"},
            "sweep: trials until `timeout` ends it, 35 to 131",
        ),
        ({"vars.base": [2, 8]}, {"trials": 1, "sampler": "grid"}, "sweep: a grid of 1 trial, 35"),
    ],
)
def test_check_describes_a_search(
    parameters: dict[str, Any], keys: dict[str, Any], text: str
) -> None:
    Path("spec.yaml").write_text(yaml.safe_dump(written(parameters, **keys)))
    assert text in CliRunner().invoke(main, ["check", "spec.yaml"]).output


def test_an_invalid_trial_fails_check_and_not_the_spec_itself() -> None:
    Path("spec.yaml").write_text(yaml.safe_dump(written({"vars.base": [4, -4]})))
    done = CliRunner().invoke(main, ["check", "spec.yaml"])
    assert done.exit_code == 1 and "with `vars.base: -4`" in done.output
    assert ms.load_spec("spec.yaml").diagnostics == ()


def test_a_sweep_has_one_identity_until_its_trials_change() -> None:
    parameters = {"vars.base": [2, 4]}
    one = identity(space(parameters))
    assert one == identity(space(parameters))
    named = {**written(parameters), "name": "other", "expect": {"parameters": "<= 1M"}, "x-a": 1}
    other = space_of(compiled(named)).value
    assert other is not None and identity(other) == one
    assert identity(space({"vars.base": [2, 8]})) != one
    assert identity(space(parameters, trials=1)) != one
    changed = written(parameters)
    changed["training"] = {**SPEC["training"], "epochs": 2}
    third = space_of(compiled(changed)).value
    assert third is not None and identity(third) != one


def test_a_spec_without_a_sweep_imports_none_of_it() -> None:
    import subprocess
    import sys

    Path("spec.yaml").write_text(yaml.safe_dump(SPEC))
    program = (
        "import sys; from modelspec.compiler.pipeline import compile_spec;"
        " assert compile_spec('spec.yaml').ok;"
        " print([name for name in sys.modules if name.startswith('modelspec.compiler')"
        " and any(word in name for word in ('sweep', 'space', 'fold_exp'))])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


# Folds --------------------------------------------------------------------------------------------


def folds_spec(split: dict[str, Any]) -> dict[str, Any]:
    return {
        "model": {"inputs": {"x": [1]}, "layers": [{"Dense": 1}]},
        "training": {"loss": "mse"},
        "data": {"source": {"csv": "t.csv"}, "inputs": "a", "targets": "y", "split": split},
        "sweep": {"parameters": {"data.split.fold": "all"}},
    }


@pytest.mark.parametrize(
    "split", [{}, {"stratify": "s"}, {"group": "g"}, {"order": "t"}, {"validation": 0.25}]
)
def test_the_test_parts_of_all_folds_are_every_row_once(split: dict[str, Any]) -> None:
    count, folds = 43, 4
    rows = [f"{i},{i},{'uv'[i % 3 == 0]},{i // 4},{(i * 7) % count}" for i in range(count)]
    Path("t.csv").write_text("\n".join(["a,y,s,g,t", *rows]) + "\n")
    Path("spec.yaml").write_text(yaml.safe_dump(folds_spec({"folds": folds, **split})))
    whole = compile_spec("spec.yaml").value
    assert whole is not None
    assert [one.overrides for one in folds_of(whole)] == [
        {"data.split.fold": number} for number in range(folds)
    ]
    parts = []
    for fold in folds_of(whole):
        trial = resolved_with(whole, fold.overrides).value
        assert trial is not None
        parts.append({k: part.positions.tolist() for k, part in prepare(trial).parts.items()})
    merged = in_order([(one["test"], [f"row {row}" for row in one["test"]]) for one in parts])
    time = [(i * 7) % count for i in range(count)]
    first = set(range(count)) - set(merged.ids)
    assert list(merged.ids) == sorted(set(merged.ids))
    assert merged.rows == tuple(f"row {row}" for row in merged.ids)
    assert all(
        row in parts[fold]["test"] for row, fold in zip(merged.ids, merged.folds, strict=True)
    )
    if "order" in split:  # the rows before the first fold
        assert max(time[row] for row in first) < min(time[row] for row in merged.ids)
        for one in parts:
            assert max(time[row] for row in one["train"]) < min(time[row] for row in one["test"])
    else:
        assert not first
        for one in parts:
            assert sorted(itertools.chain(*one.values())) == list(range(count))
    if "group" in split:
        for one in parts:
            assert not {row // 4 for row in one["train"]} & {row // 4 for row in one["test"]}
    elif "order" not in split:
        theirs = sorted(len(test) for _, test in KFold(folds).split(np.zeros(count)))
        assert sorted(len(one["test"]) for one in parts) == theirs


def test_rows_of_two_folds_are_an_error() -> None:
    with pytest.raises(ValueError, match="row 2 is in fold 0 and in fold 1"):
        in_order([([1, 2], ["a", "b"]), ([2], ["c"])])
    with pytest.raises(ValueError, match="2 rows and 1 predictions"):
        in_order([([1, 2], ["a"])])
    assert in_order([]).ids == ()


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=8))
def test_the_mean_and_the_deviation_over_folds(values: list[float]) -> None:
    """As the standard library's, whose sums are exact."""
    found = over_folds(values)
    assert found.mean == pytest.approx(statistics.fmean(values), abs=1e-9)
    assert found.std == pytest.approx(statistics.stdev(values), rel=1e-6, abs=1e-6)
    assert over_folds([0.5]) == (0.5, 0.0, (0.5,))
