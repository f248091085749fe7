"""The connection of a worker to the process that started it. The worker sends signs of life; when
the other side ends, the worker saves its run and ends as well, so no worker is left behind.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import threading
import time
from typing import Final

from .cluster import current_cluster

LINK: Final = "MODELSPEC_SUPERVISOR"
"""The number of the file descriptor of the connection."""
_BEAT: Final = 1.0
"""Seconds between two signs of life."""
_GRACE: Final = 30.0
"""Seconds that a worker without a supervisor has to save its run."""
_attached = False
"""Whether this process has a supervisor."""
_ENDED: Final = 75
"""The exit status of a worker that ends because its supervisor has: as after a signal."""


def attach() -> None:
    """Connect this process with its supervisor, if it has one. The first call in a process counts:
    its own child processes have none.
    """
    global _attached
    number = os.environ.pop(LINK, "")
    if not number.isdecimal():
        return
    try:
        link = socket.socket(fileno=int(number))
    except OSError:  # inherited from a process whose connection is closed
        return
    _attached = True
    os.set_inheritable(link.fileno(), False)
    threading.Thread(target=_watch, args=(link,), name="modelspec-supervised", daemon=True).start()


def workers_option() -> str:
    """The option with which a command starts as many workers again: ` --workers 4`, or nothing for
    a process without a supervisor.
    """
    cluster = current_cluster() if _attached else None
    return "" if cluster is None else f" --workers {cluster.size}"


def _watch(link: socket.socket) -> None:
    link.setblocking(False)
    while True:
        ready = select.select([link], (), (), _BEAT)[0]
        try:
            if ready and not link.recv(1):
                break
            link.send(b".")
        except BlockingIOError:  # the supervisor does not read: it is alive
            continue
        except OSError:
            break
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_GRACE)
    os._exit(_ENDED)
