"""Processes of one host that train together prepare their data once: the others take what the first
has prepared.
"""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import modelspec as ms
from modelspec.errors import DataError
from modelspec.runtime.data import Prepared, cache, prepare, storage
from modelspec.runtime.data.cache import Explanation

SPEC: dict[str, Any] = {
    "model": {"inputs": {"x": [2]}, "layers": [{"Dense": {"units": 1, "name": "y"}}]},
    "data": {
        "source": {"csv": "d.csv"},
        "inputs": {"x": {"columns": ["a", "b"]}},
        "targets": {"y": "y"},
        "split": {"validation": 0.2},
    },
    "training": {"optimizer": "SGD", "loss": "mse", "batch_size": 4},
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MODELSPEC_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    rows = np.random.default_rng(1).normal(size=(40, 3))
    lines = ["a,b,y", *(",".join(map(str, row.tolist())) for row in rows)]
    (tmp_path / "d.csv").write_text("\n".join(lines))
    return tmp_path


def _prepared(*, shared: bool = True, **data: Any) -> Prepared:
    compiled = ms.load_spec({**SPEC, "data": {**SPEC["data"], **data}}).compiled
    return prepare(compiled, shared=shared)


def _stored(**more: Any) -> Explanation:
    return _prepared(**more).cache[0]


def test_small_data_are_shared_on_disk() -> None:
    alone = _prepared(shared=False)
    first, second = _prepared(), _prepared()
    stored = [(one.cache[0].where, one.cache[0].used) for one in (alone, first, second)]
    assert stored == [("memory", False), ("disk", False), ("disk", True)]
    for part in ("train", "validation"):
        expected = alone.parts[part]
        for one in (first, second):
            found = one.parts[part]
            assert found.positions.tolist() == expected.positions.tolist()
            for kind in ("inputs", "targets"):
                pairs = zip(
                    getattr(found.examples, kind).values(),
                    getattr(expected.examples, kind).values(),
                    strict=True,
                )
                assert all(np.array_equal(a, b) for a, b in pairs)


def test_the_source_is_scanned_by_the_first_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """The others find the entry before they read a row."""
    _prepared()

    def scanned(*given: Any, **more: Any) -> Any:
        raise AssertionError("the source was scanned again")

    monkeypatch.setattr(sys.modules["modelspec.runtime.data.prepare"], "scan", scanned)
    assert _stored().used


@pytest.mark.parametrize("how", ["memory", "off"])
def test_a_user_who_wants_no_files_gets_none(how: str, folder: Path) -> None:
    assert _stored(cache=how).where == "memory"
    assert not list((folder / "cache").rglob("*.npy"))


def test_warnings_are_not_lost_to_the_process_that_shows_them(folder: Path) -> None:
    """An entry has no findings: data with some are prepared by every process."""
    lines = (folder / "d.csv").read_text().splitlines()
    constant = [f"{line.rpartition(',')[0]},1" for line in lines[1:]]
    (folder / "d.csv").write_text("\n".join([lines[0], *constant]))
    overrides = {
        "training.loss": {"BinaryCrossentropy": {"from_logits": True}},
        "training.metrics": [{"BinaryAccuracy": {"threshold": 0.0}}],
    }
    compiled = ms.load_spec(SPEC, overrides).compiled
    for _ in range(2):
        found = prepare(compiled, shared=True)
        assert not found.cache[0].used
        assert [one.code for one in found.warnings] == ["MS620"]


def test_without_a_writable_cache_every_process_prepares(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODELSPEC_CACHE", str(folder / "d.csv" / "below-a-file"))
    assert _stored().where == "memory"


def test_without_room_on_the_disk_every_process_prepares(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage.cache, "has_room", lambda size: False)
    assert _stored().where == "memory"


def test_the_others_wait_for_the_first_and_continue_together() -> None:
    key, events = cache.Key("d", {"a": 1}), list[str]()
    begun, may_end = threading.Event(), threading.Event()
    together = threading.Barrier(2)

    def first() -> None:
        with cache.one_first(key):
            begun.set()
            may_end.wait(30)
            events.append("first ended")

    def other() -> None:
        with cache.one_first(key):
            events.append("other")
            together.wait(30)  # both are inside at once

    threads = [threading.Thread(target=one) for one in (first, other, other)]
    threads[0].start()
    begun.wait(30)
    for one in threads[1:]:
        one.start()
    time.sleep(0.2)
    assert events == []
    may_end.set()
    for one in threads:
        one.join(30)
    assert events == ["first ended", "other", "other"]


def test_an_error_of_the_first_is_that_of_the_others(folder: Path) -> None:
    (folder / "d.csv").write_text("a,b,y\n1,2,three\n4,5,6\n7,8,9\n1,2,3\n3,4,5\n")
    messages = []
    for _ in range(2):
        with pytest.raises(DataError) as raised:
            _prepared()
        messages.append([one.message for one in raised.value.diagnostics])
    assert messages[0] == messages[1]
    assert messages[0]
