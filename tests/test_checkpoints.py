"""Checkpoints commit as one: wherever a write fails or the process ends, the old or the new one is
there.
"""

import errno
import json
import os
import random
import shutil
import threading
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import load_file

from modelspec.runtime.data.errors import RunError
from modelspec.runtime.run.checkpoints import Store, Writer
from modelspec.runtime.run.checkpoints.store import INDEX, TENSORS


def tensors(seed: int) -> dict[str, np.ndarray]:
    random_numbers = np.random.default_rng(seed)
    return {
        "dense/kernel": random_numbers.normal(size=(7, 5)).astype("float32"),
        "dense/bias": random_numbers.normal(size=5),
        "step": np.array(seed, "int64"),
        "seed": np.array([seed, 2**32 - 1], "uint32"),
        "empty": np.zeros((0, 3), "float16"),
        "flags": np.array([True, False]),
        "half": np.arange(4, dtype=np.float32).astype(ml_dtypes.bfloat16),
        "slanted": np.arange(12, dtype="int32").reshape(3, 4).T,
    }


def state(seed: int) -> dict[str, object]:
    return {
        "epoch": seed,
        "rate": 0.1 + seed,
        "best": None,
        "history": {"loss": [1.5, 1e-300, 0.1]},
        "name": "größer",
    }


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def is_equal(checkpoint: object, seed: int) -> bool:
    found, wanted = checkpoint.tensors(), tensors(seed)
    return (
        checkpoint.position == seed
        and checkpoint.state == state(seed)
        and list(found) == list(wanted)
        and all(
            found[name].dtype == wanted[name].dtype
            and found[name].shape == wanted[name].shape
            and found[name].tobytes() == wanted[name].tobytes()
            for name in wanted
        )
    )


def test_what_is_written_is_read_back_to_the_bit(tmp_path: Path) -> None:
    store = Store(tmp_path / "checkpoints")
    assert store.latest() is None
    store.write(3, tensors(3), state(3))
    assert is_equal(Store(tmp_path / "checkpoints").latest(), 3)
    assert store.refused == []


def test_the_file_is_of_the_safetensors_format(tmp_path: Path) -> None:
    path = Store(tmp_path).write(
        3, {name: one for name, one in tensors(3).items() if name != "half"}, {}
    )
    read = load_file(path / TENSORS)
    assert all(
        np.array_equal(read[name], one) for name, one in tensors(3).items() if name != "half"
    )


def test_only_the_newest_stay(tmp_path: Path) -> None:
    store = Store(tmp_path, keep=2)
    for position in range(1, 6):
        store.write(position, tensors(position), state(position))
    assert [path.name for path in store.committed()] == ["000004-step-4", "000005-step-5"]
    assert names_in(tmp_path) == ["000004-step-4", "000005-step-5"]


def test_the_newest_is_the_last_written_not_the_furthest(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.write(9, tensors(9), state(9))
    store.write(4, tensors(4), state(4))
    assert is_equal(store.latest(), 4)


def test_an_array_that_holds_no_numbers_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="object"):
        Store(tmp_path).write(1, {"x": np.array([{}])}, {})


# Crashes and errors at every operation ------------------------------------------------------------


class Crash(BaseException):
    """The process ends here."""


OPERATIONS = ("open", "write", "fsync", "rename", "mkdir", "close", "unlink", "rmdir")


class Shim:
    """Counts the operations below a folder; lets one of them fail, before or after it did what it
    does.

    Keeps what a machine would lose that stops there: bytes that were not forced to disk, and
    renames.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path, fail: int, how: str) -> None:
        self.count, self.fail, self.how = 0, fail, how
        self.folder = str(folder)
        self.names: dict[int, str] = {}
        self.unsynced: set[str] = set()
        self.renamed: list[tuple[str, str]] = []
        self.dead = False
        for name in OPERATIONS:
            monkeypatch.setattr(os, name, self._wrapped(name, getattr(os, name)))

    def _wrapped(self, name: str, real):
        def operation(*args, **kwargs):
            where = self.names.get(args[0], "") if isinstance(args[0], int) else os.fspath(args[0])
            if not where.startswith(self.folder):
                return real(*args, **kwargs)
            if self.dead:
                raise Crash
            self.count += 1
            now = self.count == self.fail
            if now and self.how == "crash before":
                self._die()
            if now and self.how in ERRORS:
                raise OSError(ERRORS[self.how], os.strerror(ERRORS[self.how]), where)
            if name == "write" and now and self.how == "torn":
                real(args[0], bytes(args[1])[: len(args[1]) // 2])
                self._die()
            result = real(*args, **kwargs)
            self._note(name, args, where, result)
            if now:
                self._die()
            return result

        return operation

    def _note(self, name: str, args, where: str, result) -> None:
        if name == "open":
            self.names[result] = where
        elif name == "write":
            self.unsynced.add(where)
        elif name == "fsync":
            self.unsynced.discard(where)
            self.renamed = [
                (old, new) for old, new in self.renamed if str(Path(new).parent) != where
            ]
        elif name == "rename":
            self.renamed.append((where, os.fspath(args[1])))
        elif name == "close":
            self.names.pop(args[0], None)

    def _die(self) -> None:
        self.dead = True
        raise Crash

    def lose(self) -> None:
        """What a loss of power takes along."""
        for path in map(Path, self.unsynced):
            if path.exists():
                os.truncate(path, path.stat().st_size // 2)
        for old, new in reversed(self.renamed):
            if Path(new).exists() and not Path(old).exists():
                shutil.move(new, old)


def attempt(folder: Path, fail: int, how: str, *, lose: bool) -> tuple[int, BaseException | None]:
    """Write a second checkpoint after a first, one operation failing; how many there were, and what
    was raised.
    """
    Store(folder, keep=1).write(1, tensors(1), state(1))
    raised: BaseException | None = None
    with pytest.MonkeyPatch.context() as monkeypatch:
        shim = Shim(monkeypatch, folder, fail, how)
        try:
            Store(folder, keep=1).write(2, tensors(2), state(2))
        except (Crash, RunError) as error:
            raised = error
    if lose:
        shim.lose()
    return shim.count, raised


def operations(folder: Path) -> int:
    count, raised = attempt(folder, 0, "crash before", lose=False)
    assert raised is None
    return count


@pytest.mark.parametrize("lose", [False, True], ids=["killed", "power lost"])
@pytest.mark.parametrize("how", ["crash before", "crash after", "torn"])
def test_a_crash_at_any_operation_leaves_the_old_or_the_new(
    tmp_path: Path, how: str, lose: bool
) -> None:
    count = operations(tmp_path / "count")
    assert count > 20
    seen = set()
    for number in range(1, count + 1):
        folder = tmp_path / f"{number}"
        attempt(folder, number, how, lose=lose)
        found = Store(folder).latest()
        assert found is not None, f"operation {number}: neither"
        assert is_equal(found, 1) or is_equal(found, 2), f"operation {number}"
        seen.add(found.position)
        again = Store(folder, keep=1)
        again.write(3, tensors(3), state(3))
        assert is_equal(again.latest(), 3)
        assert names_in(folder) == [again.committed()[0].name], (
            f"operation {number}: something was left behind"
        )
    assert seen == {1, 2}


ERRORS = {
    "full": errno.ENOSPC,
    "broken": errno.EIO,
    "read-only": errno.EROFS,
    "too many files": errno.EMFILE,
}


@pytest.mark.parametrize("how", ERRORS)
def test_a_disk_that_fails_at_any_operation_keeps_the_last_good_one_and_says_so(
    tmp_path: Path, how: str
) -> None:
    for number in range(1, operations(tmp_path / "count") + 1):
        folder = tmp_path / f"{number}"
        _, raised = attempt(folder, number, how, lose=False)
        found = Store(folder).latest()
        assert found is not None
        assert is_equal(found, 1) or is_equal(found, 2)
        if raised is not None:
            assert isinstance(raised, RunError)
            assert raised.diagnostics[0].code == "MS740"
            assert os.strerror(ERRORS[how]).lower() in raised.diagnostics[0].message
        elif found.position == 1:
            pytest.fail(f"operation {number}: nothing was said, and the checkpoint is not there")


# Damage -------------------------------------------------------------------------------------------


def two(folder: Path) -> Store:
    store = Store(folder)
    for position in (1, 2):
        store.write(position, tensors(position), state(position))
    return store


def assert_refused(store: Store, what: object) -> None:
    found = store.latest()
    assert found is not None and is_equal(found, 1), what
    assert [one.code for one in store.refused] == ["MS741"], what
    assert "000002-step-2" in store.refused[0].message


def test_a_flipped_bit_anywhere_is_found_and_the_one_before_is_used(tmp_path: Path) -> None:
    store = two(tmp_path)
    draw = random.Random(0)
    files = [store.committed()[1] / name for name in (TENSORS, INDEX)]
    for path in files:
        whole = path.read_bytes()
        for _ in range(100):
            place, bit = draw.randrange(len(whole)), draw.randrange(8)
            torn = bytearray(whole)
            torn[place] ^= 1 << bit
            path.write_bytes(torn)
            assert_refused(store, (path.name, place, bit))
        path.write_bytes(whole)
    assert is_equal(store.latest(), 2)


def test_a_file_that_was_cut_or_has_grown_or_is_gone_is_found(tmp_path: Path) -> None:
    store = two(tmp_path)
    for name in (TENSORS, INDEX):
        path = store.committed()[1] / name
        whole = path.read_bytes()
        for size in [*range(0, len(whole), len(whole) // 40), len(whole) - 1]:
            path.write_bytes(whole[:size])
            assert_refused(store, (name, size))
        path.write_bytes(whole + b"\0")
        assert_refused(store, (name, "longer"))
        path.unlink()
        assert_refused(store, (name, "gone"))
        path.mkdir()
        assert_refused(store, (name, "a folder"))
        path.rmdir()
        path.write_bytes(whole)


@pytest.mark.parametrize("names", [(TENSORS,), (INDEX,), (TENSORS, INDEX)], ids="+".join)
def test_files_of_another_checkpoint_are_found(tmp_path: Path, names: tuple[str, ...]) -> None:
    store = two(tmp_path)
    first, second = store.committed()
    for name in names:
        shutil.copy(first / name, second / name)
    assert_refused(store, names)


def test_a_pickle_in_place_of_any_file_is_refused_unread(tmp_path: Path) -> None:
    import pickle

    class Bomb:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "executed"),)

    store = two(tmp_path / "checkpoints")
    for name in (TENSORS, INDEX):
        path = store.committed()[1] / name
        whole = path.read_bytes()
        path.write_bytes(pickle.dumps(Bomb()))
        assert_refused(store, name)
        path.write_bytes(whole)
    assert not (tmp_path / "executed").exists()


def test_an_index_that_claims_more_than_the_file_holds_allocates_nothing(tmp_path: Path) -> None:
    store = two(tmp_path)
    path = store.committed()[1] / INDEX
    index = json.loads(path.read_bytes())
    index["tensors"]["size"] = 2**50
    path.write_text(json.dumps(index))
    assert_refused(store, "size")


def test_no_whole_checkpoint_is_none_and_every_damage_is_told(tmp_path: Path) -> None:
    store = two(tmp_path)
    for path in store.committed():
        (path / INDEX).write_text("[" * 100_000)
    assert store.latest() is None
    assert len(store.refused) == 2


# In the background --------------------------------------------------------------------------------


def test_the_writer_commits_what_it_was_given_when_waited_for(tmp_path: Path) -> None:
    writer = Writer(Store(tmp_path))
    given = state(5)
    writer.submit(5, tensors(5), given)
    given["epoch"] = 99  # the training goes on while the checkpoint is written
    writer.wait()
    assert is_equal(writer.store.latest(), 5)
    writer.close()


def test_a_checkpoint_that_waits_gives_way_to_the_next(tmp_path: Path) -> None:
    go = threading.Event()
    written = []

    class Slow(Store):
        def write(self, position, tensors, state):
            go.wait(10)
            written.append(position)
            return super().write(position, tensors, state)

    writer = Writer(Slow(tmp_path))
    writer.submit(1, tensors(1), state(1))
    while writer._waiting is not None:
        pass
    for position in (2, 3, 4):
        writer.submit(position, tensors(position), state(position))
    go.set()
    writer.close()
    assert written == [1, 4]
    assert is_equal(writer.store.latest(), 4)


def test_what_fails_in_the_background_is_raised_by_the_next_call(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    writer = Writer(Store(tmp_path / "file" / "checkpoints"))
    writer.submit(1, tensors(1), state(1))
    with pytest.raises(RunError, match="MS740"):
        writer.wait()
    writer.close()
