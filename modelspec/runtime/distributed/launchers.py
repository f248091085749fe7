"""The readers of the variables that launchers set, one for each."""

from __future__ import annotations

import json
import socket
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from .cluster import HOSTS, PORT, WORKER, Cluster, host_and_port, wrong
from .host_lists import expanded

_DEFAULT_PORT: Final = 12300
_PER_HOST: Final = 16
"""Ports that a Slurm job may use on each host, so that two jobs on a host use different ones."""


def cluster_of(environment: Mapping[str, str]) -> Cluster | None:
    """The cluster that some environment variables describe; None: one process.

    Raises `RunError` (MS938).
    """
    for read in _READERS:
        found = read(environment)
        if found is not None:
            return found if found.size > 1 else None
    return None


# One reader for each launcher ---------------------------------------------------------------------


def _own(environment: Mapping[str, str]) -> Cluster | None:
    """Of `MODELSPEC_HOSTS`, with the index of `MODELSPEC_WORKER` or of a Kubernetes job."""
    written = environment.get(HOSTS, "").strip()
    if not written:
        if environment.get(WORKER):
            raise wrong(
                f"{WORKER} is set, but {HOSTS} is not",
                help=f"set {HOSTS} to the addresses of all processes, or unset {WORKER}",
            )
        return None
    hosts = expanded(written)
    if hosts is None:
        raise wrong(
            f"{HOSTS} is not a list of hosts: `{written}`",
            help="separate hosts with commas, and write ranges as in `trainer-[0-3]:2222`",
        )
    name = WORKER if environment.get(WORKER) else "JOB_COMPLETION_INDEX"
    index = _integer(environment, name, HOSTS)
    return _checked(_with_ports(hosts, environment), index, HOSTS, name)


def _tf_config(environment: Mapping[str, str]) -> Cluster | None:
    """Of `TF_CONFIG`: a chief and workers, as for `MultiWorkerMirroredStrategy`."""
    written = environment.get("TF_CONFIG", "").strip()
    if not written:
        return None
    try:
        values = json.loads(written)
    except ValueError:
        raise wrong("TF_CONFIG is not valid JSON") from None
    jobs = values.get("cluster") if isinstance(values, dict) else None
    if not jobs:  # as set by notebooks: only a task, or an empty mapping
        return None
    chiefs, workers = _addresses(jobs, "chief"), _addresses(jobs, "worker")
    if "ps" in jobs or "master" in jobs:
        raise wrong(
            "TF_CONFIG has parameter servers or a master, which are unsupported",
            help="list all processes as `worker`",
        )
    kind, index = _task(values)
    if kind == "evaluator":
        raise wrong("TF_CONFIG starts an evaluator, but the chief evaluates the run")
    if kind not in ("chief", "worker"):
        raise wrong(f"`task.type` of TF_CONFIG must be `chief` or `worker`, found {kind!r}")
    if index >= len(chiefs if kind == "chief" else workers):
        raise wrong(f"`task.index` of TF_CONFIG is {index}, but it lists fewer of type `{kind}`")
    position = index if kind == "chief" else len(chiefs) + index
    return _checked((*chiefs, *workers), position, "TF_CONFIG", "`task.index`")


def _addresses(jobs: Any, kind: str) -> tuple[str, ...]:
    found = jobs.get(kind, []) if isinstance(jobs, dict) else None
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise wrong(f"`cluster.{kind}` of TF_CONFIG must be a list of addresses, found {found!r}")
    return tuple(found)


def _task(values: Mapping[str, Any]) -> tuple[str, int]:
    task = values.get("task")
    kind = task.get("type") if isinstance(task, dict) else None
    index = task.get("index") if isinstance(task, dict) else None
    if isinstance(index, str) and index.isdecimal():
        index = int(index)
    if isinstance(index, bool) or not isinstance(index, int) or index < 0:
        raise wrong(f"`task.index` of TF_CONFIG must be an integer from 0, found {index!r}")
    return str(kind), index


def _slurm(environment: Mapping[str, str]) -> Cluster | None:
    """Of a job step that `srun` started. The shell of `sbatch` has no step: it is alone."""
    count = environment.get("SLURM_STEP_NUM_TASKS", "")
    if not count or count == "1":
        return None
    tasks = _integer(environment, "SLURM_STEP_NUM_TASKS", "SLURM_STEP_NUM_TASKS")
    index = _integer(environment, "SLURM_PROCID", "SLURM_STEP_NUM_TASKS")
    written = environment.get("SLURM_STEP_NODELIST", "")
    nodes = expanded(written)
    if not nodes:
        raise wrong(f"SLURM_STEP_NODELIST is not a list of hosts: `{written}`")
    per_node = _tasks_per_node(environment.get("SLURM_STEP_TASKS_PER_NODE", ""), tasks, len(nodes))
    port = _slurm_port(environment)
    addresses = [
        f"{node}:{port + local}"
        for node, share in zip(nodes, per_node, strict=True)
        for local in range(share)
    ]
    return _checked(addresses, index, "SLURM_STEP_NUM_TASKS", "SLURM_PROCID")


def _tasks_per_node(written: str, tasks: int, nodes: int) -> list[int]:
    """`[2, 2, 1]` of `2(x2),1`. Raises `RunError` (MS938)."""
    if not written and tasks == nodes:
        return [1] * nodes
    found: list[int] = []
    for one in written.split(","):
        share, _, times = one.strip().rstrip(")").partition("(x")
        if not share.isdecimal() or (times and not times.isdecimal()):
            raise wrong(f"SLURM_STEP_TASKS_PER_NODE is not a list of numbers: `{written}`")
        found += [int(share)] * int(times or 1)
    if len(found) != nodes or sum(found) != tasks:
        raise wrong(
            f"SLURM_STEP_TASKS_PER_NODE is `{written}`, but the step has {tasks} tasks on {nodes}"
            " hosts"
        )
    return found


def _slurm_port(environment: Mapping[str, str]) -> int:
    """A port that depends on the job, so that two jobs on one host use different ones."""
    if environment.get(PORT):
        return _port(environment)
    job = environment.get("SLURM_JOB_ID", "0")
    return 10_000 + (int(job) if job.isdecimal() else 0) % 1250 * _PER_HOST


def _torchrun(environment: Mapping[str, str]) -> Cluster | None:
    """Of torchrun, or any launcher with its variables. Its processes announce their addresses where
    the chief waits: at the port after `MASTER_PORT`, which torchrun uses itself.
    """
    if not environment.get("WORLD_SIZE") or not environment.get("RANK"):
        return None
    size = _integer(environment, "WORLD_SIZE", "WORLD_SIZE")
    index = _integer(environment, "RANK", "WORLD_SIZE")
    if size == 1:
        return None
    master = environment.get("MASTER_ADDR", "")
    if not master:
        raise wrong(f"WORLD_SIZE is {size}, but MASTER_ADDR is not set")
    base = _port(environment) if environment.get(PORT) else _after_master(environment)
    meeting = f"{master}:{base}"
    host_and_port(meeting)
    addresses = [""] * size
    if index < size:
        addresses[index] = f"{_this_host(master)}:{base + 1 + index}"
    return replace(_checked(addresses, index, "WORLD_SIZE", "RANK"), meeting=meeting)


def _after_master(environment: Mapping[str, str]) -> int:
    return _integer(environment, "MASTER_PORT", "WORLD_SIZE") + 1


def _this_host(master: str) -> str:
    """The address from which this host reaches the chief's."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect((master, 9))  # sends nothing: it selects the route
            return str(probe.getsockname()[0])
    except OSError as error:
        raise wrong(f"MASTER_ADDR `{master}` cannot be reached: {error.strerror}") from None


_READERS: Final[tuple[Callable[[Mapping[str, str]], Cluster | None], ...]] = (
    _own,
    _tf_config,
    _slurm,
    _torchrun,
)


# Parts of them ------------------------------------------------------------------------------------


def _with_ports(hosts: Sequence[str], environment: Mapping[str, str]) -> list[str]:
    """The addresses of hosts; several processes of one host without a port use successive ones."""
    base, used = _port(environment), Counter[str]()
    found = []
    for host in hosts:
        if ":" in host:
            found.append(host)
        else:
            found.append(f"{host}:{base + used[host]}")
            used[host] += 1
    return found


def _port(environment: Mapping[str, str]) -> int:
    return _integer(environment, PORT, HOSTS) if environment.get(PORT) else _DEFAULT_PORT


def _checked(addresses: Sequence[str], index: int, origin: str, named: str) -> Cluster:
    """Raises `RunError` (MS938) if the addresses or the index cannot be right."""
    for address in filter(None, addresses):
        host_and_port(address)
    twice = [one for one, count in Counter(filter(None, addresses)).items() if count > 1]
    if twice:
        raise wrong(
            f"{origin} lists the address `{twice[0]}` twice",
            help="every process requires its own host or port",
        )
    if not 0 <= index < len(addresses):
        raise wrong(
            f"{named} is {index}, but {origin} lists {len(addresses)} process"
            f"{'' if len(addresses) == 1 else 'es'}, numbered from 0"
        )
    return Cluster(tuple(addresses), index, origin=origin)


def _integer(environment: Mapping[str, str], name: str, because: str) -> int:
    """A variable that another one requires. Raises `RunError` (MS938)."""
    text = environment.get(name, "")
    if not text:
        raise wrong(f"{because} is set, but {name} is not", help=f"set {name}, or unset {because}")
    if not text.isdecimal() or len(text) > len("123456789"):
        raise wrong(f"{name} must be an integer, found `{text}`")
    return int(text)
