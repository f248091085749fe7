"""What `data` says beyond columns: grammar, missing values, weights, splits and the cache; no
framework is loaded.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelspec.compiler.pipeline import Compiled, compile_spec
from modelspec.runtime.data import DataError, RunError, cache, prepare
from modelspec.runtime.data import column_reader as reading
from modelspec.runtime.data.adapted_state import State
from modelspec.runtime.data.prepare import prepare_source
from modelspec.runtime.data.sources import open_source
from modelspec.runtime.data.split import split

REGRESSOR = [{"Dense": {"units": 1, "name": "y"}}]
CLASSIFIER = [{"Dense": {"units": 3, "activation": "softmax", "name": "y"}}]
AB = {"columns": ["a", "b"]}


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MODELSPEC_CACHE", str(tmp_path / "cache"))


def mapping(
    layers: Any = REGRESSOR,
    shape: Any = (2,),
    training: Any = None,
    dtype: str = "float32",
    **data: Any,
) -> Any:
    return {
        "model": {"inputs": {"x": {"shape": list(shape), "dtype": dtype}}, "layers": layers},
        "data": {"source": {"csv": "t.csv"}, "targets": "y", **data},
        "training": {"loss": "mse", "batch_size": 2, **(training or {})},
    }


def spec(*args: Any, **data: Any) -> Compiled:
    checked = compile_spec(mapping(*args, **data))
    assert checked.ok, [str(one) for one in checked.diagnostics]
    assert checked.value is not None
    return checked.value


def write(text: str, name: str = "t.csv") -> None:
    Path(name).write_text(text, encoding="utf-8")


def codes(compiled: Compiled) -> list[str]:
    with pytest.raises(RunError) as caught:
        prepare(compiled)
    return [one.code for one in caught.value.diagnostics]


BAD_FOR_TRANSFORMS: dict[str, tuple[str, Any, str, str]] = {
    # name: (table, feature, code, words)
    "words for numbers": (
        "a,b,y\nx,1,0\nz,2,1\n",
        {"column": "a", "transform": ["Normalization"]},
        "MS609",
        '"x" at t.csv:2',
    ),
    "a missing word": (
        "a,b,y\nx,1,0\n,2,1\n",
        {"column": "a", "transform": [{"StringLookup": {"output_mode": "one_hot"}}]},
        "MS608",
        "no value at t.csv:3",
    ),
    "infinity": (
        "a,b,y\ninf,1,0\n1,2,1\n",
        {"column": "a", "transform": ["Normalization"]},
        "MS613",
        "t.csv:2",
    ),
    "a fraction for a category": (
        "a,b,y\n1.5,1,0\n1,2,1\n",
        {"column": "a", "transform": [{"IntegerLookup": {"output_mode": "one_hot"}}]},
        "MS621",
        "`a` is 1.5 at t.csv:2",
    ),
}


@pytest.mark.parametrize("case", BAD_FOR_TRANSFORMS)
def test_bad_data_are_told_before_a_framework_is_loaded(case: str) -> None:
    text, feature, code, words = BAD_FOR_TRANSFORMS[case]
    write(text)
    loaded: list[bool] = []
    with pytest.raises(DataError) as caught:
        prepare(spec(shape=("auto",), inputs=feature), load=lambda: loaded.append(True))
    assert [one.code for one in caught.value.diagnostics] == [code]
    assert words in f"{caught.value.diagnostics[0].message} {caught.value.diagnostics[0].help}"
    assert not loaded


# Missing values -----------------------------------------------------------------------------------

HOLES = "a,b,y\n1,10,0\n,20,1\n3,,2\n5,40,3\n"


@pytest.mark.parametrize(
    ("policy", "a", "b"),
    [
        ("mean", 3, 70 / 3),
        ("median", 3, 20),
        ("most_frequent", 1, 10),
        (-7, -7, -7),
    ],
)
def test_a_missing_number_is_replaced(policy: Any, a: float, b: float) -> None:
    write(HOLES)
    prepared = prepare(spec(inputs={**AB, "missing": policy}))
    expected = np.array([[1, 10], [a, 20], [3, b], [5, 40]], np.float32)
    np.testing.assert_array_equal(prepared.parts["train"].examples.inputs["x"], expected)


def test_a_statistic_is_that_of_the_training_split_alone() -> None:
    write("a,b,d,y\n1,1,1,0\n3,1,2,0\n,1,3,0\n100,1,4,0\n")
    prepared = prepare(spec(inputs={**AB, "missing": "mean"}, split={"test": 0.25, "order": "d"}))
    assert prepared.state.features["inputs", "x"].fill == {"a": 2.0, "b": 1.0}
    assert prepared.parts["test"].positions.tolist() == [3]


def test_examples_are_dropped_and_told_by_their_own_rows() -> None:
    write(HOLES)
    examples = prepare(spec(inputs={**AB, "missing": "drop"})).parts["train"].examples
    assert examples.inputs["x"].tolist() == [[1, 10], [5, 40]]
    assert examples.targets["y"].ravel().tolist() == [0, 3]
    assert examples.rows is not None and examples.rows.tolist() == [0, 3]
    write("a,b,y\n,1,0\n1,1,0\n1,1,7\n")
    broken = spec(
        CLASSIFIER,
        inputs={**AB, "missing": "drop"},
        training={"loss": "sparse_categorical_crossentropy"},
    )
    with pytest.raises(DataError, match=r"label 7.*t\.csv:4"):
        prepare(broken)


def test_a_dropped_example_changes_nobody_elses_part() -> None:
    rows = "".join(f"{i},{i},{i}\n" for i in range(40))
    write("a,b,y\n" + rows + ",1,1\n")
    cut = {"test": 0.25}
    small = prepare(spec(inputs={**AB, "missing": "drop"}, split=cut)).parts["test"]
    write("a,b,y\n" + rows)
    assert (
        prepare(spec(inputs=AB, split=cut)).parts["test"].positions.tolist()
        == small.positions.tolist()
    )


def test_nothing_to_measure_is_told() -> None:
    write("a,b,y\n,1,0\n,2,1\n")
    assert codes(spec(inputs={**AB, "missing": "mean"})) == ["MS628"]
    write("a,b,y\n,1,0\n,2,1\n")
    assert codes(spec(inputs={**AB, "missing": "drop"})) == ["MS612"]


def test_prediction_needs_every_row() -> None:
    write(HOLES)
    compiled = spec(inputs={**AB, "missing": "drop"})
    state = prepare(compiled).state
    assert compiled.data is not None
    table = open_source(compiled.data.sources["train"], compiled.file.context)
    with pytest.raises(DataError, match=r"`a` has no value at t\.csv:3"):
        prepare_source(compiled, table, with_targets=False, state=state)


# Weights ------------------------------------------------------------------------------------------


def test_weights_come_from_a_column() -> None:
    write("a,b,w,y\n1,1,2,0\n1,1,0.5,0\n")
    examples = prepare(spec(inputs=AB, weights="w")).parts["train"].examples
    assert examples.weights is not None and examples.weights.tolist() == [2, 0.5]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a,b,w,y\n1,1,-2,0\n1,1,1,0\n", "MS629"),
        ("a,b,w,y\n1,1,0,0\n1,1,0,0\n", "MS629"),
        ("a,b,w,y\n1,1,,0\n1,1,1,0\n", "MS608"),
        ("a,b,w,y\n1,1,x,0\n1,1,1,0\n", "MS609"),
        ("a,b,w,y\n1,1,inf,0\n1,1,1,0\n", "MS613"),
        ("a,b,v,y\n1,1,1,0\n1,1,1,0\n", "MS607"),
    ],
)
def test_weights_that_are_none(text: str, code: str) -> None:
    write(text)
    assert codes(spec(inputs=AB, weights="w")) == [code]


CLASSES = "a,b,y\n1,1,0\n1,1,0\n1,1,0\n1,1,1\n"
SPARSE = {"loss": "sparse_categorical_crossentropy"}


def weights_of(
    weight: Any, layers: Any = CLASSIFIER, loss: str = "sparse_categorical_crossentropy"
) -> list[float]:
    write(CLASSES)
    compiled = spec(layers, inputs=AB, training={"loss": loss, "class_weight": weight})
    return list(prepare(compiled).parts["train"].examples.class_weights["y"])


def test_balanced_weights_are_those_of_scikit_learn() -> None:
    from sklearn.utils.class_weight import compute_sample_weight

    np.testing.assert_allclose(
        weights_of("balanced"), compute_sample_weight("balanced", [0, 0, 0, 1]), rtol=1e-6
    )


@pytest.mark.parametrize("weight", [{"0": 1.0, "1": 4.0}, [1.0, 4.0], {"y": {"0": 1.0, "1": 4.0}}])
def test_weights_of_classes_become_weights_of_examples(weight: Any) -> None:
    assert weights_of(weight) == [1, 1, 1, 4]
    sigmoid = [{"Dense": {"units": 1, "activation": "sigmoid", "name": "y"}}]
    assert weights_of(weight, sigmoid, "binary_crossentropy") == [1, 1, 1, 4]


@pytest.mark.parametrize(
    ("weight", "words"),
    [
        ({"0": 1.0}, "no weight for class `1`"),
        ({"0": 1.0, "1": 1.0, "3": 1.0}, "names class `3`"),
        ({"0": 1.0, "one": 1.0}, "names class `one`"),
    ],
)
def test_weights_of_classes_that_do_not_match_the_data(weight: Any, words: str) -> None:
    with pytest.raises(DataError, match=words) as caught:
        weights_of(weight)
    assert [one.code for one in caught.value.diagnostics] == ["MS629"]


# Splits -------------------------------------------------------------------------------------------

Fractions = st.tuples(st.floats(0, 0.45), st.floats(0, 0.45))


@given(st.integers(0, 9), st.lists(st.integers(0, 8), min_size=1, max_size=60), Fractions)
def test_a_group_is_in_one_part_alone(
    seed: int, groups: list[int], fractions: tuple[float, float]
) -> None:
    found = split(seed, len(groups), *fractions, groups=np.array(groups))
    of_part = {part: {groups[i] for i in positions} for part, positions in found.items()}
    assert sum(len(one) for one in of_part.values()) == len(set(groups))
    assert sorted(np.concatenate(list(found.values()))) == list(range(len(groups)))


def test_groups_come_near_their_fractions() -> None:
    found = split(0, 1000, 0.2, 0.1, groups=np.arange(1000) // 10)
    assert {part: len(one) for part, one in found.items()} == {
        "train": 700,
        "validation": 200,
        "test": 100,
    }


@given(st.lists(st.integers(0, 50), min_size=4, max_size=60), Fractions)
def test_later_examples_are_kept_for_later(
    times: list[int], fractions: tuple[float, float]
) -> None:
    found = split(0, len(times), *fractions, times=np.array(times))
    ordered = [[times[i] for i in found[part]] for part in ("train", "validation", "test")]
    full = [one for one in ordered if one]
    for before, after in pairwise(full):
        assert max(before) <= min(after)


def test_times_that_cannot_be_put_in_order_are_told() -> None:
    write("a,b,d,y\n1,1,3/14/2026,0\n1,1,2/14/2026,0\n")
    assert codes(spec(inputs=AB, split={"test": 0.5, "order": "d"})) == ["MS634"]
    write("a,b,d,y\n1,1,,0\n1,1,2026-01-01,0\n")
    assert codes(spec(inputs=AB, split={"test": 0.5, "group": "d"})) == ["MS634"]


# Sequences ----------------------------------------------------------------------------------------


class _Lists:
    """Lists of different lengths, as a source of a table may have them."""

    @staticmethod
    def table(values: list[Any]) -> Any:
        from modelspec.runtime.data import Table

        class Rows(Table):
            def read(self, name: str) -> Any:
                found = np.empty(len(values), object)
                found[:] = [np.array(one) for one in values] if name == "a" else None
                return found if name == "a" else np.zeros(len(values))

            def place(self, name: str, index: tuple[int, ...]) -> str:
                return f"lists:{index[0]}"

        return Rows("lists", ("a", "y"), "0", None)


def test_sequences_are_cut_and_filled_up() -> None:
    table = _Lists.table([[1, 2, 3], [4], [5, 6]])
    padded = spec(
        shape=(2,), inputs={"column": "a", "pad": {"length": 2, "padding": "post", "value": 9}}
    )
    examples, _ = prepare_source(padded, table, with_targets=True)
    assert examples.inputs["x"].tolist() == [[2, 3], [4, 9], [5, 6]]
    plain = spec(shape=(2,), inputs={"column": "a"})
    with pytest.raises(DataError, match="3 values at lists:0, but 1 at lists:1"):
        prepare_source(plain, table, with_targets=True)


def test_what_fills_up_need_not_be_a_value_of_the_column() -> None:
    table = _Lists.table([np.array([1, 2], np.uint8), np.array([3], np.uint8)])
    padded = spec(shape=(2,), inputs={"column": "a", "pad": {"length": 2, "value": -1}})
    examples, _ = prepare_source(padded, table, with_targets=True)
    assert examples.inputs["x"].tolist() == [[1, 2], [-1, 3]]


def test_without_a_length_all_are_as_long_as_the_longest() -> None:
    table = _Lists.table([[1, 2, 3], [4], [5, 6]])
    examples, _ = prepare_source(
        spec(shape=(3,), inputs={"column": "a", "pad": {"padding": "pre"}}),
        table,
        with_targets=True,
    )
    assert examples.inputs["x"].tolist() == [[1, 2, 3], [0, 0, 4], [0, 5, 6]]


# The state of a run -------------------------------------------------------------------------------


def test_what_was_learned_is_read_back_as_it_was(tmp_path: Path) -> None:
    write(HOLES)
    state = prepare(spec(inputs={**AB, "missing": "mean"})).state
    state.save(tmp_path)
    assert State.load(tmp_path) == state
    file = tmp_path / "preprocessing" / "state.json"
    values = json.loads(file.read_text())
    values["features"]["inputs"]["x"]["fill"]["a"] = 4.0
    for text in (json.dumps(values), "{", "[]", "{}"):
        file.write_text(text)
        with pytest.raises(RunError) as caught:
            State.load(tmp_path)
        assert [one.code for one in caught.value.diagnostics] == ["MS631"]


# The cache ----------------------------------------------------------------------------------------


def table_of(count: int, start: int = 0) -> None:
    write("a,b,y\n" + "".join(f"{i},{i / 2},{i % 3}\n" for i in range(start, start + count)))


def disk(**data: Any) -> Any:
    return prepare(spec(inputs={**AB, "missing": "mean"}, cache="disk", **data))


def test_an_entry_is_used_again_for_the_same_data_alone() -> None:
    table_of(50)
    first, second = disk(), disk()
    assert (first.cache[0].used, second.cache[0].used) == (False, True)
    assert isinstance(second.parts["train"].examples.inputs["x"], np.memmap)
    np.testing.assert_array_equal(
        first.parts["train"].examples.inputs["x"], second.parts["train"].examples.inputs["x"]
    )
    assert first.state == second.state
    table_of(50, start=1)
    changed = disk()
    assert not changed.cache[0].used
    assert changed.cache[0].differs == ("source",)


def test_a_key_has_what_determines_the_data_and_nothing_else() -> None:
    table_of(50)
    disk()
    assert disk(split={"test": 0.2}).cache[0].differs == ("learned",)
    assert disk(training={"epochs": 7}).cache[0].used
    other = prepare(spec(inputs={**AB, "missing": 0}, cache="disk"))
    assert set(other.cache[0].differs) == {"columns", "learned"}
    again = prepare(spec(inputs={**AB, "missing": 0}, cache="disk", split={"test": 0.3}))
    assert again.cache[0].used, "nothing is learned, so the split does not matter"


def test_what_is_kept_in_memory_leaves_nothing_on_disk(tmp_path: Path) -> None:
    table_of(50)
    assert prepare(spec(inputs=AB)).cache[0].where == "memory"
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("mode", ["auto", "off"])
def test_data_larger_than_memory_are_the_same(
    mode: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    table_of(20_000)
    inputs = {**AB, "missing": "median"}
    small = prepare(spec(inputs=inputs, split={"test": 0.1})).parts["train"].examples
    monkeypatch.setattr(reading, "MEMORY", 1000)
    prepared = prepare(spec(inputs=inputs, split={"test": 0.1}, cache=mode))
    large = prepared.parts["train"].examples
    assert prepared.cache[0].where == ("disk" if mode == "auto" else "temporary file")
    assert (tmp_path / "cache").exists() == (mode == "auto")
    np.testing.assert_array_equal(small.inputs["x"], large.inputs["x"])
    np.testing.assert_array_equal(small.targets["y"], large.targets["y"])


def test_a_damaged_entry_is_made_anew(tmp_path: Path) -> None:
    table_of(50)
    key = disk().cache[0].key
    for file in (tmp_path / "cache" / key).glob("*.npy"):
        file.write_bytes(file.read_bytes()[:100])
    again = disk()
    assert not again.cache[0].used
    assert again.parts["train"].examples.inputs["x"][3].tolist() == [3, 1.5]
    assert disk().cache[0].used


def test_a_writer_that_was_killed_leaves_nothing_that_is_used(tmp_path: Path) -> None:
    table_of(50)
    script = """
import os, signal
from modelspec.runtime.data import cache
cache.Writer.commit = lambda *a, **k: os.kill(os.getpid(), signal.SIGKILL)
from modelspec.runtime.data import prepare
from modelspec.compiler.pipeline import compile_spec
import json, sys
prepare(compile_spec(json.load(sys.stdin)).value)
"""
    values = mapping(inputs={**AB, "missing": "mean"}, cache="disk")
    done = subprocess.run(
        [sys.executable, "-c", script],
        input=json.dumps(values),
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
    )
    assert done.returncode == -9
    assert [path.name for path in (tmp_path / "cache").iterdir() if path.name.startswith(".")]
    assert not disk().cache[0].used
    assert not [path.name for path in (tmp_path / "cache").iterdir() if path.name.startswith(".")]
    assert disk().cache[0].used


def _write_entry(values: Any) -> bool:
    checked = compile_spec(values)
    assert checked.value is not None
    return prepare(checked.value).cache[0].used


def test_two_writers_make_one_entry(tmp_path: Path) -> None:
    table_of(5000)
    values = mapping(inputs={**AB, "missing": "mean"}, cache="disk")
    with multiprocessing.get_context("fork").Pool(2) as pool:
        pool.map(_write_entry, [values, values])
    assert len([path for path in (tmp_path / "cache").iterdir() if path.is_dir()]) == 1
    assert _write_entry(values)


def test_a_cache_that_cannot_be_written_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table_of(50)
    write("", "file")
    monkeypatch.setenv("MODELSPEC_CACHE", str(tmp_path / "file" / "below"))
    assert codes(spec(inputs=AB, cache="disk")) == ["MS632"]


def test_targets_that_are_looked_at_bit_by_bit_are_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from modelspec.runtime.data import materialise

    write("a,b,y\n" + "".join(f"{i},1,{i // 10000}\n" for i in range(20_000)))
    compiled = spec(CLASSIFIER, inputs=AB, training=SPARSE)
    together = prepare(compiled)
    monkeypatch.setattr(materialise, "_TOGETHER", 10)
    apart = prepare(compiled)
    np.testing.assert_array_equal(
        together.parts["train"].examples.targets["y"], apart.parts["train"].examples.targets["y"]
    )
    assert together.warnings == apart.warnings == ()


def test_faults_and_warnings_are_told_again() -> None:
    write("a,b,y\n1,1,0\n1,1,0\n")
    compiled = spec(CLASSIFIER, inputs=AB, cache="disk", training=SPARSE)
    for _ in range(2):
        assert "MS620" in [one.code for one in prepare(compiled).warnings]
    assert cache.folder().exists()
