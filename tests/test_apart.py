"""HDF5 is parsed by another process: what breaks that process is a fault of the file, and nothing
is lost but it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import h5py
import numpy as np
import pytest

from modelspec.core import sandbox as apart
from modelspec.runtime.backend.hdf5.file import opened_here
from modelspec.runtime.backend.hdf5.process import Tree, _server
from modelspec.runtime.backend.weights.weight_files import opened
from modelspec.runtime.data.errors import RunError

ARRAYS = {
    "float": np.arange(6, dtype=np.float32).reshape(2, 3),
    "half": np.array([1.5, -2], np.float16),
    "big": np.array([[1, 2]], ">f8"),
    "whole": np.array(7, np.int64),
    "none": np.zeros((0, 3), np.float32),
    "flag": np.array([True, False]),
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "some.h5"
    with h5py.File(path, "w") as made:
        made.attrs["layer_names"] = ["a", "b"]
        made.attrs["said"] = "it"
        for name, values in ARRAYS.items():
            made.create_dataset(f"layers/{name}", data=values)
    return path


def test_what_the_other_process_says_is_what_this_one_would_read(file: Path) -> None:
    with opened_here(file, "some.h5") as here, opened(file, "some.h5") as there:
        assert isinstance(there, Tree)
        assert there.names("layers") == here.names("layers") and there.names("nothing") == ()
        assert (there.has("layers"), there.has("layers/float"), there.has("nothing")) == (
            True,
            False,
            False,
        )
        assert there.texts("", "layer_names") == here.texts("", "layer_names") == ("a", "b")
        assert there.text("", "said") == "it" and there.text("", "unsaid") is None
        assert there.entry("layers/nothing") is None
        for name, values in ARRAYS.items():
            entry = there.entry(f"layers/{name}")
            assert entry is not None and entry.shape == values.shape
            found = entry.read()
            assert (
                found.dtype == values.dtype
                and found.shape == values.shape
                and np.array_equal(found, values)
            )


def test_two_files_are_open_at_once(file: Path, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "other.h5", "w") as made:
        made["x"] = np.ones(3)
    with opened(file, "some.h5") as one, opened(tmp_path / "other.h5", "other.h5") as other:
        assert isinstance(one, Tree) and isinstance(other, Tree)
        assert (one.names(""), other.names("")) == (("layers",), ("x",))


def test_a_process_that_breaks_down_is_a_fault_of_the_file(file: Path) -> None:
    with pytest.raises(RunError) as caught, opened(file, "some.h5") as tree:
        assert isinstance(tree, Tree)
        os.kill(_server()._process.pid, signal.SIGSEGV)
        tree.names("")
    assert "error[MS750]: `some.h5` cannot be read: the HDF5 library crashes" in str(caught.value)
    with opened(file, "some.h5") as tree:  # the next one has a new process
        assert isinstance(tree, Tree) and tree.names("") == ("layers",)


def test_nothing_is_left_of_the_process(file: Path, tmp_path: Path) -> None:
    """Neither the process nor its pipes, whether the file could be read or not."""

    def left() -> tuple[int, list[str]]:
        children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
        return len(list(Path("/proc/self/fd").iterdir())), children

    (tmp_path / "not.h5").write_bytes(bytes(100))
    before = left()
    with opened(file, "some.h5") as tree:
        assert isinstance(tree, Tree) and left() != before
    assert left() == before
    with pytest.raises(RunError), opened(tmp_path / "not.h5", "not.h5"):
        pass
    assert left() == before


def test_threads_read_their_own_files(file: Path, tmp_path: Path) -> None:
    """At once, and a process that breaks down is that of one thread."""
    paths = [tmp_path / f"{number}.h5" for number in range(4)]
    for number, path in enumerate(paths):
        with h5py.File(path, "w") as made:
            for name in "abcdef":
                made[name] = np.full(1000, number)

    def read(path: Path) -> set[float]:
        with opened(path, path.name) as tree:
            assert isinstance(tree, Tree)
            found = [tree.entry(name) for name in tree.names("") or "abcdef"]
            return {float(one.read().mean()) for one in found if one is not None}

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(read, paths)) == [{0.0}, {1.0}, {2.0}, {3.0}]


def test_what_is_no_hdf5_is_told(tmp_path: Path) -> None:
    (tmp_path / "not.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    with pytest.raises(RunError, match="MS750"), opened(tmp_path / "not.h5", "not.h5"):
        pass


LIMITED = """
from modelspec.core import sandbox as apart
apart.limit()
try:
    with open("made.txt", "w") as file:
        file.write("x" * 10)
except OSError:
    print("refused")
"""


def test_a_limited_process_writes_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIMITED],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.stdout.split() == ["refused"]
    assert not (tmp_path / "made.txt").exists() or (tmp_path / "made.txt").stat().st_size == 0


def test_modules_are_not_looked_for_in_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "h5py.py").write_text("raise SystemExit('it was imported')", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with apart.start(
        "modelspec.importers.hdf5_attributes", "nothing.h5", stdout=subprocess.PIPE
    ) as process:
        said, _ = process.communicate()
    assert process.returncode == 0 and b"damaged" in said
