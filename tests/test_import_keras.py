"""Live Keras models become specs whose models give the same, number for number; weights of files
come along.

`MODELSPEC_APPLICATIONS=all pytest tests/test_import_keras.py -k every` compares every model of
`keras.applications`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import modelspec as ms
from modelspec.cli import main
from modelspec.importers.isomorphism import is_same, paired
from tests.imported import application, difference, imported, rebuilt, shaken

pytestmark = pytest.mark.tensorflow

SMALL = {
    "MobileNetV3Small": {"input_shape": (32, 32, 3), "classes": 10, "minimalistic": True},
    "ConvNeXtTiny": {"input_shape": (32, 32, 3), "classes": 10},
}
ALL = (
    "VGG16",
    "VGG19",
    "ResNet50",
    "ResNet101",
    "ResNet152",
    "ResNet50V2",
    "ResNet101V2",
    "ResNet152V2",
    "MobileNet",
    "MobileNetV2",
    "MobileNetV3Small",
    "MobileNetV3Large",
    "DenseNet121",
    "DenseNet169",
    "DenseNet201",
    "Xception",
    "InceptionV3",
    "InceptionResNetV2",
    "NASNetMobile",
    "NASNetLarge",
    "EfficientNetB0",
    "EfficientNetB1",
    "EfficientNetB2",
    "EfficientNetB3",
    "EfficientNetB4",
    "EfficientNetB5",
    "EfficientNetB6",
    "EfficientNetB7",
    "EfficientNetV2B0",
    "EfficientNetV2B1",
    "EfficientNetV2B2",
    "EfficientNetV2B3",
    "EfficientNetV2S",
    "EfficientNetV2M",
    "EfficientNetV2L",
    "ConvNeXtTiny",
    "ConvNeXtSmall",
    "ConvNeXtBase",
    "ConvNeXtLarge",
    "ConvNeXtXLarge",
)


@pytest.mark.parametrize("name", SMALL)
def test_a_model_of_keras_comes_back_with_equal_outputs(name: str) -> None:
    line, relative = application(name, **SMALL[name])
    assert relative < 1e-5, line


@pytest.mark.skipif(
    "MODELSPEC_APPLICATIONS" not in os.environ, reason="MODELSPEC_APPLICATIONS=all asks for it"
)
@pytest.mark.parametrize("name", ALL)
def test_every_model_of_keras_comes_back_with_equal_outputs(name: str) -> None:
    line, relative = application(name, input_shape=(96, 96, 3), classes=10)
    print(line)  # noqa: T201
    assert relative < 1e-5, line


# Topologies ---------------------------------------------------------------------------------------


def chain() -> Any:
    from keras import Input, Sequential, layers

    return Sequential(
        [Input((6,)), layers.Dense(4, activation="relu"), layers.Dropout(0.5), layers.Dense(2)]
    )


def built_later() -> Any:
    import numpy as np
    from keras import Sequential, layers

    model = Sequential([layers.Dense(4), layers.Dense(2)])
    model(np.zeros((2, 3), "float32"))
    return model


def several() -> Any:
    from keras import Input, Model, layers

    a, b = Input((4,), name="a"), Input((4,), name="b")
    x = layers.Concatenate()([layers.Dense(3)(a), layers.Dense(3)(b)])
    return Model([a, b], [layers.Dense(2, name="head")(x), x])


def named_outputs() -> Any:
    from keras import Input, Model, layers

    a, b = Input((4,), name="a"), Input((4,), name="b")
    return Model(
        {"a": a, "b": b},
        {"sum": layers.Add()([a, b]), "product": layers.Dense(2)(layers.Multiply()([a, b]))},
    )


def twins() -> Any:
    """Layers that differ in nothing but their weights and in what takes them."""
    from keras import Input, Model, layers

    x = Input((4,))
    first, second, third = (layers.Dense(4)(x) for _ in range(3))
    return Model(
        x,
        layers.Subtract()(
            [layers.Dense(4)(second), layers.Multiply()([first, layers.Dense(4)(third)])]
        ),
    )


def shared() -> Any:
    from keras import Input, Model, layers

    a, b = Input((4,)), Input((4,))
    layer = layers.Dense(3, activation="tanh")
    return Model([a, b], layers.Dot(axes=-1)([layer(a), layer(b)]))


def several_shapes() -> Any:
    from keras import Input, Model, layers

    a, b = Input((4,)), Input((5, 4))
    layer = layers.Dense(3)
    return Model([a, b], [layer(a), layer(b)])


def nested() -> Any:
    from keras import Input, Model, Sequential, layers

    x = Input((4,))
    inner, other = (
        Sequential([Input((4,)), layers.Dense(4), layers.Dense(4)], name=name)
        for name in ("inner", "other")
    )
    y = Input((4,))
    outer = Model(y, inner(inner(y)) + y, name="outer")
    return Model(x, layers.Dense(2)(outer(other(x))))


def two_in_two_out() -> Any:
    from keras import Input, Model, layers

    a, b = Input((4,)), Input((4,))
    inner = Model([a, b], [layers.Dense(3)(a), layers.Add()([a, b])], name="inner")
    x, y = Input((4,)), Input((4,))
    first, second = inner([x, y])
    return Model([x, y], layers.Concatenate()([second, first]))


def states() -> Any:
    from keras import Input, Model, layers

    x, y = Input((5, 4)), Input((3, 4))
    _, h, c = layers.LSTM(6, return_state=True)(x)
    decoded = layers.LSTM(6, return_sequences=True)(y, initial_state=[h, c])
    return Model([x, y], layers.TimeDistributed(layers.Dense(2))(decoded))


def both_ways() -> Any:
    from keras import Input, Model, layers

    x = Input((5, 4))
    y = layers.Bidirectional(layers.GRU(3, return_sequences=True))(x)
    return Model(x, layers.Bidirectional(layers.LSTM(3), merge_mode="sum")(y))


def cells() -> Any:
    from keras import Input, Model, layers

    x = Input((5, 4))
    return Model(x, layers.RNN([layers.LSTMCell(3), layers.GRUCell(2)], return_sequences=True)(x))


def masks() -> Any:
    from keras import Input, Model, layers

    x = Input((5,), dtype="int32")
    y = layers.Embedding(9, 4, mask_zero=True)(x)
    return Model(x, layers.LSTM(3)(layers.Dropout(0.2)(y)))


def attention() -> Any:
    from keras import Input, Model, layers

    x = Input((5, 8))
    y = layers.LayerNormalization()(x + layers.MultiHeadAttention(2, 4)(x, x, use_causal_mask=True))
    z = layers.LayerNormalization()(y + layers.Dense(8)(layers.Dense(16, activation="gelu")(y)))
    return Model(x, z)


def operations() -> Any:
    from keras import Input, Model, layers, ops

    x = Input((5, 8))
    y = ops.mean((x * 2.0 - 1.0) ** 2, axis=1) + ops.max(x, axis=1)
    z = ops.concatenate([y[:, :3], ops.relu(-y)], axis=-1)
    return Model(x, layers.Dense(2)(ops.where(z > 0, z, z / 3.0)))


def frozen() -> Any:
    from keras import Input, Model, layers

    x = Input((4,))
    y = layers.Dense(4, trainable=False)(x)
    return Model(x, layers.BatchNormalization()(y))


def pictures() -> Any:
    from keras import Input, Model, layers

    x = y = Input((16, 16, 3))
    for filters in (4, 8, 8):
        z = layers.Conv2D(filters, 3, padding="same", use_bias=False)(y)
        z = layers.ReLU()(layers.BatchNormalization()(z))
        y = layers.Add()([z, layers.Conv2D(filters, 1)(y)])
    return Model(x, layers.Dense(2)(layers.GlobalAveragePooling2D()(y)))


def mappings() -> Any:
    """A model of mappings that another one calls with its keys in another order."""
    from keras import Input, Model, layers

    given = {"b": Input((3,), name="b"), "a": Input((4,), name="a")}
    inner = Model(
        given, {"t": layers.Dense(3)(given["b"]), "s": layers.Dense(2)(given["a"])}, name="inner"
    )
    x, y = Input((4,)), Input((3,))
    found = inner({"a": x, "b": y})
    return Model([x, y], layers.Concatenate()([found["t"], found["s"]]))


def lists_in_lists() -> Any:
    from keras import Input, Model, layers

    a, b, c = Input((4,)), Input((4,)), Input((4,))
    return Model([a, [b, c]], layers.Subtract()([a, layers.Multiply()([b, c])]))


def called_twice() -> Any:
    from keras import Input, Model, layers

    a, x = Input((4,)), Input((4,))
    inner = Model(a, layers.Dense(4)(a))
    return Model(x, [inner(x), layers.Dense(2)(inner(inner(x)))])


def chains_in_chains() -> Any:
    from keras import Input, Sequential, layers

    return Sequential(
        [Input((4,)), Sequential([layers.Dense(3), layers.Dense(2)]), layers.Dense(1)]
    )


def passed_on() -> Any:
    from keras import Input, Model, layers

    a, b = Input((4,)), Input((4,))
    return Model([a, b], [layers.Dense(2)(a), b])


def signs() -> Any:
    from keras import Input, Model, ops

    a, b = Input((6, 4)), Input((4, 5))
    x = (1 - a) / (2 + a**2) - a // 1 + -a % 3
    y = ops.einsum("bij,bjk->bik", x[:, 1:-1:2], b)
    return Model([a, b], y - ops.cast(ops.sum(a[:, None, 0], axis=-1) > 0, "float32")[..., None])


def said_masks() -> Any:
    from keras import Input, Model, layers

    a, m, n = Input((5, 8)), Input((5,), dtype="int32"), Input((5, 5), dtype="int32")
    x = layers.MultiHeadAttention(2, 4, value_dim=3)(query=a, value=a, key=a, attention_mask=n > 2)
    return Model([a, m, n], layers.LSTM(4)(layers.GRU(3, return_sequences=True)(x, mask=m > 1)))


def formulas() -> Any:
    """Models of nothing but operations: they are formulas, each with the name of its model."""
    from keras import Input, Model, layers, ops

    x, y, z = Input((4,), name="x"), Input((4,), name="y"), Input((4,))
    scaled = Model([y, x], x + ops.tanh(y) * 0.5, name="scaled")
    return Model(z, layers.Dense(2)(scaled([z, layers.Dense(4)(z)])))


TOPOLOGIES: tuple[Callable[[], Any], ...] = (
    chain,
    built_later,
    several,
    named_outputs,
    twins,
    shared,
    several_shapes,
    nested,
    two_in_two_out,
    states,
    both_ways,
    cells,
    masks,
    attention,
    operations,
    frozen,
    pictures,
    mappings,
    lists_in_lists,
    called_twice,
    chains_in_chains,
    passed_on,
    signs,
    said_masks,
    formulas,
)


@pytest.mark.parametrize("make", TOPOLOGIES, ids=lambda make: make.__name__)
def test_a_topology_comes_back_with_equal_outputs(make: Callable[[], Any]) -> None:
    model = make()
    shaken(model)
    found = imported(model)
    made = rebuilt(model, found)
    largest, scale = difference(model, made)
    assert scale > 0
    assert largest <= 1e-6 * max(scale, 1.0)
    assert made.count_params() == model.count_params()
    assert len(made.trainable_weights) == len(model.trainable_weights)


def test_a_model_of_its_authors_class_is_refused_with_a_reason() -> None:
    import keras

    class Own(keras.Model):
        def call(self, x: Any) -> Any:
            return x

    with pytest.raises(ms.SpecError, match="MS742"):
        ms.from_keras(Own())
    x = keras.Input((3,))
    with pytest.raises(ms.SpecError, match="odd_one"):
        ms.from_keras(keras.Model(x, keras.layers.Lambda(lambda t: t + 1, name="odd_one")(x)))


def test_what_no_spec_has_is_refused_with_a_reason() -> None:
    from keras import Input, Model, Sequential, layers, ops

    x = Input((4, 6))
    for model, reason in (
        (Model(x, ops.qr(x)), "the operation `Qr`"),
        (Model(x, x), "its outputs are its inputs"),
        (
            Model(x, layers.TimeDistributed(Sequential([layers.Dense(2)]), dtype="float16")(x)),
            "it contains a model",
        ),
        (Model(x, [(y := layers.Dense(2)(x)), y]), "named twice among the outputs"),
    ):
        with pytest.raises(ms.SpecError) as refused:
            ms.from_keras(model)
        assert reason in str(refused.value)


def test_a_model_of_operations_is_a_formula_with_its_name() -> None:
    text = ms.dump(ms.from_keras(formulas()))
    assert (
        'join: {Expression: {formula: "x + tanh(y) * 0.5", name: scaled}}' in text
        and "shared" not in text
    )


def test_layers_that_models_share_unsaid_are_refused() -> None:
    from keras import Input, Model, layers

    x, y = Input((4,)), Input((4,))
    layer = layers.Dense(4)
    inner = Model(y, layer(y))
    with pytest.raises(ms.SpecError, match="shared between models"):
        ms.from_keras(Model(x, inner(layer(x))))


def test_a_compiled_model_keeps_its_training() -> None:
    import keras

    model = chain()
    model.compile(
        keras.optimizers.SGD(0.05, momentum=0.9, nesterov=True),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    spec = ms.from_keras(model)
    text = ms.dump(spec)
    assert "loss: {SparseCategoricalCrossentropy: {from_logits: true}}" in text
    assert "SGD: {learning_rate: 0.05, momentum: 0.9, nesterov: true}" in text
    built = spec.build()
    assert built.optimizer.nesterov and built.loss.from_logits


CONFIGS = sorted((Path(__file__).parents[1] / "configs").glob("*.yaml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_a_spec_comes_back_as_itself(path: Path) -> None:
    """Up to names that Keras does not keep, and to defaults: the same calls on the same tensors."""
    spec = ms.load_spec(path)
    training = spec.compiled.training
    if training is not None and training.freeze:  # a model says it layer by layer
        stages = [f"training.stages.{one.name}" for one in training.stages]
        spec = ms.load_spec(path, {f"{one}.freeze": [] for one in stages or ["training"]})
    back = ms.from_keras(spec.build())
    pairs = paired(spec.graph, back.graph)
    assert pairs is not None
    assert is_same(spec.graph, back.graph, pairs)
    assert back.graph.trainable_parameters == spec.graph.trainable_parameters


# Weights ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", [".keras", ".h5"])
@pytest.mark.parametrize("weights", [".weights.h5", ".safetensors"])
def test_weights_of_a_file_come_along(
    ending: str, weights: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import keras

    monkeypatch.chdir(tmp_path)
    keras.utils.clear_session(free_memory=False)
    model = pictures()
    model.compile("adam", "mse")
    shaken(model, seed=3)
    model.save(f"model{ending}")
    original = keras.models.load_model(f"model{ending}", compile=False)
    result = CliRunner().invoke(
        main, ["import", f"model{ending}", "-o", "spec.yaml", "--weights", f"model{weights}"]
    )
    assert result.exit_code == 0, result.output
    built = ms.load_spec("spec.yaml", {"training.weights": f"model{weights}"}).build()
    largest, scale = difference(original, built)
    assert scale > 0 and largest <= 1e-6


def test_weights_of_models_in_models_come_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    model = nested()
    model.compile("adam", "mse")
    shaken(model, seed=4)
    model.save("model.keras")
    command = ["import", "model.keras", "-o", "spec.yaml", "--weights"]
    result = CliRunner().invoke(main, [*command, "model.weights.h5"])
    assert result.exit_code == 0, result.output
    built = ms.load_spec("spec.yaml", {"training.weights": "model.weights.h5"}).build()
    assert difference(model, built)[0] <= 1e-6


def test_weights_beside_an_architecture_come_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    model = nested()
    shaken(model, seed=5)
    Path("model.json").write_text(model.to_json())
    model.save_weights("model.weights.h5")
    command = ["import", "model.json", "-o", "spec.yaml", "--weights", "new.weights.h5"]
    assert CliRunner().invoke(main, command).exit_code == 2
    result = CliRunner().invoke(main, [*command, "--weights-from", "model.weights.h5"])
    assert result.exit_code == 0, result.output
    built = ms.load_spec("spec.yaml").build()
    built.load_weights("new.weights.h5")
    assert difference(model, built)[0] <= 1e-6


def claimed(file: Any) -> None:
    chunked = {"chunks": (1000, 1000), "compression": "gzip"}
    file.create_dataset("layers/dense/vars/0", shape=(10**6, 10**3), dtype="f4", **chunked)


def from_outside(file: Any) -> None:
    file.create_dataset(
        "layers/dense/vars/0", shape=(6, 4), dtype="f4", external=[("secret.bin", 0, 96)]
    )


def linked(file: Any) -> None:
    import h5py

    file["layers/dense/vars/0"] = h5py.ExternalLink("secret.h5", "/secret")


def linked_group(file: Any) -> None:
    import h5py

    del file["layers/dense"]
    file["layers/dense"] = h5py.ExternalLink("secret.h5", "/group")


def virtual(file: Any) -> None:
    import h5py

    layout = h5py.VirtualLayout((6, 4), "f4")
    layout[...] = h5py.VirtualSource("secret.h5", "secret", (6, 4), "f4")
    file.create_virtual_dataset("layers/dense/vars/0", layout)


@pytest.mark.parametrize(
    "spoil", [claimed, from_outside, linked, linked_group, virtual], ids=lambda one: one.__name__
)
def test_weights_that_point_out_of_their_file_are_refused(
    spoil: Callable[[Any], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import h5py
    import numpy as np

    monkeypatch.chdir(tmp_path)
    model = chain()
    Path("model.json").write_text(model.to_json())
    model.save_weights("model.weights.h5")
    np.full((6, 4), 7, "f4").tofile("secret.bin")
    with h5py.File("secret.h5", "w") as secret:
        secret["secret"] = np.full((6, 4), 7, "f4")
        secret["group/vars/0"] = np.full((6, 4), 7, "f4")
        secret["group/vars/1"] = np.full((4,), 7, "f4")
    with h5py.File("model.weights.h5", "a") as file:
        del file["layers/dense/vars/0"]
        spoil(file)
    result = CliRunner().invoke(
        main,
        [
            "import",
            "model.json",
            "-o",
            "-",
            "--weights",
            "out.safetensors",
            "--weights-from",
            "model.weights.h5",
        ],
    )
    assert (
        result.exit_code == 3
        and "error[MS7" in result.output
        and not Path("out.safetensors").exists()
    )


def test_a_file_with_other_weights_than_its_model_has_is_refused(tmp_path: Path) -> None:
    import h5py

    model = chain()
    model.save(tmp_path / "model.h5")
    with h5py.File(tmp_path / "model.h5", "a") as file:
        group = (
            file["model_weights/dense"]
            if "dense" in file["model_weights"]
            else next(
                file["model_weights"][name]
                for name in file["model_weights"]
                if name.startswith("dense")
            )
        )
        name = next(one for one in group.attrs["weight_names"] if "kernel" in str(one))
        del group[name]
        group.create_dataset(name, data=[[1.0]])
    target = tmp_path / "weights.safetensors"
    result = CliRunner().invoke(
        main, ["import", str(tmp_path / "model.h5"), "-o", "-", "--weights", str(target)]
    )
    assert result.exit_code == 3 and "MS745" in result.output and not target.exists()
