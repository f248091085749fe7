"""What is learned from data is learned from the training rows alone, however the data are cut."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from modelspec.catalog.layers import LAYERS
from modelspec.catalog.layers.layer import Layer
from modelspec.compiler.pipeline import Compiled, compile_spec
from modelspec.core.settings import Context, Faults
from modelspec.runtime.data import prepare
from modelspec.runtime.data.transforms import needs_adapting

pytestmark = pytest.mark.tensorflow

ROWS = 60
SETTINGS: dict[str, Any] = {
    "num_bins": 4,
    "formula": "(x - learned) / 2",
    "learned": "mean(x)",
}
"""For layers that have these settings and say nothing else of them."""


COLUMNS = {"string": "word", "int64": "whole", "float32": "number"}
"""By dtype: a column of single values; with an `s`, of two in each row."""


class Learned(NamedTuple):
    """A layer that learns, and the column that it takes."""

    layer: Layer
    settings: dict[str, Any]
    column: str


def learning() -> Iterator[tuple[str, Learned]]:
    """Every way in which a layer of the catalogue learns from data, by the facts of the layers and
    their examples.
    """
    for kind in LAYERS.kinds():
        layer = LAYERS.find(kind)
        assert layer is not None and issubclass(layer, Layer)
        if not layer.prepares_data or not (layer.adapts or "learned" in layer.model_fields):
            continue
        more = {name: value for name, value in SETTINGS.items() if name in layer.model_fields}
        for number, example in enumerate(layer.examples):
            settings = {**example.settings, **more}
            for name in (*layer.adapts, "idf_weights"):
                settings.pop(name, None)
            try:
                made = layer.build(settings, Context())
            except Faults:
                continue
            shape = next(iter(example.inputs)) if isinstance(example.inputs, tuple) else ()
            if needs_adapting(made) and not getattr(made, "invert", False) and len(shape) < 3:
                column = COLUMNS[made.column_types()[0]] + (
                    "s" if shape[1:] not in ((), (1,)) else ""
                )
                yield f"{kind.lower()}_{number}", Learned(made, settings, column)


LEARNING = dict(learning())


def test_every_layer_that_learns_is_among_them() -> None:
    found = {one.layer.kind() for one in LEARNING.values()}
    assert found == {
        kind
        for kind in LAYERS.kinds()
        if (layer := LAYERS.find(kind))
        and (getattr(layer, "adapts", ()) or "learned" in layer.model_fields)
        and getattr(layer, "prepares_data", False)
    }


def rows(seed: int) -> list[dict[str, Any]]:
    """Rows whose features follow from the seed; `part`, `time` and `group` do not."""
    random = np.random.default_rng(seed)

    def values(i: int) -> dict[str, Any]:
        return {
            "word": str(random.choice([f"w{seed}", "a", "b", f"v{i % 7}"])),
            "whole": int(random.integers(0, 9)) + 10 * seed,
            "number": float(random.normal(seed, 1 + seed)),
        }

    return [
        {
            "time": (7 * i) % ROWS,
            "group": i % 20,
            "class": i % 3,
            **(first := values(i)),
            **{f"{name}s": [value, first[name]] for name, value in values(i).items()},
            "lacking": None if i % 5 == 0 else float(random.normal(seed)),
            "most": None if i % 5 == 1 else str(random.choice(["a", *3 * [f"w{seed}"]])),
            "list": [1.0] * int(random.integers(1, 5 + seed)),
        }
        for i in range(ROWS)
    ]


def write(path: str, found: list[dict[str, Any]]) -> dict[str, str]:
    Path(path).write_text("\n".join(json.dumps(row) for row in found))
    return {"jsonl": path}


def spec(data: dict[str, Any]) -> Compiled:
    """A spec in which every layer learns from the column that it takes."""
    features: dict[str, Any] = {
        name: {"column": one.column, "transform": [{one.layer.kind(): one.settings}]}
        for name, one in LEARNING.items()
    }
    for policy in ("mean", "median", "most_frequent"):
        features[policy] = {"column": "lacking", "missing": policy}
    look = [{"StringLookup": {"num_oov_indices": 0, "vocabulary": ["a", "w1", "w2"]}}]
    features["filled"] = {"column": "most", "missing": "most_frequent", "transform": look}
    features["padded"] = {"column": "list", "pad": {"padding": "post"}}
    checked = compile_spec(
        {
            "seed": 3,
            "model": {
                "inputs": {name: ["auto"] for name in features},
                "layers": [
                    {"Concatenate": {"from": list(features)}},
                    {"Dense": {"units": 1, "name": "y"}},
                ],
            },
            "data": {
                **data,
                "inputs": features,
                "targets": {"y": {"column": "number", "transform": ["Normalization"]}},
            },
            "training": {"loss": "mse", "batch_size": 1},
        }
    )
    assert checked.ok and checked.value is not None, [str(one) for one in checked.diagnostics]
    return checked.value


SPLITS: list[dict[str, Any]] = [
    {"validation": 0.2, "test": 0.3},
    {"test": 0.5},
    {"validation": 0.2, "test": 0.3, "stratify": "class"},
    {"validation": 0.2, "test": 0.3, "group": "group"},
    {"validation": 0.2, "test": 0.3, "order": "time"},
]


@pytest.mark.parametrize("split", SPLITS, ids=str)
def test_other_rows_change_nothing_that_is_learned(
    split: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MODELSPEC_CACHE", str(tmp_path / "cache"))
    first, others = rows(1), rows(2)
    data = {"source": write("t.jsonl", first), "split": split}
    before = prepare(spec(data))
    train = set(before.parts["train"].positions.tolist())
    assert 20 < len(train) < 40
    write("t.jsonl", [first[i] if i in train else others[i] for i in range(ROWS)])
    after = prepare(spec(data))
    assert set(after.parts["train"].positions.tolist()) == train
    assert json.dumps(after.state.plain()) == json.dumps(before.state.plain())
    for name, one in before.state.plain()["inputs"].items():  # each of them has learned something
        assert one["fill"] or one["length"] or any(one["learned"]), name
    write("t.jsonl", [others[i] if i in train else first[i] for i in range(ROWS)])
    other = prepare(spec(data)).state.plain()
    same = [
        name for name, one in before.state.plain()["inputs"].items() if one == other["inputs"][name]
    ]
    assert same == []


def test_parts_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    data = {"train": write("train.jsonl", rows(1))}
    found = []
    for seed in (1, 2):
        data = {
            **data,
            **{part: write(f"{part}.jsonl", rows(seed)) for part in ("validation", "test")},
        }
        found.append(json.dumps(prepare(spec(data)).state.plain()))
    assert found[0] == found[1]


def test_cross_validation_with_scikit_learn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows that a fold is tested on change nothing of its estimator, neither what it learned
    nor its weights.
    """
    from sklearn.model_selection import cross_validate

    import modelspec.estimators

    monkeypatch.chdir(tmp_path)
    layers = [{"Dense": {"units": 1, "name": "y"}}]
    features = {"x": {"columns": ["a", "b"], "missing": "mean", "transform": ["Normalization"]}}
    target = {"column": "y", "transform": ["Normalization"]}
    estimator = modelspec.estimators.SpecRegressor(
        {
            "model": {"inputs": {"x": [2]}, "layers": layers},
            "data": {"source": {"csv": "t.csv"}, "inputs": features, "targets": {"y": target}},
            "training": {"loss": "mse", "epochs": 1},
        }
    )
    import pandas as pd

    random = np.random.default_rng(0)
    found = []
    for spread in (1.0, 100.0):
        x, y = random.normal(size=(12, 2)), np.arange(12.0)
        x[:6], x[0, 0] = np.arange(12.0).reshape(6, 2), np.nan
        x[6:] *= spread
        y[6:] *= spread
        frame = pd.DataFrame(x, columns=["a", "b"])
        fold = [(np.arange(6), np.arange(6, 12))]
        scores = cross_validate(estimator, frame, y, cv=fold, return_estimator=True)
        found.append(scores["estimator"][0])
    first, second = found
    assert json.dumps(first.state_) == json.dumps(second.state_)
    assert first.state_["targets"]["y"]["learned"][0]["mean"] == (2.5,)
    for one, other in zip(first.weights_, second.weights_, strict=True):
        np.testing.assert_array_equal(one, other)
