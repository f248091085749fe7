"""Which worker runs a trial, and whether it still does.

A worker holds a lock on a file of its own as long as it runs; the kernel releases it. Workers of
this host are found dead at once by it. Workers of other hosts renew their lease of a trial every
few seconds, and are taken for dead when they have not done so for a while.
"""

from __future__ import annotations

import fcntl
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from .storage import Storage, host

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

LEASE: Final = "modelspec:lease"
"""The attribute of a trial with its worker."""
WORKERS: Final = ".workers"
RENEWED: Final = 15.0
"""Seconds between two renewals of a lease."""
EXPIRED: Final = 120.0
"""Seconds after which a lease that was not renewed has expired. Clocks of hosts may differ."""


class Worker:
    """The identity of this process among the workers of a sweep."""

    def __init__(self, folder: Path) -> None:
        self.id = uuid.uuid4().hex[:12]
        self._folder = folder / WORKERS
        self._folder.mkdir(parents=True, exist_ok=True)
        self._path = self._folder / self.id
        self._file: IO[bytes] | None = self._path.open("ab")
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def close(self) -> None:
        """Release the lock."""
        if self._file is not None:
            with suppress(OSError):
                self._path.unlink()
            self._file.close()
            self._file = None

    def lease(self) -> dict[str, Any]:
        """The entry of a trial that this worker runs."""
        folder = str(self._folder.resolve())
        return {"worker": self.id, "host": host(), "folder": folder, "at": time.time()}

    def is_alive(self, trial: FrozenTrial) -> bool:
        """Whether another worker runs a trial."""
        lease = trial.user_attrs.get(LEASE)
        if not isinstance(lease, Mapping):
            return False
        worker, at = lease.get("worker"), lease.get("at")
        if not isinstance(worker, str) or worker == self.id:
            return False
        if (lease.get("host"), lease.get("folder")) == (host(), str(self._folder.resolve())):
            return _is_held(self._folder / Path(worker).name)
        return isinstance(at, (int, float)) and time.time() - at < EXPIRED

    @contextmanager
    def leasing(self, storage: Storage, number: int) -> Iterator[None]:
        """Renews the lease of a trial while it runs, if other hosts may wait for it."""
        if not storage.is_shared:
            yield
            return
        ended = threading.Event()
        at = storage.trial_id(number)

        def renew() -> None:
            while not ended.wait(RENEWED):
                with suppress(Exception):  # the next renewal may succeed
                    storage.optuna.set_trial_user_attr(at, LEASE, self.lease())

        thread = threading.Thread(target=renew, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()


def _is_held(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    with suppress(OSError):  # its process was killed
        path.unlink()
    return False
