"""How several processes use a finished run together: the rows of each, the outputs as bytes, and
errors of one of them. Loads no framework.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import modelspec as ms
from modelspec.errors import RunError
from modelspec.runtime.data.memory_table import MemoryTable
from modelspec.runtime.distributed import shared_rows, together
from modelspec.runtime.distributed.cluster import Cluster
from modelspec.runtime.distributed.shared_rows import SharedRows, depends_on_others

WINDOW = {"data.window": {"length": 3}, "model.inputs.x": [3, 2]}
CLUSTER = Cluster(("a:1", "b:1"), 0)


def _spec(**more: Any) -> Any:
    written = {
        "model": {
            "inputs": {"x": [2]},
            "layers": ["Flatten", {"Dense": {"units": 1, "name": "y"}}],
        },
        "data": {
            "source": {"csv": "d.csv"},
            "inputs": {"x": {"columns": ["a", "b"]}},
            "targets": {"y": "y"},
        },
        "training": {"optimizer": "SGD", "loss": "mse"},
    }
    return ms.load_spec(written, more).compiled


def _rows(index: int, processes: int, size: int, **more: Any) -> SharedRows:
    channel: Any = SimpleNamespace(index=index, size=processes)
    return SharedRows(channel, _spec(**more), size, apart=True)


@pytest.mark.parametrize(("count", "processes", "size"), [(1000, 2, 32), (999, 3, 7), (64, 2, 32)])
def test_every_row_is_prepared_by_one_process_in_whole_batches(
    count: int, processes: int, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_rows, "_ROWS", 100)
    table = MemoryTable("d", {"a": np.arange(count), "b": np.arange(count)})
    found = []
    for index in range(processes):
        own = _rows(index, processes, size).prepared_here(table)
        rows = own.column("a")
        found.append(rows)
        assert own.count == len(rows)
        assert own.place("a", (0,)) == table.place("a", (int(rows[0]),))
    joined = np.concatenate(found)
    assert sorted(joined.tolist()) == list(range(count))
    starts = [int(row) for rows in found for row in rows[rows % size == 0]]
    assert len(starts) == -(-count // size)  # each batch begins in one of the shares


def test_a_small_source_is_prepared_by_all() -> None:
    table = MemoryTable("d", {"a": np.arange(5), "b": np.arange(5)})
    assert _rows(1, 2, 32).prepared_here(table) is table


def test_rows_that_depend_on_others_are_prepared_by_all() -> None:
    assert not depends_on_others(_spec())
    assert depends_on_others(_spec(**WINDOW))
    table = MemoryTable("d", {"a": np.arange(500), "b": np.arange(500)})
    assert _rows(1, 2, 32, **WINDOW).prepared_here(table) is table


def test_outputs_are_the_same_after_they_were_sent() -> None:
    first = {"y": np.arange(6, dtype="float32").reshape(3, 2), "z": np.zeros((3, 0), "int8")}
    calls = [(first, {"y": np.array([[True, False]])}), ({"y": np.float64([[1.5]])}, {})]
    found = list(shared_rows._unpacked(shared_rows._packed(calls)))
    assert len(found) == len(calls)
    for pairs in zip(found, calls, strict=True):
        for one, other in zip(*pairs, strict=True):
            assert set(one) == set(other)
            for name, values in other.items():
                assert one[name].dtype == values.dtype
                assert np.array_equal(one[name], values)


def test_strings_are_not_sent() -> None:
    with pytest.raises(RunError) as raised:
        shared_rows._packed([({"y": np.array(["a"], object)}, {})])
    assert raised.value.diagnostics[0].code == "MS946"


def _of_others(found: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """What the other processes send in `same_outcome`."""
    channel = SimpleNamespace(cluster=CLUSTER)
    monkeypatch.setattr(together, "current_channel", lambda: channel)
    monkeypatch.setattr(together, "of_all", lambda channel, own: [own, *found])


def test_an_error_of_another_process_is_an_error_here(monkeypatch: pytest.MonkeyPatch) -> None:
    error = RunError.of("MS601", "`new.csv` does not exist", notes=["here"], help="write it")
    _of_others([{"error": together.plain(error)}], monkeypatch)
    with pytest.raises(RunError) as raised, together.same_outcome():
        pass
    assert raised.value.diagnostics == error.diagnostics


def test_data_that_differ_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    _of_others([{"facts": {"data: sha256": "2"}}], monkeypatch)
    with pytest.raises(RunError) as raised, together.same_outcome() as facts:
        facts["data: sha256"] = "1"
    assert raised.value.diagnostics[0].code == "MS941"
    assert "worker 1 (`b:1`) differs in `data: sha256`" in raised.value.diagnostics[0].message
