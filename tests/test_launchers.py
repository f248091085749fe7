"""Two real processes with the variables of each launcher find each other and compute sums; and what
they do when one hangs, has another clock, never comes, or finds its port in use. They load no
framework.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from modelspec.runtime.distributed.local_workers import free_ports

ROOT = Path(__file__).parents[1]
_SILENCE = 2
_DAYS = 300_000
_PROGRAM = f"""
import json, os, sys, time
sys.path.insert(0, {str(ROOT)!r})
shift = float(os.environ.get("SHIFT", 0))
if shift:
    real = time.time
    time.time = lambda: real() + shift
import numpy as np
from modelspec.errors import RunError
from modelspec.runtime.distributed.cluster import current_cluster
from modelspec.runtime.distributed.meeting import meet
for name, variables in json.loads(os.environ["CASES"]).items():
    os.environ.update(variables)
    try:
        cluster = current_cluster()
        channel = meet(cluster, {{}}, lambda facts, cluster: None)
        print(name, cluster.index, cluster.size, cluster.origin, flush=True)
        for step in range(int(os.environ.get("STEPS", 50))):
            total = channel.all_reduce([np.full(20_000, step + cluster.index, "float32")])[0]
            assert (total == 2 * step + 1).all()
            time.sleep(0.002)
        channel.close()
        print("finished", flush=True)
    except RunError as error:
        print(error, flush=True)
    for variable in variables:
        del os.environ[variable]
"""


def _successive_ports() -> list[int]:
    """Two free ports, one after the other."""
    for port in free_ports(20):
        try:
            with socket.create_server(("127.0.0.1", port + 1)):
                return [port, port + 1]
        except OSError:
            continue
    raise AssertionError("no two successive ports are free")


_PORTS = _successive_ports()
Variables = Callable[[int, list[int]], Mapping[str, str]]


def _tf_config(index: int, ports: list[int]) -> Mapping[str, str]:
    addresses = [f"127.0.0.1:{port}" for port in ports]
    jobs = {"chief": addresses[:1], "worker": addresses[1:]}
    task = {"type": "worker" if index else "chief", "index": 0}
    return {"TF_CONFIG": json.dumps({"cluster": jobs, "task": task})}


LAUNCHERS: dict[str, tuple[Variables, str]] = {
    "own": (
        lambda index, ports: {
            "MODELSPEC_HOSTS": ",".join(f"127.0.0.1:{port}" for port in ports),
            "MODELSPEC_WORKER": str(index),
        },
        "MODELSPEC_HOSTS",
    ),
    "kubernetes": (
        lambda index, ports: {
            "MODELSPEC_HOSTS": f"127.0.0.1:{ports[0]},127.0.0.1:{ports[1]}",
            "JOB_COMPLETION_INDEX": str(index),
        },
        "MODELSPEC_HOSTS",
    ),
    "TF_CONFIG": (_tf_config, "TF_CONFIG"),
    "slurm": (
        lambda index, ports: {
            "SLURM_JOB_ID": "77",
            "SLURM_STEP_NUM_TASKS": "2",
            "SLURM_STEP_NODELIST": "127.0.0.1",
            "SLURM_STEP_TASKS_PER_NODE": "2",
            "SLURM_PROCID": str(index),
            "MODELSPEC_PORT": str(min(ports)),
        },
        "SLURM_STEP_NUM_TASKS",
    ),
    "torchrun": (
        lambda index, ports: {
            "RANK": str(index),
            "LOCAL_RANK": str(index),
            "WORLD_SIZE": "2",
            "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": str(min(ports) - 1),
        },
        "WORLD_SIZE",
    ),
}
"""By launcher: the variables of a process, by its index and two ports; the origin in messages."""
_CLEARED = ("MODELSPEC_", "SLURM_", "TF_CONFIG", "RANK", "WORLD_SIZE", "JOB_COMPLETION")


def _start(index: int, launchers: Sequence[str] = ("own",), **more: str) -> subprocess.Popen[str]:
    own = {name: one for name, one in os.environ.items() if not name.startswith(_CLEARED)}
    limits = {"MODELSPEC_SILENCE": str(_SILENCE), "MODELSPEC_WAIT": "60"}
    cases = {name: LAUNCHERS[name][0](index, _PORTS) for name in launchers}
    return subprocess.Popen(
        [sys.executable, "-c", _PROGRAM],
        env={**own, **limits, "CASES": json.dumps(cases), **more},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@contextmanager
def _two(launchers: Sequence[str] = ("own",), **more: str) -> Iterator[list[subprocess.Popen[str]]]:
    """Both processes; the clock of the second one is ahead by days."""
    found = [_start(index, launchers, SHIFT=str(_DAYS * index), **more) for index in range(2)]
    try:
        yield found
    finally:
        for one in found:
            one.kill()
            one.communicate()


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_processes_with_the_variables_of_each_launcher_compute_sums() -> None:
    """One after the other; the clock of one process is ahead by days."""
    with _two(tuple(LAUNCHERS)) as processes:
        for index, one in enumerate(processes):
            output, _ = one.communicate(timeout=120)
            met = [f"{name} {index} 2 {origin}" for name, (_, origin) in LAUNCHERS.items()]
            assert output.splitlines() == [line for one in met for line in (one, "finished")]


@pytest.mark.parametrize("stopped", [0, 1])
def test_a_stopped_process_is_named_after_the_time_limit(stopped: int) -> None:
    """SIGSTOP: it is there, its connections are open, but it does nothing."""
    with _two(STEPS="1000000") as processes:
        assert [_line(one)[:3] for one in processes] == ["own", "own"]
        time.sleep(0.3)
        processes[stopped].send_signal(signal.SIGSTOP)
        began = time.monotonic()
        output, _ = processes[1 - stopped].communicate(timeout=60)
        name = "the chief" if stopped == 0 else "worker 1"
        assert f"error[MS942]: {name}" in output
        assert f"has given no sign of life for {_SILENCE} s" in output
        assert time.monotonic() - began < 20 * _SILENCE


def test_a_process_that_never_comes_is_named() -> None:
    output, _ = _start(0, MODELSPEC_WAIT="1").communicate(timeout=60)
    chief, other = (f"`127.0.0.1:{port}`" for port in _PORTS)
    assert (
        f"error[MS940]: 1 of 2 processes did not come to {chief} in time: worker 1 ({other})"
        in output
    )


def test_a_port_that_is_in_use_is_named() -> None:
    with socket.create_server(("127.0.0.1", _PORTS[0])):
        output, _ = _start(0).communicate(timeout=60)
    said = f"this process cannot listen on `127.0.0.1:{_PORTS[0]}`: address already in use"
    assert output.strip() == f"error[MS939]: {said}"
