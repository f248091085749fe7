"""SIGINT, SIGTERM and SIGHUP: the first one ends the run after the current step, a second one
immediately. Handlers of the program are restored and called when the run has ended.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any, Self

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Signals:
    """Inside this context, a signal requests the end of the run (`asked`). Outside the main thread
    Python does not allow handlers. A signal that the program ignores (`nohup`) stays ignored, and a
    signal with a handler outside Python is not changed.
    """

    def __init__(self) -> None:
        self.asked: str | None = None
        """The name of the received signal."""
        self._came: list[int] = []
        self._heeded = False
        self._before: dict[signal.Signals, Any] = {}

    @property
    def times(self) -> int:
        """The number of received signals."""
        return len(self._came)

    def require_none(self) -> None:
        """Raises KeyboardInterrupt if a signal came. Called between the parts of a run: libraries
        may catch the exception that a signal raises, e.g. in an import or a finalizer.
        """
        if self._came:
            raise KeyboardInterrupt

    @contextmanager
    def heeded(self) -> Iterator[None]:
        """Inside this context, `asked` is checked after every few steps; elsewhere a signal raises
        KeyboardInterrupt.
        """
        self._heeded = True
        try:
            yield
        finally:
            self._heeded = False

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            before = {one: signal.getsignal(one) for one in _SIGNALS}
            self._before = {
                one: handler
                for one, handler in before.items()
                if handler not in (None, signal.SIG_IGN)
            }
            for one in self._before:
                signal.signal(one, self._arrived)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Raises the errors of the program's handlers."""
        for one, handler in self._before.items():
            signal.signal(one, handler)
        for number in self._came:
            handler = self._before[signal.Signals(number)]
            # Python's own handler would raise the same exception again.
            if callable(handler) and handler is not signal.default_int_handler:
                handler(number, sys._getframe())

    def _arrived(self, number: int, frame: FrameType | None) -> None:
        self._came.append(number)
        self.asked = signal.Signals(number).name
        if self.times > 1 or not self._heeded:
            raise KeyboardInterrupt
