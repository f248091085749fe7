"""Weights from files: equal to what Keras loads, and nothing that a hostile file asks for."""

from __future__ import annotations

import inspect
import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from modelspec.compiler.spec.initial_weights import InitialWeights, WeightsSource
from modelspec.core.settings import Context
from modelspec.runtime.backend.hdf5.process import opened_apart
from modelspec.runtime.data import RunError

pytestmark = [pytest.mark.tensorflow, pytest.mark.usefixtures("_one_process")]


@pytest.fixture(scope="module")
def _one_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One process reads all HDF5 files of this module: it ends with the last file that is open, and
    this one stays open. To start a process for each of hundreds of files takes minutes;
    `test_apart` tests how processes start and end.
    """
    good = tmp_path_factory.mktemp("open") / "open.weights.h5"
    write(good)
    with opened_apart(good, good.name):
        yield


def sequential() -> Any:
    from keras import Input, Sequential, layers

    return Sequential(
        [
            Input((6,)),
            layers.Dense(4),
            layers.BatchNormalization(),
            layers.Dropout(0.5),
            layers.Dense(2),
        ]
    )


def convolutional() -> Any:
    from keras import Input, Sequential, layers

    return Sequential(
        [
            Input((8, 8, 2)),
            layers.Rescaling(0.5),
            layers.SeparableConv2D(3, 3),
            layers.DepthwiseConv2D(3),
            layers.BatchNormalization(scale=False),
            layers.Conv2DTranspose(2, 3, use_bias=False),
            layers.PReLU(),
            layers.GroupNormalization(groups=1),
            layers.SpectralNormalization(layers.Conv2D(2, 2)),
            layers.Flatten(),
            layers.EinsumDense("ab,bc->ac", output_shape=3, bias_axes="c"),
        ]
    )


def recurrent() -> Any:
    from keras import Input, Model, layers

    x = given = Input((5, 3))
    x = layers.Bidirectional(layers.LSTM(3, return_sequences=True))(x)
    x = layers.RNN([layers.LSTMCell(3), layers.GRUCell(4)], return_sequences=True)(x)
    x = layers.TimeDistributed(layers.Dense(4))(x)
    x = layers.ConvLSTM1D(2, 2)(layers.Reshape((5, 2, 2))(x))
    return Model(given, layers.GRU(2)(x))


def attention() -> Any:
    from keras import Input, Model, layers

    tokens = Input((5,), dtype="int32")
    x = layers.Embedding(9, 6, mask_zero=True)(tokens)
    x = layers.MultiHeadAttention(2, 3, dropout=0.1)(x, x)
    x = layers.GroupQueryAttention(4, 4, 2)(x, x)
    return Model(tokens, layers.Dense(2)(layers.LayerNormalization()(x)))


def nested() -> Any:
    from keras import Input, Model, Sequential, layers

    inner = Sequential(
        [Input((4,)), layers.Dense(4, name="a"), layers.BatchNormalization()], name="inner"
    )
    shared = Input((4,))
    twice = layers.Dense(4)
    middle = Model(shared, twice(twice(inner(shared))), name="middle")
    one, other = Input((4,)), Input((4,))
    return Model([one, other], layers.Dense(2)(layers.Add()([middle(one), middle(inner(other))])))


def normalized() -> Any:
    import numpy as np
    from keras import Input, Model, layers

    x = given = Input((3,))
    scale = layers.Normalization()
    scale.adapt(np.random.default_rng(0).normal(3, 2, (20, 3)))
    return Model(given, layers.Dense(2)(scale(x)))


MODELS: list[Callable[[], Any]] = [
    sequential,
    convolutional,
    recurrent,
    attention,
    nested,
    normalized,
]


def filled(model: Any, seed: int) -> Any:
    """The model with drawn weights, all of them different."""
    import numpy as np

    rng = np.random.default_rng(seed)
    for weight in model.weights:
        if "seed" not in weight.path:
            weight.assign(rng.uniform(0.1, 1, weight.shape))
    return model


def load(model: Any, path: Path, **settings: Any) -> Any:
    from modelspec.runtime.backend.weights import load_weights

    context = Context(folder=path.parent, project=path.parent)
    load_weights(model, InitialWeights.build({"path": path.name, **settings}, context), context)
    return model


def equal(one: Any, other: Any) -> None:
    import numpy as np

    for a, b in zip(one.weights, other.weights, strict=True):
        if "seed" not in a.path:
            np.testing.assert_array_equal(a.numpy(), b.numpy(), err_msg=a.path)


def said(error: pytest.ExceptionInfo[RunError]) -> list[tuple[str, str]]:
    return [(one.code, one.message) for one in error.value.diagnostics]


@pytest.mark.parametrize("ending", [".weights.h5", ".keras", ".h5"])
@pytest.mark.parametrize("make", MODELS)
def test_a_file_of_keras_gives_what_keras_loads(
    make: Callable[[], Any], ending: str, tmp_path: Path
) -> None:
    saved = filled(make(), 1)
    saved.compile("adam", "mse")  # its state is in the file too, and is none of the model's
    path = tmp_path / f"saved{ending}"
    saved.save_weights(path) if ending == ".weights.h5" else saved.save(path)
    ours, theirs = filled(make(), 2), filled(make(), 3)
    load(ours, path)
    theirs.load_weights(path)
    equal(ours, theirs)
    equal(ours, saved)


def test_what_keras_derives_from_weights_is_derived_again(tmp_path: Path) -> None:
    import numpy as np

    saved = filled(normalized(), 1)
    saved.save_weights(tmp_path / "n.weights.h5")
    theirs, ours = normalized(), load(normalized(), tmp_path / "n.weights.h5")
    theirs.load_weights(tmp_path / "n.weights.h5")
    x = np.ones((2, 3), "float32")
    np.testing.assert_array_equal(ours(x), theirs(x))


def test_safetensors_by_the_paths_of_weights(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    saved, ours = filled(nested(), 1), filled(nested(), 2)
    paths = dict(zip((weight.path for weight in ours.weights), saved.weights, strict=True))
    save_file({path: weight.numpy() for path, weight in paths.items()}, tmp_path / "n.safetensors")
    equal(load(ours, tmp_path / "n.safetensors"), saved)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_numbers_are_cast_to_the_dtype_of_the_model(dtype: str, tmp_path: Path) -> None:
    from keras import Input, Sequential, layers

    saved = filled(Sequential([Input((3,)), layers.Dense(2, dtype=dtype)]), 1)
    path = tmp_path / "half.weights.h5"
    saved.save_weights(path)
    ours, theirs = (filled(Sequential([Input((3,)), layers.Dense(2)]), seed) for seed in (2, 3))
    theirs.load_weights(path)
    equal(load(ours, path), theirs)


def test_a_submodel_of_the_other_kind_has_the_same_layers(tmp_path: Path) -> None:
    from keras import Input, Model, Sequential, layers

    def model(sequential: bool) -> Any:
        inner: Any = [Input((4,)), layers.Dense(4), layers.Dense(3)]
        if not sequential:
            inner = Model(inner[0], inner[2](inner[1](inner[0])))
        given = Input((4,))
        return Model(given, (Sequential(inner) if sequential else inner)(given))

    saved = filled(model(True), 1)
    saved.save_weights(tmp_path / "s.weights.h5")
    equal(load(filled(model(False), 2), tmp_path / "s.weights.h5"), saved)


def classifier(classes: int) -> Any:
    from keras import Input, Sequential, layers

    return Sequential(
        [
            Input((4,)),
            layers.Dense(3, name="body"),
            layers.BatchNormalization(name="scaled"),
            layers.Dense(classes, name="predictions"),
        ]
    )


@pytest.mark.parametrize("ending", [".weights.h5", ".h5"])
def test_what_does_not_fit_is_told_for_all_layers_before_anything_is_loaded(
    ending: str, tmp_path: Path
) -> None:
    from keras import Input, Sequential, layers

    path = tmp_path / f"c{ending}"
    saved = filled(classifier(5), 1)
    saved.save_weights(path) if ending == ".weights.h5" else saved.save(path)
    other = Sequential(
        [
            Input((6,)),
            layers.Dense(3, name="body"),
            layers.BatchNormalization(name="scaled"),
            layers.Dense(2, name="predictions"),
        ]
    )
    before = [weight.numpy() for weight in other.weights]
    with pytest.raises(RunError) as error:
        load(other, path)
    codes, messages = zip(*said(error), strict=True)
    assert set(codes) == {"MS752"}
    assert len(messages) == 2
    assert "`body`: `kernel` is (4, 3) in the file and (6, 3) in the model" in messages[0]
    assert "`kernel` is (3, 5)" in messages[1]
    assert "`bias` is (5) in the file and (2) in the model" in messages[1]
    assert "skip: [predictions]" in str(error.value.diagnostics[1].help)
    assert all(
        (weight.numpy() == old).all() for weight, old in zip(other.weights, before, strict=True)
    )


@pytest.mark.parametrize("settings", [{"skip": ["pred*"]}, {"skip_mismatch": True}])
@pytest.mark.parametrize("ending", [".weights.h5", ".h5", ".keras"])
def test_everything_but_the_head(ending: str, settings: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / f"c{ending}"
    saved = filled(classifier(5), 1)
    saved.save_weights(path) if ending == ".weights.h5" else saved.save(path)
    fresh = filled(classifier(2), 2)
    head = fresh.get_layer("predictions").get_weights()
    ours = load(fresh, path, **settings)
    for name in ("body", "scaled"):
        equal(ours.get_layer(name), saved.get_layer(name))
    assert all(
        (a == b).all()
        for a, b in zip(ours.get_layer("predictions").get_weights(), head, strict=True)
    )


@pytest.mark.parametrize("ending", [".weights.h5", ".h5"])
def test_by_name_takes_the_layers_that_both_have(ending: str, tmp_path: Path) -> None:
    from keras import Input, Sequential, layers

    path = tmp_path / f"c{ending}"
    saved = filled(classifier(5), 1)
    saved.save_weights(path) if ending == ".weights.h5" else saved.save(path)
    ours = filled(
        Sequential([Input((4,)), layers.Dense(4, name="new"), layers.Dense(3, name="body")]), 2
    )
    new = ours.get_layer("new").get_weights()
    load(ours, path, by_name=True)
    equal(ours.get_layer("body"), saved.get_layer("body"))
    assert all(
        (a == b).all() for a, b in zip(ours.get_layer("new").get_weights(), new, strict=True)
    )


@pytest.mark.parametrize("ending", [".weights.h5", ".h5"])
def test_a_layer_of_a_sub_model_is_skipped(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"c{ending}"
    saved = filled(nested(), 1)
    saved.save_weights(path) if ending == ".weights.h5" else saved.save(path)
    ours = filled(nested(), 2)
    before = ours.get_layer("inner").get_layer("a").get_weights()
    load(ours, path, skip=["inner/a", "middle/inner/a"])
    after = ours.get_layer("inner").get_layer("a").get_weights()
    assert all((one == other).all() for one, other in zip(after, before, strict=True))
    equal(ours.get_layer("inner").layers[-1], saved.get_layer("inner").layers[-1])


def test_bfloat16_in_safetensors(tmp_path: Path) -> None:
    import numpy as np

    model = small()
    values = np.array([[1.5, -2.0, 0.0] * 3] * 4, "float32")
    bits = (values.view(np.uint32) >> 16).astype("<u2").tobytes()
    kernel, bias = (weight.path for weight in model.weights)
    header = json.dumps(
        {
            kernel: {"dtype": "BF16", "shape": [4, 9], "data_offsets": [0, 72]},
            bias: {"dtype": "F16", "shape": [9], "data_offsets": [72, 90]},
        }
    ).encode()
    file = tmp_path / "half.safetensors"
    file.write_bytes(
        len(header).to_bytes(8, "little") + header + bits + np.ones(9, "<f2").tobytes()
    )
    load(model, file)
    np.testing.assert_array_equal(model.get_weights()[0], values)
    np.testing.assert_array_equal(model.get_weights()[1], np.ones(9))


def test_a_file_of_another_model_altogether_is_an_error_even_where_mismatches_are_skipped(
    tmp_path: Path,
) -> None:
    sequential().save_weights(tmp_path / "a.weights.h5")
    with pytest.raises(RunError) as error:
        load(attention(), tmp_path / "a.weights.h5", skip_mismatch=True)
    assert said(error)[0][0] == "MS752"


@pytest.mark.parametrize("frozen", [(), ("saved",), ("loaded",), ("saved", "loaded")])
def test_layers_that_a_frozen_model_lists_in_another_order(
    frozen: tuple[str, ...], tmp_path: Path
) -> None:
    from keras import Input, Model, Sequential, layers

    def model(which: str, seed: int) -> Any:
        stays = which in frozen
        inner = Sequential(
            [
                Input((4,)),
                layers.BatchNormalization(trainable=not stays),
                layers.Dense(4),
                layers.Dense(4),
                layers.BatchNormalization(),
            ]
        )
        given = Input((4,))
        made = filled(Model(given, inner(given)), seed)
        inner.trainable = not stays
        return made

    saved = model("saved", 1)
    saved.save(tmp_path / "f.h5")
    equal(load(model("loaded", 2), tmp_path / "f.h5"), saved)


# Hostile files ------------------------------------------------------------------------------------


def weights_file(path: Path) -> Any:
    """A file of `small`, open to be made worse."""
    import h5py

    small().save_weights(path)
    return h5py.File(path, "a")


def small() -> Any:
    from keras import Input, Sequential, layers

    return filled(Sequential([Input((4,)), layers.Dense(9, name="body")]), 1)


KERNEL = "layers/dense/vars/0"


def external(file: Any, folder: Path) -> None:
    (folder / "secret.bin").write_bytes(bytes(144))
    del file[KERNEL]
    file.create_dataset(KERNEL, (4, 9), "float32", external=[(str(folder / "secret.bin"), 0, 144)])


def external_link(file: Any, folder: Path) -> None:
    import h5py

    with h5py.File(folder / "other.h5", "w") as other:
        other["x"] = [[0.0] * 9] * 4
    del file[KERNEL]
    file[KERNEL] = h5py.ExternalLink("other.h5", "/x")


def external_group(file: Any, folder: Path) -> None:
    import h5py

    small().save_weights(folder / "other.weights.h5")
    del file["layers"]
    file["layers"] = h5py.ExternalLink("other.weights.h5", "/layers")


def soft_link(file: Any, folder: Path) -> None:
    import h5py

    file["elsewhere"] = [[0.0] * 9] * 4
    del file[KERNEL]
    file[KERNEL] = h5py.SoftLink("/elsewhere")


def virtual(file: Any, folder: Path) -> None:
    import h5py

    with h5py.File(folder / "other.h5", "w") as other:
        other.create_dataset("x", (4, 9), "float32")
    layout = h5py.VirtualLayout((4, 9), "float32")
    layout[:] = h5py.VirtualSource(str(folder / "other.h5"), "x", (4, 9))
    del file[KERNEL]
    file.create_virtual_dataset(KERNEL, layout)


def nothing_stored(file: Any, folder: Path) -> None:
    del file[KERNEL]
    file.create_dataset(KERNEL, (4, 9), "float32", fillvalue=1.0)


def compressed(file: Any, folder: Path) -> None:
    del file[KERNEL]
    file.create_dataset(KERNEL, data=[[0.0] * 9] * 4, compression="gzip")


def great_chunk(file: Any, folder: Path) -> None:
    del file[KERNEL]
    file.create_dataset(KERNEL, (4, 9), "float32", chunks=(1 << 12, 1 << 12), maxshape=(None, None))


def objects(file: Any, folder: Path) -> None:
    import h5py

    del file[KERNEL]
    file.create_dataset(KERNEL, (4, 9), h5py.string_dtype())


HOSTILE = [
    external,
    external_link,
    external_group,
    soft_link,
    virtual,
    nothing_stored,
    compressed,
    great_chunk,
    objects,
]


@pytest.mark.parametrize("spoil", HOSTILE)
def test_what_no_file_of_weights_needs_is_refused(
    spoil: Callable[[Any, Path], None], tmp_path: Path
) -> None:
    path = tmp_path / "bad.weights.h5"
    with weights_file(path) as file:
        spoil(file, tmp_path)
    model = small()
    before = model.get_weights()
    with pytest.raises(RunError) as error:
        load(model, path, skip_mismatch=True)
    assert [code for code, _ in said(error)] == ["MS751"]
    assert all((a == b).all() for a, b in zip(model.get_weights(), before, strict=True))


def test_a_giant_that_is_only_claimed_is_told_by_its_shape(tmp_path: Path) -> None:
    path = tmp_path / "giant.weights.h5"
    with weights_file(path) as file:
        del file[KERNEL]
        file.create_dataset(KERNEL, (1 << 20, 1 << 12), "float32", chunks=(64, 64))
    with pytest.raises(RunError) as error:
        load(small(), path)
    assert said(error)[0][0] == "MS751"


@pytest.mark.parametrize("cut", [0, 1, 100, 2000, -300])
@pytest.mark.parametrize("ending", [".weights.h5", ".keras", ".h5", ".safetensors"])
def test_a_file_that_was_cut_short_is_told_in_words(ending: str, cut: int, tmp_path: Path) -> None:
    path = tmp_path / f"cut{ending}"
    write(path)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(RunError) as error:
        load(small(), path)
    assert {code for code, _ in said(error)} <= {"MS750", "MS751", "MS752"}


def write(path: Path) -> None:
    from safetensors.numpy import save_file

    model = small()
    if path.suffix == ".safetensors":
        save_file({weight.path: weight.numpy() for weight in model.weights}, path)
    elif path.name.endswith(".weights.h5"):
        model.save_weights(path)
    else:
        model.save(path)


@pytest.mark.parametrize("ending", [".weights.h5", ".keras", ".h5", ".safetensors"])
def test_a_byte_that_was_changed_is_never_a_traceback(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"changed{ending}"
    write(path)
    whole = path.read_bytes()
    model = small()
    for at in range(0, len(whole), max(1, len(whole) // 120)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
        try:
            load(model, path)
        except RunError as error:
            assert {one.code for one in error.diagnostics} <= {"MS750", "MS751", "MS752"}


def archive(path: Path, members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return path


def test_archives_that_keras_does_not_write(tmp_path: Path) -> None:
    write(tmp_path / "good.weights.h5")
    good = (tmp_path / "good.weights.h5").read_bytes()
    bad = {
        "compressed": (
            archive(tmp_path / "z.keras", {"model.weights.h5": good}, zipfile.ZIP_DEFLATED),
            "MS751",
        ),
        "none": (archive(tmp_path / "n.keras", {"../model.weights.h5": good}), "MS750"),
        "npz": (archive(tmp_path / "p.keras", {"model.weights.npz": good}), "MS750"),
        "many": (archive(tmp_path / "m.keras", {f"assets/{i}": b"" for i in range(1001)}), "MS751"),
    }
    for path, code in bad.values():
        with pytest.raises(RunError) as error:
            load(small(), path)
        assert said(error)[0][0] == code
    changed = bytearray(archive(tmp_path / "c.keras", {"model.weights.h5": good}).read_bytes())
    changed[len(changed) // 2] ^= 1
    (tmp_path / "c.keras").write_bytes(bytes(changed))
    with pytest.raises(RunError, match="checksum"):
        load(small(), tmp_path / "c.keras")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "c.keras",
        "good.weights.h5",
        "m.keras",
        "n.keras",
        "p.keras",
        "z.keras",
    ]


@pytest.mark.parametrize(
    "item",
    [
        {"dtype": "F32", "shape": [4, 9], "data_offsets": [0, 10**12]},
        {"dtype": "F32", "shape": [10**9, 10**9], "data_offsets": [0, 144]},
        {"dtype": "F32", "shape": [-4, 9], "data_offsets": [0, 144]},
        {"dtype": "O", "shape": [4, 9], "data_offsets": [0, 144]},
        {"dtype": "F32"},
        7,
    ],
)
def test_headers_of_safetensors_that_lie(item: object, tmp_path: Path) -> None:
    model = small()
    header = json.dumps({weight.path: item for weight in model.weights}).encode()
    (tmp_path / "bad.safetensors").write_bytes(
        len(header).to_bytes(8, "little") + header + bytes(200)
    )
    with pytest.raises(RunError) as error:
        load(model, tmp_path / "bad.safetensors")
    assert {code for code, _ in said(error)} <= {"MS750", "MS751", "MS752"}


@pytest.mark.parametrize(
    ("name", "code"), [("none.h5", "MS750"), ("folder.h5", "MS750"), ("../out.h5", "MS210")]
)
def test_paths_that_lead_to_no_file_of_the_project(name: str, code: str, tmp_path: Path) -> None:
    from modelspec.runtime.backend.weights import located

    (tmp_path / "in/folder.h5").mkdir(parents=True)
    (tmp_path / "out.h5").write_bytes(b"")
    with pytest.raises(RunError) as error:
        located(name, Context(folder=tmp_path / "in", project=tmp_path / "in"))
    assert said(error)[0][0] == code


# Keras's own weights ------------------------------------------------------------------------------

KINDS: list[tuple[str, dict[str, Any]]] = [
    *(
        (name, {})
        for name in (
            "VGG16",
            "VGG19",
            "ResNet50",
            "ResNet101",
            "ResNet152V2",
            "InceptionV3",
            "InceptionResNetV2",
            "Xception",
            "MobileNet",
            "MobileNetV2",
            "MobileNetV3Small",
            "MobileNetV3Large",
            "DenseNet121",
            "DenseNet169",
            "DenseNet201",
            "NASNetMobile",
            "NASNetLarge",
            "EfficientNetB0",
            "EfficientNetB7",
            "EfficientNetV2B0",
            "EfficientNetV2S",
            "ConvNeXtTiny",
            "ConvNeXtXLarge",
        )
    ),
    ("MobileNet", {"alpha": 0.25, "input_shape": (128, 128, 3)}),
    ("MobileNet", {"input_shape": (96, 128, 3)}),
    ("MobileNetV2", {"alpha": 1.4}),
    ("MobileNetV2", {"alpha": 0.35, "input_shape": (96, 96, 3)}),
    ("MobileNetV3Small", {"minimalistic": True}),
    ("MobileNetV3Large", {"alpha": 0.75}),
]


@pytest.mark.parametrize("top", [True, False])
@pytest.mark.parametrize("kind", ["EfficientNetB0", "EfficientNetB3"])
def test_the_weights_of_imagenet_meet_the_layers_that_keras_makes_for_them(
    kind: str, top: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    import keras
    from keras.src.utils import file_utils

    import modelspec as ms

    monkeypatch.setattr(file_utils, "get_file", lambda *args, **kwargs: "unread.h5")
    monkeypatch.setattr(keras.Model, "load_weights", lambda *args, **kwargs: None)
    size = (
        {"EfficientNetB0": 224, "EfficientNetB3": 300}[kind] if top else 33
    )  # the head has images of one size
    theirs = getattr(keras.applications, kind)(
        weights="imagenet", include_top=top, input_shape=(size, size, 3)
    )
    entry = {kind: {"weights": "imagenet", "include_top": top, "input_shape": [size, size, 3]}}
    spec = ms.load_spec({"model": {"inputs": {"image": [size, size, 3]}, "layers": [entry]}})
    inner = spec.graph.layers[0].inside
    assert inner is not None
    assert [x.kind for x in inner.layers] == [
        type(x).__name__ for x in theirs.layers if not isinstance(x, keras.layers.InputLayer)
    ]
    scales = [x.scale for x in theirs.layers if isinstance(x, keras.layers.Rescaling)]
    ours = [x.call.use.layer.scale for x in inner.layers if x.kind == "Rescaling"]
    assert ours == [scales[0], pytest.approx(scales[1])]


class Asked(Exception):
    """Keras asks for a file."""


@pytest.mark.parametrize(("kind", "settings"), KINDS, ids=str)
def test_the_address_that_keras_asks_for_is_asked_for(
    kind: str, settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    import keras
    from keras.src.utils import file_utils

    from modelspec.runtime.backend.weights import imagenet

    asked: list[tuple[object, ...]] = []

    def get_file(name: str, origin: str, cache_subdir: str, file_hash: str | None = None) -> str:
        asked.append((name, origin, cache_subdir, file_hash))
        raise Asked(name)

    monkeypatch.setattr(file_utils, "get_file", get_file)
    monkeypatch.setattr(keras.utils, "get_file", get_file)
    function = getattr(keras.applications, kind)
    hollow(monkeypatch, function)
    for top in (True, False):
        asked.clear()
        if (
            top
            and "input_shape" in settings
            and kind == "MobileNet"
            and settings["input_shape"][0] == 96
        ):
            continue  # Keras wants the size of the head's own images there
        with pytest.raises(Asked):
            function(weights="imagenet", include_top=top, **settings)
        with pytest.raises(RunError) as error:
            imagenet.fetched(kind, {"include_top": top, **settings})
        assert asked[0] == asked[1]
        assert said(error)[0][0] == "MS753"
        assert str(asked[0][1]) in said(error)[0][1]
        assert str(imagenet.cache() / str(asked[0][0])) in str(error.value.diagnostics[0].help)


def hollow(monkeypatch: pytest.MonkeyPatch, function: Any) -> None:
    """Lets a function of `keras.applications` run without making a layer: what it asks for depends
    on none.
    """
    import importlib
    from unittest.mock import MagicMock

    modules = {
        function.__module__,
        "keras.src.applications.resnet",
        "keras.src.applications.mobilenet_v3",
    }
    for module in map(importlib.import_module, modules):
        for name, value in list(vars(module).items()):
            own = getattr(value, "__module__", None) == module.__name__
            helper = own and (
                inspect.isclass(value) or (inspect.isfunction(value) and not name[0].isupper())
            )
            if helper or name in ("layers", "Functional", "Sequential", "operation_utils"):
                hollowed = MagicMock()
                hollowed.return_value.__iter__ = lambda _: iter(
                    (MagicMock(), MagicMock())
                )  # some give pairs
                monkeypatch.setattr(module, name, hollowed)


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("MobileNet", {"alpha": 0.3}),
        ("MobileNetV2", {"alpha": 2.0}),
        ("MobileNetV3Small", {"alpha": 0.5}),
        ("VGG16", {"classes": 10}),
        ("UNet", {}),
        ("MobileNet", {"depth_multiplier": 2}),
    ],
)
def test_weights_that_keras_does_not_offer(kind: str, settings: dict[str, Any]) -> None:
    from modelspec.runtime.backend.weights import imagenet

    with pytest.raises(RunError) as error:
        imagenet.offered(kind, settings)
    assert said(error)[0][0] == "MS754"


def test_a_cached_file_is_read_with_our_reader(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import keras

    from modelspec.runtime.backend.weights import initial_weights

    small_kind = {"alpha": 0.25, "input_shape": (32, 32, 3), "include_top": False, "weights": None}
    saved = filled(keras.applications.MobileNet(**small_kind), 1)
    saved.save(tmp_path / "cached.h5")
    monkeypatch.setattr(
        keras.utils, "get_file", lambda *args, **kwargs: str(tmp_path / "cached.h5")
    )
    ours = filled(keras.applications.MobileNet(**small_kind), 2)
    initial_weights(ours, WeightsSource("MobileNet", small_kind, "imagenet"))
    equal(ours, saved)
    cut = keras.Model(ours.input, ours.get_layer("conv_pw_3_relu").output)
    filled(cut, 3)
    initial_weights(cut, WeightsSource("MobileNet", small_kind, "imagenet"))
    equal(ours, saved)


def test_a_file_by_path_for_a_model_of_the_library(tmp_path: Path) -> None:
    from modelspec.runtime.backend.weights import initial_weights

    write(tmp_path / "own.h5")
    context = Context(folder=tmp_path, project=tmp_path)
    ours = filled(small(), 5)
    initial_weights(ours, WeightsSource("", {}, "own.h5", None, context))
    equal(ours, small())


def test_a_spec_that_names_the_weights_of_keras_is_built_with_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import keras

    import modelspec as ms
    from modelspec.runtime.backend import build

    settings = {"alpha": 0.25, "input_shape": [32, 32, 3], "include_top": False}
    saved = filled(keras.applications.MobileNet(**settings, weights=None), 1)
    saved.save(tmp_path / "cached.h5")
    asked: list[str] = []

    def get_file(name: str, *args: Any, **kwargs: Any) -> str:
        asked.append(name)
        return str(tmp_path / "cached.h5")

    monkeypatch.setattr(keras.utils, "get_file", get_file)
    layers = [
        {"MobileNet": {**settings, "weights": "imagenet", "name": "backbone"}},
        "Flatten",
        {"Dense": 2},
    ]
    spec = ms.load_spec({"model": {"inputs": {"image": [32, 32, 3]}, "layers": layers}})
    equal(spec.build().get_layer("backbone"), saved)
    assert asked == ["mobilenet_2_5_224_tf_no_top.h5"]
    build(spec.compiled, pretrained=False)
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("kind", "top"),
    [("VGG16", False), ("ResNet50", True), ("EfficientNetB0", True), ("EfficientNetB0", False)],
)
def test_the_weights_of_keras_are_fetched_when_a_model_is_built_and_not_before(
    kind: str, top: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Images are small, so that the models are; what is fetched is a file that Keras writes of the
    same model.
    """
    import keras

    import modelspec as ms
    from modelspec.runtime.backend.weights import imagenet

    saved = getattr(keras.applications, kind)(
        weights=None, include_top=top, input_shape=(32, 32, 3)
    )
    last = next(
        weight
        for weight in reversed(saved.weights)
        if "bias" in weight.path or "variance" in weight.path
    )
    last.assign(last + 0.25)
    saved.save(tmp_path / "cached.h5")
    asked: list[tuple[Any, ...]] = []

    def get_file(name: str, origin: str, cache_subdir: str, file_hash: str | None) -> str:
        asked.append((name, origin, file_hash))
        return str(tmp_path / "cached.h5")

    monkeypatch.setattr(keras.utils, "get_file", get_file)
    entry = {
        kind: {
            "weights": "imagenet",
            "include_top": top,
            "input_shape": [32, 32, 3],
            "name": "backbone",
        }
    }
    spec = {"model": {"inputs": {"image": [32, 32, 3]}, "layers": [entry]}}
    assert ms.check(spec).ok
    loaded = ms.load_spec(spec)
    assert not asked
    built = loaded.build().get_layer("backbone")
    assert asked == [tuple(imagenet.offered(kind, {"include_top": top}))]
    equal(built, saved)
