"""What the processes of a run decide together, so that all of them take the same steps.

The chief decides how many steps are run before control returns to Python, and whether a callback
has ended the training: this may depend on the clock. A signal to any process ends the run of all,
after the same step. At the beginning of each epoch all processes get the state of the chief, in
case a callback has changed it in one of them only.
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import keras

    from ..run.signals import Signals
    from .channel import Channel
    from .replicas import Group


class Conduct:
    """The decisions of one process; alone it decides for itself."""

    def __init__(self, group: Group | None) -> None:
        self._channel: Channel | None = group.channel if group is not None else None

    def count(self, steps: int, signals: Signals) -> int:
        """The number of steps of the next call: that of the chief."""
        channel = self._channel
        if channel is None:
            return steps
        if signals.asked is not None:
            channel.flag = int(signal.Signals[signals.asked])
        return self._of_chief(steps)

    def is_asked(self, signals: Signals) -> bool:
        """Whether a signal to any of the processes has requested the end of the run. It is the same
        in all of them.
        """
        if self._channel is None:
            return signals.asked is not None
        if self._channel.flagged and signals.asked is None:
            signals.asked = signal.Signals(self._channel.flagged).name
        return bool(self._channel.flagged)

    def agree_to_stop(self, model: keras.Model) -> None:
        """Make `stop_training` that of the chief."""
        if self._channel is not None:
            model.stop_training = bool(self._of_chief(int(bool(model.stop_training))))

    def equalize(self, model: keras.Model) -> None:
        """Give the state of the chief's model to all processes."""
        if self._channel is None:
            return
        from .replicas import state_of

        variables = state_of(model)
        values = [one.numpy() for one in variables]
        content = b"".join(one.tobytes() for one in values) if self._channel.index == 0 else b""
        received, place = self._channel.broadcast(content), 0
        if self._channel.index == 0:
            return
        for variable, value in zip(variables, values, strict=True):
            own = received[place : place + value.nbytes]
            place += value.nbytes
            if own != value.tobytes():
                variable.assign(np.frombuffer(own, value.dtype).reshape(value.shape))

    def _of_chief(self, number: int) -> int:
        assert self._channel is not None
        own = number if self._channel.index == 0 else 0
        found: Any = self._channel.all_reduce([np.array([own], np.int64)])
        return int(found[0][0])
