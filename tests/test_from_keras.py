"""`from_keras`: a live Keras model becomes a spec that builds the same model, and whatever a spec
does not hold is said.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import modelspec as ms
from tests.imported import difference, shaken

pytestmark = pytest.mark.tensorflow


def dense(units: int = 1, activation: str | None = None) -> Any:
    from keras import Input, Model, layers

    x = Input((4,), name="x")
    return Model(x, layers.Dense(units, activation=activation, name="y")(x))


def silently(model: Any) -> ms.Spec:
    """The spec of a model of which nothing is lost: a warning fails the test."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return ms.from_keras(model)


def compiled(**arguments: Any) -> Any:
    """A model as it was compiled, with one unit between 0 and 1."""
    model = dense(1, "sigmoid")
    model.compile(**{"optimizer": "sgd", "loss": "mse", **arguments})
    return model


# What is no model ---------------------------------------------------------------------------------


def objects() -> dict[str, tuple[Any, str]]:
    """What may be given in place of a model, and what the message names."""
    import keras

    class Own(keras.Model):  # type: ignore[misc]
        def call(self, x: Any) -> Any:
            return x * 2

    x = keras.Input((4,))
    return {
        "none": (None, "`None`"),
        "a path": ("model.keras", "load_model"),
        "a path object": (Path("model.keras"), "load_model"),
        "a class": (keras.Sequential, "the class `Sequential`"),
        "a layer": (keras.layers.Dense(2), "the layer `Dense`"),
        "a number": (3, "`int`"),
        "a spec": (
            ms.load_spec({"model": {"inputs": [4], "layers": ["Flatten"]}}),
            "already a spec",
        ),
        "not built": (keras.Sequential([keras.layers.Dense(3)]), "not built"),
        "empty": (keras.Sequential(), "no layers"),
        "a class of its own": (Own(), "`Own` is a subclass"),
        "a functional class": (Own(x, keras.layers.Dense(2)(x)), "`Own` is a subclass"),
    }


@pytest.mark.parametrize(
    "name",
    [
        "none",
        "a path",
        "a path object",
        "a class",
        "a layer",
        "a number",
        "a spec",
        "not built",
        "empty",
        "a class of its own",
        "a functional class",
    ],
)
def test_what_is_not_a_model_is_named(name: str) -> None:
    given, said = objects()[name]
    with pytest.raises(ms.SpecError) as refused:
        ms.from_keras(given)
    code = "MS742" if "subclass" in said else "MS746"
    assert [one.code for one in refused.value.diagnostics] == [code]
    assert said in str(refused.value)


def own_layer() -> Any:
    import keras

    class Dense(keras.layers.Dense):  # type: ignore[misc]
        def call(self, x: Any) -> Any:
            return super().call(x) * 2

    x = keras.Input((4,))
    return keras.Model(x, Dense(2, name="odd")(x))


def own_initializer() -> Any:
    import keras

    class Constant(keras.initializers.Initializer):  # type: ignore[misc]
        def __call__(self, shape: Any, dtype: Any = None) -> Any:
            return keras.ops.ones(shape)

        def get_config(self) -> dict[str, float]:
            return {"value": 1.0}

    x = keras.Input((4,))
    return keras.Model(x, keras.layers.Dense(2, kernel_initializer=Constant(), name="odd")(x))


def own_activation() -> Any:
    import keras

    def relu(x: Any) -> Any:
        return x * 3

    x = keras.Input((3, 4))
    layer = keras.layers.Dense(2, activation=relu)
    return keras.Model(x, keras.layers.TimeDistributed(layer, name="odd")(x))


def own_model_inside() -> Any:
    import keras

    class Odd(keras.Model):  # type: ignore[misc]
        def call(self, x: Any) -> Any:
            return super().call(x) * 2

    x, y = keras.Input((4,)), keras.Input((4,))
    return keras.Model(y, Odd(x, keras.layers.Dense(3)(x), name="odd")(y))


def quantized() -> Any:
    import keras

    x = keras.Input((8,))
    model = keras.Model(x, keras.layers.Dense(4, name="odd")(x))
    model.quantize("int8")
    return model


@pytest.mark.parametrize(
    "make",
    [own_layer, own_initializer, own_activation, own_model_inside, quantized],
    ids=lambda make: make.__name__,
)
def test_python_code_under_a_name_of_keras_is_refused_by_the_name_of_its_layer(
    make: Callable[[], Any],
) -> None:
    """A file has nothing but the name `relu`; the live model shows whose function it is."""
    with pytest.raises(ms.SpecError, match="`odd`"):
        ms.from_keras(make())


# What it was compiled with ------------------------------------------------------------------------


def test_names_and_settings_of_losses_metrics_and_optimizers_stay() -> None:
    """Compared with what `get_config` of Keras's own objects has, in the model and in the one that
    is built. The threshold of `Huber` is not in it: it is compared by the loss of numbers.
    """
    import keras

    losses, metrics = keras.losses, keras.metrics
    model = compiled(
        optimizer=keras.optimizers.RMSprop(
            keras.optimizers.schedules.CosineDecay(0.1, 100), clipnorm=1.0, name="steps"
        ),
        loss=losses.BinaryCrossentropy(label_smoothing=0.1, name="smooth", reduction="sum"),
        metrics=[
            metrics.AUC(curve="PR", name="area"),
            metrics.AUC(num_thresholds=50),
            metrics.BinaryAccuracy(threshold=0.4),
        ],
        weighted_metrics=[metrics.Precision(name="exact")],
    )
    rows = np.random.default_rng(0).random((8, 4)), np.arange(8.0)[:, None] % 2
    built = silently(model).build()
    assert built.loss.get_config() == model.loss.get_config()
    assert built.optimizer.get_config() == model.optimizer.get_config()
    logged = [one.evaluate(*rows, verbose=0, return_dict=True) for one in (model, built)]
    assert list(logged[0]) == list(logged[1])
    assert {"area", "exact", "binary_accuracy"} <= set(logged[1])

    for loss in (
        losses.Huber(0.25),
        losses.MeanSquaredError(dtype="float64"),
        losses.CosineSimilarity(axis=1),
    ):
        built = silently(compiled(loss=loss)).build()
        given = np.array([[0.2], [3.0]]), np.array([[1.0], [1.0]])
        assert np.allclose(built.loss(*given), loss(*given), atol=1e-7)
        assert built.loss.dtype == loss.dtype


def test_losses_by_output_stay_with_the_output() -> None:
    from keras import Input, Model, layers

    x = Input((4,))
    model = Model(x, {"u": layers.Dense(1)(x), "a/b": layers.Dense(3, activation="softmax")(x)})
    model.compile(
        "adam",
        {"u": "mse", "a/b": "categorical_crossentropy"},
        loss_weights={"u": 0.5, "a/b": 2.0},
        metrics={"u": ["mae"], "a/b": ["accuracy"]},
    )
    text = ms.dump(silently(model))
    assert "loss: {u: mse, a_b: categorical_crossentropy}" in text
    assert "loss_weights: {u: 0.5, a_b: 2.0}" in text
    assert "metrics: {u: [mae], a_b: [accuracy]}" in text


def my_loss(true: Any, predicted: Any) -> Any:
    import keras

    return keras.ops.mean(true - predicted)


LOST: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "steps_per_execution": ({"steps_per_execution": 8}, ("`steps_per_execution=8`",)),
    "run_eagerly": ({"run_eagerly": True}, ("`run_eagerly=True`",)),
    "own loss": ({"loss": my_loss}, ("`my_loss`", "no `training`")),
    "own metric": ({"metrics": ["mae", my_loss]}, ("`my_loss`",)),
    "no loss": ({"loss": None}, ("without a loss",)),
}


@pytest.mark.parametrize("name", LOST)
def test_what_is_lost_is_a_warning_of_python_and_of_the_spec(name: str) -> None:
    arguments, said = LOST[name]
    with pytest.warns(UserWarning, match="MS74") as found:
        spec = ms.from_keras(compiled(**arguments))
    texts = [str(one.message) for one in found]
    assert all(any(part in text for text in texts) for part in said)
    lost = [one for one in spec.diagnostics if one.code.startswith("MS74")]
    assert [f"{one.code}: {one.message}" for one in lost] == texts
    assert all(one.filename == __file__ for one in found)


def test_one_metric_of_its_authors_leaves_the_others() -> None:
    with pytest.warns(UserWarning, match="my_loss"):
        spec = ms.from_keras(compiled(metrics=["mae", my_loss, "mse"]))
    assert "metrics: [mae, mse]" in ms.dump(spec)


def test_jit_compile_is_kept_where_it_is_not_what_keras_chooses() -> None:
    assert "runtime" not in ms.dump(silently(compiled()))
    assert "jit: true" in ms.dump(silently(compiled(jit_compile=True)))


def test_an_optimizer_that_spares_weights_is_named() -> None:
    import keras

    optimizer = keras.optimizers.AdamW(0.01)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    with pytest.warns(UserWarning, match="exclude_from_weight_decay"):
        ms.from_keras(compiled(optimizer=optimizer))


# Models that give the same ------------------------------------------------------------------------


def two_of_a_mapping() -> Any:
    """An encoder with named outputs that is called twice, each time for another of them."""
    from keras import Input, Model, layers

    x = Input((4,))
    inner = Model(x, {"mean": layers.Dense(4)(x), "log": layers.Dense(3)(x)}, name="inner")
    p, q = Input((4,), name="p"), Input((4,), name="q")
    return Model([p, q], layers.Concatenate()([inner(p)["log"], inner(q)["mean"]]))


def mappings_in_a_chain() -> Any:
    from keras import Input, Model, layers

    x, y, z = (Input((4,)) for _ in range(3))
    first = Model(x, {"s": layers.Dense(4)(x), "t": layers.Dense(4)(x)}, name="first")
    once = first(y)
    second = Model(y, {"k": first(once["s"])["t"], "l": once["s"]}, name="second")
    found = second(z)
    again = second(found["k"])
    return Model(z, {"b": again["k"], "a": layers.Add()([found["l"], again["l"]])})


def lists_called_twice() -> Any:
    from keras import Input, Model, layers

    x, y = Input((4,)), Input((4,))
    inner = Model(x, [layers.Dense(4)(x), layers.Dense(4)(x)], name="inner")
    a, b = inner(y)
    c, _ = inner(a)
    return Model(y, layers.Add()([b, c]))


def first_of_several() -> Any:
    """What a layer gives beside its first tensor is not taken."""
    from keras import Input, Model, layers

    x = Input((5, 4))
    y = layers.LSTM(3, return_state=True, return_sequences=True)(x)[0]
    z = layers.Bidirectional(layers.GRU(3, return_state=True, return_sequences=True))(y)[0]
    w = layers.MultiHeadAttention(2, 2)(z, z, return_attention_scores=True)[0]
    return Model(x, layers.LSTM(2, return_state=True)(w)[0])


def all_frozen() -> Any:
    from keras import Input, Model, layers

    x = Input((4,))
    model = Model(x, layers.Dense(3)(layers.BatchNormalization()(x)))
    model.trainable = False
    return model


def equal_names() -> Any:
    from keras import Input, Model, Sequential, layers

    x = Input((4,), name="x")
    inner = Model(x, layers.Dense(4, name="d")(x) + 1.0, name="e")
    chain = Sequential([Input((4,)), inner, layers.Dense(4, name="d")], name="f")
    return Model(x, layers.Dense(2, name="d")(chain(x)))


def mixed() -> Any:
    """Operations compute in the dtype of what they take."""
    from keras import Input, Model, layers, ops

    x = Input((4,))
    y = layers.Dense(4, dtype="mixed_float16")(x)
    z = ops.softmax(y * 2.0 - 1.0) + y
    return Model(x, layers.Dense(2, dtype="float32")(layers.Dense(3, dtype="bfloat16")(z) * 2.0))


def learned() -> Any:
    """Vocabularies and boundaries that `adapt` learned."""
    from keras import Input, Model, layers

    words = layers.IntegerLookup(output_mode="tf_idf")
    words.adapt(np.array([[3, 4], [4, 1]]))
    ranges = layers.Discretization(num_bins=4, output_mode="one_hot")
    ranges.adapt(np.arange(20.0)[:, None])
    x = Input((2,), dtype="int32")
    return Model(x, layers.Dense(2)(layers.Concatenate()([words(x), ranges(x)[:, 0]])))


def settings_of_other_names() -> Any:
    import keras
    from keras import layers

    x = keras.Input((4,))
    identity = keras.initializers.Identity(gain=0.5)
    return keras.Model(x, layers.Dense(4, kernel_initializer=identity)(x))


MODELS = [
    two_of_a_mapping,
    mappings_in_a_chain,
    lists_called_twice,
    first_of_several,
    all_frozen,
    equal_names,
    mixed,
    learned,
    settings_of_other_names,
]


@pytest.mark.parametrize("make", MODELS, ids=lambda make: make.__name__)
def test_the_spec_builds_a_model_that_gives_the_same(make: Callable[[], Any]) -> None:
    model = make()
    shaken(model)
    built = silently(model).build()
    built.set_weights(model.get_weights())
    largest, scale = difference(model, built)
    assert scale > 0 and largest <= 1e-6
    assert [one.dtype for one in built.outputs] == [one.dtype for one in model.outputs]
    assert len(built.trainable_weights) == len(model.trainable_weights)


def test_a_setting_that_keras_does_not_describe_is_kept() -> None:
    assert "Identity: {gain: 0.5}" in ms.dump(silently(settings_of_other_names()))


def test_words_that_a_layer_learned_are_in_the_spec() -> None:
    import tensorflow as tf
    from keras import Input, Sequential, layers

    words = layers.TextVectorization(output_mode="multi_hot")
    words.adapt(["a cat", "a dog"])
    model = Sequential([Input((), dtype="string"), words])
    assert "vocabulary: [a, dog, cat]" in ms.dump(silently(model))
    built = silently(model).build()
    given = tf.constant(["dog a", "fish"])
    assert np.array_equal(built(given), model(given))


def test_learned_statistics_come_along_in_a_file_of_weights(tmp_path: Path) -> None:
    """Keras puts them to use when it loads a file; the warning says so."""
    from keras import Input, Sequential, layers

    scale = layers.Normalization()
    scale.adapt(np.array([[1.0, 2.0], [3.0, 5.0]]))
    model = Sequential([Input((2,)), scale, layers.Dense(2)])
    with pytest.warns(UserWarning, match="MS747.*`norm.*`adapt`"):
        spec = ms.from_keras(model)
    model.save_weights(tmp_path / "w.weights.h5")
    built = spec.build()
    built.load_weights(tmp_path / "w.weights.h5")
    assert difference(model, built)[0] <= 1e-6


def test_nested_outputs_are_named() -> None:
    from keras import Input, Model, layers

    x = Input((4,))
    with pytest.warns(UserWarning, match="MS747.*outputs are nested"):
        ms.from_keras(Model(x, [layers.Dense(2)(x), {"q": layers.Dense(3)(x)}]))


# Global settings ----------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "float64"])
def test_a_global_dtype_policy_is_that_of_the_models_own_layers(policy: str) -> None:
    """The spec names it layer by layer; what is built without one is float32, and the program's
    policy stays.
    """
    import keras

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        model = dense()
        built = silently(model).build()
        plain = ms.load_spec({"model": {"inputs": [4], "layers": [{"Dense": 1}]}}).build()
        assert keras.config.dtype_policy().name == policy
    finally:
        keras.config.set_dtype_policy(before)
    assert built.layers[-1].dtype_policy.name == policy
    assert plain.layers[-1].dtype_policy.name == "float32"


SETTINGS = """
import json, sys
import modelspec as ms
spec = ms.load_spec({"model": {"inputs": {"x": [6, 6, 3]}, "layers": [{"Conv2D": [2, 3]}]}})
built = spec.build()
import keras
back = ms.from_keras(built)
print(json.dumps([keras.backend.backend(), built.layers[-1].dtype_policy.name, ms.dump(back)]))
print(keras.config.floatx(), keras.config.epsilon(), keras.config.image_data_format())
"""


@pytest.mark.parametrize("variable", [None, "jax"])
def test_settings_of_the_user_do_not_reach_a_spec(variable: str | None, tmp_path: Path) -> None:
    """`keras.json` and `KERAS_BACKEND` belong to the program: it has them again afterwards. Nothing
    is printed to standard error.
    """
    settings = {"floatx": "float64", "epsilon": 0.01, "image_data_format": "channels_first"}
    (tmp_path / "keras.json").write_text(json.dumps({**settings, "backend": "torch"}))
    environment = {**os.environ, "KERAS_HOME": str(tmp_path)}
    environment.pop("KERAS_BACKEND", None)
    if variable is not None:
        environment["KERAS_BACKEND"] = variable
    done = subprocess.run(
        [sys.executable, "-c", SETTINGS.replace("[2, 3]", '{"filters": 2, "kernel_size": 3}')],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0 and not done.stderr, done.stderr
    first, *_, last = done.stdout.splitlines()
    backend, policy, text = json.loads(first)
    assert (backend, policy) == ("tensorflow", "float32")
    assert "dtype" not in text and "channels_first" not in text
    assert last == "float64 0.01 channels_first"


def test_an_epsilon_of_the_process_is_named() -> None:
    import keras

    before = keras.config.epsilon()
    keras.config.set_epsilon(0.01)
    try:
        with pytest.warns(UserWarning, match="epsilon 0.01"):
            ms.from_keras(compiled())
    finally:
        keras.config.set_epsilon(before)


# Standard error -----------------------------------------------------------------------------------

QUIET = """
import numpy as np
import modelspec as ms
layers = [{"Dense": {"units": 2, "name": "y"}}]
training = {"loss": "mse", "epochs": 1}
spec = ms.load_spec({"model": {"inputs": {"x": [4]}, "layers": layers}, "training": training})
ms.from_keras(spec.build())
run = spec.train("run", data=(np.ones((8, 4)), np.ones((8, 2))))
run.predict(np.ones((3, 4)))
ms.load_model("run/model.keras")
import sys
sys.stderr.write("mine")
"""


def test_a_new_process_prints_nothing_but_its_own_to_standard_error(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", QUIET], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert (done.returncode, done.stderr) == (0, "mine")
