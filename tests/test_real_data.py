"""The main jobs on real data: MNIST through npz, tables through csv."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path
from typing import Any

import pytest

import modelspec as ms

from .real_data import real

pytestmark = pytest.mark.tensorflow


def idx(path: Path, header: int) -> Any:
    """The bytes of an IDX file, without its header."""
    import numpy as np

    return np.frombuffer(gzip.decompress(path.read_bytes())[header:], np.uint8)


def test_mnist_through_npz(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trained on 7,000 images for two epochs, a small network reads more than 9 of 10 digits that
    it never saw.
    """
    import numpy as np

    from modelspec.runtime.run import predict

    images = idx(real("mnist-t10k-images-idx3-ubyte.gz"), 16).reshape(-1, 28, 28)
    labels = idx(real("mnist-t10k-labels-idx1-ubyte.gz"), 8)
    np.savez(tmp_path / "mnist.npz", image=images, label=labels)
    np.savez(tmp_path / "new.npz", image=images[:100])
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mnist.yaml").write_text(
        """
        seed: 1
        model:
          inputs: {image: [28, 28, 1]}
          layers:
            - Rescaling: 0.00392156862745098
            - Conv2D: {filters: 16, kernel_size: 3, activation: relu}
            - MaxPooling2D: 2
            - Conv2D: {filters: 32, kernel_size: 3, activation: relu}
            - MaxPooling2D: 2
            - Flatten
            - Dense: {units: 10, activation: softmax, name: digit}
        data:
          source: {npz: mnist.npz}
          split: {validation: 0.1, test: 0.2, stratify: label}
          inputs: image
          targets: label
        training: {optimizer: adam, loss: sparse_categorical_crossentropy, metrics: [accuracy], epochs: 2}
    """,
        encoding="utf-8",
    )
    run = ms.load_spec("mnist.yaml").train(run_dir="run")
    assert run.metrics["accuracy"] > 0.9
    predict(Path("run"), "new.npz", output=Path("out.npz"))
    with np.load("out.npz") as found:
        decided = found["digit"]
    assert np.mean(decided.ravel() == labels[:100]) > 0.85


def table(name: str, folder: Path, columns: list[str], target: str, **training: Any) -> ms.Spec:
    """A regression from columns of a real table."""
    shutil.copy(real(name), folder / name)
    return ms.load_spec(
        {
            "model": {
                "inputs": {"x": [len(columns)]},
                "layers": [
                    {"BatchNormalization": {"momentum": 0.9}},
                    {"Dense": {"units": 32, "activation": "relu"}},
                    {"Dense": {"units": 1, "name": target}},
                ],
            },
            "data": {
                "source": {"csv": name},
                "split": {"validation": 0.1, "test": 0.1},
                "inputs": {"columns": columns},
                "targets": target,
            },
            "training": {
                "optimizer": {"Adam": 0.01},
                "loss": "mse",
                "epochs": 1,
                "batch_size": 512,
                **training,
            },
        }
    )


def test_diamonds_through_csv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """53,940 rows: the price follows from carat and size better than from its mean alone."""
    monkeypatch.chdir(tmp_path)
    spec = table(
        "diamonds.csv",
        tmp_path,
        ["carat", "depth", "table", "x", "y", "z"],
        "price",
        metrics=["R2Score"],
        epochs=3,
        batch_size=256,
    )
    assert spec.train(run_dir="run").metrics["r2_score"] > 0.5


def test_missing_cells_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Penguins have missing measurements: the run stops before it starts, at the file's row and
    column.
    """
    monkeypatch.chdir(tmp_path)
    spec = table("penguins.csv", tmp_path, ["bill_length_mm", "bill_depth_mm"], "body_mass_g")
    with pytest.raises(Exception, match=r"bill_length_mm") as raised:
        spec.train(run_dir="run")
    assert "penguins.csv:5" in str(raised.value) or "penguins.csv:5" in repr(
        getattr(raised.value, "diagnostics", "")
    )
    assert not (tmp_path / "run" / "model.keras").exists()
