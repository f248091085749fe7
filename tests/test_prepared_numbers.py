"""What is prepared, counted and decoded, compared with NumPy in float64, pandas and scikit-learn.

Nothing here is computed with modelspec but what is tested: rows are drawn with fixed seeds, and
every expected number is written out from its definition.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import modelspec as ms
from modelspec.cli import main
from modelspec.compiler.pipeline import Compiled, compile_spec
from modelspec.runtime.data import Prepared, prepare

tensorflow = pytest.mark.tensorflow
ROWS = 120
Array = np.ndarray[Any, Any]


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MODELSPEC_CACHE", str(tmp_path / "cache"))


def drawn(seed: int = 0) -> dict[str, Array]:
    """Columns of every kind. No two words are as frequent as each other in any half of the rows:
    the order of a vocabulary is then its frequencies' alone.
    """
    rng = np.random.default_rng(seed)
    words = rng.choice(["ruby", "jade", "opal", "Onyx"], ROWS, p=[0.55, 0.27, 0.13, 0.05])
    bags = rng.choice(["ruby", "jade", "opal"], (ROWS, 3), p=[0.6, 0.3, 0.1])
    size = rng.integers(1, 6, ROWS)
    text = [" ".join(rng.choice(["Red", "fox!", "runs", "far,"], n, p=[0.5, 0.27, 0.15, 0.08]))
            for n in size]  # fmt: skip
    return {
        "a": rng.normal(50, 10, ROWS),
        "b": 1_700_000_000 + rng.integers(0, 5000, ROWS).astype(np.float64),
        "cube": rng.normal(3, 2, (ROWS, 4, 2)),
        "word": words.astype(str),
        "bag": bags.astype(str),
        "text": np.array(text),
        "id": rng.choice([2**40, 2**40 + 1, 7], ROWS, p=[0.6, 0.3, 0.1]),
        "class": rng.integers(0, 5, ROWS),
        "classes": rng.integers(0, 5, (ROWS, 3)),
        "when": rng.permutation(ROWS),
        "y": rng.normal(size=ROWS),
    }


def compiled(inputs: Any, **data: Any) -> Compiled:
    """A spec with one input `x` and one number to predict, on `t.npz`; the rows train in the order
    of `when`, and the last quarter tests.
    """
    training = {"loss": "mse", "batch_size": 8, **data.pop("training", {})}
    layers = data.pop("layers", ["Flatten", {"Dense": {"units": 1, "name": "y"}}])
    shape = data.pop("shape", ["auto"])
    values = {
        "seed": 3,
        "model": {"inputs": {"x": shape}, "layers": layers},
        "data": {
            "source": {"npz": "t.npz"},
            "split": {"test": 0.25, "order": "when"},
            "inputs": {"x": inputs},
            "targets": "y",
            **data,
        },
        "training": training,
    }
    checked = compile_spec(values)
    assert checked.ok and checked.value is not None, [str(one) for one in checked.diagnostics]
    return checked.value


def trained_on(columns: dict[str, Array]) -> Array:
    """The rows of the training part by the definition of the split: the three quarters that are
    first by `when`.
    """
    return np.sort(np.argsort(columns["when"], kind="stable")[: ROWS - round(ROWS * 0.25)])


# Learned transforms -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """A transform of a column, and what it gives: of all rows, and of those that train."""

    column: str
    transform: Any
    expected: Callable[[Array, Array], Array]
    shape: list[Any] = field(default_factory=lambda: ["auto"])
    columns: tuple[str, ...] = ()
    within: float = 2e-6


def standard(axis: tuple[int, ...]) -> Callable[[Array, Array], Array]:
    """(x - mean) / deviation, both over the axes; the deviation is that of the population."""

    def expected(x: Array, train: Array) -> Array:
        known = x[train].astype(np.float64)
        mean, deviation = known.mean(axis, keepdims=True), known.std(axis, keepdims=True)
        found: Array = (x - mean) / deviation
        return found

    return expected


def ranges(bins: int) -> Callable[[Array, Array], Array]:
    """The number of quantiles that a value is not below."""

    def expected(x: Array, train: Array) -> Array:
        edges = np.quantile(x[train], [i / bins for i in range(1, bins)])
        found: Array = (x[..., None] >= edges).sum(-1)
        return found

    return expected


def one_hot(index: Array, depth: int) -> Array:
    return np.eye(depth)[index.astype(int)]


def frequent(values: Array) -> list[Any]:
    """By frequency, from the most frequent on."""
    counts = pd.Series(values.ravel()).value_counts()
    assert counts.is_unique, "the case draws words that are equally frequent"
    return list(counts.index)


def indices(x: Array, words: list[Any], first: int = 1) -> Array:
    """Places in a vocabulary, which begins at `first`; 0 where a value is not in it."""
    places = {word: place for place, word in enumerate(words, first)}
    return np.array([places.get(one, 0) for one in x.ravel()]).reshape(x.shape)


def counted(x: Array, words: list[Any]) -> Array:
    """How often a row has each word; the first number is that of unknown ones."""
    return np.stack([(indices(x, words) == i).sum(-1) for i in range(len(words) + 1)], -1)


def weighed(x: Array, train: Array, documents: Array | None = None) -> Array:
    """Counts times log(1 + documents / (1 + documents with the word)); unknown words weigh as much
    as the known ones on average.
    """
    words = frequent(x[train])
    having = np.array([(x[train] == word).any(-1).sum() for word in words])
    weights = np.log(1 + len(train) / (1 + having))
    found: Array = counted(x, words) * np.concatenate([[weights.mean()], weights])
    return found


def tokens(texts: Array, width: int = 5) -> Array:
    """Words in lower case without punctuation, filled up with empty ones."""
    plain = [text.lower().replace("!", "").replace(",", "").split() for text in texts.ravel()]
    return np.array([one[:width] + [""] * (width - len(one)) for one in plain])


def vectorized(x: Array, train: Array) -> Array:
    given = tokens(x)
    words = [one for one in frequent(given[train][given[train] != ""]) if one]
    return np.where(given == "", 0, indices(given, words, 2) + (indices(given, words, 2) == 0))


def bag_of_words(x: Array, train: Array) -> Array:
    """With scikit-learn; the columns by frequency, behind one for unknown words."""
    from sklearn.feature_extraction.text import CountVectorizer

    model = CountVectorizer(token_pattern=r"[a-z]+").fit(x[train].ravel())
    counts = np.asarray(model.transform(x.ravel()).todense())
    names, totals = model.get_feature_names_out(), counts[train].sum(0)
    order = [list(names).index(word) for word in frequent(np.repeat(names, totals))]
    return np.concatenate([np.zeros((len(x), 1)), counts[:, order]], -1)


CASES: dict[str, Case] = {
    "normalization of columns": Case(
        "", ["Normalization"], standard((0,)), columns=("a", "b"), within=1e-6
    ),
    "normalization over all": Case(
        "cube", [{"Normalization": {"axis": None}}], standard((0, 1, 2)), [4, 2]
    ),
    "normalization of the last axis": Case("cube", ["Normalization"], standard((0, 1)), [4, 2]),
    "normalization of another axis": Case(
        "cube", [{"Normalization": {"axis": 1}}], standard((0, 2)), [4, 2]
    ),
    "normalization of two axes": Case(
        "cube", [{"Normalization": {"axis": [1, 2]}}], standard((0,)), [4, 2]
    ),
    "rescaling, then normalization": Case(
        "b", [{"Rescaling": {"scale": 0.001, "offset": -3}}, "Normalization"],
        lambda x, train: standard((0,))(x * 0.001 - 3, train)[:, None],
    ),
    "ranges": Case("b", [{"Discretization": {"num_bins": 6}}], lambda x, t: ranges(6)(x, t)[:, None]),
    "ranges one-hot": Case(
        "a", [{"Discretization": {"num_bins": 4, "output_mode": "one_hot"}}],
        lambda x, t: one_hot(ranges(4)(x, t), 4),
    ),
    "ranges counted": Case(
        "classes", [{"Discretization": {"bin_boundaries": [1.0, 3.5], "output_mode": "count"}}],
        lambda x, t: one_hot(np.digitize(x, [1.0, 3.5]), 3).sum(1),
    ),
    "words": Case("word", ["StringLookup"], lambda x, t: indices(x, frequent(x[t]))[:, None]),
    "the most frequent words": Case(
        "word", [{"StringLookup": {"max_tokens": 3}}],
        lambda x, t: indices(x, frequent(x[t])[:2])[:, None],
    ),
    "words without unknown ones": Case(
        "word", [{"StringLookup": {"num_oov_indices": 0}}],
        lambda x, t: indices(x, frequent(x[t]), 0)[:, None],
    ),
    "words one-hot": Case(
        "word", [{"StringLookup": {"output_mode": "one_hot"}}],
        lambda x, t: one_hot(indices(x, frequent(x[t])), len(frequent(x[t])) + 1),
    ),
    "words in a bag": Case(
        "bag", [{"StringLookup": {"output_mode": "multi_hot"}}],
        lambda x, t: counted(x, frequent(x[t])) > 0,
    ),
    "words in a bag counted": Case(
        "bag", [{"StringLookup": {"output_mode": "count"}}],
        lambda x, t: counted(x, frequent(x[t])),
    ),
    "words in a bag weighed": Case(
        "bag", [{"StringLookup": {"output_mode": "tf_idf"}}], weighed
    ),
    "large numbers looked up": Case(
        "id", ["IntegerLookup"], lambda x, t: indices(x, frequent(x[t]))[:, None]
    ),
    "numbers looked up one-hot": Case(
        "id", [{"IntegerLookup": {"output_mode": "one_hot"}}],
        lambda x, t: one_hot(indices(x, frequent(x[t])), 4),
    ),
    "texts": Case("text", [{"TextVectorization": {"output_sequence_length": 5}}], vectorized, [5]),
    "texts counted": Case("text", [{"TextVectorization": {"output_mode": "count"}}], bag_of_words),
    "texts in a bag": Case(
        "text", [{"TextVectorization": {"output_mode": "multi_hot"}}],
        lambda x, t: bag_of_words(x, t) > 0,
    ),
    "texts weighed": Case(
        "text", [{"TextVectorization": {"output_mode": "tf_idf"}}],
        lambda x, t: bag_of_words(x, t)
        * np.log(1 + len(t) / (1 + (bag_of_words(x, t)[t] > 0).sum(0))),
    ),
    "classes one-hot": Case(
        "class", [{"CategoryEncoding": {"num_tokens": 5, "output_mode": "one_hot"}}],
        lambda x, t: one_hot(x, 5),
    ),
    "classes in a bag": Case(
        "classes", [{"CategoryEncoding": {"num_tokens": 5, "output_mode": "multi_hot"}}],
        lambda x, t: one_hot(x, 5).max(1),
    ),
    "classes counted": Case(
        "classes", [{"CategoryEncoding": {"num_tokens": 5, "output_mode": "count"}}],
        lambda x, t: one_hot(x, 5).sum(1),
    ),
}  # fmt: skip


@tensorflow
@pytest.mark.parametrize("name", CASES)
def test_a_transform_gives_what_its_definition_says(name: str) -> None:
    case, columns = CASES[name], drawn()
    np.savez("t.npz", **columns)
    feature = {"columns": [*case.columns]} if case.columns else {"column": case.column}
    given = np.stack([columns[one] for one in case.columns], -1) if case.columns else None
    values = columns[case.column] if given is None else given
    found = prepare(compiled({**feature, "transform": case.transform}, shape=case.shape))
    expected = case.expected(values, trained_on(columns)).astype(np.float64)
    np.testing.assert_allclose(
        np.asarray(found.parts["train"].examples.inputs["x"]), expected, rtol=0, atol=case.within
    )


@tensorflow
@pytest.mark.parametrize("mode", ["int", "one_hot"])
def test_hashing_is_that_of_keras(mode: str) -> None:
    import keras

    columns = drawn()
    np.savez("t.npz", **columns)
    settings = {"num_bins": 7, "salt": 5, "output_mode": mode}
    found = prepare(compiled({"column": "word", "transform": [{"Hashing": settings}]}))
    layer = keras.layers.Hashing(**settings)
    expected = np.asarray(layer(columns["word"][:, None]))
    np.testing.assert_array_equal(found.parts["train"].examples.inputs["x"], expected)


# Missing values -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("policy", "of"),
    [
        ("mean", lambda known: known.mean()),
        ("median", lambda known: known.median()),
        ("most_frequent", lambda known: known.mode().min()),
        (-3.5, lambda known: -3.5),
    ],
)
def test_missing_numbers_are_replaced_by_what_pandas_says(
    policy: Any, of: Callable[[pd.Series[float]], float]
) -> None:
    """Of the training rows alone, each column for itself."""
    rng, columns = np.random.default_rng(2), drawn()
    for name in ("a", "b"):
        columns[name] = np.round(columns[name] / 3)
        columns[name][rng.random(ROWS) < 0.2] = np.nan
    np.savez("t.npz", **columns)
    found = prepare(compiled({"columns": ["a", "b"], "missing": policy}))
    table = pd.DataFrame({name: columns[name] for name in ("a", "b")})
    fills = {name: of(table[name].iloc[trained_on(columns)]) for name in table}
    expected = table.fillna(fills).to_numpy()
    np.testing.assert_allclose(found.parts["train"].examples.inputs["x"], expected, rtol=1e-7)


# Splits -------------------------------------------------------------------------------------------


def parts_of(columns: dict[str, Array], **split: Any) -> dict[str, Array]:
    np.savez("t.npz", **columns)
    found: Prepared = prepare(compiled({"column": "a"}, split=split))
    return {part: np.asarray(one.positions) for part, one in found.parts.items()}


def whole(parts: dict[str, Array]) -> bool:
    """Whether every row is in one part, once."""
    return bool(np.array_equal(np.sort(np.concatenate([*parts.values()])), np.arange(ROWS)))


@pytest.mark.parametrize(("validation", "test"), [(0.2, 0.1), (0.33, 0.33), (0.005, 0.5)])
def test_a_split_by_share_has_the_shares(validation: float, test: float) -> None:
    parts = parts_of(drawn(), validation=validation, test=test)
    sizes = {part: len(rows) for part, rows in parts.items()}
    assert sizes.get("test", 0) == int(ROWS * test + 0.5)
    assert sizes.get("validation", 0) == int(ROWS * validation + 0.5) and whole(parts)


def test_every_class_has_its_share_of_every_part() -> None:
    columns = drawn()
    columns["class"] = np.repeat([0, 1, 2, 3, 4], [70, 30, 10, 8, 2])
    parts = parts_of(columns, validation=0.2, test=0.3, stratify="class")
    assert whole(parts)
    for label, count in pd.Series(columns["class"]).value_counts().items():
        for part, share in (("validation", 0.2), ("test", 0.3)):
            held = (columns["class"][parts[part]] == label).sum()
            assert abs(held - share * count) <= 1, (label, part)


def test_groups_are_whole_and_near_the_shares() -> None:
    columns = drawn()
    columns["class"] = np.random.default_rng(5).integers(0, 30, ROWS)
    parts = parts_of(columns, validation=0.2, test=0.3, group="class")
    groups = [set(columns["class"][rows].tolist()) for rows in parts.values()]
    assert whole(parts) and sum(map(len, groups)) == len(set.union(*groups))
    largest = np.bincount(columns["class"]).max()
    assert abs(len(parts["test"]) - 0.3 * ROWS) <= largest
    assert abs(len(parts["validation"]) - 0.2 * ROWS) <= largest


def test_what_comes_later_is_kept_for_later() -> None:
    columns = drawn()
    parts = parts_of(columns, validation=0.25, test=0.1, order="when")
    order = pd.Series(columns["when"]).sort_values(kind="stable").index.to_numpy()
    cuts = np.split(order, [ROWS - 12 - 30, ROWS - 12])
    expected = dict(zip(("train", "validation", "test"), cuts, strict=True))
    assert whole(parts)
    for part, rows in expected.items():
        assert np.array_equal(parts[part], np.sort(rows))


def test_balanced_weights_are_those_of_scikit_learn() -> None:
    from sklearn.utils.class_weight import compute_class_weight

    columns = drawn()
    columns["y"] = np.random.default_rng(6).choice(3, ROWS, p=[0.6, 0.3, 0.1])
    np.savez("t.npz", **columns)
    spec = compiled(
        {"column": "a"},
        layers=[{"Dense": {"units": 3, "activation": "softmax", "name": "y"}}],
        training={"loss": "sparse_categorical_crossentropy", "class_weight": "balanced"},
    )
    train = trained_on(columns)
    known = compute_class_weight("balanced", classes=np.arange(3), y=columns["y"][train])
    found = np.asarray(prepare(spec).parts["train"].examples.class_weights["y"])
    np.testing.assert_allclose(found[train], known[columns["y"][train]], rtol=1e-6)


# Predictions in the words of the columns ----------------------------------------------------------


LOOKUP = [{"StringLookup": {"num_oov_indices": 0}}]
HEADS = {"price": (1, None), "share": (1, None), "kind": (3, "softmax"), "ripe": (1, "sigmoid")}
DECODED: dict[str, Any] = {
    "seed": 2,
    "model": {
        "inputs": {"a": [1]},
        "layers": [
            {"Dense": {"units": n, "activation": how, "from": "a", "name": name}}
            for name, (n, how) in HEADS.items()
        ],
        "outputs": [*HEADS],
    },
    "data": {
        "source": {"csv": "t.csv"},
        "inputs": {"a": {"column": "a", "transform": ["Normalization"]}},
        "targets": {
            "price": {"column": "price", "transform": ["Normalization"]},
            "share": {"column": "share", "transform": [{"Rescaling": {"scale": 0.25, "offset": -1}}]},
            "kind": {"column": "kind", "transform": LOOKUP},
            "ripe": {"column": "ripe", "transform": LOOKUP},
        },
    },
    "training": {
        "loss": {
            "price": "mse", "share": "mse", "kind": "sparse_categorical_crossentropy",
            "ripe": "binary_crossentropy",
        },
        "optimizer": {"Adam": 0.2},
        "batch_size": 20,
    },
}  # fmt: skip


@tensorflow
def test_predictions_are_labels_and_numbers_of_the_columns() -> None:
    rng = np.random.default_rng(7)
    table = pd.DataFrame(
        {
            "a": rng.normal(size=40),
            "price": rng.normal(500, 90, 40),
            "share": rng.uniform(0, 8, 40),
            "kind": rng.choice(["pear", "apple", "fig"], 40, p=[0.6, 0.3, 0.1]),
            "ripe": rng.choice(["yes", "no"], 40, p=[0.7, 0.3]),
        }
    )
    table.to_csv("t.csv", index=False)
    ms.load_spec(DECODED).train("run")
    model = ms.load_model("run/model.keras")
    x = ((table["a"] - table["a"].mean()) / table["a"].std(ddof=0)).to_numpy()[:, None]
    raw = {}
    for name in HEADS:
        kernel, bias = (np.asarray(one, np.float64) for one in model.get_layer(name).weights)
        raw[name] = x @ kernel + bias
    from modelspec.runtime.run import predict

    found = predict("run", "t.csv")
    expected = {
        "price": raw["price"] * table["price"].std(ddof=0) + table["price"].mean(),
        "share": (raw["share"] + 1) / 0.25,
        "kind": np.exp(raw["kind"]) / np.exp(raw["kind"]).sum(-1, keepdims=True),
        "ripe": 1 / (1 + np.exp(-raw["ripe"])),
    }
    for name, values in expected.items():
        np.testing.assert_allclose(found.outputs[name], values, rtol=2e-6, atol=2e-6)
    kinds, answers = np.array(["apple", "fig", "pear"]), np.array(["no", "yes"])  # sorted
    assert found.classes["kind"].tolist() == kinds[raw["kind"].argmax(-1)].tolist()
    said = answers[(expected["ripe"] > 0.5).astype(int)]
    assert found.classes["ripe"].ravel().tolist() == said.ravel().tolist()


# Counts -------------------------------------------------------------------------------------------


def same(size: int, stride: int) -> int:
    return -(-size // stride)


def valid(size: int, kernel: int, stride: int = 1, dilation: int = 1) -> int:
    return (size - (kernel - 1) * dilation - 1) // stride + 1


def attention(query: int, value: int, width: int, heads: int, key: int, bias: int) -> Any:
    """Projections of query, key, value and result, and the two products of every head."""
    inner = heads * key
    weights = 3 * (width + bias) * inner + inner * width + bias * width
    projected = (2 * query + 2 * value) * width * inner
    return weights, projected + 2 * heads * query * value * key


# input shape, layer, parameters, multiply-adds
COUNTS: list[tuple[list[int], Any, int, int]] = [
    ([5], {"Dense": 7}, 5 * 7 + 7, 5 * 7),
    ([4, 5], {"Dense": {"units": 7, "use_bias": False}}, 35, 4 * 35),
    (
        [12, 3], {"Conv1D": {"filters": 8, "kernel_size": 5}},
        5 * 3 * 8 + 8, valid(12, 5) * 5 * 3 * 8,
    ),
    (
        [12, 4], {"Conv1D": {"filters": 8, "kernel_size": 3, "dilation_rate": 2, "groups": 2}},
        3 * 2 * 8 + 8, valid(12, 3, 1, 2) * 3 * 2 * 8,
    ),
    (
        [9, 11, 3], {"Conv2D": {"filters": 4, "kernel_size": [3, 2], "strides": 2, "padding": "same"}},
        3 * 2 * 3 * 4 + 4, same(9, 2) * same(11, 2) * 3 * 2 * 3 * 4,
    ),
    (
        [4, 5, 6, 2], {"Conv3D": {"filters": 3, "kernel_size": 2, "use_bias": False}},
        8 * 2 * 3, valid(4, 2) * valid(5, 2) * valid(6, 2) * 8 * 2 * 3,
    ),
    (
        [9, 9, 3], {"DepthwiseConv2D": {"kernel_size": 3, "depth_multiplier": 2}},
        9 * 3 * 2 + 6, valid(9, 3) ** 2 * 9 * 3 * 2,
    ),
    (
        [9, 9, 3], {"SeparableConv2D": {"filters": 5, "kernel_size": 3, "depth_multiplier": 2}},
        9 * 3 * 2 + 6 * 5 + 5, valid(9, 3) ** 2 * (9 * 3 * 2 + 6 * 5),
    ),
    (
        [10, 4], {"SeparableConv1D": {"filters": 5, "kernel_size": 3, "strides": 2}},
        3 * 4 + 4 * 5 + 5, valid(10, 3, 2) * (3 * 4 + 4 * 5),
    ),
    # four gates, each of the input, the state and a bias
    ([6, 3], {"LSTM": 5}, 4 * (3 * 5 + 5 * 5 + 5), 6 * 4 * (3 * 5 + 5 * 5)),
    # three gates; with `reset_after` the state has a bias of its own
    ([6, 3], {"GRU": 5}, 3 * (3 * 5 + 5 * 5 + 2 * 5), 6 * 3 * (3 * 5 + 5 * 5)),
    (
        [6, 3], {"GRU": {"units": 5, "reset_after": False}},
        3 * (3 * 5 + 5 * 5 + 5), 6 * 3 * (3 * 5 + 5 * 5),
    ),
    (
        [6, 3], {"Bidirectional": {"LSTM": 5}},
        2 * 4 * (3 * 5 + 5 * 5 + 5), 2 * 6 * 4 * (3 * 5 + 5 * 5),
    ),
    ([6], {"Embedding": {"input_dim": 50, "output_dim": 4}}, 50 * 4, 0),
    (
        [6, 8], {"MultiHeadAttention": {"num_heads": 3, "key_dim": 5, "from": {"query": "x", "value": "x"}}},
        *attention(6, 6, 8, 3, 5, 1),
    ),
    (
        [6, 8],
        {"MultiHeadAttention": {"num_heads": 2, "key_dim": 4, "use_bias": False, "from": {"query": "x", "value": "x"}}},
        *attention(6, 6, 8, 2, 4, 0),
    ),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(COUNTS)))
def test_parameters_and_multiply_adds_follow_from_the_definitions(number: int) -> None:
    shape, layer, parameters, multiply_adds = COUNTS[number]
    dtype = "int32" if "Embedding" in layer else "float32"
    spec = {"model": {"inputs": {"x": {"shape": shape, "dtype": dtype}}, "layers": [layer]}}
    Path("s.json").write_text(json.dumps(spec))
    done = CliRunner().invoke(main, ["show", "s.json", "--format", "json"], standalone_mode=False)
    found = json.loads(done.output)
    assert (found["parameters"], found["trainable_parameters"]) == (parameters, parameters)
    assert found["flops"] == multiply_adds
    assert found["layers"][0]["parameters"] == parameters
