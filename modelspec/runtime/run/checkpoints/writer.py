"""Checkpoints written in the background: the training waits for the copy of its tensors and for
nothing else.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any

from .store import Store, as_text
from .tensors import Array


class Writer:
    """Writes to a store in a thread of its own, one checkpoint at a time.

    Where the disk is slower than the training, a checkpoint that still waits gives way to the next:
    the newest state is what a run wants to go on from, and memory holds two copies at most. What
    fails is raised by the next call.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self._condition = threading.Condition()
        self.worked = 0.0
        """Seconds of a processor that the background has taken so far."""
        self._waiting: tuple[int, Mapping[str, Array], str] | None = None
        self._busy = self._closed = False
        self._failed: BaseException | None = None
        # A daemon: a program that ends is not held up, and what it leaves half written was never
        # committed.
        self._thread = threading.Thread(target=self._work, name="checkpoints", daemon=True)
        self._thread.start()

    def submit(self, position: int, tensors: Mapping[str, Array], state: Mapping[str, Any]) -> None:
        """Hands over a checkpoint. `tensors` must be copies that nobody changes; `state` is put
        into words here.

        Raises `RunError` (MS740) where an earlier one could not be written.
        """
        text = as_text(state)
        with self._condition:
            self._raise()
            assert not self._closed, "the writer is closed"
            self._waiting = (position, tensors, text)
            self._condition.notify_all()

    def wait(self) -> None:
        """Returns when everything handed over is committed. Raises as `submit` does."""
        with self._condition:
            self._condition.wait_for(lambda: not self._busy and self._waiting is None)
            self._raise()

    def close(self) -> None:
        """Waits, and ends the thread. Raises as `submit` does."""
        try:
            self.wait()
        finally:
            with self._condition:
                self._closed = True
                self._condition.notify_all()
            self._thread.join()

    def _raise(self) -> None:
        if self._failed is not None:
            failed, self._failed = self._failed, None
            raise failed

    def _work(self) -> None:
        while True:
            with self._condition:
                self._condition.wait_for(lambda: self._waiting is not None or self._closed)
                if self._waiting is None:
                    return
                job, self._waiting, self._busy = self._waiting, None, True
            failed: BaseException | None = None
            try:
                self.store.write(*job)
            except BaseException as error:  # noqa: BLE001  # it is raised again in the thread that trains
                failed = error
            with self._condition:
                del job
                self._failed, self._busy = failed or self._failed, False
                self.worked = time.thread_time()
                self._condition.notify_all()
