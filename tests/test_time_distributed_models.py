"""A model for every step of a sequence, `TimeDistributed: net`: what Keras makes of the same, from
the check to a run that is resumed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import modelspec as ms
from modelspec.views.picture import picture
from modelspec.views.resolve import resolved
from modelspec.views.summary import table

BRANCHES: list[Any] = [
    {"Conv2D": {"filters": 4, "kernel_size": 3, "padding": "same", "name": "stem"}},
    {
        "branches": [
            [
                {"Conv2D": {"filters": 4, "kernel_size": 1, "use_bias": False, "name": "side"}},
                {"BatchNormalization": {"name": "scaled"}},
            ],
            [],
        ],
        "join": {"Add": {"name": "sum"}},
    },
    {"Dropout": {"rate": 0.25, "name": "drop"}},
    {"GlobalAveragePooling2D": {"name": "pool"}},
]
CHAIN: list[Any] = [
    {"Conv2D": {"filters": 3, "kernel_size": 3, "name": "see"}},
    {"Flatten": {"name": "flat"}},
    {"Dense": {"units": 2, "name": "say"}},
]


def spec_of(held: Any, shape: list[Any] | None = None, **more: Any) -> dict[str, Any]:
    """A network per frame, then one over the frames."""
    training = {"loss": "mse", "optimizer": "sgd", **more.pop("training", {})}
    layers = [
        {"TimeDistributed": {"layer": held, "name": "frames"}},
        {"LSTM": {"units": 3, "name": "read"}},
        {"Dense": {"units": 1, "name": "value"}},
    ]
    model = {"inputs": {"film": shape or [3, 8, 8, 3]}, "layers": layers, **more.pop("model", {})}
    return {"name": "films", "model": model, "training": training, **more}


SHARED = spec_of("net", model={"shared": {"net": BRANCHES}})


# What follows without a framework -----------------------------------------------------------------


def test_the_rows_of_a_summary_have_what_is_inside_below() -> None:
    spec = ms.load_spec(SHARED)
    lines = table(spec.name, spec.graph).splitlines()
    found = {line.split()[0]: line for line in lines if line.strip()}
    assert "TimeDistributed (net)" in found["frames"]
    assert "[3, 4]" in found["frames"]
    assert found["frames"].startswith("frames")
    assert found["stem"].startswith("  stem")
    assert "[8, 8, 4]" in found["stem"]


def test_a_picture_has_a_frame_around_what_is_inside() -> None:
    drawn = picture("films", ms.load_spec(SHARED).graph, "mermaid").decode()
    assert "frames: net (TimeDistributed)" in drawn


@pytest.mark.parametrize("held", [BRANCHES, {"layers": BRANCHES}, "net"])
def test_every_form_resolves_to_itself_with_and_without_defaults(held: Any) -> None:
    text = spec_of(held, model={"shared": {"net": BRANCHES}} if held == "net" else {})
    spec = ms.load_spec(text)
    for defaults in (False, True):
        once = resolved(spec.compiled, defaults=defaults)
        again = ms.load_spec(once)
        assert resolved(again.compiled, defaults=defaults) == once
        assert again.graph.parameters == spec.graph.parameters
        assert [one.output_shape for one in again.graph.layers] == [
            one.output_shape for one in spec.graph.layers
        ]


def test_the_cost_is_that_of_all_steps_and_not_known_for_steps_that_are_not() -> None:
    one, three, some = (
        ms.load_spec(spec_of(BRANCHES, [steps, 8, 8, 3])).graph.layers[0].flops
        for steps in (1, 3, None)
    )
    assert one
    assert (three, some) == (3 * one, None)


def with_mask(shape: list[int], *held: Any) -> list[str]:
    layers = [{"Masking": {"name": "marked"}}, {"TimeDistributed": list(held)}, {"LSTM": 3}]
    found = ms.check({"model": {"inputs": {"words": shape}, "layers": layers}}).diagnostics
    return [one.code for one in found]


def test_a_mask_comes_to_the_model_without_the_axis_of_steps_and_goes_past_it_whole() -> None:
    twice = {"Dense": {"units": 6, "repeat": 2}}
    assert with_mask([6, 4], twice, {"Reshape": [3, 2]}, {"LSTM": 2}) == []
    assert with_mask([6, 4], twice, "Softmax") == ["MS542"]
    assert with_mask([6, 5, 4], twice, {"LSTM": 2}) == ["MS412"], "of the layer after the model"


# Keras as the oracle ------------------------------------------------------------------------------


def keras_branches() -> Any:
    from keras import Input, Model, layers

    x = Input((8, 8, 3))
    stem = layers.Conv2D(4, 3, padding="same", name="stem")(x)
    side = layers.Conv2D(4, 1, use_bias=False, name="side")(stem)
    side = layers.BatchNormalization(name="scaled")(side)
    both = layers.Add(name="sum")([side, stem])
    both = layers.Dropout(0.25, name="drop")(both)
    return Model(x, layers.GlobalAveragePooling2D(name="pool")(both))


def keras_chain() -> Any:
    from keras import Input, Sequential, layers

    return Sequential(
        [
            Input((8, 8, 3)),
            layers.Conv2D(3, 3, name="see"),
            layers.Flatten(name="flat"),
            layers.Dense(2, name="say"),
        ]
    )


def whole(inner: Any, shape: tuple[int, ...] = (3, 8, 8, 3), wrappers: int = 1) -> Any:
    from keras import Input, Model, layers

    x = Input(shape, name="film")
    for _ in range(wrappers):
        inner = layers.TimeDistributed(inner)
    frames = inner(x)
    if wrappers > 1:
        frames = layers.Reshape((-1, frames.shape[-1]))(frames)
    return Model(x, layers.Dense(1, name="value")(layers.LSTM(3, name="read")(frames)))


def listed(model: Any) -> list[tuple[str, tuple[int, ...]]]:
    """Every weight in its order. The names of layers in a model that Keras named differ by
    count.
    """
    return [("/".join(one.path.split("/")[-2:]), tuple(one.shape)) for one in model.weights]


def train_on(model: Any, x: Any) -> None:
    """Some steps. Where the process computes deterministically, what draws needs a seed."""
    import keras

    keras.utils.set_random_seed(0)
    model.fit(x, np.ones((len(x), 1)), batch_size=2, verbose=0)


def assert_same(mine: Any, oracle: Any, shape: tuple[int, ...] = (3, 8, 8, 3)) -> None:
    """The same weights, and the same numbers with the same values of them."""
    assert listed(mine) == listed(oracle)
    assert mine.count_params() == oracle.count_params()
    assert mine.output_shape == oracle.output_shape
    oracle.set_weights(mine.get_weights())
    x = np.random.default_rng(0).normal(size=(2, *shape)).astype("float32")
    np.testing.assert_allclose(mine(x), oracle(x), rtol=1e-5, atol=1e-6)


@pytest.mark.tensorflow
@pytest.mark.parametrize(("held", "oracle"), [(BRANCHES, keras_branches), (CHAIN, keras_chain)])
@pytest.mark.parametrize("shared", [False, True])
def test_keras_has_the_same_weights_and_numbers(held: Any, oracle: Any, shared: bool) -> None:
    text = spec_of("net", model={"shared": {"net": held}}) if shared else spec_of({"layers": held})
    spec = ms.load_spec(text)
    expected = whole(oracle())
    assert_same(spec.build(), expected)
    assert spec.graph.parameters == expected.count_params()
    names = [weight.name.rpartition("/")[2] for weight in spec.graph.weights]
    assert sorted(names) == sorted(path.rpartition("/")[2] for path, _ in listed(expected))


@pytest.mark.tensorflow
def test_wrappers_in_wrappers_are_as_in_keras() -> None:
    held: Any = {"TimeDistributed": BRANCHES}
    text = spec_of(held, [2, 3, 8, 8, 3])
    text["model"]["layers"].insert(1, {"Reshape": {"target_shape": [6, 4], "name": "flat"}})
    model = ms.load_spec(text).build()
    assert_same(model, whole(keras_branches(), (2, 3, 8, 8, 3), 2), (2, 3, 8, 8, 3))


@pytest.mark.tensorflow
def test_a_network_of_the_library_is_that_of_keras_with_its_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keras's own MobileNetV2 with weights in a file, at every frame, trained for two steps."""
    import keras

    monkeypatch.chdir(tmp_path)
    size = {"alpha": 0.35, "include_top": False, "pooling": "avg"}
    app = keras.applications.MobileNetV2(input_shape=(32, 32, 3), weights=None, **size)
    rng = np.random.default_rng(0)
    app.set_weights([rng.uniform(0.1, 0.3, one.shape) for one in app.weights])
    app.save_weights("frames.weights.h5")
    net = {"MobileNetV2": {**size, "weights": "frames.weights.h5", "trainable": False}}
    shape = (2, 32, 32, 3)
    spec = ms.load_spec(spec_of(net, list(shape)))
    model, expected = spec.build(), whole(app, shape)
    assert spec.graph.parameters == expected.count_params()
    kept = model.get_layer("frames").layer.get_weights()
    for mine, its in zip(kept, app.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, its)
    assert_same(model, expected, shape)
    x = rng.normal(size=(4, *shape)).astype("float32")
    train_on(model, x)
    for mine, its in zip(model.get_layer("frames").layer.get_weights(), kept, strict=True):
        np.testing.assert_array_equal(mine, its)


@pytest.mark.tensorflow
def test_imagenet_weights_are_loaded_inside_a_wrapper(monkeypatch: pytest.MonkeyPatch) -> None:
    from modelspec.runtime.backend import weights

    asked: list[tuple[str, str, int]] = []
    monkeypatch.setattr(
        weights,
        "initial_weights",
        lambda model, source: asked.append((source.kind, source.value, model.count_params())),
    )
    held = {
        "VGG16": {
            "include_top": False,
            "pooling": "max",
            "weights": "imagenet",
            "until": "block1_pool",
        }
    }
    ms.load_spec(spec_of([held, "Flatten"], [2, 8, 8, 3])).build()
    assert asked == [("VGG16", "imagenet", 1792 + 36928)]


@pytest.mark.tensorflow
def test_a_saved_model_is_one_of_plain_keras(tmp_path: Path) -> None:
    import keras

    model = ms.load_spec(SHARED).build()
    x = np.random.default_rng(1).normal(size=(4, 3, 8, 8, 3)).astype("float32")
    before = model.get_weights()
    train_on(model, x)
    assert all(np.any(a != b) for a, b in zip(before, model.get_weights(), strict=True))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), model.predict(x, verbose=0))


INNER = 4 * 27 + 4 + 4 * 4 + 4 + 4
"""Trainable weights of the branches: two convolutions, and the scale and shift."""


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("patterns", "frozen"),
    [(["net"], INNER), (["net/*"], INNER), (["net/stem"], 4 * 27 + 4), (["net/s[ic]*"], 24)],
)
def test_patterns_freeze_what_is_inside(patterns: list[str], frozen: int) -> None:
    text = spec_of("net", model={"shared": {"net": BRANCHES}}, training={"freeze": patterns})
    spec = ms.load_spec(text)
    model = spec.build()
    everything = ms.load_spec(SHARED).graph.trainable_parameters
    assert spec.graph.trainable_parameters == everything - frozen
    assert sum(int(np.prod(one.shape)) for one in model.trainable_weights) == everything - frozen


@pytest.mark.tensorflow
@pytest.mark.parametrize("steps", [3, None])
def test_it_trains_in_mixed_precision_and_for_any_number_of_steps(steps: int | None) -> None:
    text = spec_of(BRANCHES, [steps, 8, 8, 3], runtime={"precision": "mixed_float16"})
    text["model"]["layers"][-1]["Dense"]["dtype"] = "float32"
    model = ms.load_spec(text).build()
    x = np.random.default_rng(1).normal(size=(2, 3, 8, 8, 3)).astype("float32")
    train_on(model, x)
    assert np.isfinite(model.predict(x, verbose=0)).all()


# Runs ---------------------------------------------------------------------------------------------


@pytest.mark.tensorflow
def test_a_resumed_run_ends_as_the_undisturbed_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from modelspec.runtime.run import Watcher, resume, train
    from modelspec.runtime.run.weight_reader import stored_weights

    class Killed(BaseException):
        pass

    class Killer(Watcher):
        wants_steps = True

        def step(self, epoch: int, step: int, logs: Any) -> None:
            if (epoch, step) == (2, 2):
                raise Killed

    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    np.savez("d.npz", x=rng.normal(size=(12, 3, 8, 8, 3)).astype("float32"), y=rng.normal(size=12))
    data = {"source": {"npz": "d.npz"}, "inputs": {"film": "x"}, "targets": {"value": "y"}}
    training = {"epochs": 3, "batch_size": 4, "checkpoint": "1 steps", "optimizer": "adam"}
    spec = ms.load_spec({**SHARED, "data": data, "training": {"loss": "mse", **training}})
    whole = train(spec, Path("whole"))
    with pytest.raises(Killed):
        train(spec, Path("cut"), watcher=Killer())
    cut = resume("cut")
    for mine, its in zip(cut.model.variables, whole.model.variables, strict=True):
        np.testing.assert_array_equal(mine.numpy(), its.numpy())
    assert cut.history == whole.history
    with stored_weights(Path("whole")) as stored:
        assert [name for name in stored if name.startswith("net/")] == [
            *("net/stem/kernel", "net/stem/bias", "net/side/kernel"),
            *("net/scaled/gamma", "net/scaled/beta"),
            *("net/scaled/moving_mean", "net/scaled/moving_variance"),
        ]


@pytest.mark.tensorflow
@pytest.mark.parametrize("wrappers", [1, 2])
@pytest.mark.parametrize("oracle", [keras_branches, keras_chain])
def test_a_model_of_keras_is_imported_with_its_weights(
    tmp_path: Path, oracle: Any, wrappers: int
) -> None:
    from modelspec.importers.import_model import import_model
    from modelspec.importers.json_text import value_of
    from modelspec.runtime.backend.imported_weights import write_weights

    shape = (2, 3, 8, 8, 3)[2 - wrappers :]
    model = whole(oracle(), shape, wrappers)
    model.save(tmp_path / "model.keras")
    found = import_model(value_of(model.to_json())).value
    assert found is not None
    again = ms.load_spec(found.spec).build()
    write_weights(found, tmp_path / "model.keras", tmp_path / "its.weights.h5")
    again.load_weights(tmp_path / "its.weights.h5")
    x = np.random.default_rng(0).normal(size=(2, *shape)).astype("float32")
    np.testing.assert_array_equal(again(x), model(x))
    back = ms.from_keras(again)
    assert back.graph.parameters == model.count_params()
    assert [one.outputs for one in back.graph.layers] == [
        one.outputs for one in ms.load_spec(found.spec).graph.layers
    ]
