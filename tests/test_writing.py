"""Predictions written as they come: what stands in the files, what is left of a half, and how much
memory it takes.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modelspec.runtime.data import RunError
from modelspec.runtime.run.predict import Predictions
from modelspec.runtime.run.prediction_outputs import columns
from modelspec.runtime.run.prediction_writer import chunks, joined, write_output

ENDINGS = ["csv", "jsonl", "npz", "parquet", "arrow"]
PROGRAM = """
import sys
import numpy as np
import pyarrow.parquet
from pathlib import Path
from modelspec.runtime.run.predict import Predictions
from modelspec.runtime.run.prediction_writer import write_output

def batches(rows, width, size=64):
    rng = np.random.default_rng(0)
    for _ in range(0, rows, size):
        values = rng.random((size, width), np.float32)
        yield Predictions({"y": values, "z": values[:, :2]}, {"y": values.argmax(-1)})

def peak():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")) / 1e3

ending, megabytes = sys.argv[1], float(sys.argv[2])
rows = int(megabytes * 1e6 / 4 / 502 / 64) * 64
write_output(batches(128, 500), 128, Path(f"warm.{ending}"))  # what is imported is no memory of the predictions
before = peak()
write_output(batches(rows, 500), rows, Path(f"out.{ending}"))
print(peak() - before, Path(f"out.{ending}").stat().st_size / 1e6)
"""


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def batches(sizes: list[int]) -> Iterator[Predictions]:
    """Batches of two outputs, one of them with classes as text, whose widths differ from batch to
    batch.
    """
    rng = np.random.default_rng(3)
    labels = np.array(["a", "blau", "", "ok"])
    for size in sizes:
        values = rng.normal(size=(size, 3)).astype("float32")
        yield Predictions(
            {"kind": values, "at": rng.normal(size=(size, 2, 2))},
            {"kind": labels[values.argmax(-1)]},
        )


def written(path: str) -> dict[str, list[Any]]:
    """A file's columns (of .npz and .jsonl: its arrays), as lists."""
    if path.endswith(".csv"):
        with Path(path).open(encoding="utf-8", newline="") as file:
            rows: list[dict[str, Any]] = list(csv.DictReader(file))
    elif path.endswith(".jsonl"):
        rows = [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]
    elif path.endswith(".npz"):
        with np.load(path, allow_pickle=False) as found:
            return {name: found[name].tolist() for name in found}
    elif path.endswith(".parquet"):
        from pyarrow import parquet

        return dict(parquet.read_table(path).to_pydict())
    else:
        from pyarrow import ipc

        return dict(ipc.open_file(path).read_all().to_pydict())
    return {name: [row[name] for row in rows] for name in rows[0]}


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_stream_is_written_as_it_would_be_at_once(
    ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = [5, 5, 5, 2]
    whole = joined(list(batches(sizes)))
    monkeypatch.setattr(
        "modelspec.runtime.run.prediction_writer.chunks", lambda stream, _: chunks(stream, 400)
    )
    write_output(batches(sizes), 17, Path(f"out.{ending}"))
    found = written(f"out.{ending}")
    if ending in ("npz", "jsonl"):
        assert list(found) == ["kind", "kind[0]", "kind[1]", "kind[2]", "at"]
        shares = np.array([found[f"kind[{at}]"] for at in range(3)], "float32")
        assert np.array_equal(shares.T, whole.outputs["kind"])
        assert np.array_equal(np.array(found["at"]), whole.outputs["at"])
        assert found["kind"] == whole.classes["kind"].tolist()
    else:
        flat = columns(whole)
        assert list(found) == list(flat)
        for name, values in flat.items():
            assert np.array_equal(np.array(found[name]).astype(values.dtype), values), name


def test_chunks_are_joined_until_they_are_large_enough() -> None:
    held = sum(
        one.nbytes
        for part in batches([4])
        for one in (*part.outputs.values(), *part.classes.values())
    )
    assert [len(one) for one in chunks(batches([4] * 5), 2 * held + 1)] == [12, 8]
    assert [len(one) for one in chunks(batches([4] * 2), 10**9)] == [8]
    assert list(chunks([], 1)) == []


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize(
    "error", [KeyboardInterrupt, RunError.of("MS707", "it failed"), OSError(28, "full")]
)
def test_half_a_file_is_never_left(ending: str, error: Any) -> None:
    """Whatever ends it: the name that was asked for has the old file or the whole new one."""
    path = Path(f"out.{ending}")
    path.write_text("the old one")

    def stream() -> Iterator[Predictions]:
        yield from batches([5000, 5000])
        raise error

    with pytest.raises((KeyboardInterrupt, RunError)):
        write_output(stream(), 20_000, path)
    assert path.read_text() == "the old one"
    assert [one.name for one in Path().iterdir()] == [path.name]


def test_a_folder_that_cannot_be_written_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a file system that is mounted for reading has it, where not even removing is allowed."""

    def refused(*_: Any, **__: Any) -> None:
        raise OSError(30, "Read-only file system")

    for name in ("open", "unlink"):
        monkeypatch.setattr(Path, name, refused)
    with pytest.raises(RunError) as error:
        write_output(batches([5]), 5, Path("out.csv"))
    assert error.value.diagnostics[0].code == "MS703"


def test_too_many_columns_are_refused_before_a_row_is_written() -> None:
    wide = Predictions({"y": np.zeros((2, 10_001))}, {})
    with pytest.raises(RunError) as error:
        write_output([wide], 2, Path("out.csv"))
    assert error.value.diagnostics[0].code == "MS711"
    assert not list(Path().iterdir())


@pytest.mark.parametrize(
    ("ending", "megabytes"), [("npz", 100), ("parquet", 100), ("arrow", 100), ("csv", 8)]
)
def test_memory_does_not_grow_with_the_predictions(ending: str, megabytes: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, ending, str(megabytes)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
    )
    grown, size = map(float, done.stdout.split())
    assert size > 0.5 * megabytes
    assert grown < (75 if megabytes == 100 else 27)


def test_names_of_columns_are_unique() -> None:
    """A column of the input that has the name of a prediction, and outputs whose names meet."""
    from modelspec.runtime.run.prediction_rows import Naming

    labels = np.array(["a", "b"])
    found = Predictions(
        {"y": np.zeros((2, 2)), "y_probability": np.ones((2, 1))},
        {"y": labels},
        chosen={"y": np.full(2, 0.5)},
        naming={"y": Naming(("a", "a"))},
        ids={"row": np.arange(2), "y": np.arange(2)},
    )
    assert list(columns(found)) == [
        *("row", "input[y]", "y", "y_probability", "y[a]", "y[a]_2", "y_probability_2")
    ]
