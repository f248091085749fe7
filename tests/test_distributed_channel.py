"""The processes of a run meet, agree, exchange sums, and notice who is lost. Here they are threads
of one process, each with its own sockets.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from modelspec.errors import RunError
from modelspec.runtime.distributed.channel import Channel
from modelspec.runtime.distributed.cluster import Cluster
from modelspec.runtime.distributed.limits import Limits
from modelspec.runtime.distributed.meeting import meet
from modelspec.runtime.distributed.together import of_all


def _agree(facts: Any, cluster: Cluster) -> RunError | None:
    return None


def _addresses(count: int) -> tuple[str, ...]:
    """Free ports of loopback; all are bound at once, so that they differ."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    found = tuple(f"127.0.0.1:{one.getsockname()[1]}" for one in sockets)
    for one in sockets:
        one.close()
    return found


def _everywhere(work: Callable[[int], Any], indices: range) -> list[Any]:
    """The results of each process; an error is a result."""

    def safely(index: int) -> Any:
        try:
            return work(index)
        except RunError as error:
            return error

    with ThreadPoolExecutor(len(indices)) as pool:
        return list(pool.map(safely, indices))


@contextmanager
def _met(count: int, limits: Limits | None = None) -> Iterator[list[Channel]]:
    addresses, limits = _addresses(count), limits or Limits(wait=20)
    found = _everywhere(
        lambda index: meet(Cluster(addresses, index), {}, _agree, limits), range(count)
    )
    try:
        yield found
    finally:
        for one in found:
            one.close()


def _all_sums(channels: list[Channel], arrays: list[list[Any]]) -> list[Any]:
    return _everywhere(lambda i: channels[i].all_reduce(arrays[i]), range(len(channels)))


@pytest.mark.parametrize("count", [2, 3, 5])
def test_sums_are_those_of_numpy_with_the_same_bits_in_every_process(count: int) -> None:
    """Small arrays, which are sent whole, and large ones, of which each process sums a part."""
    random = np.random.default_rng(count)
    shapes = [(3, 5), (), (0, 4), (70_001,), (7, 11, 13)]
    types = ["f4", "f8", "f4", "f4", "i8"]
    for sizes in (slice(0, 3), slice(0, 5)):
        arrays = [
            [
                (random.normal(size=shape) * 100).astype(kind)
                for shape, kind in zip(shapes[sizes], types[sizes], strict=True)
            ]
            for _ in range(count)
        ]
        with _met(count) as channels:
            sums = _all_sums(channels, arrays)
        for position in range(len(arrays[0])):
            expected = sum(one[position].astype("f8") for one in arrays)
            found = [one[position] for one in sums]
            assert {one.tobytes() for one in found} == {found[0].tobytes()}
            assert found[0].dtype == arrays[0][position].dtype
            assert found[0].shape == arrays[0][position].shape
            np.testing.assert_allclose(found[0], expected, rtol=1e-5, atol=1e-4)


def test_gather_broadcast_and_flags_are_the_same_in_every_process() -> None:
    with _met(3) as channels:

        def work(index: int) -> Any:
            channel = channels[index]
            channel.flag = 15 if index == 2 else 0
            gathered = channel.gather([np.full((2, 2), index, "f4"), np.array([index])])
            flagged, channel.flag = channel.flagged, 0
            content = channel.broadcast(b"x" * 100_000 if index == 1 else b"", source=1)
            channel.barrier()
            return [one[0].tolist() for one in gathered], flagged, content, channel.flagged

        found = _everywhere(work, range(3))
    assert found[0] == found[1] == found[2]
    gathered, flagged, content, after = found[0]
    assert gathered == [[[float(i)] * 2] * 2 for i in range(3)]
    assert (flagged, content, after) == (15, b"x" * 100_000, 0)


def test_the_chief_collects_bytes_of_any_length() -> None:
    """Also none, and more than fits into the buffers of a connection."""
    contents = [b"a", b"", bytes(range(256)) * 20_000]
    with _met(3) as channels:
        for shift in range(3):
            own = contents[shift:] + contents[:shift]
            found = _everywhere(lambda i, own=own: channels[i].collect(own[i]), range(3))
            assert found == [own, [], []]


def test_every_process_gets_the_values_of_all() -> None:
    values = [{"a": 1}, [], "ä" * 3000]
    with _met(3) as channels:
        found = _everywhere(lambda i: of_all(channels[i], values[i]), range(3))
    assert found == [values] * 3


def test_a_lost_process_ends_the_exchange_of_all_others_with_its_name() -> None:
    """As after `kill -9`: its sockets close without a farewell."""
    with _met(3) as channels:
        for one in (*channels[1]._peers.values(), *channels[1]._pulse._peers.values()):
            one.shutdown(socket.SHUT_RDWR)
        found = _everywhere(lambda i: channels[2 * i].all_reduce([np.zeros(10)]), range(2))
    for one in found:
        assert isinstance(one, RunError)
        assert one.diagnostics[0].code == "MS942"
        assert "worker 1 (`127.0.0.1:" in str(one)


def test_a_silent_process_is_lost_after_the_limit() -> None:
    """As a stopped process, or one without a network: its sockets stay open."""
    with _met(2, Limits(wait=20, silence=0.4)) as channels:
        channels[1]._pulse._tell = lambda message: None  # type: ignore[method-assign]
        found = _everywhere(lambda i: channels[0].all_reduce([np.zeros(10)]), range(1))[0]
    assert "worker 1" in str(found)
    assert "no sign of life for 0.4 s" in str(found)


def test_a_process_that_does_not_finish_its_step_is_named() -> None:
    with _met(2, Limits(wait=20, step=0.2)) as channels:
        found = _everywhere(lambda i: channels[0].barrier(), range(1))[0]
    assert found.diagnostics[0].code == "MS942"
    assert "worker 1" in str(found)
    assert "did not finish its step within 0.2 s" in str(found)


def test_different_work_is_an_error_and_not_a_wrong_sum() -> None:
    with _met(2) as channels:
        found = _everywhere(lambda i: channels[i].all_reduce([np.zeros(10 + i)]), range(2))
    assert [one.diagnostics[0].code for one in found] == ["MS943"] * 2


def test_a_process_that_finished_is_not_lost() -> None:
    with _met(2, Limits(wait=20, silence=0.4)) as channels:
        channels[1].close()
        time.sleep(1)
        assert channels[0]._pulse._lost is None


def test_a_host_that_never_comes_is_named() -> None:
    addresses = _addresses(3)
    limits = Limits(wait=1)
    found = _everywhere(lambda i: meet(Cluster(addresses, i), {}, _agree, limits), range(2))
    assert [one.diagnostics[0].code for one in found] == ["MS940", "MS940"]
    for one in found:
        assert f"1 of 3 processes did not come to `{addresses[0]}` in time: worker 2" in str(one)


def test_a_chief_that_never_comes_is_named() -> None:
    addresses = _addresses(2)
    with pytest.raises(RunError, match=r"the chief cannot be reached at `127\.0\.0\.1:") as raised:
        meet(Cluster(addresses, 1), {}, _agree, Limits(wait=0.5))
    assert raised.value.diagnostics[0].code == "MS940"
    assert "connection refused" in str(raised.value)


def test_a_port_in_use_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as used:
        address = f"127.0.0.1:{used.getsockname()[1]}"
        with pytest.raises(RunError, match="address already in use") as raised:
            meet(Cluster((address, "127.0.0.1:1"), 0), {}, _agree, Limits(wait=1))
    assert raised.value.diagnostics[0].code == "MS939"


def test_an_address_of_another_host_is_refused_rather_than_every_interface_used() -> None:
    with pytest.raises(RunError, match="cannot assign requested address"):
        meet(Cluster(("192.0.2.1:5000", "192.0.2.2:5000"), 0), {}, _agree, Limits(wait=1))


def test_only_the_given_address_is_listened_on_and_nothing_after_the_meeting() -> None:
    """`/proc/net/tcp` lists the listening sockets (state 0A) with their addresses."""
    addresses = _addresses(2)
    ports = {f"{int(one.rpartition(':')[2]):04X}" for one in addresses}

    def listening() -> list[str]:
        lines = [line.split() for line in open("/proc/net/tcp")][1:]  # noqa: SIM115
        return [one[1] for one in lines if one[3] == "0A" and one[1].partition(":")[2] in ports]

    limits, found = Limits(wait=20), list[Channel]()
    chief = threading.Thread(
        target=lambda: found.append(meet(Cluster(addresses, 0), {}, _agree, limits))
    )
    chief.start()
    until = time.monotonic() + 10
    while not (waiting := listening()) and time.monotonic() < until:
        time.sleep(0.01)
    found.append(meet(Cluster(addresses, 1), {}, _agree, limits))
    chief.join()
    assert [one.partition(":")[0] for one in waiting] == ["0100007F"]  # 127.0.0.1
    assert listening() == []
    for one in found:
        one.close()


def test_strangers_do_not_disturb_the_meeting(monkeypatch: pytest.MonkeyPatch) -> None:
    """One sends text and leaves, one knows another token."""
    addresses = _addresses(2)
    limits, found = Limits(wait=20), list[Any]()
    chief = threading.Thread(
        target=lambda: found.append(meet(Cluster(addresses, 0), {}, _agree, limits))
    )
    chief.start()
    host, port = addresses[0].split(":")
    until = time.monotonic() + 10
    while time.monotonic() < until:
        try:
            with socket.create_connection((host, int(port))) as stranger:
                stranger.sendall(b"GET / HTTP/1.1\r\nHost: worker\r\n\r\n" + b"0" * 64)
                break
        except OSError:
            time.sleep(0.01)
    found.append(meet(Cluster(addresses, 1), {}, _agree, limits))
    chief.join()
    assert [type(one) for one in found] == [Channel, Channel]
    for one in found:
        one.close()


def test_two_processes_with_one_index_are_an_error() -> None:
    addresses = _addresses(3)
    limits = Limits(wait=5)
    found = _everywhere(lambda i: meet(Cluster(addresses, min(i, 1)), {}, _agree, limits), range(3))
    codes = sorted(one.diagnostics[0].code for one in found)
    assert set(codes) <= {"MS938", "MS939", "MS940"}
    assert "MS939" in codes  # they have the same address as well


def test_other_numbers_of_processes_are_an_error_on_both_sides() -> None:
    addresses = _addresses(3)
    limits = Limits(wait=5)
    clusters = [Cluster(addresses[:2], 0), Cluster(addresses, 1)]
    found = _everywhere(lambda i: meet(clusters[i], {}, _agree, limits), range(2))
    for one in found:
        assert "it expects 3 processes, but the chief expects 2" in str(one)


def test_a_difference_is_raised_in_every_process() -> None:
    addresses = _addresses(2)

    def compare(facts: Any, cluster: Cluster) -> RunError | None:
        assert {index: dict(one) for index, one in facts.items()} == {
            0: {"keras": "0"},
            1: {"keras": "1"},
        }
        return RunError.of("MS941", "they differ", notes=["keras"], help="install the same")

    limits = Limits(wait=20)
    found = _everywhere(
        lambda i: meet(Cluster(addresses, i), {"keras": str(i)}, compare, limits), range(2)
    )
    for one in found:
        assert one.diagnostics[0].code == "MS941"
        assert str(one.diagnostics[0].notes[0]) == "keras"
        assert one.diagnostics[0].help == "install the same"


def test_addresses_that_only_their_process_knows_are_exchanged() -> None:
    """As under torchrun: the chief's meeting place is known, the rest is announced."""
    place, *others = _addresses(4)
    limits = Limits(wait=20)

    def cluster(index: int) -> Cluster:
        own = tuple(one if i == index else "" for i, one in enumerate(others))
        return Cluster(own, index, meeting=place)

    found = _everywhere(lambda i: meet(cluster(i), {}, _agree, limits), range(3))
    assert [one.cluster.addresses for one in found] == [tuple(others)] * 3
    for one in found:
        one.close()
