"""An estimator trains on what `modelspec train` reads from the same rows, whatever the `data`
section of its spec says, or refuses by name.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

import modelspec as ms
from modelspec.compiler.spec import data_section
from modelspec.compiler.spec.data_features import Feature, Pad
from modelspec.compiler.spec.data_split import Split

pd = pytest.importorskip("pandas")
pytestmark = pytest.mark.tensorflow

ROWS = 60
PADDING = {"length": 5, "value": 0, "padding": "post", "truncating": "post"}
BY_GROUP: dict[str, Any] = {
    "seed": 4,
    "model": {
        "inputs": {"size": [2], "town": ["auto"], "visits": [5]},
        "layers": [
            {"Concatenate": {"from": ["size", "town", "visits"]}},
            {"Dense": {"units": 1, "name": "price"}},
        ],
    },
    "data": {
        "source": {"csv": "unused.csv"},
        "split": {"validation": 0.2, "test": 0.1, "group": "owner"},
        "inputs": {
            "size": {
                "columns": ["area", "rooms"],
                "missing": "median",
                "transform": ["Normalization"],
            },
            "town": {
                "column": "town",
                "dtype": "string",
                "lowercase": "unicode",
                "transform": [{"StringLookup": {"output_mode": "one_hot"}}],
            },
            "visits": {"column": "visits", "pad": PADDING},
        },
        "targets": {"price": {"column": "price", "transform": ["Normalization"]}},
        "augment": {"size": [{"GaussianNoise": 0.1}]},
        "weights": "counts",
        "expect": {"area": {"min": 0}},
        "cache": "off",
    },
    "training": {"loss": "mse", "optimizer": {"Adam": 0.05}, "epochs": 2, "batch_size": 16},
}
BY_CLASS: dict[str, Any] = {
    "seed": 4,
    "model": {
        "inputs": {"size": [2]},
        "layers": [{"Dense": {"units": 1, "activation": "sigmoid", "name": "sold"}}],
    },
    "data": {
        "source": {"csv": "unused.csv"},
        "where": "area > 40 or town == 'Bern'",
        "slices": ["town", {"column": "sold", "min_examples": 1}],
        "balance": "sold",
        "split": {"validation": 0.25, "stratify": "sold", "seed": 9},
        "inputs": {"size": {"columns": ["area", "rooms"], "missing": 60.0}},
        "targets": {
            "sold": {
                "column": "sold",
                "positive": "no",
                "transform": [{"StringLookup": {"num_oov_indices": 0}}],
            }
        },
    },
    "training": {
        "loss": "binary_crossentropy",
        "class_weight": {"yes": 1.0, "no": 3.0},
        "epochs": 2,
        "batch_size": 16,
    },
}
BY_TIME: dict[str, Any] = {
    "seed": 4,
    "model": {
        "inputs": {"size": [2]},
        "layers": [{"Dense": {"units": 2, "name": "both"}}],
    },
    "data": {
        "source": {"csv": "unused.csv"},
        "split": {"folds": 3, "fold": 1, "validation": 0.25, "order": "rooms"},
        "inputs": {"size": {"columns": ["area", "rooms"], "missing": "drop"}},
        "targets": {
            "both": {"columns": ["price", "counts"], "transform": [{"Rescaling": 0.01}]},
        },
    },
    "training": {"loss": "mse", "epochs": 2, "batch_size": 16},
}
COVERED: dict[str, tuple[str, ...]] = {
    "data": (
        *("source", "where", "split", "inputs", "targets"),
        *("augment", "balance", "weights", "expect", "slices", "cache"),
    ),
    "a feature": (
        *("column", "columns", "dtype", "lowercase", "missing", "pad", "transform", "positive"),
    ),
    "pad": tuple(PADDING),
    "split": ("validation", "test", "stratify", "group", "order", "seed", "folds", "fold"),
}
"""What the three specs use."""
REFUSED = {"data": ("train", "validation", "test", "window")}
"""What `fit` refuses: `train` where another part has a source of its own."""
ELSEWHERE = {
    "split": ("at", "column", "parts"),
    "a feature": (
        *("separator", "number", "random", "read", "size", "color_mode", "interpolation"),
        *("crop_to_aspect_ratio", "pad_to_aspect_ratio", "mask_values", "max_pixels"),
        *("sampling_rate", "output_sequence_length", "channels", "max_samples", "coordinates"),
    ),
}
"""Other ways to cut by a column, and to read its cells, which `fit` has no part in."""


@pytest.fixture(scope="module", autouse=True)
def _eager() -> Iterator[None]:
    """Fits of a few steps: tracing a graph for each would be most of the time."""
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture(scope="module")
def rows() -> Any:
    rng = np.random.default_rng(0)
    area = rng.uniform(30, 200, ROWS)
    frame = pd.DataFrame(
        {
            "area": area,
            "rooms": rng.permutation(ROWS) / 7,
            "town": rng.choice(["Bern", "bern", "Chur", "007"], ROWS),
            "visits": [[1.0, 2.0, 3.0][: 1 + place % 3] for place in range(ROWS)],
            "owner": rng.integers(0, 15, ROWS),
            "counts": rng.uniform(0.5, 2, ROWS),
            "price": 1000 + 50 * area,
            "sold": np.where(rng.random(ROWS) < 0.4, "yes", "no"),
        }
    )
    frame.loc[7, "area"] = np.nan
    return frame


def test_every_key_of_the_data_section_is_used_or_refused() -> None:
    """A new key fails here until it is in one of the specs, or refused."""
    known = {
        "data": data_section._KEYS,
        "a feature": tuple(Feature.model_fields),
        "pad": tuple(Pad.model_fields),
        "split": tuple(Split.model_fields),
    }
    for section, keys in known.items():
        others = (*REFUSED.get(section, ()), *ELSEWHERE.get(section, ()))
        assert set(keys) == {*COVERED[section], *others}, section
    used: set[str] = set()
    for spec in (BY_GROUP, BY_CLASS, BY_TIME):
        used |= set(spec["data"]) | set(spec["data"]["split"])
        for feature in (*spec["data"]["inputs"].values(), *spec["data"]["targets"].values()):
            used |= set(feature) if isinstance(feature, dict) else {"columns"}
    assert used | set(PADDING) == {key for keys in COVERED.values() for key in keys}


@pytest.mark.parametrize(
    ("kind", "spec", "target"),
    [
        ("SpecRegressor", BY_GROUP, ["price"]),
        ("SpecClassifier", BY_CLASS, ["sold"]),
        ("SpecRegressor", BY_TIME, ["price", "counts"]),
    ],
)
def test_a_fit_is_the_training_of_the_spec_on_the_same_rows(
    rows: Any, tmp_path: Any, kind: str, spec: dict[str, Any], target: list[str]
) -> None:
    run = ms.load_spec(spec).train(tmp_path / "run", data=rows)
    x = rows.drop(columns=target)
    y = rows[target[0]] if len(target) == 1 else rows[target].to_numpy()
    model = getattr(ms, kind)(spec).fit(x, y)
    trained = run.model.get_weights()
    assert len(trained) == len(model.weights_)
    for one, other in zip(trained, model.weights_, strict=True):
        assert np.array_equal(one, other)
    assert model.history_ == {name: list(values) for name, values in run.history.items()}
    whole = x.dropna()
    if kind == "SpecClassifier":  # `positive: no`: the unit is the share of the first class
        score = whole[["area", "rooms"]].to_numpy() @ trained[0] + trained[1]
        assert model.classes_.tolist() == ["no", "yes"]
        assert_allclose(model.predict_proba(whole)[:, :1], 1 / (1 + np.exp(-score)), rtol=1e-4)
    again = model.predict(whole.drop(columns=["counts", "owner"], errors="ignore"))
    assert np.array_equal(again, model.predict(whole)) and len(again) == len(whole)


def test_predictions_are_in_the_unit_of_y(rows: Any) -> None:
    """A transform of the target is learned from the training rows and undone: NumPy's line through
    the points is found.
    """
    spec = {
        **BY_TIME,
        "model": {"inputs": {"size": [1]}, "layers": [{"Dense": {"units": 1, "name": "price"}}]},
        "data": {
            "source": {"csv": "unused.csv"},
            "inputs": {"size": {"column": "area", "transform": ["Normalization"]}},
            "targets": {"price": {"column": "price", "transform": ["Normalization"]}},
        },
        "training": {"loss": "mse", "optimizer": {"SGD": 0.5}, "epochs": 3, "batch_size": 59},
    }
    known = rows.drop(index=7)
    model = ms.SpecRegressor(spec).fit(known[["area"]], known["price"])
    slope, start = np.polyfit(known["area"], known["price"], 1)
    assert_allclose(model.predict(known[["area"]]), start + slope * known["area"], rtol=1e-4)
    assert model.score(known[["area"]], known["price"]) > 0.9999
    array = ms.SpecRegressor(spec).fit(known[["area"]].to_numpy(), known["price"].to_numpy())
    assert all(map(np.array_equal, array.weights_, model.weights_))


def test_transforms_learn_from_the_rows_of_a_fold_alone(rows: Any) -> None:
    from sklearn.base import clone
    from sklearn.model_selection import KFold, cross_val_predict

    inputs = {"size": BY_GROUP["data"]["inputs"]["size"]}
    spec = {
        **BY_GROUP,
        "model": {"inputs": {"size": [2]}, "layers": [{"Dense": {"units": 1, "name": "price"}}]},
        "data": {**BY_GROUP["data"], "split": {"validation": 0.2}, "inputs": inputs},
        "training": {**BY_GROUP["training"], "epochs": 1},
    }
    x, y = rows.drop(columns="price"), rows["price"]
    found = cross_val_predict(ms.SpecRegressor(spec), x, y, cv=KFold(2))
    train, test = next(KFold(2).split(x))
    alone = clone(ms.SpecRegressor(spec)).fit(x.iloc[train], y.iloc[train])
    assert np.array_equal(found[test], alone.predict(x.iloc[test]))
    learned = alone.state_["inputs"]["size"]
    assert learned["fill"]["area"] != pytest.approx(np.nanmedian(x["area"]))


# Labels -------------------------------------------------------------------------------------------


def softmax(units: int, transform: Any = None) -> dict[str, Any]:
    target = {"column": "t", **({"transform": transform} if transform else {})}
    return {
        "model": {
            "inputs": {"x": [2]},
            "layers": [{"Dense": {"units": units, "activation": "softmax", "name": "t"}}],
        },
        "data": {
            "source": {"csv": "unused.csv"},
            "inputs": {"x": {"columns": ["a", "b"]}},
            "targets": {"t": target},
        },
        "training": {
            "loss": "sparse_categorical_crossentropy",
            "optimizer": {"SGD": 1.0},
            "epochs": 8,
            "batch_size": 36,
        },
    }


CORNERS = np.array([[0, 0], [0, 3], [3, 0]] * 12, dtype=float)


@pytest.mark.parametrize(
    ("labels", "spec"),
    [
        (["b", "c", "a"], softmax(3)),
        (["b", "c", "a"], softmax(3, [{"StringLookup": {"num_oov_indices": 0}}])),
        (["b", "c", "a"], softmax(4, ["StringLookup"])),
        ([7.0, 9.0, 8.0], softmax(3)),
        ([7, 9, 8], softmax(3, [{"IntegerLookup": {"num_oov_indices": 0}}])),
        ([0, 4, 2], softmax(5)),
    ],
)
def test_columns_are_in_the_order_of_the_classes(labels: list[Any], spec: dict[str, Any]) -> None:
    """Whichever unit a label trains: three corners of a plane, each with a label of its own."""
    y = np.array(labels * 12)
    model = ms.SpecClassifier(spec).fit(CORNERS, y)
    found = model.predict_proba(CORNERS)
    assert model.classes_.tolist() == sorted(labels) and found.shape == (36, 3)
    assert_allclose(found.sum(axis=1), 1, rtol=1e-12)
    assert (model.classes_[found.argmax(axis=1)] == y).all() and model.score(CORNERS, y) == 1


@pytest.mark.parametrize(
    ("labels", "loss"),
    [
        ([False, True], "BinaryCrossentropy"),
        ([1, 2], "BinaryCrossentropy"),
        (["no", "yes"], "Hinge"),
        ([-1, 1], "Hinge"),
    ],
)
def test_one_unit_is_the_share_of_the_second_class(labels: list[Any], loss: str) -> None:
    scores = {"from_logits": True} if loss == "BinaryCrossentropy" else {}
    spec = softmax(1)
    spec["model"]["layers"] = [{"Dense": {"units": 1, "name": "t"}}]
    spec["training"] |= {"loss": {loss: scores}, "optimizer": {"SGD": 0.5}, "epochs": 4}
    x = np.array([[-1.0, 0], [1.0, 0]] * 20)
    y = np.array(labels * 20)
    model = ms.SpecClassifier(spec).fit(x, y)
    assert model.classes_.tolist() == labels and model.score(x, y) == 1
    if loss == "Hinge":
        assert not hasattr(model, "predict_proba")
        return
    score = x @ model.weights_[0] + model.weights_[1]
    assert_allclose(model.predict_proba(x)[:, 1], 1 / (1 + np.exp(-score[:, 0])), rtol=1e-5)


# What is refused ----------------------------------------------------------------------------------


def changed(spec: dict[str, Any], **data: Any) -> dict[str, Any]:
    return {**spec, "data": {**spec["data"], **data}}


@pytest.mark.parametrize(
    ("spec", "taken", "options", "words"),
    [
        (
            {**BY_TIME, "data": {**BY_TIME["data"], "split": {"test": 0.2, "group": "who"}}},
            ["area", "rooms"],
            {},
            "uses `group: who`, which X does not have: pass a data frame",
        ),
        (changed(BY_TIME, weights="heavy"), ["area", "rooms"], {}, "names the column `heavy`"),
        (
            changed(BY_TIME, weights="owner"),
            ["area", "rooms", "owner"],
            {"sample_weight": np.ones(ROWS)},
            "two weights: `sample_weight`, and the column `owner`",
        ),
        (BY_TIME, ["area", "town"], {}, "X has no column `rooms`, which `data.inputs`"),
        (
            {
                **BY_TIME,
                "data": {
                    "train": {"csv": "a.csv"},
                    "validation": {"csv": "b.csv"},
                    "inputs": BY_TIME["data"]["inputs"],
                    "targets": BY_TIME["data"]["targets"],
                },
            },
            ["area", "rooms"],
            {},
            "`data.validation` of the spec has a separate source",
        ),
        (
            changed(BY_TIME, inputs={"size": ["area", "price"]}),
            ["area", "price"],
            {},
            "an input and the target of the spec read column `price`",
        ),
    ],
)
def test_what_X_and_y_cannot_give_is_refused_by_name(
    rows: Any, spec: dict[str, Any], taken: list[str], options: dict[str, Any], words: str
) -> None:
    y = rows[["price", "counts"]].to_numpy() + 1
    with pytest.raises(ValueError) as caught:
        ms.SpecRegressor(spec).fit(rows[taken].fillna(1), y, **options)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("estimator", "x", "y", "words"),
    [
        (ms.SpecRegressor(BY_TIME), np.ones((9, 3)), np.ones((9, 2)), "of 3 columns, but input"),
        (ms.SpecRegressor(BY_TIME), np.ones((9, 2)), np.ones(9), "has 1 number for each row"),
        (
            ms.SpecRegressor(BY_TIME, epochs=5, overrides={"training.epochs": 2}),
            np.ones((9, 2)),
            np.ones((9, 2)),
            "`epochs` is 5, but the override `training.epochs` is 2",
        ),
        (ms.SpecRegressor(softmax(2)), np.ones((9, 2)), np.ones(9), "compares classes"),
        (ms.SpecClassifier(BY_TIME), np.ones((8, 2)), [0, 1] * 4, "does not compare classes"),
        (
            ms.SpecClassifier(softmax(2, [{"Discretization": {"bin_boundaries": [5.0]}}])),
            np.arange(8.0).reshape(4, 2),
            [1, 2, 8, 9],
            "the labels `1` and `2` of y become the same class",
        ),
    ],
)
def test_what_does_not_fit_the_spec_is_refused(estimator: Any, x: Any, y: Any, words: str) -> None:
    with pytest.raises(ValueError) as caught:
        estimator.fit(x, y)
    assert words in str(caught.value)


def test_an_array_has_no_columns_for_a_condition(rows: Any) -> None:
    spec = {**BY_CLASS, "data": {**BY_CLASS["data"], "split": None}}
    x = rows[["area", "rooms"]].fillna(60.0).to_numpy()
    with pytest.raises(
        ValueError, match=r"`data.where` of the spec names `town`, but an array has"
    ):
        ms.SpecClassifier(spec).fit(x, rows["sold"])
    spec["data"].pop("where")
    with pytest.raises(
        ValueError, match=r"`data.slices` of the spec names `town`, but an array has"
    ):
        ms.SpecClassifier(spec).fit(x, rows["sold"])
