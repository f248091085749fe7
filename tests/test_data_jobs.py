"""Jobs as users have them, on made-up data whose best result is known: each is a spec, trained from
its raw file, and reaches it. Windows over time are in `test_windows_train`, masks in
`test_images_masks`.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import modelspec as ms
from modelspec.runtime.run import Run

pytestmark = pytest.mark.tensorflow

ADAM = {"Adam": {"learning_rate": 0.05}}


def write(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])


def trained(folder: Path, data: Mapping[str, Any], **parts: Any) -> Run:
    spec = {"seed": 1, "data": {"source": {"csv": "rows.csv"}, **data}, **parts}
    path = folder / "spec.json"
    path.write_text(json.dumps(spec), encoding="utf-8")
    return ms.load_spec(path).train(folder / "run")


def test_several_labels_in_a_cell_that_follow_from_a_row(tmp_path: Path) -> None:
    """Each label holds on one side of a line: every unit can be right about every row."""
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (500, 2))
    names = ("east", "north", "far")
    holds = np.stack([x[:, 0] > 0, x[:, 1] > 0, x.sum(1) > 0.5], axis=1)
    cells = ["|".join(name for name, one in zip(names, row, strict=True) if one) for row in holds]
    write(
        tmp_path / "rows.csv",
        ["x", "y", "where"],
        [(*row, c) for row, c in zip(x, cells, strict=True)],
    )
    run = trained(
        tmp_path,
        {
            "split": {"test": 0.3},
            "inputs": {"place": {"columns": ["x", "y"]}},
            "targets": {
                "tags": {
                    "column": "where",
                    "separator": "|",
                    "transform": [
                        {"StringLookup": {"output_mode": "multi_hot", "num_oov_indices": 0}}
                    ],
                }
            },
        },
        model={
            "inputs": {"place": [2]},
            "layers": [{"Dense": {"units": 3, "activation": "sigmoid", "name": "tags"}}],
        },
        training={
            "optimizer": ADAM,
            "loss": "binary_crossentropy",
            "metrics": ["binary_accuracy"],
            "epochs": 40,
        },
    )
    assert run.by_part["test"]["binary_accuracy"] > 0.97


def sales(days: int) -> list[tuple[str, str, float, str]]:
    """What a shop sells follows from the weekday and the month alone; closed days sell nothing."""
    first = date(2021, 1, 1)
    found = []
    for at in range(days):
        day = first + timedelta(at)
        amount = 100 + 20 * day.weekday() + 5 * day.month
        closed = day.weekday() == 6
        part = "test" if day.year == 2023 else "val" if day.month == 12 else "train"
        price = "" if closed else f"${1000 * amount:,}.50"
        found.append((day.isoformat(), price, float(amount), part))
    return found


@pytest.mark.parametrize("by", ["column", "date"])
def test_dates_prices_filters_and_a_split_that_the_data_name(tmp_path: Path, by: str) -> None:
    """Sales are a sum of a part for the weekday and a part for the month: one-hot codes of both give
    every amount exactly, and only where closed days are left out is the price a number.
    """
    rows = sales(1000)
    write(tmp_path / "rows.csv", ["day", "price", "amount", "part"], rows)
    split = (
        {"column": "part"}
        if by == "column"
        else {"order": "day", "at": ["2022-12-01", "2023-01-01"]}
    )
    parts = {"weekday": 7, "month": 13}
    run = trained(
        tmp_path,
        {
            "where": "price is not missing",
            "split": split,
            "inputs": {
                name: {"column": "day", "transform": [{"DateParts": [name]}]} for name in parts
            },
            "targets": {
                "income": {
                    "column": "price",
                    "number": {"strip": "$", "thousands": ","},
                    "transform": ["Normalization"],
                }
            },
        },
        model={
            "inputs": {name: {"shape": [1], "dtype": "int32"} for name in parts},
            "layers": [
                *(
                    {
                        "CategoryEncoding": {
                            "num_tokens": size,
                            "output_mode": "one_hot",
                            "from": name,
                            "name": f"{name}_code",
                        }
                    }
                    for name, size in parts.items()
                ),
                {"Concatenate": {"from": [f"{name}_code" for name in parts]}},
                {"Dense": {"units": 1, "name": "income"}},
            ],
        },
        training={"optimizer": ADAM, "loss": "mse", "metrics": ["mae"], "epochs": 60},
    )
    counts = {
        part: sum(bool(one[1]) and one[3] == part for one in rows)
        for part in ("train", "val", "test")
    }
    if by == "column":
        manifest = json.loads((run.directory / "manifest.json").read_text())
        assert manifest["data"]["train"]["examples"] == counts["train"]
    test = run.by_part["test"]
    # Amounts in thousands of dollars spread by about 45,000; the best error is 0.
    assert test["original_mae"] < 1500, test
    predicted = run.predict([{"day": "2024-05-07"}])
    (income,) = predicted["income"]
    assert abs(income - 1000 * (100 + 20 * 1 + 5 * 5)) < 3000
