"""Jobs on real files as they were found, each in one spec: as good as they should be, and the same
in every format.
"""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import modelspec as ms

from .real_data import real

pytestmark = pytest.mark.tensorflow

PENGUINS = """
seed: 1
model:
  inputs: {measures: [4], island: [auto], sex: [auto]}
  layers:
    - Concatenate: {from: [measures, island, sex]}
    - Dense: {units: 16, activation: relu}
    - Dense: {units: 3, activation: softmax, name: species}
data:
  source: {csv: penguins.csv}
  split: {validation: 0.15, test: 0.2, stratify: species}
  inputs:
    measures:
      columns: [bill_length_mm, bill_depth_mm, flipper_length_mm, body_mass_g]
      missing: mean
      transform: [Normalization]
    island: {column: island, transform: [StringLookup: {output_mode: one_hot}]}
    sex: {column: sex, missing: unknown, transform: [StringLookup: {output_mode: one_hot}]}
  targets:
    species: {column: species, transform: [StringLookup: {num_oov_indices: 0}]}
training:
  optimizer: {Adam: 0.02}
  loss: sparse_categorical_crossentropy
  metrics: [accuracy]
  epochs: 12
  batch_size: 16
"""
TITANIC = """
seed: 1
model:
  inputs: {numbers: [4], sex: [auto], kind: [auto], port: [auto]}
  layers:
    - Concatenate: {from: [numbers, sex, kind, port]}
    - Dense: {units: 32, activation: relu}
    - Dropout: 0.2
    - Dense: {units: 1, activation: sigmoid, name: alive}
data:
  source: {csv: titanic.csv}
  split: {validation: 0.1, test: 0.2, stratify: alive}
  inputs:
    numbers: {columns: [age, fare, sibsp, parch], missing: median, transform: [Normalization]}
    sex: {column: sex, transform: [StringLookup: {output_mode: one_hot, num_oov_indices: 0}]}
    kind: {column: pclass, transform: [IntegerLookup: {output_mode: one_hot}]}
    port: {column: embarked, missing: most_frequent, transform: [StringLookup: {output_mode: one_hot}]}
  targets:
    alive: {column: alive, transform: [StringLookup: {num_oov_indices: 0}]}
training: {optimizer: {Adam: 0.01}, loss: binary_crossentropy, metrics: [accuracy], epochs: 15}
"""
DIAMONDS = """
seed: 1
model:
  inputs: {sizes: [6], cut: [auto], color: [auto], clarity: [auto]}
  layers:
    - Concatenate: {from: [sizes, cut, color, clarity]}
    - Dense: {units: 32, activation: relu}
    - Dense: {units: 1, name: price}
data:
  source: {csv: diamonds.csv}
  split: {validation: 0.1, test: 0.1}
  inputs:
    sizes: {columns: [carat, depth, table, x, y, z], transform: [Normalization]}
    cut: {column: cut, transform: [StringLookup: {output_mode: one_hot, num_oov_indices: 0}]}
    color: {column: color, transform: [StringLookup: {output_mode: one_hot, num_oov_indices: 0}]}
    clarity: {column: clarity, transform: [StringLookup: {output_mode: one_hot, num_oov_indices: 0}]}
  targets:
    price: {column: price, transform: [Expression: log1p(x), Normalization]}
training: {optimizer: {Adam: 0.005}, loss: mse, metrics: [R2Score], epochs: 2, batch_size: 512}
"""
MESSAGES = """
seed: 1
model:
  inputs: {words: {shape: [auto], dtype: int32}}
  layers:
    - Embedding: {input_dim: 3000, output_dim: 16}
    - GlobalAveragePooling1D
    - Dense: {units: 1, activation: sigmoid, name: label}
data:
  source: {csv: {path: sms-spam.tsv, delimiter: "\\t", header: [label, message, third, fourth, fifth]}}
  split: {validation: 0.1, test: 0.2, stratify: label}
  inputs:
    words: {column: message, transform: [TextVectorization: {max_tokens: 3000, output_sequence_length: 40}]}
  targets:
    label: {column: label, transform: [StringLookup: {num_oov_indices: 0}]}
training: {optimizer: {Adam: 0.02}, loss: binary_crossentropy, metrics: [accuracy], epochs: 2}
"""
JOBS = {
    "penguins.csv": (PENGUINS, "accuracy", 0.95, {"Adelie", "Chinstrap", "Gentoo"}),
    "titanic.csv": (TITANIC, "accuracy", 0.78, {"no", "yes"}),
    "diamonds.csv": (DIAMONDS, "r2_score", 0.95, None),
    "sms-spam.tsv": (MESSAGES, "accuracy", 0.95, {"ham", "spam"}),
}


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MODELSPEC_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize("name", JOBS)
def test_a_job_from_its_raw_file(name: str) -> None:
    """Good enough on examples that it never saw; raw rows are predicted as training saw them, to
    the bit; and labels come back.
    """
    from modelspec.runtime.run import predict

    spec, metric, least, labels = JOBS[name]
    shutil.copy(real(name), name)
    Path("spec.yaml").write_text(spec, encoding="utf-8")
    run = ms.load_spec("spec.yaml").train(run_dir="run")
    assert run.by_part["test"][metric] >= least
    seen, raw = as_training_saw(run), as_raw_rows(run, name)
    assert seen.keys() == raw.keys()
    for key, values in seen.items():
        np.testing.assert_array_equal(values, raw[key])
    found = predict(Path("run"), name)
    (output,) = found.outputs
    inputs = {key: np.asarray(values) for key, values in seen.items()}
    size = run.compiled.training.batch_size
    wanted = run.model.predict(
        inputs if len(inputs) > 1 else next(iter(inputs.values())), batch_size=size, verbose=0
    )
    wanted = next(iter(wanted.values())) if isinstance(wanted, dict) else wanted
    if name == "diamonds.csv":  # predicted in dollars: the transform of the target is undone
        wanted = np.expm1(wanted.astype(np.float64) * _spread(run) + _middle(run))
        np.testing.assert_allclose(found.outputs[output], wanted, rtol=1e-12)
    else:
        np.testing.assert_array_equal(found.outputs[output], wanted)
    if labels is not None:
        assert set(found.classes[output].ravel().tolist()) == labels


def _logarithms(run: Any) -> Any:
    """The logarithm of each price that was trained on, in float64."""
    from modelspec.runtime.run.run_data import prepared_data

    part = prepared_data(run.compiled, directory=Path("run")).parts["train"]
    prices = part.examples.table.column("price")
    return np.log1p(prices[part.rows].astype(np.float64))


def _middle(run: Any) -> float:
    return float(np.mean(_logarithms(run)))


def _spread(run: Any) -> float:
    return float(np.std(_logarithms(run)))


def as_training_saw(run: Any) -> dict[str, Any]:
    from modelspec.runtime.run.run_data import prepared_data

    return dict(prepared_data(run.compiled, directory=Path("run")).parts["train"].examples.inputs)


def as_raw_rows(run: Any, name: str) -> dict[str, Any]:
    """A table without the target, which prediction does not need."""
    from modelspec.runtime.data import open_source
    from modelspec.runtime.run.run_data import prepared_source

    table = open_source(run.compiled.data.sources["train"], run.compiled.file.context)
    return dict(prepared_source(run.compiled, table, Path("run"), with_targets=False)[0].inputs)


# One data set in every format ---------------------------------------------------------------------

MNIST = """
seed: 3
model:
  inputs: {image: [28, 28, 1]}
  layers:
    - Rescaling: 0.00392156862745098
    - Conv2D: {filters: 8, kernel_size: 3, strides: 2, activation: relu}
    - Flatten
    - Dense: {units: 10, activation: softmax, name: digit}
data:
  source: SOURCE
  split: {validation: 0.2}
  inputs: {image: {column: image}}
  targets: {digit: {column: label}}
training: {loss: sparse_categorical_crossentropy, metrics: [accuracy], epochs: 1}
"""
COUNT = 300


def digits() -> tuple[Any, Any]:
    images = gzip.decompress(real("mnist-t10k-images-idx3-ubyte.gz").read_bytes())
    labels = gzip.decompress(real("mnist-t10k-labels-idx1-ubyte.gz").read_bytes())
    x, y = (
        np.frombuffer(images, np.uint8, offset=16).reshape(-1, 28, 28),
        np.frombuffer(labels, np.uint8, offset=8),
    )
    order = np.argsort(y[:COUNT], kind="stable")  # as a folder for each class has them
    return x[:COUNT][order], y[:COUNT][order]


def as_idx(x: Any, y: Any) -> str:
    from .sources import idx_bytes

    Path("x.gz").write_bytes(gzip.compress(idx_bytes(x)))
    Path("y").write_bytes(idx_bytes(y))
    return "{idx: {image: x.gz, label: y}}"


def as_npz(x: Any, y: Any) -> str:
    np.savez_compressed("d.npz", image=x, label=y)
    return "{npz: d.npz}"


def as_hdf5(x: Any, y: Any) -> str:
    import h5py

    with h5py.File("d.h5", "w") as file:
        file.create_dataset("image", data=x[..., None], chunks=(64, 28, 28, 1), compression="gzip")
        file["label"] = y
    return "{hdf5: d.h5}"


def as_parquet(x: Any, y: Any) -> str:
    import pyarrow as pa
    import pyarrow.parquet as pq

    flat = pa.FixedSizeListArray.from_arrays(pa.array(x.ravel()), 784)
    pq.write_table(pa.table({"image": flat, "label": y}), "d.parquet")
    return "{parquet: d.parquet}"


def as_pictures(x: Any, y: Any) -> str:
    from PIL import Image

    for index, (image, label) in enumerate(zip(x, y, strict=True)):
        folder = Path("photos", str(label))
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / f"{index:04}.png")
    return "{images: {path: photos, color_mode: grayscale}}"


FORMATS: dict[str, Callable[[Any, Any], str]] = {
    "idx": as_idx,
    "npz": as_npz,
    "hdf5": as_hdf5,
    "parquet": as_parquet,
    "pictures": as_pictures,
}


def test_every_format_trains_the_same_weights() -> None:
    x, y = digits()
    weights: dict[str, list[Any]] = {}
    for name, make in FORMATS.items():
        spec = MNIST.replace("SOURCE", make(x, y))
        if name == "pictures":  # the names of folders are words
            tokens = ", ".join(f'"{digit}"' for digit in range(10))
            spec = spec.replace(
                "column: label",
                "column: label, transform: [StringLookup: {num_oov_indices: 0, "
                f"vocabulary: [{tokens}]}}]",
            )
        Path(f"{name}.yaml").write_text(spec, encoding="utf-8")
        weights[name] = (
            ms.load_spec(f"{name}.yaml").train(run_dir=f"runs/{name}").model.get_weights()
        )
    first = weights.pop("idx")
    assert np.std(first[0]) > 0
    for name, found in weights.items():
        for one, other in zip(first, found, strict=True):
            np.testing.assert_array_equal(one, other, err_msg=name)
