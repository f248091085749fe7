"""Keras's `RemoteMonitor`, restricted to the host that was set."""

from __future__ import annotations

import json
import warnings
from typing import Any

import keras

_SECONDS = 10
"""Seconds that a server may take to answer."""


class RemoteMonitor(keras.callbacks.RemoteMonitor):
    """As https://keras.io/api/callbacks/remote_monitor, with these differences: redirects are not
    followed, a server that does not answer does not stop the training, a failure is reported once,
    an epoch that is computed again after a resume is not sent again, and of several processes that
    train one model only the chief sends.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._failed = False
        self.ended_before = 0
        """The number of epochs that had ended before the run was resumed: these were sent."""
        self.reports = True
        """Whether this process sends. It is set to False in all processes but the chief."""

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if epoch < self.ended_before or not self.reports:
            return
        import requests

        values = {"epoch": epoch, **{name: float(one) for name, one in (logs or {}).items()}}
        body: dict[str, Any] = (
            {"json": values} if self.send_as_json else {"data": {self.field: json.dumps(values)}}
        )
        try:
            answer = requests.post(
                self.root + self.path,
                headers=self.headers,
                allow_redirects=False,
                timeout=_SECONDS,
                **body,
            )
            problem = "" if answer.ok and not answer.is_redirect else f"status {answer.status_code}"
        except (requests.exceptions.RequestException, ValueError) as error:
            problem = type(error).__name__
        if problem and not self._failed:
            self._failed = True
            warnings.warn(f"`RemoteMonitor` cannot send to {self.root}: {problem}", stacklevel=2)
