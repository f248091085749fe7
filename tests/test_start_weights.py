"""Initial weights of some layers, from files of others and from runs."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest

import modelspec as ms

TENSORFLOW = pytest.mark.tensorflow


def spec(weights: Any = None, units: int = 3, head: str = "score") -> dict[str, Any]:
    training: dict[str, Any] = {"loss": "mse", "epochs": 1, "batch_size": 4}
    return {
        "seed": 5,
        "model": {
            "inputs": {"word": {"shape": [2], "dtype": "int32"}},
            "shared": {"body": ["Flatten", {"Dense": {"units": units, "name": "inner"}}]},
            "layers": [
                {"Embedding": {"input_dim": 6, "output_dim": 4, "name": "words"}},
                {"body": {"name": "hidden"}},
                {"Dense": {"units": 1, "name": head}},
            ],
        },
        "data": {"source": {"npz": "d.npz"}, "inputs": {"word": "x"}, "targets": {head: "y"}},
        "training": training | ({"weights": weights} if weights is not None else {}),
    }


def write(path: Path, **shapes: list[int]) -> None:
    """A safetensors file of zeros."""
    write_named(path, shapes)


def write_named(path: Path, shapes: dict[str, list[int]]) -> None:
    header, at = {}, 0
    for name, shape in shapes.items():
        size = 4
        for one in shape:
            size *= one
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(at))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def found(weights: Any, **changes: Any) -> list[tuple[str, str]]:
    report = ms.check(spec(weights, **changes))
    return [(one.code, one.message) for one in report.diagnostics if one.severity == "error"]


@pytest.mark.parametrize(
    ("settings", "code", "words"),
    [
        ({"only": ["wrds"]}, "MS531", "wrds"),
        ({"only": 3}, "MS204", "only"),
        ({"names": {"words/embeddings": 3}}, "MS204", "names"),
        ({"names": ["glove"]}, "MS204", "names"),
        ({"names": {"words/embedding": "glove"}}, "MS545", "words/embedding"),
        ({"names": {"words/embeddings": "glove"}, "only": ["words"]}, "MS208", "only"),
    ],
)
def test_wrong_settings_are_refused(
    folder: Path, settings: dict[str, Any], code: str, words: str
) -> None:
    write(folder / "glove.safetensors", glove=[6, 4])
    ((first, message),) = found({"path": "glove.safetensors", **settings})
    assert first == code and words in message


def test_a_file_is_compared_by_its_header(folder: Path) -> None:
    write(folder / "glove.safetensors", glove=[6, 5], right=[6, 4])
    path = {"path": "glove.safetensors"}
    assert found({**path, "names": {"words/embeddings": "right"}}) == []
    ((code, message),) = found({**path, "names": {"words/embeddings": "glove"}})
    assert code == "MS544" and "(6, 5)" in message and "(6, 4)" in message
    ((code, message),) = found({**path, "names": {"words/embeddings": "golve"}})
    assert code == "MS544" and "has no tensor `golve`" in message
    ((code, message),) = found({**path, "only": ["words"]})
    assert code == "MS544" and "none of the weights of `words`" in message
    report = ms.check(spec({**path, "only": ["words"]}))
    assert "`glove`" in str(report.diagnostics[-1].help)


def test_layers_of_a_file_are_compared_by_their_paths(folder: Path) -> None:
    shapes = {
        "words/embeddings": [6, 4],
        "body/inner/kernel": [8, 2],
        "body/inner/bias": [2],
        "score/kernel": [3, 1],
        "score/bias": [1],
    }
    write_named(folder / "all.safetensors", shapes)
    assert [code for code, _ in found("all.safetensors")] == ["MS544", "MS544"]
    assert found("all.safetensors", units=2)[0][1].startswith("`score/kernel` has the shape (3, 1)")
    assert found({"path": "all.safetensors", "skip": ["body"]}) == []
    assert found({"path": "all.safetensors", "only": ["wor*", "score"]}) == []
    assert found({"path": "all.safetensors", "skip_mismatch": True}) == []
    del shapes["score/kernel"], shapes["score/bias"]
    write_named(folder / "some.safetensors", shapes)
    ((code, message),) = found("some.safetensors", units=2)
    assert code == "MS544" and "does not contain `score`" in message


@pytest.mark.parametrize("damage", [b"", b"\xff" * 40])
def test_a_damaged_or_missing_file_is_left_to_the_training(folder: Path, damage: bytes) -> None:
    (folder / "bad.safetensors").write_bytes(damage)
    assert found({"path": "bad.safetensors", "only": ["words"]}) == []
    assert found({"path": "absent.safetensors", "only": ["words"]}) == []


def test_sizes_that_a_header_claims_are_compared_with_the_file(folder: Path) -> None:
    from modelspec.core.source.safetensors_header import safetensors_shapes

    write(folder / "a.safetensors", glove=[6, 4])
    assert safetensors_shapes(folder / "a.safetensors") == {"glove": (6, 4)}
    whole = (folder / "a.safetensors").read_bytes()
    (folder / "short.safetensors").write_bytes(whole[:-1])
    assert safetensors_shapes(folder / "short.safetensors") is None
    (folder / "lies.safetensors").write_bytes(whole.replace(b"[6, 4]", b"[9, 9]"))
    assert safetensors_shapes(folder / "lies.safetensors") is None


@TENSORFLOW
def test_the_values_of_each_kind_of_file(folder: Path) -> None:
    """The named layers have the values of the file, all others those of the same seed."""
    import numpy as np
    from safetensors.numpy import save_file

    from modelspec.errors import RunError
    from modelspec.runtime.exporters.export_run import export

    rng = np.random.default_rng(0)
    np.savez("d.npz", x=rng.integers(0, 6, (8, 2)), y=rng.normal(size=(8, 1)).astype("float32"))
    random = ms.load_spec(spec(units=2, head="other")).build()
    run = ms.load_spec(spec()).train(run_dir="runs/first")
    export(folder / "runs/first", "safetensors", folder / "run.safetensors")
    export(folder / "runs/first", "weights", folder / "run.weights.h5")
    trained = run.model.get_layer("words").get_weights()[0]
    for path in ("runs/first", "runs/first/model.keras", "run.safetensors", "run.weights.h5"):
        given = spec({"path": path, "only": ["words"]}, units=2, head="other")
        model = ms.load_spec(given).build()
        assert np.array_equal(model.get_layer("words").get_weights()[0], trained)
        for name in ("body", "other"):
            pairs = zip(
                model.get_layer(name).get_weights(),
                random.get_layer(name).get_weights(),
                strict=True,
            )
            assert all(np.array_equal(one, other) for one, other in pairs)

    glove = rng.normal(size=(6, 4)).astype("float32")
    save_file({"glove": glove, "rest": glove}, "glove.safetensors")
    names = {"words/embeddings": "glove"}
    model = ms.load_spec(spec({"path": "glove.safetensors", "names": names})).build()
    assert np.array_equal(model.get_layer("words").get_weights()[0], glove)
    kernel = {"body/inner/kernel": "layers/functional/layers/dense/vars/0"}
    model = ms.load_spec(spec({"path": "run.weights.h5", "names": kernel})).build()
    inner = model.get_layer("body").get_layer("inner").get_weights()[0]
    assert np.array_equal(inner, run.model.get_layer("body").get_layer("inner").get_weights()[0])

    wrong = [
        ({"path": "run.weights.h5", "names": {"words/embeddings": "layers/x"}}, "MS752"),
        ({"path": "run.weights.h5", "only": ["other"]}, "MS752"),
        ({"path": "runs/second", "only": ["words"]}, "MS750"),
    ]
    for settings, code in wrong:
        with pytest.raises(RunError) as error:
            ms.load_spec(spec(settings, units=2, head="other")).build()
        assert [one.code for one in error.value.diagnostics] == [code]
        assert error.value.diagnostics[0].line is not None or code == "MS750"


@TENSORFLOW
def test_an_average_starts_as_what_was_loaded(folder: Path) -> None:
    """`only: [student]` sets the student; the teacher begins as the student, unless it is loaded.
    The export has both, with the same names of layers inside.
    """
    import numpy as np

    from modelspec.runtime.exporters.export_run import export

    np.savez("d.npz", x=np.ones((8, 3), "float32"), y=np.ones((8, 2), "float32"))
    given: dict[str, Any] = {
        "model": {
            "inputs": {"x": [3]},
            "shared": {"student": [{"Dense": 2}], "teacher": {"ema_of": "student"}},
            "layers": [{"student": {"from": "x", "name": "a"}}, {"teacher": {"from": "x"}}],
            "outputs": {"a": "a", "b": "teacher"},
        },
        "data": {"source": {"npz": "d.npz"}, "inputs": {"x": "x"}, "targets": {"a": "y"}},
        "training": {"loss": {"a": "mse"}, "optimizer": {"SGD": 0.5}, "epochs": 2},
    }
    run = ms.load_spec(given).train(run_dir="run")
    export(folder / "run", "safetensors", folder / "run.safetensors")
    student, teacher = (run.model.get_layer(name).get_weights() for name in ("student", "teacher"))
    assert not np.array_equal(student[0], teacher[0])
    for only, wanted in ((["student"], student), (["student", "teacher"], teacher)):
        weights = {"path": "run.safetensors", "only": only}
        model = ms.load_spec(
            {**given, "training": {**given["training"], "weights": weights}}
        ).build()
        assert np.array_equal(model.get_layer("student").get_weights()[0], student[0])
        assert np.array_equal(model.get_layer("teacher").get_weights()[0], wanted[0])
