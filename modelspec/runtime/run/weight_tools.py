"""Tools for weights: statistics, differences of two sets, and extraction of single weights to a
file.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np

from modelspec.core.diagnostics import nearest

from ..data import RunError
from ..data.table import Array
from .atomic_files import write_whole
from .checkpoints.tensors import write_tensors
from .weight_reader import Stored

EXTENSIONS = (".npy", ".npz", ".safetensors")


@dataclass(frozen=True)
class Figures:
    """Statistics of one array. Mean, standard deviation, minimum and maximum are those of its
    finite values.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    mean: float
    std: float
    low: float
    high: float
    zeros: int
    not_finite: int

    def as_json(self) -> dict[str, Any]:
        plain = {
            key: value if math.isfinite(value) else None
            for key, value in {
                "mean": self.mean,
                "std": self.std,
                "min": self.low,
                "max": self.high,
            }.items()
        }
        return {
            "name": self.name,
            "shape": list(self.shape),
            "dtype": self.dtype,
            **plain,
            "zeros": self.zeros,
            "not_finite": self.not_finite,
        }


def figures(weight: Stored) -> Figures:
    """Reads an array and computes its statistics."""
    values = weight.read()
    numbers = values if values.dtype.kind == "f" else values.astype(np.float64)
    finite = numbers[np.isfinite(numbers)]
    lost = int(numbers.size - finite.size)
    mean = std = low = high = math.nan
    if finite.size:
        mean, std = float(finite.mean(dtype=np.float64)), float(finite.std(dtype=np.float64))
        low, high = float(finite.min()), float(finite.max())
    zeros = int((numbers == 0).sum())
    return Figures(weight.name, weight.shape, str(values.dtype), mean, std, low, high, zeros, lost)


# Differences --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Compared:
    """The comparison of one array of two sides."""

    name: str
    equal: bool
    """Whether both are equal to the bit, including shape and dtype."""
    largest: float | None
    """The largest difference of two values; None if they cannot be compared elementwise."""
    remark: str = ""

    def within(self, tolerance: float | None) -> bool:
        """Whether the two count as equal: to the bit, or within the tolerance."""
        return self.equal or (
            tolerance is not None and self.largest is not None and self.largest <= tolerance
        )

    def as_json(self) -> dict[str, Any]:
        finite = self.largest is not None and math.isfinite(self.largest)
        return {
            "name": self.name,
            "equal": self.equal,
            "largest_difference": self.largest if finite else None,
            "remark": self.remark,
        }


def compared(one: Mapping[str, Stored], other: Mapping[str, Stored]) -> Iterator[Compared]:
    """Every weight of both sides, paired by name; if no names match, by their paths in
    the files.
    """
    if not one.keys() & other.keys():
        one, other = ({weight.place: weight for weight in side.values()} for side in (one, other))
    for name in dict.fromkeys((*one, *other)):
        if name not in one or name not in other:
            yield Compared(
                name, False, None, "only in the first" if name in one else "only in the second"
            )
        else:
            yield arrays_compared(name, one[name].read(), other[name].read())


def arrays_compared(name: str, one: Array, other: Array) -> Compared:
    """The comparison of two arrays."""
    if one.shape != other.shape:
        return Compared(name, False, None, f"{list(one.shape)} and {list(other.shape)}")
    remark = "" if one.dtype == other.dtype else f"{one.dtype} and {other.dtype}"
    if not remark and one.tobytes() == other.tobytes():
        return Compared(name, True, 0.0)
    a, b = one.astype(np.float64), other.astype(np.float64)
    with np.errstate(invalid="ignore"):
        difference = np.abs(a - b)
    difference[(a == b) | (np.isnan(a) & np.isnan(b))] = 0.0
    largest = float(difference.max(initial=0.0)) if not np.isnan(difference).any() else math.nan
    return Compared(name, False, largest, remark)


# Single weights -----------------------------------------------------------------------------------


def extract(weights: Mapping[str, Stored], pattern: str, path: Path) -> list[str]:
    """Write one weight, or those that match a pattern (`encoder/*`), to a file; returns their
    names.

    `.npy` holds one array; `.npz` and `.safetensors` hold several, each under its name. The file is
    written atomically. Raises `RunError`: MS774 if no weight has this name or the extension is not
    supported, MS703.
    """
    chosen = [name for name in weights if name == pattern or fnmatchcase(name, pattern)]
    if not chosen:
        near = nearest(pattern, weights)
        raise RunError.of(
            "MS774",
            f"no weight matches `{pattern}`",
            help=(
                f"did you mean `{near}`?"
                if near
                else "`modelspec weights` without `--extract` lists them"
            ),
        )
    check_extension(path)
    suffix = path.suffix.lower()
    if suffix == ".npy" and len(chosen) > 1:
        raise RunError.of(
            "MS774",
            f"`{pattern}` matches {len(chosen)} weights, but a `.npy` file holds one array",
            help="use `.npz` or `.safetensors`",
        )
    arrays = {name: weights[name].read() for name in chosen}
    if suffix == ".npy":
        write_whole(path, lambda beside: np.save(beside, arrays[chosen[0]], allow_pickle=False))
    elif suffix == ".npz":
        write_whole(path, lambda beside: np.savez(beside, **arrays))  # type: ignore[arg-type]  # numpy's stub
    else:
        write_whole(path, lambda beside: _write_anew(beside, arrays))
    return chosen


def _write_anew(beside: Path, arrays: Mapping[str, Array]) -> None:
    beside.unlink()  # `write_tensors` creates its file
    write_tensors(beside, arrays)


def check_extension(path: Path) -> None:
    """Raises `RunError` (MS774) if weights cannot be written to a file with this name."""
    if path.suffix.lower() not in EXTENSIONS:
        raise RunError.of(
            "MS774",
            f"cannot infer the format of weights from the extension of `{path}`",
            help=f"use one of the extensions {', '.join(EXTENSIONS)}",
        )
    if path.is_dir() or not path.parent.is_dir():
        what = "is a folder" if path.is_dir() else "would be in a folder that does not exist"
        raise RunError.of("MS774", f"`{path}` {what}")
