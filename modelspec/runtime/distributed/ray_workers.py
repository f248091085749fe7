"""Workers on a Ray cluster. Ray chooses the hosts and gives each worker its processors and GPUs.
The workers are the same processes as on one host, and the supervisor restarts them the same way.

The run folder and the data must be readable at the same path on every host. This process only
connects to the cluster at the given address; it starts none.
"""

from __future__ import annotations

import os
import secrets
import socket
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, Final

from ..data.errors import RunError
from .cluster import HOSTS, TOKEN, WORKER
from .limits import Limits
from .local_workers import LocalWorker, threads_of
from .processes import environment
from .supervisor import Start

_BETWEEN: Final = 0.3
"""Seconds between two questions to a worker."""
_CARRIED: Final = ("MODELSPEC_", "TF_", "KERAS_", "XLA_", "PYTHONPATH", "PYTHONUNBUFFERED")
"""Prefixes of the variables of this process that apply on the other hosts, too."""
_KILLED: Final = -9
_KNOCK: Final = 10.0
"""Seconds in which a cluster must accept a connection."""
_KEPT: Final = 64_000
"""The most bytes of the output of a worker that are kept."""


@contextmanager
def on_ray(address: str) -> Iterator[Start]:
    """What starts workers on the cluster at an address. Raises `RunError` (MS945) without Ray, and
    for a cluster that cannot be reached.
    """
    ray = _imported()
    try:
        _knock(address)
        ray.init(address=address, log_to_driver=False, logging_level="error")
    except Exception as error:  # noqa: BLE001  # Ray raises errors of many types
        raise RunError.of(
            "MS945",
            f"the Ray cluster at `{address}` cannot be reached: {_line(error)}",
            help="`ray status` shows whether it runs; its Ray and Python must be of the same"
            " version as here",
        ) from None
    try:
        yield _Starter(ray)
    finally:
        ray.shutdown()


def _knock(address: str) -> None:
    """Raises `OSError` if nothing listens at `host:port`: Ray would try for minutes. Other forms,
    such as `auto`, are left to Ray.
    """
    host, _, port = address.rpartition(":")
    if host and port.isdecimal() and "/" not in host:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_KNOCK).close()


def _imported() -> Any:
    try:
        return import_module("ray")
    except ImportError:
        raise RunError.of(
            "MS945", "`--ray` requires Ray, which is not installed", help="`pip install ray`"
        ) from None


def _line(error: Exception) -> str:
    text = str(error).strip()
    return text.splitlines()[0] if text else type(error).__name__


class _Starter:
    """Starts workers on the cluster; each start has its own places."""

    def __init__(self, ray: Any) -> None:
        self._ray = ray
        self._places: Any = None

    def __call__(self, words: Sequence[str], count: int, folder: Path) -> list[_RayWorker]:
        ray, limits = self._ray, Limits.here()
        cpus, gpus = _shares([node for node in ray.nodes() if node["Alive"]], count)
        self._reserve(count, cpus, gpus, limits.wait)
        actor = ray.remote(num_cpus=cpus, num_gpus=gpus, max_concurrency=2)(_Host)
        hosts = [
            actor.options(placement_group=self._places, placement_group_bundle_index=index).remote(
                str(Path.cwd())
            )
            for index in range(count)
        ]
        workers = [_RayWorker(ray, host, limits, shown=not i) for i, host in enumerate(hosts)]
        try:
            addresses = ray.get([host.address.remote() for host in hosts], timeout=limits.wait)
            shared = {
                **_carried(),
                **threads_of(cpus),
                HOSTS: ",".join(addresses),
                TOKEN: secrets.token_hex(16),
            }
            ray.get(
                [
                    host.start.remote(list(words), {**shared, WORKER: str(index)})
                    for index, host in enumerate(hosts)
                ],
                timeout=limits.wait,
            )
        except Exception as error:  # noqa: BLE001  # those of Ray, and of the actor
            for one in workers:
                one.kill()
            raise RunError.of(
                "MS945",
                f"a worker on the Ray cluster cannot be started: {_cause(error)}",
                help="modelspec and the folder of the project must exist at the same path on every"
                " host",
            ) from None
        return workers

    def _reserve(self, count: int, cpus: int, gpus: int, seconds: float) -> None:
        """Places for all workers at once, on several hosts where that is possible."""
        if self._places is not None:
            self._ray.util.remove_placement_group(self._places)
        each = {"CPU": cpus, **({"GPU": gpus} if gpus else {})}
        self._places = self._ray.util.placement_group([each] * count, strategy="SPREAD")
        if not self._places.wait(seconds):
            raise RunError.of(
                "MS945",
                f"the Ray cluster has no free places for {count} workers with {cpus} CPUs each"
                f" after {seconds:g} s",
                help="wait for other jobs, use fewer workers, or `--wait SECONDS`",
            )


def _cause(error: Exception) -> str:
    cause = getattr(error, "cause", None)
    return _line(cause if isinstance(cause, Exception) else error)


def _carried() -> dict[str, str]:
    found = environment()
    return {name: value for name, value in found.items() if name.startswith(_CARRIED)}


def _shares(nodes: Sequence[Mapping[str, Any]], count: int) -> tuple[int, int]:
    """The CPUs and GPUs of each worker: the most with which all of them have a place."""
    found = []
    for kind in ("CPU", "GPU"):
        amounts = [int(node["Resources"].get(kind, 0)) for node in nodes]
        most = max(amounts, default=0)
        fitting = (n for n in range(most, 0, -1) if sum(one // n for one in amounts) >= count)
        found.append(next(fitting, 0))
    return max(1, found[0]), found[1]


class _Host:
    """A place on the cluster: runs in a process of Ray, and starts modelspec beside it."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._log = TemporaryFile()  # noqa: SIM115  # it is open as long as the worker
        self._worker: LocalWorker | None = None

    def address(self) -> str:
        """`host:port` where the worker can listen."""
        host = import_module("ray").util.get_node_ip_address()
        with socket.create_server((host, 0)) as free:
            return f"{host}:{free.getsockname()[1]}"

    def start(self, words: list[str], variables: dict[str, str]) -> None:
        """Start the worker. Its GPUs are those that Ray has given to this process."""
        self._worker = LocalWorker(words, {**os.environ, **variables}, self._log, self._folder)

    def look(self, position: int) -> tuple[int | None, float, bytes]:
        """The exit status, the seconds since the last sign of life, and the output from a position
        on.
        """
        assert self._worker is not None
        status, silent = self._worker.poll(), self._worker.silent()
        with Path(f"/proc/self/fd/{self._log.fileno()}").open("rb") as log:
            log.seek(position)
            return status, silent, log.read(_KEPT)

    def signal(self, number: int) -> None:
        """Send a signal to the worker."""
        if self._worker is not None:
            self._worker.signal(number)

    def kill(self) -> None:
        """End the worker."""
        if self._worker is not None:
            self._worker.kill()


class _RayWorker:
    """A worker on the cluster, as the supervisor sees it."""

    def __init__(self, ray: Any, host: Any, limits: Limits, *, shown: bool) -> None:
        self._ray, self._host, self._limits, self._shown = ray, host, limits, shown
        self._status: int | None = None
        self._output = b""
        self._position = 0
        self._silent = 0.0
        self._asked = self._heard = time.monotonic()

    def poll(self) -> int | None:
        """Its exit status; that of a kill if its host is lost. Prints the output of the chief."""
        now = time.monotonic()
        if self._status is None and now - self._asked >= _BETWEEN:
            self._asked = now
            self._look()
        return self._status

    def silent(self) -> float:
        """Seconds since its last sign of life."""
        return max(self._silent, time.monotonic() - self._heard)

    def signal(self, number: int) -> None:
        """Send a signal."""
        with suppress(Exception):  # its host is lost: `poll` reports it
            self._host.signal.remote(number)

    def kill(self) -> None:
        """End it, and its place."""
        if self._status is None:
            with suppress(Exception):
                self._ray.get(self._host.kill.remote(), timeout=self._limits.silence)
            self._look()
        self._ray.kill(self._host)

    def output(self) -> str:
        """The end of its output; empty if it was printed."""
        return "" if self._shown else self._output[-_KEPT:].decode("utf-8", "replace")

    def _look(self) -> None:
        try:
            found = self._ray.get(
                self._host.look.remote(self._position), timeout=self._limits.silence
            )
        except self._ray.exceptions.GetTimeoutError:
            return
        except Exception:  # noqa: BLE001  # the host is lost, for any of Ray's reasons
            self._status = _KILLED
            return
        status, self._silent, content = found
        self._heard = time.monotonic()
        self._position += len(content)
        if self._shown:
            sys.stdout.write(content.decode("utf-8", "replace"))
            sys.stdout.flush()
        else:
            self._output = (self._output + content)[-_KEPT:]
        if len(content) < _KEPT:  # else there is more to read first
            self._status = status
