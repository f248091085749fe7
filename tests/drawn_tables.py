"""Tables, folders and arrays of all forms that `modelspec init --data` writes specs for."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .example_data import rng, write_npz, write_pictures, write_table

ODD_NAMES = (
    "yes",
    "a b",
    'quo"te',
    "it's",
    "$cost",
    "${x}",
    "x.y",
    "a/b",
    "star*",
    "#",
    ": ",
    "- d",
    "é",
    "null",
    "target_",
    "12",
    "1e3",
    "{a}",
    "[b]",
    "&c",
    "tab\there",
    "..",
    "features",
    "input",
    "numbers",
    "dense",
    "dropout",
    "Label",
)
"""Names of columns that YAML, expressions, patterns or names of layers treat in a special way."""


def numbers(count: int, seed: int = 0) -> list[float]:
    found: list[float] = rng(seed).normal(size=count).round(3).tolist()
    return found


def choices(count: int, *labels: Any, seed: int = 1) -> list[Any]:
    return random.Random(seed).choices(labels, k=count)


def table(name: str = "table.csv", /, **columns: Any) -> Path:
    return write_table(Path(name), columns)


def pictures(place: str, classes: Sequence[str], size: tuple[int, ...], each: int = 6) -> None:
    """A folder of images for each class."""
    for number, name in enumerate(classes):
        write_pictures(Path(place) / name, rng(number).integers(0, 255, (each, *size), np.uint8))


def odd_names() -> str:
    columns = {
        name: numbers(80, at) if at % 2 else choices(80, "no", "$x", "null", seed=at)
        for at, name in enumerate(ODD_NAMES)
    }
    table(**columns, **{"the $target": choices(80, "a$", "b")})
    return "table.csv"


def all_types() -> str:
    """Numbers, missing ones, skewed ones, categories, many categories, dates and texts."""
    words = ["good", "bad", "film", "plot", "actor", "long", "short", "MÜSIK"]
    table(
        a=numbers(200),
        b=[*numbers(190, 1), *[""] * 10],
        heavy=np.exp(2.5 * rng(4).normal(size=200) + 3).round(1).tolist(),
        color=choices(200, "red", "green", "blue", ""),
        city=[f"city {number % 40}" for number in range(200)],
        day=[
            f"2024-{1 + number % 12:02}-{1 + number % 28:02}" for number in choices(200, *range(99))
        ],
        review=[" ".join(choices(12, *words, seed=n)) + str(n) for n in range(200)],
        label=choices(200, "x", "y", seed=8),
    )
    return "table.csv"


def rare_classes() -> str:
    table(a=numbers(63), label=[*choices(60, "it's", "b$"), "rare", "once $", "it's 'q'"])
    return "table.csv"


def marks() -> str:
    """Cells that mark missing values."""
    table(
        age=["?" if n % 9 == 0 else n for n in range(90)],
        job=choices(90, "?", "a", "b"),
        size=["NA" if n % 10 == 0 else n * n % 17 / 2 for n in range(90)],
        label=choices(90, "x", "y", seed=7),
    )
    return "table.csv"


def written_numbers() -> str:
    table(
        cost=[f"${1000 * n:,}.50" for n in range(1, 61)],
        share=[f"{n * n % 60}%" for n in range(60)],
        price=[f"{n * n % 77},5" for n in range(60)],
    )
    return "table.csv"


def by_time() -> str:
    days = [f"{2020 + n // 360}-{1 + n // 30 % 12:02}-{1 + n % 28:02}" for n in range(0, 720, 30)]
    days = sorted(days * 4)
    table(day=days, a=numbers(len(days)), y=numbers(len(days), 1))
    return "table.csv"


def by_group() -> str:
    table(
        patient_id=[f"p{n // 5}" for n in range(200)],
        a=numbers(200),
        label=choices(200, 3, 1, 2),
    )
    return "table.csv"


def no_target_in_some_rows() -> str:
    table(a=numbers(60), label=[*choices(50, 0, 1, 2), *[""] * 10])
    return "table.csv"


def logarithm() -> str:
    table(a=numbers(80), price=np.exp(3 * rng(1).normal(size=80)).round(2).tolist())
    return "table.csv"


def no_header() -> str:
    table("headed.csv", a=numbers(60), b=numbers(60, 1), c=choices(60, "x", "y"))
    lines = Path("headed.csv").read_text("utf-8").splitlines()[1:]
    Path("table.csv").write_text("\n".join(lines), "utf-8")
    return "table.csv"


def json_lines() -> str:
    rows = zip(numbers(60), [n % 7 for n in range(60)], choices(60, True, False), strict=True)
    lines = [
        json.dumps({"a": a if a > -1 else None, "zip_code": code, "label": label})
        for a, code, label in rows
    ]
    Path("table.jsonl").write_text("\n".join(lines), "utf-8")
    return "table.jsonl"


def arrow_types() -> str:
    """Typed columns with nulls, and a target of integers that are not 0, 1, ..."""
    import pyarrow as pa
    from pyarrow import parquet

    parquet.write_table(
        pa.table(
            {
                "a": [None if n % 11 == 0 else n * n % 31 for n in range(60)],
                "kind": [None if n % 13 == 0 else n % 4 for n in range(60)],
                "when": pa.array([n * 3_000_000_000 for n in range(60)], pa.timestamp("ms")),
                "word": [None if n % 7 == 0 else "ab"[n % 2] for n in range(60)],
                "ok": [n % 3 == 0 for n in range(60)],
                "label": choices(60, 2, 5, 9),
            }
        ),
        "table.parquet",
    )
    return "table.parquet"


def gray_digits() -> str:
    pictures("digits", ["0", "1", "2"], (28, 28), 10)
    return "digits"


def mixed_photos() -> str:
    """Images of different sizes, some grayscale."""
    pictures("photos", ["cat", "dog"], (120, 90, 3), 10)
    write_pictures(Path("photos/cow"), rng(7).integers(0, 255, (10, 60, 200), np.uint8), "jpg")
    return "photos"


def divided_photos() -> str:
    for part in ("train", "val", "test"):
        pictures(f"all/{part}", ["cat", "dog"], (40, 40, 3))
    return "all"


def text_folders() -> str:
    words = ["good", "bad", "film", "plot", "actor", "long", "short", "MÜSIK"]
    for label in ("neg", "pos"):
        Path("reviews", label).mkdir(parents=True)
        for number in range(30):
            content = " ".join(choices(12, *words, seed=number + len(label) * 7))
            Path("reviews", label, f"{number}.txt").write_text(f"{content} {label}{number}")
    return "reviews"


def image_arrays() -> str:
    write_npz(
        Path("i.npz"),
        x=rng().integers(0, 255, (60, 16, 16), np.uint8),
        y=rng(9).integers(0, 3, 60),
    )
    return "i.npz"


def sequence_arrays() -> str:
    write_npz(Path("s.npz"), x=rng().normal(size=(60, 30, 4)), y=rng(9).integers(0, 2, 60))
    return "s.npz"


FORMS: tuple[Callable[[], str], ...] = (
    odd_names,
    all_types,
    rare_classes,
    marks,
    written_numbers,
    by_time,
    by_group,
    no_target_in_some_rows,
    logarithm,
    no_header,
    json_lines,
    arrow_types,
    gray_digits,
    mixed_photos,
    divided_photos,
    text_folders,
    image_arrays,
    sequence_arrays,
)
"""Each writes its data in the working directory, and returns the path."""
