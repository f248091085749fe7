"""Two hosts with a network between them: network namespaces of this machine. Needs root and `ip`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
_SILENCE = 2
_PROGRAM = """
import sys, time
sys.path.insert(0, {root!r})
import numpy as np
from modelspec.errors import RunError
from modelspec.runtime.distributed.cluster import current_cluster
from modelspec.runtime.distributed.meeting import meet
try:
    channel = meet(current_cluster(), {{}}, lambda facts, cluster: None)
    for step in range(100_000):
        total = channel.all_reduce([np.full(50_000, step, "float32")])[0]
        assert (total == 2 * step).all()
        if step == 20:
            print("stepping", flush=True)
        if sys.argv[1:] == ["finish"] and step == 200:
            break
        time.sleep(0.002)
    channel.close()
    print("finished", flush=True)
except RunError as error:
    print(str(error), flush=True)
"""


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


class Hosts:
    """Two namespaces, with an address each."""

    def __init__(self, name: str) -> None:
        self.names = (f"{name}a", f"{name}b")
        self.addresses = ("10.77.3.1", "10.77.3.2")

    def make(self) -> None:
        first, second = self.names
        for one in self.names:
            _ip("netns", "add", one)
            _ip("-n", one, "link", "set", "lo", "up")
        _ip("-n", first, "link", "add", "net0", "type", "veth", "peer", "net0", "netns", second)
        for one, address in zip(self.names, self.addresses, strict=True):
            _ip("-n", one, "addr", "add", f"{address}/24", "dev", "net0")
            _ip("-n", one, "link", "set", "net0", "up")

    def remove(self) -> None:
        for one in self.names:
            subprocess.run(["ip", "netns", "del", one], capture_output=True, check=False)

    def start(self, index: int, program: Path, *words: str) -> subprocess.Popen[str]:
        hosts = ",".join(f"{one}:2222" for one in self.addresses)
        return subprocess.Popen(
            ["ip", "netns", "exec", self.names[index], sys.executable, str(program), *words],
            env={
                **os.environ,
                "MODELSPEC_HOSTS": hosts,
                "MODELSPEC_WORKER": str(index),
                "MODELSPEC_SILENCE": str(_SILENCE),
                "MODELSPEC_WAIT": "30",
            },
            stdout=subprocess.PIPE,
            text=True,
        )

    def cut(self) -> None:
        """The network fails: no packet arrives, and no connection is closed."""
        _ip("-n", self.names[1], "link", "set", "net0", "down")


@pytest.fixture
def hosts() -> Iterator[Hosts]:
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("network namespaces require root and the command `ip`")
    found = Hosts(f"ms{os.getpid()}")
    try:
        found.make()
    except subprocess.CalledProcessError as error:
        found.remove()
        reason = error.stderr.decode().strip()
        pytest.skip(f"this machine allows no network namespaces: {reason}")
    try:
        yield found
    finally:
        found.remove()


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "worker.py"
    path.write_text(_PROGRAM.format(root=str(ROOT)))
    return path


def _started(hosts: Hosts, program: Path, *words: str) -> list[subprocess.Popen[str]]:
    found = [hosts.start(index, program, *words) for index in range(2)]
    for one in found:
        assert one.stdout is not None
        assert one.stdout.readline() == "stepping\n"
    return found


def _end(processes: list[subprocess.Popen[Any]]) -> list[str]:
    try:
        return [str(one.communicate(timeout=60)[0]).strip() for one in processes]
    finally:
        for one in processes:
            one.kill()


def test_processes_of_two_hosts_compute_sums(hosts: Hosts, program: Path) -> None:
    assert _end(_started(hosts, program, "finish")) == ["finished", "finished"]


def test_a_lost_network_ends_the_step_on_both_hosts(hosts: Hosts, program: Path) -> None:
    """Neither side learns that a connection is closed; each names the other one."""
    processes = _started(hosts, program)
    hosts.cut()
    chief, worker = _end(processes)
    said = f"has given no sign of life for {_SILENCE} s"
    assert chief == f"error[MS942]: worker 1 (`10.77.3.2:2222`) {said}"
    assert worker == f"error[MS942]: the chief (`10.77.3.1:2222`) {said}"


def test_a_killed_process_is_named_at_once_on_the_other_host(hosts: Hosts, program: Path) -> None:
    processes = _started(hosts, program)
    processes[0].kill()
    assert (
        _end(processes)[1] == "error[MS942]: the chief (`10.77.3.1:2222`) ended during the training"
    )
