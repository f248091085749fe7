"""Small made-up data in the forms that the specs of `configs/examples` read, and their training."""

from __future__ import annotations

import csv
import json
import math
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import modelspec as ms

EXAMPLES = Path(__file__).parent.parent / "configs" / "examples"
Values = NDArray[Any]


# Training -----------------------------------------------------------------------------------------


def train(name: str, folder: Path, overrides: Mapping[str, Any] | None = None) -> Any:
    """The run of one epoch of an example whose data files are in `folder`, beside a copy of its
    spec. Every number that it logs at the end is finite.
    """
    spec = shutil.copy(EXAMPLES / f"{name}.yaml", folder)
    short = {"training.epochs": 1, "training.batch_size": 4, "expect": None, **(overrides or {})}
    if short["training.epochs"] is None:  # of a training in stages
        del short["training.epochs"]
    run = ms.load_spec(spec, overrides=short).train(run_dir=folder / "run")
    logged = [values[-1] for values in run.history.values()]
    assert logged and all(math.isfinite(value) for value in logged), run.history
    return run


# Files --------------------------------------------------------------------------------------------


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def pixels(count: int, *shape: int, seed: int = 0) -> Values:
    """`count` arrays of random values from 0 to 255, `uint8`."""
    return rng(seed).integers(0, 256, (count, *shape), np.uint8)


def write_npz(path: Path, **arrays: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **arrays)
    return path


def write_classes(folder: Path, classes: Sequence[str], size: Sequence[int], each: int = 4) -> None:
    """A folder of color images for each class."""
    for number, name in enumerate(classes):
        write_pictures(folder / name, pixels(each, *size, 3, seed=number))


def write_pictures(folder: Path, values: Values, extension: str = "png") -> list[str]:
    """One file for each array (height, width) or (height, width, 3); their names."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"{number:03}.{extension}" for number in range(len(values))]
    for name, one in zip(names, values, strict=True):
        Image.fromarray(one).save(folder / name)
    return names


def write_table(path: Path, columns: Mapping[str, Iterable[Any]], delimiter: str = ",") -> Path:
    """A csv file with a header."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    return path


def write_json_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def write_lines(path: Path, lines: Iterable[str]) -> Path:
    """A file with one text in each line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def words(count: int, length: int, vocabulary: Sequence[str], seed: int = 0) -> list[str]:
    """`count` texts of `length` random words."""
    return [" ".join(row) for row in rng(seed).choice(list(vocabulary), (count, length))]
