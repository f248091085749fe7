"""Transforms compute in float64 on values as they were read, learn the same from any blocks of rows,
and see one example at a time. The oracles are NumPy in float64 and Keras.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import modelspec as ms
from modelspec.catalog.layers import LAYERS
from modelspec.catalog.layers.layer import Example, Layer
from modelspec.compiler.pipeline import Compiled, compile_spec
from modelspec.core.settings import Context
from modelspec.core.shapes import Tensor
from modelspec.runtime.data import RunError, prepare
from modelspec.runtime.data.adapted_state import State
from modelspec.runtime.data.moments import EvenBlocks, Moments
from modelspec.runtime.data.quantiles import Quantiles
from modelspec.runtime.data.target_inverse import inverse

from .test_transforms import compiled, table, values_of

pytestmark = pytest.mark.tensorflow

TIMES = 1_700_000_000 + np.arange(60)
"""Seconds: a float32 has one number for all of them."""


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MODELSPEC_CACHE", str(tmp_path / "cache"))


def expression(formula: str, **learned: Any) -> dict[str, Any]:
    return {"Expression": {"formula": formula, "learned": learned} if learned else formula}


# In float64 ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("transform", "expected"),
    [
        (["Normalization"], (TIMES - TIMES.mean()) / TIMES.std()),
        ([{"Rescaling": {"scale": 1 / 60, "offset": -1.7e9 / 60}}], (TIMES - 1.7e9) / 60),
        ([expression("(x - 1700000000) / 60")], (TIMES - 1.7e9) / 60),
        ([expression("x % 60")], TIMES % 60),
        (
            [expression("(x - m) / s", m="mean(x)", s="std(x)")],
            (TIMES - TIMES.mean()) / TIMES.std(),
        ),
        ([expression("x - learned", learned="max(x)")], TIMES - TIMES.max()),
        (
            [{"Normalization": {"mean": 1_700_000_010.5, "variance": 4.0}}],
            (TIMES - 1_700_000_010.5) / 2,
        ),
        (
            [{"Discretization": {"bin_boundaries": [1_700_000_015, 1_700_000_030]}}],
            np.digitize(TIMES, [1_700_000_015, 1_700_000_030]),
        ),
        (
            [{"Discretization": {"num_bins": 7}}],
            np.digitize(TIMES, np.quantile(TIMES, np.arange(1, 7) / 7)),
        ),
        ([{"Rescaling": 1.0}, "Normalization"], (TIMES - TIMES.mean()) / TIMES.std()),
    ],
    ids=lambda value: json.dumps(value)[:50] if isinstance(value, list) else "",
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_times_are_told_apart(transform: Any, expected: Any, dtype: str) -> None:
    table({"t": TIMES.tolist(), "y": [0] * len(TIMES)})
    found = values_of(_of_dtype(transform, dtype))
    assert found.dtype == dtype
    narrow = dtype == "float32"
    np.testing.assert_allclose(
        found.ravel(), expected, rtol=1e-6 if narrow else 1e-14, atol=0 if narrow else 1e-8
    )


def _of_dtype(transform: Any, dtype: str, **data: Any) -> Compiled:
    checked = compile_spec(
        {
            "model": {
                "inputs": {"x": {"shape": [1], "dtype": dtype}},
                "layers": [{"Dense": {"units": 1, "name": "y"}}],
            },
            "data": {
                "source": {"csv": "t.csv"},
                "inputs": {"column": "t", "transform": transform},
                "targets": "y",
                **data,
            },
            "runtime": {"precision": dtype},
            "training": {"loss": "mse"},
        }
    )
    assert checked.value is not None, checked.diagnostics
    return checked.value


def test_statistics_are_stored_in_float64_and_read_back(tmp_path: Path) -> None:
    table({"t": TIMES.tolist(), "y": [0] * len(TIMES)})
    spec = compiled(
        {"column": "t", "transform": ["Normalization", expression("x * s", s="std(x, axis=0)")]},
        (1,),
    )
    prepared = prepare(spec)
    prepared.save(tmp_path)
    again = State.load(tmp_path).features["inputs", "x"].learned
    assert again == prepared.state.features["inputs", "x"].learned
    assert again[0] == {"mean": (TIMES.mean(),), "variance": (TIMES.var(),)}
    assert again[1] is not None and again[1]["learned"] == {"s": (pytest.approx(1.0, rel=1e-15),)}


def test_targets_of_a_double_model_are_doubles_also_from_the_cache() -> None:
    table({"t": TIMES.tolist(), "y": (TIMES + 0.5).tolist()})
    for dtype in ("float32", "float64"):
        values = _of_dtype(["Normalization"], dtype, cache="disk")
        found = prepare(values).parts["train"].examples.targets["y"]
        np.testing.assert_array_equal(found.ravel(), (TIMES + 0.5).astype(dtype))


def test_a_constant_column_becomes_zero() -> None:
    table({"t": [1_700_000_000.1] * 50, "y": [0] * 50})
    assert not values_of(compiled({"column": "t", "transform": ["Normalization"]}, (1,))).any()


def test_whole_numbers_that_float64_changes_are_refused() -> None:
    rows = [{"t": 2**53 + 1, "y": 0}, {"t": 2**53 + 2, "y": 1}]
    Path("t.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    spec = compiled(
        {"column": "t", "transform": ["Normalization"]}, (1,), source={"jsonl": "t.jsonl"}
    )
    with pytest.raises(RunError) as caught:
        prepare(spec)
    assert "MS621" in {one.code for one in caught.value.diagnostics}


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_predictions_are_turned_back_in_float64(dtype: str) -> None:
    layer = LAYERS.find("Normalization")
    assert layer is not None
    known = layer.build({"mean": 1_700_000_000.5, "variance": 1e10}, Context())
    assert isinstance(known, Layer)
    values = np.array([[-1.5], [2.0]], dtype)
    found = inverse((known,), values)
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, [[1_699_850_000.5], [1_700_200_000.5]])


# Learned from blocks ------------------------------------------------------------------------------


def blocks_of(values: Any, sizes: tuple[int, ...]) -> list[Any]:
    return np.split(values, np.cumsum(sizes))


@pytest.mark.parametrize("name", ["normal", "ties", "large", "wide", "two", "one"])
@pytest.mark.parametrize("limit", [None, 8000, 80])
def test_quantiles_are_those_of_numpy(name: str, limit: int | None) -> None:
    """However little is kept in memory, and whatever the order of the values."""
    random = np.random.default_rng(0)
    values = {
        "normal": random.normal(size=5001),
        "ties": random.integers(-2, 3, 4000).astype(float),
        "large": 1.7e9 + np.arange(3000),
        "wide": random.normal(size=2000) * 10.0 ** random.integers(-300, 300, 2000),
        "two": np.array([1.0, 2.0]),
        "one": np.array([3.0]),
    }[name]
    for bins in (2, 4, 10):
        shares = np.arange(1, bins) / bins
        learned = Quantiles(shares, limit)
        done = False
        while not done:
            for part in np.array_split(random.permutation(values), 5):
                learned.add(part)
            done = learned.finish()
        np.testing.assert_array_equal(learned.found, np.quantile(values, shares))


def test_moments_do_not_depend_on_blocks() -> None:
    """To the last bit, with and without entries that do not count."""
    random = np.random.default_rng(0)
    values = random.normal(1e9, 1, (5000, 3, 200))
    real = random.random((5000, 3, 1)) < 0.7
    real = np.broadcast_to(real, values.shape)
    found = []
    for sizes in ((), (1, 17, 4000), (2500,)):
        moments, marked = Moments((0, 1)), Moments((0, 1))
        plain, some = EvenBlocks(moments.add), EvenBlocks(marked.add)
        for part, marks in zip(blocks_of(values, sizes), blocks_of(real, sizes), strict=True):
            plain.add(part, None)
            some.add(part, marks)
        plain.finish()
        some.finish()
        found.append((moments.mean, moments.variance, marked.mean, marked.variance))
    for other in found[1:]:
        for one, same in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(one, same)
    for column in range(0, 200, 50):
        chosen = values[:, :, column].ravel()
        mean, kept = math.fsum(chosen) / chosen.size, chosen[real[:, :, column].ravel()]
        assert found[0][0][0, 0, column] == pytest.approx(mean, rel=1e-15)
        np.testing.assert_allclose(found[0][1][0, 0, column], (chosen - mean).var(), rtol=1e-12)
        np.testing.assert_allclose(found[0][3][0, 0, column], (kept - mean).var(), rtol=1e-12)


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("mean(x)", lambda x: x.mean()),
        ("mean(x, axis=0)", lambda x: x.mean(axis=0)),
        ("sum(x, axis=0, keepdims=True)", lambda x: x.sum(axis=0, keepdims=True)),
        ("std(x, axis=0)", lambda x: x.std(axis=0)),
        ("var(log1p(abs(x)))", lambda x: np.log1p(np.abs(x)).var()),
        ("max(x, axis=-2) - min(x, axis=-2)", lambda x: np.ptp(x, axis=0)),
        ("mean(sum(x, axis=1))", lambda x: x.sum(axis=1).mean()),
        ("sqrt(mean(square(x)))", lambda x: np.sqrt(np.square(x).mean())),
        ("2 * max(abs(x[:, :1])) + 1", lambda x: 2 * np.abs(x[:, :1]).max() + 1),
    ],
)
def test_what_an_expression_learns_is_that_of_all_training_rows(
    formula: str, expected: Any
) -> None:
    random = np.random.default_rng(0)
    rows = random.normal(5, 2, (9000, 2))  # more than one block
    np.savez("t.npz", x=rows, y=np.zeros(len(rows)))
    spec = compiled(
        {"column": "x", "transform": [expression("x - q", q=formula)]},
        (2,),
        source={"npz": "t.npz"},
        split={"test": 0.3},
    )
    prepared = prepare(spec)
    train = rows[prepared.parts["train"].positions]
    learned = prepared.state.features["inputs", "x"].learned[0]
    assert learned is not None
    np.testing.assert_allclose(learned["learned"]["q"], expected(train), rtol=1e-12)
    np.testing.assert_allclose(
        prepared.parts["train"].examples.inputs["x"], rows - expected(train), rtol=1e-5, atol=1e-5
    )


def test_a_run_predicts_a_row_as_it_trained_on_it(tmp_path: Path) -> None:
    """What an expression learned is used in `evaluate` and `predict`, whatever rows are there."""
    from modelspec.runtime.run import evaluate, predict

    random = np.random.default_rng(0)
    rows = random.normal(10, 3, 40)
    table({"a": list(rows), "y": list(rows)})
    spec = {
        "seed": 1,
        "model": {"inputs": {"x": [1]}, "layers": [{"Dense": {"units": 1, "name": "y"}}]},
        "data": {
            "source": {"csv": "t.csv"},
            "split": {"test": 0.2},
            "inputs": {
                "column": "a",
                "transform": [expression("(x - m) / s", m="mean(x)", s="std(x)")],
            },
            "targets": "y",
        },
        "training": {"loss": "mse", "epochs": 1},
    }
    run = ms.load_spec(spec).train(run_dir=tmp_path / "run")
    weights = [np.asarray(one, np.float64) for one in run.model.get_weights()]
    whole = predict(tmp_path / "run", "t.csv").outputs["y"].ravel()
    table({"a": list(rows[:3])}, "three.csv")
    np.testing.assert_array_equal(
        predict(tmp_path / "run", "three.csv").outputs["y"].ravel(), whole[:3]
    )
    state = State.load(tmp_path / "run").features["inputs", "x"].learned[0]
    assert state is not None
    known = state["learned"]
    expected = (rows - known["m"]) / known["s"] * weights[0][0, 0] + weights[1][0]
    np.testing.assert_allclose(whole, expected, rtol=1e-5, atol=1e-6)
    assert evaluate(tmp_path / "run").metrics == run.metrics


# Padding ------------------------------------------------------------------------------------------

LISTS = [
    [float(value) for value in np.random.default_rng(i).normal(10, 1, 1 + i % 6)] for i in range(50)
]
FLAT = np.concatenate(LISTS)


def padded(transform: Any, shape: Any = (12,), pad: Any = 12, lists: Any = LISTS) -> Any:
    lines = (json.dumps({"s": one, "y": 0.0}) for one in lists)
    Path("t.jsonl").write_text("\n".join(lines), encoding="utf-8")
    spec = compiled(
        {"column": "s", "pad": pad, "transform": transform}, shape, source={"jsonl": "t.jsonl"}
    )
    prepared = prepare(spec)
    learned = prepared.state.features["inputs", "x"].learned
    return learned, prepared.parts["train"].examples.inputs["x"]


@pytest.mark.parametrize("pad", [12, {"length": 12, "padding": "post", "value": -7}])
def test_padding_is_no_part_of_statistics(pad: Any) -> None:
    learned, _ = padded([{"Normalization": {"axis": None}}], pad=pad)
    np.testing.assert_allclose(learned[0]["mean"], FLAT.mean(), rtol=1e-14)
    np.testing.assert_allclose(learned[0]["variance"], FLAT.var(), rtol=1e-12)
    learned, _ = padded([{"Discretization": {"num_bins": 4}}], pad=pad)
    np.testing.assert_array_equal(
        learned[0]["bin_boundaries"], np.quantile(FLAT, [0.25, 0.5, 0.75])
    )
    learned, _ = padded([expression("x - m", m="mean(x) + min(x)")], pad=pad)
    np.testing.assert_allclose(learned[0]["learned"]["m"], FLAT.mean() + FLAT.min(), rtol=1e-14)


def test_padding_is_followed_through_layers() -> None:
    log = np.log(FLAT)
    learned, _ = padded([expression("log(maximum(x, 1))"), {"Normalization": {"axis": None}}])
    np.testing.assert_allclose(learned[1]["mean"], log.mean(), rtol=1e-14)
    learned, _ = padded([{"Reshape": [3, 4]}, "Flatten", {"Normalization": {"axis": None}}])
    np.testing.assert_allclose(learned[2]["mean"], FLAT.mean(), rtol=1e-14)
    learned, found = padded(["Normalization"])  # each step has its own
    ends = [one[-1] for one in LISTS]
    np.testing.assert_allclose(learned[0]["mean"][-1], np.mean(ends), rtol=1e-14)
    assert learned[0]["mean"][0] == 0 and learned[0]["variance"][0] == 1 and not found[:, 0].any()


def test_what_cannot_leave_padding_out_is_refused() -> None:
    with pytest.raises(RunError) as caught:
        padded(
            [{"Reshape": [12, 1]}, {"AveragePooling1D": 2}, {"Normalization": {"axis": None}}],
            (6, 1),
        )
    assert [one.code for one in caught.value.diagnostics] == ["MS669"]


def test_a_lookup_learns_the_words_of_the_sequences() -> None:
    """In Keras's order, without what fills up, which is masked; a lookup that masks nothing and has
    no place for it has it as a token.
    """
    import keras

    words, pad = [["b", "a", "b"], ["c"], [], ["b", "c"]], {"length": 4, "value": "-"}
    learned, found = padded([{"StringLookup": {}}], (4,), pad, words)
    layer = keras.layers.StringLookup()
    layer.adapt(np.array([word for row in words for word in row]))
    assert list(learned[0]["vocabulary"]) == layer.get_vocabulary()[1:]
    assert found[2].tolist() == [0, 0, 0, 0]
    for mask in ({}, {"mask_token": "-"}):
        closed = {"StringLookup": {"num_oov_indices": 0, **mask}}
        learned, found = padded([closed], (4,), pad, words)
        assert sorted(learned[0]["vocabulary"]) == ["a", "b", "c"]
        assert found[2].tolist() == [0, 0, 0, 0]
    unmasked = {"StringLookup": {"num_oov_indices": 0, "mask_token": None}}
    learned, _ = padded([unmasked], (4,), pad, words)
    assert "-" in learned[0]["vocabulary"]


# One example at a time ----------------------------------------------------------------------------


def preparing() -> list[tuple[str, Example]]:
    """Every layer of numbers that may stand in a transform, with its examples; of those that learn,
    the ones that have learned.
    """
    found = []
    for kind in sorted(LAYERS.kinds()):
        layer = LAYERS.find(kind)
        assert layer is not None and issubclass(layer, Layer)
        if layer.prepares_data:
            found += [
                (kind, one)
                for one in layer.examples
                if one.dtype == "float32" and isinstance(one.inputs, tuple) and len(one.inputs) == 1
                if not layer.adapts or layer.adapts[0] in one.settings
            ]
    return found


@pytest.mark.parametrize(("kind", "example"), preparing(), ids=lambda value: str(value)[:30])
def test_an_example_has_one_result_whatever_stands_beside_it(kind: str, example: Example) -> None:
    from modelspec.runtime.data.transforms import Runner

    cls = LAYERS.find(kind)
    assert cls is not None
    layer = cls.build(dict(example.settings), Context(precision="float64"))
    assert isinstance(layer, Layer)
    if layer.one_dnn_because is not None:
        pytest.skip("runs only on a GPU, or on a CPU with AVX-512 (MS411)")
    sizes = [size if isinstance(size, int) else 70 for size in example.inputs[0][1:]]
    random = np.random.default_rng(0)
    scale = np.logspace(0, 2, 5).reshape(-1, *(1,) * len(sizes))
    values = random.uniform(0, 255, (5, *sizes)) * scale
    run = Runner([layer], [Tensor((None, *sizes), "float64")])
    alone = np.concatenate([run(values[i : i + 1]) for i in range(len(values))])
    np.testing.assert_array_equal(run(values), alone)


@pytest.mark.parametrize(
    "formula",
    [
        "x - mean(x)",
        "x - mean(x, axis=0)",
        "x / max(x, axis=-2)",
        "cumsum(x, axis=0)",
        "x[::-1]",
        "flip(x, axis=0)",
        "x @ (transpose(x) @ x)",
        "tril(x)",
        "roll(x, 1, axis=0)",
        "transpose(softmax(transpose(x), axis=-1))",
        "einsum('bi,ci->bc', x, x)[:, :2]",
        "reshape(sum(reshape(x, [2, -1]), axis=0), [-1, 1]) + x",
        "x[:, None] - x[None]",
    ],
)
def test_a_formula_over_rows_is_refused_before_anything_is_read(formula: str) -> None:
    said = _checked([expression(formula)])
    assert [one.code for one in said] == ["MS668"]


@pytest.mark.parametrize(
    "formula",
    [
        "x - mean(x, axis=1, keepdims=True)",
        "cumsum(x, axis=-1)",
        "softmax(x)",
        "x[:, ::-1]",
        "transpose(softmax(transpose(x), axis=0))",
        "concatenate([x, x], axis=-1)[:, :2]",
        "max(reshape(x, [-1, 2, 1]), axis=-1)",
        "einsum('bi,bj->bij', x, x)[:, 0]",
    ],
)
def test_a_formula_of_each_row_passes(formula: str) -> None:
    assert not _checked([expression(formula)])


@pytest.mark.parametrize("layer", [{"Softmax": {"axis": 0}}, {"UnitNormalization": {"axis": -2}}])
def test_a_layer_along_the_rows_is_refused(layer: Any) -> None:
    assert [one.code for one in _checked([layer])] == ["MS668"]


@pytest.mark.parametrize(
    ("learned", "code"),
    [
        ({"m": "prod(x)"}, "MS669"),
        ({"m": "mean(x, axis=1)"}, "MS669"),
        ({"m": "mean(x - mean(x))"}, "MS669"),
        ({"m": "x[0]"}, "MS669"),
        ({"m": "median(x)"}, "MS142"),
        ({"m": "mean(z)"}, "MS144"),
        ({"q": "mean(x)"}, "MS146"),
        ({}, "MS204"),
    ],
)
def test_what_cannot_be_learned_is_refused_by_name(learned: Any, code: str) -> None:
    said = _checked([{"Expression": {"formula": "x - m", "learned": learned}}])
    assert [one.code for one in said] == [code]


def test_a_model_learns_no_statistics() -> None:
    said = ms.check(
        {
            "model": {
                "inputs": {"x": [2]},
                "layers": [{"Expression": {"formula": "x - m", "learned": {"m": "mean(x)"}}}],
            }
        }
    ).diagnostics
    assert [one.code for one in said] == ["MS669"]


def _checked(transform: Any) -> Any:
    return ms.check(
        {
            "model": {"inputs": {"x": ["auto"]}, "layers": [{"Dense": {"units": 1, "name": "y"}}]},
            "data": {
                "source": {"csv": "t.csv"},
                "inputs": {"columns": ["a", "b"], "transform": transform},
                "targets": "y",
            },
            "training": {"loss": "mse"},
        }
    ).diagnostics
