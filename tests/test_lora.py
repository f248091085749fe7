"""`training.lora`: the adapters are those of Keras's `enable_lora`, are trained alone, are counted
without a framework, survive a killed run, and are merged into files.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import modelspec as ms
from modelspec.runtime.run import Run, Watcher, resume, train

KINDS: dict[str, Any] = {
    "inputs": {"tokens": {"shape": [6], "dtype": "int32"}, "image": [5, 5, 2]},
    "shared": {"words": {"ReversibleEmbedding": {"input_dim": 9, "output_dim": 8}}},
    "layers": [
        {"Embedding": {"input_dim": 20, "output_dim": 8, "name": "table", "from": "tokens"}},
        {
            "MultiHeadAttention": {
                "num_heads": 2,
                "key_dim": 4,
                "name": "attention",
                "from": {"query": "table", "value": "table"},
            }
        },
        {
            "GroupQueryAttention": {
                "num_query_heads": 4,
                "num_key_value_heads": 2,
                "head_dim": 3,
                "name": "grouped",
                "from": {"query": "attention", "value": "attention"},
            }
        },
        {"TimeDistributed": {"layer": {"Dense": 8}, "name": "steps"}},
        {"EinsumDense": {"equation": "abc,cd->abd", "output_shape": [6, 8], "name": "mixed"}},
        {"Conv1D": {"filters": 8, "kernel_size": 3, "groups": 2, "name": "near"}},
        {"words": {"from": "near", "call": {"reverse": True}, "name": "scores"}},
        {"BatchNormalization": {"name": "norm"}},
        {"Flatten": {"name": "flat"}},
        {"Conv2D": {"filters": 3, "kernel_size": 3, "name": "picture", "from": "image"}},
        {"Flatten": {"name": "seen"}},
        {"Concatenate": {"from": ["flat", "seen"]}},
        {"Dense": {"units": 3, "name": "head", "activation": "softmax"}},
    ],
}
WITHOUT = {"BatchNormalization", "Flatten", "Concatenate"}
"""The kinds of it that cannot have adapters."""
SMALL: dict[str, Any] = {
    "seed": 5,
    "model": {
        "inputs": {"x": [4]},
        "shared": {"body": [{"Dense": {"units": 8, "activation": "relu", "name": "wide"}}]},
        "layers": [
            "body",
            {"Dropout": 0.2},
            {"Dense": {"units": 3, "activation": "softmax", "name": "kind"}},
        ],
    },
    "data": {
        "source": {"dataset": "iris"},
        "split": {"test": 0.2},
        "inputs": {
            "x": {"columns": ["sepal_length", "sepal_width", "petal_length", "petal_width"]}
        },
        "targets": {"kind": {"column": "target"}},
    },
    "training": {
        "loss": "sparse_categorical_crossentropy",
        "optimizer": {"Adam": 0.05},
        "epochs": 3,
        "checkpoint": "2 steps",
        "lora": {"rank": 2, "layers": ["body", "kind"], "lora_alpha": 4},
    },
}


def spec(model: Any, lora: Any) -> dict[str, Any]:
    training = {"loss": "sparse_categorical_crossentropy", "optimizer": {"SGD": 0.1}, "lora": lora}
    return {"seed": 1, "model": model, "training": training}


def adapted_by_hand(model: Any, rank: int, alpha: float | None) -> None:
    """What a user of Keras would write."""
    inner = [one for one in model._flatten_layers() if not list(one._flatten_layers(False))]
    for layer in inner:
        if hasattr(layer, "enable_lora"):
            for weight in layer.weights:
                weight.trainable = False
            layer.enable_lora(rank, lora_alpha=alpha)
        else:
            layer.trainable = False


# Against Keras ------------------------------------------------------------------------------------


@pytest.mark.tensorflow
def test_every_kind_of_layer_is_trained_as_by_hand() -> None:
    import numpy as np

    lora = {"rank": 3, "layers": ["*"], "lora_alpha": 6}
    found = ms.load_spec(spec(KINDS, lora))
    ours, hand = found.build(), ms.load_spec(spec(KINDS, None)).build()
    adapted_by_hand(hand, 3, 6)
    assert found.graph.parameters == hand.count_params()
    assert found.graph.trainable_parameters == sum(w.numpy().size for w in hand.trainable_weights)
    assert [one.path for one in ours.weights] == [one.path for one in hand.weights]
    adapted = {call.kind for call in found.graph.layers if call.trainable_parameters}
    assert adapted == {kind for one in KINDS["layers"] for kind in one} - WITHOUT
    hand.compile("sgd", "sparse_categorical_crossentropy")
    hand.optimizer.learning_rate = 0.1
    hand.set_weights(ours.get_weights())
    before = {one.path: one.numpy() for one in ours.weights}
    rng = np.random.default_rng(0)
    x = {
        "tokens": rng.integers(0, 20, (16, 6)).astype("int32"),
        "image": rng.normal(size=(16, 5, 5, 2)).astype("float32"),
    }
    y = rng.integers(0, 3, 16)
    for model in (ours, hand):
        model.fit(x, y, epochs=3, batch_size=16, shuffle=False, verbose=0)
    trained = {one.path for one in ours.trainable_weights}
    for mine, its in zip(ours.weights, hand.weights, strict=True):
        np.testing.assert_allclose(mine.numpy(), its.numpy(), rtol=0, atol=1e-6)
        if mine.path not in trained:
            np.testing.assert_array_equal(mine.numpy(), before[mine.path])
    updates = [one for one in ours.trainable_weights if one.path.endswith("_b")]
    assert all(np.abs(one.numpy()).max() > 0 for one in updates)


# A run --------------------------------------------------------------------------------------------


class Killed(BaseException):
    """Ends the run in the middle of an epoch."""


class Killer(Watcher):
    """Ends a run in its second epoch."""

    wants_steps = True

    def step(self, epoch: int, step: int, logs: Any) -> None:
        if epoch == 2:
            raise Killed


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return train(ms.load_spec(SMALL), tmp_path_factory.mktemp("lora") / "run")


@pytest.mark.tensorflow
def test_a_killed_run_ends_as_the_undisturbed_one(run: Run, tmp_path: Path) -> None:
    import numpy as np

    with pytest.raises(Killed):
        train(ms.load_spec(SMALL), tmp_path / "killed", watcher=Killer())
    done = resume(tmp_path / "killed")
    assert any("lora_kernel_b" in one.path for one in done.model.trainable_weights)
    variables = ((*one.model.variables, *one.model.optimizer.variables) for one in (done, run))
    for mine, its in zip(*variables, strict=True):
        np.testing.assert_array_equal(mine.numpy(), its.numpy())
    assert done.history == run.history


@pytest.mark.tensorflow
def test_files_have_the_adapters_in_the_kernels(run: Run, tmp_path: Path) -> None:
    import keras
    import numpy as np
    from safetensors import safe_open

    x = np.random.default_rng(0).normal(size=(7, 4)).astype("float32")
    expected = run.model.predict(x, verbose=0)
    files = {"keras": tmp_path / "m.keras", "safetensors": tmp_path / "m.safetensors"}
    for name, path in files.items():
        assert ms.export(run.directory, name, path).difference < 1e-6
    for path in (files["keras"], run.directory / "model.keras"):
        model = keras.models.load_model(path)
        assert [one.path for one in model.weights if "lora" in one.path] == []
        assert len(model.trainable_weights) == 4
        found = model.predict(x, verbose=0)
        found = found["kind"] if isinstance(found, dict) else found
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)
    with safe_open(files["safetensors"], "numpy") as file:
        assert sorted(file.keys()) == ["kind/bias", "kind/kernel", "wide/bias", "wide/kernel"]


@pytest.mark.tensorflow
def test_a_run_starts_from_a_file_and_freezes_its_weights(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import numpy as np

    monkeypatch.chdir(tmp_path)
    plain = ms.load_spec(SMALL, overrides={"training.lora": None, "seed": 9}).build()
    plain.save_weights("start.weights.h5")
    second = ms.load_spec(
        SMALL, overrides={"training.weights": "start.weights.h5", "training.epochs": 1}
    ).train(run_dir="second")
    kernels = {one.path: one.numpy() for one in second.model.weights}
    for start in plain.weights:
        np.testing.assert_array_equal(kernels[start.path], start.numpy())


@pytest.mark.tensorflow
def test_a_file_sets_the_kernel_of_a_layer_with_its_own_rank(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import numpy as np

    monkeypatch.chdir(tmp_path)
    layers = [{"Dense": {"units": 3, "name": "kind", "lora_rank": 2}}]
    small = {"inputs": {"x": [4]}, "layers": layers}
    plain = ms.load_spec({"model": {**small, "layers": [{"Dense": {"units": 3, "name": "kind"}}]}})
    start = plain.build()
    start.save_weights("start.weights.h5")
    training = {"loss": "mse", "weights": "start.weights.h5"}
    found = ms.load_spec({"model": small, "training": training}).build().get_layer("kind")
    np.testing.assert_array_equal(found._kernel.numpy(), start.get_layer("kind").kernel.numpy())
    assert np.abs(found.lora_kernel_a.numpy()).max() > 0


# Without a framework ------------------------------------------------------------------------------


def test_the_merged_spec_has_no_adapters() -> None:
    compiled = ms.load_spec(SMALL).compiled
    assert compiled.graph is not None and compiled.merged.graph is not None
    assert compiled.graph.trainable_parameters == (4 + 8) * 2 + (8 + 3) * 2
    assert compiled.merged.graph.trainable_parameters == 4 * 8 + 8 + 8 * 3 + 3
    merged = compiled.merged
    assert merged.merged is merged
    assert list(_with_adapters(compiled.merged.graph)) == []
    assert len(list(_with_adapters(compiled.graph))) == 2


def _with_adapters(graph: Any) -> Iterator[Any]:
    for call in graph.layers:
        yield from _with_adapters(call.inside) if call.inside else [call] if call.adapters else []
