"""Estimators take `X`, `y`, `sample_weight` and `random_state` in the forms that scikit-learn's own
take, or refuse them in a sentence; what is set last counts.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import modelspec as ms

pd = pytest.importorskip("pandas")
pytestmark = pytest.mark.tensorflow

TRAINING: dict[str, Any] = {"optimizer": {"SGD": 0.1}, "epochs": 1, "batch_size": 64}
CLASSIFIER: dict[str, Any] = {
    "vars": {"classes": 2},
    "model": {
        "inputs": {"x": ["auto"]},
        "layers": [{"Dense": {"units": "$classes", "activation": "softmax", "name": "label"}}],
    },
    "training": {**TRAINING, "loss": "sparse_categorical_crossentropy"},
}
REGRESSOR: dict[str, Any] = {
    "vars": {"targets": 1},
    "model": {
        "inputs": {"x": ["auto"]},
        "layers": [{"Dense": {"units": "$targets", "name": "value"}}],
    },
    "training": {**TRAINING, "loss": "mse"},
}
BY_COLUMN: dict[str, Any] = {
    **REGRESSOR,
    "data": {
        "source": {"csv": "unused.csv"},
        "inputs": {"x": {"columns": ["a", "b"], "missing": 0.0}},
        "targets": {"value": {"column": "t"}},
    },
}
X = np.random.default_rng(0).normal(size=(12, 2))
Y = np.arange(12.0)


@pytest.fixture(scope="module", autouse=True)
def _eager() -> Iterator[None]:
    """Fits of one step: tracing a graph for each would be most of the time."""
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


def weights_of(x: Any, y: Any = Y, spec: dict[str, Any] = REGRESSOR, **options: Any) -> list[Any]:
    return list(ms.SpecRegressor(spec, random_state=1).fit(x, y, **options).weights_)


def same(one: list[Any], other: list[Any]) -> bool:
    return all(map(np.array_equal, one, other))


# Parameters ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("training.epochs", "epochs"),
        ("training.batch_size", "batch_size"),
        ("seed", "random_state"),
    ],
)
def test_what_is_set_last_counts(path: str, name: str) -> None:
    given = {"model.layers[0].Dense.use_bias": False}
    model = ms.SpecRegressor(REGRESSOR, overrides=given).set_params(**{name: 5})
    model.set_params(**{f"overrides__{path}": 2})
    assert model.overrides == {**given, path: 2} and model.get_params()[name] is None
    model.set_params(**{name: 3})
    assert model.overrides == given and model.get_params()[name] == 3
    model.set_params(overrides={path: 4}).set_params(run_dir=None)
    assert model.overrides == {path: 4} and model.get_params()[name] is None
    both = model.set_params(**{f"overrides__{path}": 5, name: 6})
    with pytest.raises(ValueError, match="give one of them"):
        both.fit(X, Y)
    assert given == {"model.layers[0].Dense.use_bias": False}


def test_a_search_over_paths_beats_the_constructor() -> None:
    from sklearn.model_selection import GridSearchCV

    model = ms.SpecRegressor(REGRESSOR, epochs=5)
    search = GridSearchCV(model, {"training.epochs": [1, 3]}, cv=2).fit(X, Y)
    found = search.best_estimator_
    assert len(found.history_["loss"]) == search.best_params_["training.epochs"]
    assert model.epochs == 5 and model.overrides is None


@pytest.mark.parametrize(
    "given",
    [
        *(0, np.int64(7), 2**32 - 1, -1, 2**32, 1.5, "a"),
        np.random.default_rng(0),
        np.random.SeedSequence(1),
    ],
)
def test_random_states_are_those_of_scikit_learn(given: Any) -> None:
    from sklearn.utils import check_random_state

    model = ms.SpecRegressor(REGRESSOR, random_state=given)
    try:
        check_random_state(given)
    except ValueError as error:
        with pytest.raises(ValueError) as caught:
            model.fit(X, Y)
        assert str(caught.value) == str(error)
    else:
        assert model.fit(X, Y).resolved_["seed"] == int(given)


def test_a_random_state_is_drawn_from() -> None:
    drawn = np.random.RandomState(3)
    model = ms.SpecRegressor(REGRESSOR, random_state=drawn)
    seeds = [model.fit(X, Y).resolved_["seed"] for _ in range(2)]
    expected = np.random.RandomState(3)
    assert seeds == [expected.randint(2**31 - 1) for _ in range(2)]
    seeded = ms.SpecRegressor({**REGRESSOR, "seed": 6}).fit(X, Y)  # None: that of the spec
    assert seeded.resolved_["seed"] == 6


# X ------------------------------------------------------------------------------------------------


def test_arrays_of_every_kind_give_one_fit() -> None:
    import tensorflow as tf

    expected = weights_of(X)
    frame = pd.DataFrame(X, columns=["a", "b"])
    forms = [X.tolist(), X.astype(object), X.astype(">f8"), X.astype(np.longdouble)]
    forms += [np.asfortranarray(X), tf.constant(X), tf.Variable(X), np.ma.array(X), frame]
    for form in forms:
        assert same(weights_of(form), expected), type(form)
    small = tf.cast(X, tf.bfloat16)
    assert same(weights_of(small), weights_of(tf.cast(small, tf.float32).numpy()))


def test_a_masked_number_is_a_missing_one() -> None:
    masked = np.ma.array(X.copy(), mask=np.zeros(X.shape, bool))
    masked[3, 1] = 1e6
    masked[3, 1] = np.ma.masked
    with pytest.raises(ValueError, match="contains NaN"):
        weights_of(masked)
    filled = np.where(np.ma.getmaskarray(masked), 0.0, X)
    assert same(weights_of(masked, spec=BY_COLUMN), weights_of(filled, spec=BY_COLUMN))
    model = ms.SpecRegressor(BY_COLUMN).fit(X, Y)
    assert_array_equal(model.predict(masked), model.predict(filled))


class Frame:
    """A data frame of another library: what scikit-learn and pandas ask of it."""

    def __init__(self, frame: Any) -> None:
        self.frame = frame
        self.columns = list(frame.columns)

    def to_pandas(self) -> Any:
        return self.frame


def test_frames_of_every_library_obey_the_columns_of_the_spec() -> None:
    pa = pytest.importorskip("pyarrow")
    wide = pd.DataFrame({"leak": Y, "b": X[:, 1], "a": X[:, 0]})
    expected = weights_of(X, spec=BY_COLUMN)
    forms = [wide, Frame(wide), pa.Table.from_pandas(wide)]
    with suppress(ImportError):
        forms.append(import_module("polars").from_pandas(wide))
    for form in forms:
        model = ms.SpecRegressor(BY_COLUMN, random_state=1).fit(form, Y)
        assert same(model.weights_, expected), type(form)
        assert_array_equal(model.predict(form), model.predict(wide))
        again = pickle.loads(pickle.dumps(model))
        assert again.feature_names_in_.tolist() == ["leak", "b", "a"]
        assert_array_equal(again.predict(wide), model.predict(wide))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: {"a": X[:, 0]}, "found a `dict` of columns"),
        (lambda: (row for row in X), "found a `generator`, which can be read only once"),
        (lambda: dict, "found the class `dict`"),
        (lambda: tensorflow().ragged.constant([[1.0], [1.0, 2.0]]), "found a `RaggedTensor`"),
        (lambda: tensorflow().sparse.from_dense(X), "found a `SparseTensor`"),
        (
            lambda: tensorflow().data.Dataset.from_tensor_slices(X),
            "found a `_TensorSliceDataset` of batches",
        ),
        (lambda: np.zeros(12, [("a", "f8")]), "found a structured array"),
        (lambda: pd.DataFrame(X, columns=["a", "a"]), "X has two columns `a`"),
        (lambda: np.ma.array([["a"]] * 12, mask=True), "X has masked values that are not numbers"),
    ],
)
def test_what_is_not_rows_and_columns_is_refused(make: Any, said: str) -> None:
    for spec in (REGRESSOR, BY_COLUMN):  # before anything is trained
        with pytest.raises(ValueError) as caught:
            ms.SpecRegressor(spec).fit(make(), Y)
        assert said in str(caught.value)


def tensorflow() -> Any:
    import tensorflow as tf

    return tf


# y and sample_weight ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pair", "form"),
    [
        ([0, 1], pd.Series),
        (["b", "a"], lambda values: np.array(values, object)),
        (["a", "b"], pd.Categorical),
        ([False, True], list),
        ([0.0, 1.0], tuple),
        ([2**40, -5], np.array),
    ],
)
def test_labels_come_back_as_scikit_learn_gives_them(pair: list[Any], form: Any) -> None:
    from sklearn.linear_model import LogisticRegression

    y = form(pair * 6)
    oracle = LogisticRegression().fit(X, y)
    model = ms.SpecClassifier(CLASSIFIER).fit(X, y)
    assert_array_equal(model.classes_, oracle.classes_)
    assert model.classes_.dtype == oracle.classes_.dtype
    assert model.predict(X).dtype == oracle.predict(X).dtype
    assert set(model.predict(X).tolist()) <= set(pair)


@pytest.mark.parametrize("dtype", ["Int64", "boolean", "string"])
def test_nullable_labels(dtype: str) -> None:
    from sklearn.linear_model import LogisticRegression

    y = pd.Series([0, 1] * 6, dtype="Int64").astype(dtype)
    model = ms.SpecClassifier(CLASSIFIER).fit(X, y)
    assert model.classes_.tolist() == LogisticRegression().fit(X, y).classes_.tolist()
    y[3] = None
    with pytest.raises(ValueError, match="Input y contains NaN"):
        ms.SpecClassifier(CLASSIFIER).fit(X, y)


def test_masked_targets_and_weights_are_refused() -> None:
    masked = np.ma.array(Y, mask=[True, *[False] * 11])
    with pytest.raises(ValueError, match="Input y contains masked values"):
        weights_of(X, masked)
    with pytest.raises(ValueError, match="Input y contains masked values"):
        ms.SpecClassifier(CLASSIFIER).fit(X, masked)
    with pytest.raises(ValueError, match="Input sample_weight contains masked values"):
        weights_of(X, sample_weight=masked)
    unmasked = np.ma.array(Y)
    assert same(weights_of(X, unmasked, sample_weight=unmasked), weights_of(X, sample_weight=Y))
