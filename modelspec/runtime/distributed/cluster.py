"""The processes that train one run together, as found in the environment of this process.

In this order: modelspec's own variables, `TF_CONFIG`, Slurm, torchrun. A Kubernetes indexed job
uses modelspec's own variables, with its index from `JOB_COMPLETION_INDEX`.

    MODELSPEC_HOSTS   trainer-[0-3].trainer:2222, or host:port,host:port; the first is the chief
    MODELSPEC_WORKER  the index of this process in this list, from 0
    MODELSPEC_PORT    the port of hosts that are listed without one, and for Slurm and torchrun

The processes exchange values over their own sockets (`channel.py`): the server of TensorFlow
listens on every interface, whatever address it is given.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from modelspec.errors import RunError

if TYPE_CHECKING:
    from .channel import Channel

HOSTS: Final = "MODELSPEC_HOSTS"
WORKER: Final = "MODELSPEC_WORKER"
PORT: Final = "MODELSPEC_PORT"
TOKEN: Final = "MODELSPEC_TOKEN"  # noqa: S105  # the name of a variable
LAUNCHERS: Final = (HOSTS, WORKER, "TF_CONFIG", "RANK", "WORLD_SIZE", "SLURM_STEP_NUM_TASKS")
"""The variables that make a process part of a run of several ones."""
_MOST_PORT: Final = 65535


@dataclass(frozen=True)
class Cluster:
    """The processes of one run, as seen by one of them."""

    addresses: tuple[str, ...]
    """`host:port` of each process, in order. Process 0 is the chief: it alone writes. An address is
    empty if only its own process knows it: then `meet` exchanges them."""
    index: int
    """The index of this process in `addresses`."""
    devices: int | None = None
    """The number of devices of this process; None: those of `runtime.devices`."""
    meeting: str = ""
    """`host:port` where the chief waits for the others; by default its address."""
    origin: str = ""
    """The source of these facts for messages: `TF_CONFIG`, `Slurm`."""

    @property
    def size(self) -> int:
        """The number of processes, at least 2."""
        return len(self.addresses)

    @property
    def is_chief(self) -> bool:
        """Whether this process writes the run folder and reports the progress."""
        return self.index == 0

    @property
    def place(self) -> str:
        """`host:port` where the chief waits for the others."""
        return self.meeting or self.addresses[0]

    def with_addresses(self, addresses: Sequence[str]) -> Cluster:
        """The same processes with the addresses that they announced."""
        return replace(self, addresses=tuple(addresses))


_joined: tuple[Cluster, Channel] | None = None
"""The cluster with all addresses, and the connections, after the processes have met."""


_alone = False
"""Whether this process belongs to no others, whatever started it."""


@contextmanager
def alone() -> Iterator[None]:
    """Inside, this process trains alone, even if a launcher has started several."""
    global _alone
    before, _alone = _alone, True
    try:
        yield
    finally:
        _alone = before


def current_cluster() -> Cluster | None:
    """The processes that train with this one; None if it is alone.

    Raises `RunError` (MS938) for variables that are incomplete or contradict each other.
    """
    from .launchers import cluster_of

    if _alone:
        return None
    return _joined[0] if _joined is not None else cluster_of(os.environ)


def current_channel() -> Channel | None:
    """The connections to the other processes; None for one process, and before they have met."""
    return _joined[1] if _joined is not None else None


def join(channel: Channel) -> None:
    """Record that the processes have met."""
    global _joined
    _joined = channel.cluster, channel


@contextmanager
def taking_part() -> Iterator[None]:
    """Inside, this process may join others; afterwards it leaves them. If it ends with an error,
    the others find that it is lost.
    """
    try:
        yield
    except BaseException:
        _leave(farewell=False)
        raise
    _leave(farewell=True)


def _leave(*, farewell: bool) -> None:
    global _joined
    joined, _joined = _joined, None
    if joined is not None:
        joined[1].close(farewell=farewell)


def host_and_port(address: str) -> tuple[str, int]:
    """`("host", 2222)` of `host:2222` or `[::1]:2222`. Raises `RunError` (MS938)."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) <= _MOST_PORT:
        raise wrong(
            f"`{address}` is not an address: expected `host:port`",
            help="write the host and the port of every process, such as `10.0.0.1:2222`",
        )
    return host.strip("[]"), int(port)


def wrong(message: str, *, help: str | None = None) -> RunError:
    """The error (MS938) for variables that cannot be right."""
    return RunError.of(
        "MS938", message, help=help or "`modelspec explain MS938` lists the variables"
    )
