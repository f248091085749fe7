"""Ends a training before each operation on its run folder, continues it, and compares the results.

    python -m tests.tools.crash_points [FIRST [LAST]]

The operations are those that Python reports: every open for writing, rename, mkdir, and remove
below the run folder. A child process ends without any cleaning before the operation with a number,
as if it were killed. The run is then resumed, or started again in its folder if it had not begun.
Its weights, history and metrics must be those of a run that was never interrupted, to the bit.
"""

from __future__ import annotations

import csv
import io
import json
import os
import sys
import tempfile
import traceback
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

SPEC = """\
name: crashing
model:
  inputs: {x: {shape: [3, 2], batch_size: 8}}
  layers:
    - GRU: {units: 2, stateful: true}
    - Dropout: 0.3
    - BatchNormalization
    - Dense: {units: 2, activation: softmax, name: y}
data:
  source: {npz: d.npz}
  inputs: {x: {column: x, transform: [Normalization]}}
  targets: {y: y}
  split: {validation: 0.33334}
training:
  loss: sparse_categorical_crossentropy
  optimizer: {Adam: 0.01}
  metrics: [accuracy]
  epochs: 2
  batch_size: 8
  checkpoint: {every: 1 steps, keep: 2}
"""
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_CHANGES = ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.truncate")
KILLED = 137
DONE = 0


def say(line: str) -> None:
    """Writes a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def write_files(spec: str = SPEC) -> None:
    """The data and the spec, in the working directory."""
    rng = np.random.default_rng(3)
    values = rng.normal(size=(24, 3, 2)).astype("float32")
    np.savez("d.npz", x=values, y=rng.integers(0, 2, 24))
    Path("s.yaml").write_text(spec)


class Counting:
    """Counts the operations on a run folder, and ends the process before one of them."""

    def __init__(self, run: str, last: int | None) -> None:
        self.run, self.last, self.count = str(Path(run).absolute()), last, 0

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event != "open" and event not in _CHANGES:
            return
        if event == "open" and not (arguments[2] or 0) & _WRITES:
            return
        if not self._is_below(arguments[0]):
            return
        if self.count == self.last:
            os._exit(KILLED)
        self.count += 1

    def _is_below(self, path: object) -> bool:
        """A relative name is one that was opened relative to the folder of the run."""
        if not isinstance(path, (str, bytes, os.PathLike)):
            return False
        text = os.fsdecode(path)
        if text == ".lock" or text == "history.csv":
            return True
        return str(Path(text).absolute()).startswith(self.run)


def in_child(work: Callable[[], None]) -> int:
    """The exit status of a child process that does some work."""
    return os.waitstatus_to_exitcode(os.waitpid(started(work), 0)[1])


def started(work: Callable[[], None]) -> int:
    """The number of a child process that does some work; it has what this one has imported."""
    process = os.fork()
    if process == 0:
        status = 1
        try:
            work()
            status = DONE
        except BaseException:  # noqa: BLE001 - the child reports everything
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(status)
    return process


def train(run: str, last: int | None = None) -> int:
    """Trains in a child process, which ends before the operation `last`."""
    return in_child(training(run, last))


def training(run: str, last: int | None = None) -> Callable[[], None]:
    """The work of `train`."""

    def work() -> None:
        import modelspec as ms

        counting = Counting(run, last)
        sys.addaudithook(counting)
        ms.load_spec("s.yaml").train(run_dir=run)
        Path(f"{run}.count").write_text(str(counting.count))

    return work


def resume(run: str, last: int | None = None) -> int:
    """Resumes a run in a child process, or trains it again if it had not begun."""
    return in_child(resuming(run, last))


def resuming(run: str, last: int | None = None) -> Callable[[], None]:
    """The work of `resume`."""

    def work() -> None:
        import modelspec as ms

        counting = Counting(run, last)
        sys.addaudithook(counting)
        if not (Path(run) / "manifest.json").exists():
            ms.load_spec("s.yaml").train(run_dir=run)
        else:
            try:
                ms.resume(run)
            except ms.RunError as error:
                if "before its training began" not in str(error):
                    raise
                ms.load_spec("s.yaml").train(run_dir=run)
        Path(f"{run}.count").write_text(str(counting.count))

    return work


def operations(run: str) -> int:
    """How many operations the last complete process did."""
    return int(Path(f"{run}.count").read_text())


def result(run: str) -> tuple[Any, ...]:
    """The bytes of all weights, the history without its times, and the metrics of a run."""
    import h5py

    weights: dict[str, bytes] = {}
    with zipfile.ZipFile(f"{run}/model.keras") as archive:
        file = io.BytesIO(archive.read("model.weights.h5"))
    with h5py.File(file) as opened:
        opened.visititems(
            lambda name, one: weights.update(
                {name: one[()].tobytes()} if isinstance(one, h5py.Dataset) else {}
            )
        )
    with Path(f"{run}/history.csv").open(newline="") as text:
        rows = [
            {name: cell for name, cell in row.items() if name != "seconds"}
            for row in csv.DictReader(text)
        ]
    return weights, rows, json.loads(Path(f"{run}/metrics.json").read_text())


def left(run: str) -> list[str]:
    """Incomplete files that are still in a run folder."""
    return [
        path.name
        for path in Path(run).rglob(".*")
        if path.name != ".lock" and path.name[1:2].isdigit()
    ]


def is_equal_after(run: str, point: int, expected: tuple[Any, ...]) -> str | None:
    """The difference of a run that ended before an operation and was continued; None: none."""
    if train(run, point) == DONE:  # the number of checkpoints that are removed depends on the time
        return None if result(run) == expected else "its results differ"
    if resume(run) != DONE:
        return "it cannot be continued"
    if left(run):
        return f"it left {left(run)}"
    return None if result(run) == expected else "its results differ"


def is_equal_after_all(
    run: str, points: Sequence[int], expected: tuple[Any, ...]
) -> tuple[int, str | None]:
    """How often a run was ended, first while it was trained and then each time it was continued, and
    the difference of its results; None: none. A continued run has fewer operations: the last of
    them may not end it.
    """
    ended = int(train(run, points[0]) == KILLED)
    for point in points[1:]:
        if resume(run, point) == DONE:
            break
        ended += 1
    else:
        if resume(run) != DONE:
            return ended, "it cannot be continued"
    return ended, None if result(run) == expected and not left(run) else "its results differ"


def prepare(spec: str = SPEC) -> None:
    """Imports what every child process has to, without using it: threads would not survive."""
    os.environ.setdefault("MODELSPEC_CACHE", str(Path("cache").absolute()))
    import keras  # noqa: F401
    import tensorflow  # noqa: F401

    import modelspec.runtime.run.session
    import modelspec.runtime.run.train  # noqa: F401

    write_files(spec)


def main() -> None:
    given = [int(one) for one in sys.argv[1:3]]
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        prepare()
        assert train("whole") == DONE
        expected, count = result("whole"), operations("whole")
        first, last = (*given, *(0, count)[len(given) :])
        wrong = 0
        for point in range(first, min(last, count)):
            found = is_equal_after(f"r{point}", point, expected)
            if found:
                wrong += 1
                say(f"before operation {point} of {count}: {found}")
        done = min(last, count) - first
        say(f"{done} of {count} operations: {done - wrong} runs equal, {wrong} not")
        os.chdir("/")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
