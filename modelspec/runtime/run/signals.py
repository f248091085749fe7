"""SIGINT, SIGTERM and SIGHUP: a first one ends the run after the step at hand, a second one at
once.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any, Self

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Signals:
    """While it is entered, a signal asks for an end (`asked`). Outside the main thread Python
    allows no handlers.
    """

    def __init__(self) -> None:
        self.asked: str | None = None
        """The name of the signal that came."""
        self.times = 0
        """How many came."""
        self._heeded = False
        self._before: dict[signal.Signals, Any] = {}

    @contextmanager
    def heeded(self) -> Iterator[None]:
        """Within, somebody looks at `asked` after every few steps; elsewhere a signal raises
        KeyboardInterrupt.
        """
        self._heeded = True
        try:
            yield
        finally:
            self._heeded = False

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._before = {one: signal.signal(one, self._arrived) for one in _SIGNALS}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for one, handler in self._before.items():
            signal.signal(one, handler)

    def _arrived(self, number: int, frame: FrameType | None) -> None:
        self.times += 1
        self.asked = signal.Signals(number).name
        if self.times > 1 or not self._heeded:
            raise KeyboardInterrupt
