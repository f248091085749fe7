"""Weights looked at: what is in them, in what two sets of them differ, and single ones written to a
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

ENDINGS = (".npy", ".npz", ".safetensors")


@dataclass(frozen=True)
class Figures:
    """What is in one array. Mean, spread (standard deviation) and ends are those of its finite
    numbers.
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
    """Reads an array and counts."""
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
    """One array of two sides."""

    name: str
    equal: bool
    """To the bit, shape and dtype included."""
    largest: float | None
    """The largest difference of two numbers; None where they cannot be compared one by one."""
    remark: str = ""

    def within(self, tolerance: float | None) -> bool:
        """Whether the two count as equal: to the bit, or with numbers at most so far apart."""
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
    """Every weight of both sides, paired by name; by their places in the files where no name is the
    same.
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
    """Two arrays."""
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
    """Write one weight, or those that a pattern names (`encoder/*`), to a file; their names.

    `.npy` takes one alone; `.npz` and `.safetensors` take several, each under its name. The file is
    whole or not there. Raises `RunError`: MS774 where nothing has this name or the ending is
    another, MS703.
    """
    chosen = [name for name in weights if name == pattern or fnmatchcase(name, pattern)]
    if not chosen:
        near = nearest(pattern, weights)
        raise RunError.of(
            "MS774",
            f"there is no weight `{pattern}`",
            help=(
                f"did you mean `{near}`?"
                if near
                else "`modelspec weights` without `--extract` lists them"
            ),
        )
    check_ending(path)
    ending = path.suffix.lower()
    if ending == ".npy" and len(chosen) > 1:
        raise RunError.of(
            "MS774",
            f"`{pattern}` names {len(chosen)} weights, and a `.npy` file holds one array",
            help="write `.npz` or `.safetensors`",
        )
    arrays = {name: weights[name].read() for name in chosen}
    if ending == ".npy":
        write_whole(path, lambda beside: np.save(beside, arrays[chosen[0]], allow_pickle=False))
    elif ending == ".npz":
        write_whole(path, lambda beside: np.savez(beside, **arrays))  # type: ignore[arg-type]  # numpy's stub
    else:
        write_whole(path, lambda beside: write_tensors(beside, arrays))
    return chosen


def check_ending(path: Path) -> None:
    """Raises `RunError` (MS774) where weights cannot be written to a file of this name."""
    if path.suffix.lower() not in ENDINGS:
        raise RunError.of(
            "MS774",
            f"the ending of `{path}` does not tell how to write weights",
            help=f"name a file that ends in {', '.join(ENDINGS)}",
        )
    if path.is_dir() or not path.parent.is_dir():
        what = "is a folder" if path.is_dir() else "would be in a folder that does not exist"
        raise RunError.of("MS774", f"`{path}` {what}")
