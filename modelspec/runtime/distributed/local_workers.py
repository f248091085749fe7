"""Workers as processes of this host: their shares of its processors and GPUs, their addresses on
loopback, and how they are started and ended.
"""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

from ..data.errors import RunError
from ..history.machine import cores
from .cluster import HOSTS, TOKEN, WORKER
from .processes import environment, tail
from .supervised import LINK

_KEPT: Final = 64_000
"""The most bytes of the output of a worker that are kept, from its end."""


class LocalWorker:
    """A running process of modelspec."""

    def __init__(
        self,
        words: Sequence[str],
        variables: Mapping[str, str],
        log: IO[bytes] | None = None,
        folder: str | None = None,
    ) -> None:
        """`words` are the arguments of `modelspec`, `variables` its environment. The output goes to
        `log`, or to that of this process; `folder` is the current one by default.
        """
        self._link, other = socket.socketpair()
        self._log = log
        try:
            # Without `-P`, Python would search for every module in the current folder first.
            self._process = subprocess.Popen(  # noqa: S603  # this very program
                [sys.executable, "-P", "-m", "modelspec", *words],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT if log is not None else None,
                env={**variables, LINK: str(other.fileno())},
                cwd=folder,
                pass_fds=(other.fileno(),),
                start_new_session=True,  # Ctrl-C on the terminal reaches it once, through us
            )
        finally:
            other.close()
        self._link.setblocking(False)
        self._heard = time.monotonic()

    def poll(self) -> int | None:
        """Its exit status, negative after a signal; None while it runs."""
        return self._process.poll()

    def silent(self) -> float:
        """Seconds since its last sign of life."""
        try:
            if self._link.recv(4096):
                self._heard = time.monotonic()
        except OSError:
            pass
        return time.monotonic() - self._heard

    def signal(self, number: int) -> None:
        """Send a signal, if it runs."""
        with suppress(ProcessLookupError):
            self._process.send_signal(number)

    def kill(self) -> None:
        """End it and its own child processes, and wait for the end."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._link.close()
        if self._log is not None:
            self._log.close()

    def output(self) -> str:
        """The end of its output; empty if it went to that of this process."""
        return tail(Path(self._log.name), _KEPT) if self._log is not None else ""


def start_local(words: Sequence[str], count: int, folder: Path) -> list[LocalWorker]:
    """`count` workers that train one run together. The output of the first is that of this process,
    that of the others is in files in `folder`. Raises `RunError` (MS938).
    """
    shared = {
        **environment(),
        HOSTS: ",".join(f"127.0.0.1:{port}" for port in free_ports(count)),
        TOKEN: secrets.token_hex(16),
        **threads_of(cores() // count),
    }
    found: list[LocalWorker] = []
    try:
        for index, gpus in enumerate(_gpus_of(count)):
            own = {**shared, **gpus, WORKER: str(index)}
            log = (folder / f"worker-{index}.log").open("wb") if index else None
            found.append(LocalWorker(words, own, log))
    except BaseException:
        for one in found:
            one.kill()
        raise
    return found


def threads_of(count: int) -> dict[str, str]:
    """The variables for a worker with some threads, unless the user has set them."""
    names = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
    return {name: os.environ.get(name) or str(max(1, count)) for name in names}


def _gpus_of(count: int) -> list[dict[str, str]]:
    """The variables that give each worker its share of the GPUs of this host."""
    gpus = _gpus()
    if not gpus:
        return [{}] * count
    if len(gpus) < count:
        raise RunError.of(
            "MS938",
            f"{count} workers require {count} GPUs, but this host has {len(gpus)}",
            help=f"use `--workers {len(gpus)}`, or CUDA_VISIBLE_DEVICES=-1 to train without GPUs",
        )
    each = len(gpus) // count
    return [
        {"CUDA_VISIBLE_DEVICES": ",".join(gpus[each * one : each * (one + 1)])}
        for one in range(count)
    ]


def _gpus() -> list[str]:
    """The GPUs that this process may use, as in CUDA_VISIBLE_DEVICES."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [one for one in visible.replace(" ", "").split(",") if one not in ("", "-1")]
    return [str(one) for one in range(len(list(Path("/proc/driver/nvidia/gpus").glob("*"))))]


def free_ports(count: int) -> list[int]:
    """Free ports of loopback: all are bound at once, so that they differ."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    found = [int(one.getsockname()[1]) for one in sockets]
    for one in sockets:
        one.close()
    return found
