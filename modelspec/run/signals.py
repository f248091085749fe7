"""SIGINT, SIGTERM and SIGHUP: a first one ends the run after the step at hand, a second one at once."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    import keras

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Signals:
    """While it is entered, a signal asks for an end (`asked`). Outside the main thread Python allows no handlers."""

    def __init__(self) -> None:
        self.asked: str | None = None
        """The name of the signal that came."""
        self._model: keras.Model | None = None
        self._before: dict[signal.Signals, Any] = {}

    def stop(self, model: keras.Model | None) -> None:
        """From now on a signal lets this model finish its step; with None it raises KeyboardInterrupt at once."""
        self._model = model

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._before = {one: signal.signal(one, self._arrived) for one in _SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for one, handler in self._before.items():
            signal.signal(one, handler)

    def _arrived(self, number: int, frame: FrameType | None) -> None:
        again = self.asked is not None
        self.asked = signal.Signals(number).name
        if again or self._model is None:
            raise KeyboardInterrupt
        self._model.stop_training = True
