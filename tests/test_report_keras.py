"""What the report shows of real trainings is what the saved model predicts: plain Keras, NumPy and
scikit-learn are the oracles.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import modelspec as ms
from modelspec.runtime.history import html_report
from modelspec.runtime.history.findings import Findings, OutputFindings
from modelspec.runtime.run import examine, report
from modelspec.runtime.run.predict import predict

pytestmark = pytest.mark.tensorflow
Trained = tuple[Findings | None, Path]
BAD = "<b>&'\""


@pytest.fixture
def train(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Trained]:
    """Trains a spec in an empty folder; what its report got, and its run."""
    monkeypatch.chdir(tmp_path)
    got: list[Findings | None] = []
    written = html_report.page

    def noting(record: Any, graph: Any, spec: str, findings: Any = None, *rest: Any) -> str:
        got.append(findings)
        return written(record, graph, spec, findings, *rest)

    monkeypatch.setattr(report, "page", noting)

    def trained(spec: dict[str, Any]) -> Trained:
        ms.load_spec({"seed": 1, "name": "a", **spec}).train("run")
        return got[-1], Path("run")

    return trained


def spec_of(
    layers: list[Any], inputs: dict[str, Any], data: dict[str, Any], loss: Any, **more: Any
) -> dict[str, Any]:
    training = {"loss": loss, "optimizer": {"Adam": 0.05}, "epochs": 2, "batch_size": 16, **more}
    return {"model": {"inputs": inputs, "layers": layers}, "data": data, "training": training}


def only(found: Findings | None) -> OutputFindings:
    assert found is not None
    (output,) = found.outputs
    return output


def table(count: int, seed: int) -> list[tuple[float, float, str]]:
    random = np.random.default_rng(seed)
    x = random.normal(size=(count, 2))
    labels = np.array(["cat", BAD, "dog"])[(x[:, 0] > 0).astype(int) + (x[:, 1] > 0)]
    return [(float(a), float(b), str(label)) for (a, b), label in zip(x, labels, strict=True)]


def write(name: str, rows: list[tuple[float, float, str]]) -> None:
    lines = ['{:.4f},{:.4f},"{}"'.format(a, b, c.replace('"', '""')) for a, b, c in rows]
    Path(name).write_text("a,b,kind\n" + "\n".join(lines) + "\n")


def of_table(**more: Any) -> dict[str, Any]:
    return spec_of(
        [{"Dense": 8}, {"Dense": {"units": 3, "activation": "softmax", "name": "kind"}}],
        {"x": [2]},
        {
            "train": {"csv": "train.csv"},
            "test": {"csv": "test.csv"},
            "inputs": {"x": {"columns": ["a", "b"]}},
            "targets": {
                "kind": {"column": "kind", "transform": [{"StringLookup": {"num_oov_indices": 0}}]}
            },
        },
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
        **more,
    )


def test_classes_and_the_worst_examples_are_those_of_the_predictions(
    train: Callable[..., Trained],
) -> None:
    from sklearn.metrics import confusion_matrix

    rows = table(60, 2)
    write("train.csv", table(90, 1))
    write("test.csv", rows)
    found, run = train(of_table())
    assert found is not None and (found.part, found.examples, found.every) == ("test", 60, 60)
    output = only(found)
    assert output.classes is not None
    predicted = predict("run", "test.csv")
    labels = list(output.classes.labels)
    assert labels == sorted({"cat", BAD, "dog"})
    true = [kind for _, _, kind in rows]
    expected = confusion_matrix(true, predicted.classes["kind"], labels=labels)
    assert np.array_equal(output.classes.confusion, expected)
    measured = json.loads((run / "metrics.json").read_text())["test"]
    assert output.classes.accuracy == pytest.approx(measured["accuracy"])
    own = predicted.shares["kind"][range(60), [labels.index(one) for one in true]]
    assert int(output.worst[0].id) == int(own.argmin()) + 1
    assert [int(one.id) for one in output.worst] == (np.argsort(own)[:8] + 1).tolist()
    row = rows[int(output.worst[0].id) - 1]
    assert dict(output.worst[0].cells) == {
        "a": f"{row[0]:.4f}".rstrip("0"),
        "b": f"{row[1]:.4f}".rstrip("0"),
    }
    assert len({one.id for one in (*output.worst, *output.drawn)}) == 16
    text = (run / "report.html").read_text()
    assert BAD not in text and "Confusion matrix" in text


def test_only_some_examples_of_a_large_part_are_predicted(
    train: Callable[..., Trained], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(examine, "MOST", 20)
    write("train.csv", table(90, 1))
    write("test.csv", table(60, 2))
    found, run = train(of_table())
    assert found is not None and (found.examples, found.every) == (20, 60)
    assert only(found).classes.counted == 20  # type: ignore[union-attr]
    assert "20 of 60 examples of the test part." in (run / "report.html").read_text()


def test_errors_are_in_the_unit_of_the_column(train: Callable[..., Trained]) -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=(80, 3)).astype(np.float32)
    np.savez("data.npz", x=x, y=(1000 + 50 * x[:, 0]).astype(np.float32))
    data = {
        "source": {"npz": "data.npz"},
        "split": {"test": 0.5},
        "inputs": {"x": "x"},
        "targets": {"y": {"column": "y", "transform": ["Normalization"]}},
    }
    found, run = train(
        spec_of([{"Dense": {"units": 1, "name": "y"}}], {"x": [3]}, data, "mse", metrics=["mae"])
    )
    (one,) = only(found).numbers
    measured = json.loads((run / "metrics.json").read_text())["test"]
    assert one.mean_absolute_error == pytest.approx(measured["original_mae"], rel=1e-4)
    assert one.name == "y" and one.counted == 40
    assert all(700 < true < 1300 for true, _ in one.points)
    assert "off by" in only(found).worst[0].error


def test_a_binary_output_has_the_area_of_scikit_learn(train: Callable[..., Trained]) -> None:
    from sklearn.metrics import roc_auc_score

    random = np.random.default_rng(0)
    x = random.normal(size=(120, 3)).astype(np.float32)
    y = (x[:, 0] + random.normal(size=120) > 0).astype(np.int64)
    np.savez("train.npz", x=x[:60], y=y[:60])
    np.savez("test.npz", x=x[60:], y=y[60:])
    data = {"train": {"npz": "train.npz"}, "test": {"npz": "test.npz"}, "inputs": {"x": "x"},
            "targets": {"y": "y"}}  # fmt: skip
    layers = [{"Dense": {"units": 1, "name": "y"}}]
    loss = {"BinaryCrossentropy": {"from_logits": True}}
    found, _ = train(spec_of(layers, {"x": [3]}, data, loss))
    classes = only(found).classes
    assert classes is not None and list(classes.roc) == ["1"]
    scores = predict("run", "test.npz").outputs["y"]
    assert classes.rows[1].area == pytest.approx(roc_auc_score(y[60:], scores))
    assert np.array_equal(
        classes.confusion,
        [[((y[60:] == a) & ((scores[:, 0] > 0) == b)).sum() for b in (0, 1)] for a in (0, 1)],
    )


def test_pixels_that_are_ignored_do_not_count_and_masks_are_drawn(
    train: Callable[..., Trained],
) -> None:
    from sklearn.metrics import jaccard_score

    random = np.random.default_rng(0)
    image = random.integers(0, 255, (24, 8, 8, 1)).astype(np.uint8)
    mask = (image[..., 0] > 120).astype(np.uint8)
    mask[:, 0] = 255
    np.savez("data.npz", image=image, mask=mask)
    data = {"train": {"npz": "data.npz"}, "test": {"npz": "data.npz"}, "inputs": {"image": "image"},
            "targets": {"mask": "mask"}}  # fmt: skip
    layers = [{"Rescaling": {"scale": 1 / 255}},
              {"Conv2D": {"filters": 2, "kernel_size": 1, "name": "mask"}}]  # fmt: skip
    loss = {"SparseCategoricalCrossentropy": {"from_logits": True, "ignore_class": 255}}
    found, _ = train(spec_of(layers, {"image": [8, 8, 1]}, data, loss))
    output = only(found)
    assert output.classes is not None and output.classes.unit == "pixels"
    decided = predict("run", "data.npz").outputs["mask"].argmax(-1)[:, 1:].ravel()
    assert output.classes.counted == decided.size == 24 * 7 * 8
    expected = jaccard_score(mask[:, 1:].ravel(), decided, average=None)
    assert [row.iou for row in output.classes.rows] == pytest.approx(list(expected))
    names = [name for name, _ in output.worst[0].images]
    assert names == ["image", "true", "predicted"]
    drawn = np.asarray(Image.open(BytesIO(output.worst[0].images[1][1])).convert("RGB"))
    assert drawn.shape == (8, 8, 3) and (drawn[0] == 255).all()  # what is ignored is white


def test_an_autoencoder_has_images_and_no_figures_of_classes(train: Callable[..., Trained]) -> None:
    """Its loss is that of labels, but its targets are none."""
    random = np.random.default_rng(0)
    np.savez("data.npz", image=random.random((30, 8, 8, 3)).astype(np.float32))
    data = {"source": {"npz": "data.npz"}, "split": {"test": 0.5}, "inputs": {"image": "image"},
            "targets": {"again": "image"}}  # fmt: skip
    layers = [
        {"Conv2D": {"filters": 3, "kernel_size": 1, "activation": "sigmoid", "name": "again"}}
    ]
    found, _ = train(spec_of(layers, {"image": [8, 8, 3]}, data, "binary_crossentropy"))
    output = only(found)
    assert output.classes is None and output.labels is None and not output.numbers
    assert [name for name, _ in output.worst[0].images] == ["image", "target", "output"]


def test_padded_steps_do_not_count(train: Callable[..., Trained]) -> None:
    random = np.random.default_rng(0)
    tokens = random.integers(1, 6, (30, 5))
    tokens[:, 3:] = 0
    np.savez("data.npz", tokens=tokens, tags=tokens % 3)
    data = {"train": {"npz": "data.npz"}, "test": {"npz": "data.npz"},
            "inputs": {"tokens": "tokens"}, "targets": {"tags": "tags"}}  # fmt: skip
    layers = [
        {"Embedding": {"input_dim": 6, "output_dim": 4, "mask_zero": True}},
        {"LSTM": {"units": 4, "return_sequences": True}},
        {"Dense": {"units": 3, "activation": "softmax", "name": "tags"}},
    ]
    inputs = {"tokens": {"shape": [5], "dtype": "int32"}}
    found, _ = train(spec_of(layers, inputs, data, "sparse_categorical_crossentropy"))
    output = only(found)
    assert output.classes is not None and output.classes.unit == "steps"
    assert output.classes.counted == 30 * 3
    assert len(output.worst[0].true.split()) == 3


def test_outputs_without_fitting_figures_have_none(train: Callable[..., Trained]) -> None:
    """Directions, which have no scale, and targets that are shares of classes."""
    random = np.random.default_rng(0)
    shares = random.dirichlet(np.ones(3), 30).astype(np.float32)
    np.savez("data.npz", x=shares, y=shares)
    data = {"source": {"npz": "data.npz"}, "split": {"test": 0.5}, "inputs": {"x": "x"},
            "targets": {"y": "y"}}  # fmt: skip
    layers = [{"Dense": {"units": 3, "activation": "softmax", "name": "y"}}]
    for loss in ("categorical_crossentropy", "cosine_similarity"):
        found, run = train(spec_of(layers, {"x": [3]}, data, loss))
        assert found is None or not found.outputs
        assert "Predictions" not in (run / "report.html").read_text()
        for path in sorted(run.rglob("*"), reverse=True):
            path.unlink() if path.is_file() else path.rmdir()
        run.rmdir()


def test_a_run_that_fails_has_a_report_without_predictions(
    train: Callable[..., Trained], tmp_path: Path
) -> None:
    x = np.full((20, 2), 1e30, np.float32)
    np.savez("data.npz", x=x, y=x[:, 0])
    data = {"source": {"npz": "data.npz"}, "split": {"test": 0.5}, "inputs": {"x": "x"},
            "targets": {"y": "y"}}  # fmt: skip
    with pytest.raises(ms.RunError):
        train(spec_of([{"Dense": {"units": 1, "name": "y"}}], {"x": [2]}, data, "mse"))
    text = (tmp_path / "run" / "report.html").read_text()
    assert "failed" in text and "MS706" in text and "Predictions" not in text
