"""Writes checkpoints in the background: the training only waits until its tensors are copied."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any

from .store import Store, as_text
from .tensors import Array


class Writer:
    """Writes to a store in a separate thread, one checkpoint at a time.

    If the disk is slower than the training, a checkpoint that is still waiting is replaced by the
    next: a run should be resumed from the newest state, and memory contains two copies at most.
    Errors are raised by the next call.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self._condition = threading.Condition()
        self.worked = 0.0
        """CPU seconds that the background thread has used so far."""
        self._waiting: tuple[int, Mapping[str, Array], str] | None = None
        self._busy = self._closed = False
        self._failed: BaseException | None = None
        # A daemon thread: it does not delay the end of the program, and a partly written checkpoint
        # was never committed.
        self._thread = threading.Thread(target=self._work, name="checkpoints", daemon=True)
        self._thread.start()

    def submit(self, position: int, tensors: Mapping[str, Array], state: Mapping[str, Any]) -> None:
        """Queues a checkpoint. `tensors` must be copies that nobody changes; `state` is converted
        to JSON here.

        Raises `RunError` (MS740) if an earlier one could not be written.
        """
        text = as_text(state)
        with self._condition:
            self._raise()
            assert not self._closed, "the writer is closed"
            self._waiting = (position, tensors, text)
            self._condition.notify_all()

    def wait(self) -> None:
        """Returns when all queued checkpoints are committed. Raises as `submit` does."""
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
