"""Signs of life between the chief and every other process, in a thread beside the training.

Each side sends a message every few seconds. A connection that closes without a farewell, or is
silent for too long, means that a process was killed, stopped or disconnected: the chief reports
this to the others, and every process ends its step with the same error.
"""

from __future__ import annotations

import select
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final

from ..data.errors import RunError
from .cluster import Cluster
from .limits import Limits
from .sockets import NotOurs, receive, send

_SHARE: Final = 8
"""The number of signs of life in the time after which a process is lost."""
_VERDICT: Final = 2.0
"""Seconds that a process waits for the chief's report of who was lost first."""
_PART: Final = 5.0
"""Seconds in which the rest of a message must arrive."""
ALIVE: Final = {"alive": True}
FAREWELL: Final = {"finished": True}


class Pulse:
    """The signs of life of one process. `peers` has the connection to the chief, or those of the
    chief to all others. When a process is lost, `woken` ends what the training waits for.
    """

    def __init__(
        self,
        cluster: Cluster,
        peers: Mapping[int, socket.socket],
        limits: Limits,
        woken: Callable[[], None] = lambda: None,
    ) -> None:
        self._cluster, self._limits, self._woken = cluster, limits, woken
        self._peers = dict(peers)
        for one in self._peers.values():
            one.settimeout(_PART)
        now = time.monotonic()
        self._heard = dict.fromkeys(self._peers, now)
        self._lost: tuple[int, str] | None = None
        self._found = threading.Event()
        """Set when it is known who is lost."""
        self._ending, self._wake = socket.socketpair()
        self._thread = threading.Thread(target=self._beat, name="modelspec-pulse", daemon=True)
        self._thread.start()

    def lost(self, one: int) -> RunError:
        """The error (MS942) after the connection to a process ended; it names the process that was
        lost first.
        """
        self._found.wait(_VERDICT)
        index, how = self._lost or (one, "ended before the others")
        return self._error(index, how)

    def late(self, one: int, seconds: float) -> RunError:
        """The error (MS942) for a process that is alive, but does not finish its step."""
        return self._error(one, f"did not finish its step within {seconds:g} s")

    def close(self, *, farewell: bool = True) -> None:
        """End the thread; after a farewell the other side no longer expects signs of life."""
        with suppress(OSError):
            self._wake.send(b"f" if farewell else b"e")
        if self._thread is not threading.current_thread():
            self._thread.join(_PART)
        for one in (*self._peers.values(), self._wake, self._ending):
            one.close()

    def _error(self, index: int, how: str) -> RunError:
        address = self._cluster.addresses[index]
        name = "the chief" if index == 0 else f"worker {index}"
        return RunError.of(
            "MS942",
            f"{name} (`{address}`) {how}",
            help="`modelspec resume` continues a training from its last checkpoint",
        )

    # The thread -----------------------------------------------------------------------------------

    def _beat(self) -> None:
        pause = self._limits.silence / _SHARE
        due = time.monotonic()
        while self._peers:
            if time.monotonic() >= due:
                self._tell(ALIVE)
                due = time.monotonic() + pause
            waiting = [self._ending, *self._peers.values()]
            ready = select.select(waiting, (), (), max(0.0, due - time.monotonic()))[0]
            if self._ending in ready:
                if self._ending.recv(1) == b"f":
                    self._tell(FAREWELL)
                return
            for index, one in list(self._peers.items()):
                if one in ready:
                    self._hear(index, one)
            self._miss()
            if self._lost is not None:
                self._report()
                return

    def _hear(self, index: int, one: socket.socket) -> None:
        try:
            message: Any = receive(one, _PART)
        except NotOurs:
            self._lost = self._lost or (index, "ended during the training")
            return
        self._heard[index] = time.monotonic()
        if message == FAREWELL:
            self._peers.pop(index).close()
        elif isinstance(message, dict) and isinstance(message.get("lost"), int):
            self._lost = message["lost"] % self._cluster.size, str(message.get("how"))[:200]

    def _miss(self) -> None:
        """Finds a process that is silent for too long."""
        now, most = time.monotonic(), self._limits.silence
        for index in self._peers:
            if self._lost is None and now - self._heard[index] > most:
                self._lost = index, f"has given no sign of life for {most:g} s"

    def _tell(self, message: Any) -> None:
        for index, one in list(self._peers.items()):
            try:
                send(one, message)
            except OSError:
                if self._lost is None and message is ALIVE:
                    self._lost = index, "ended during the training"

    def _report(self) -> None:
        """Tell the others who is lost, and wake the training."""
        assert self._lost is not None
        index, how = self._lost
        self._found.set()
        if self._cluster.is_chief:
            self._tell({"lost": index, "how": how})
        self._woken()
