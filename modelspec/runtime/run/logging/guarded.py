"""A service that cannot end a run: its calls have a time limit, and its errors are warnings."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from queue import SimpleQueue
from typing import Final

from modelspec.core.diagnostics import Diagnostic
from modelspec.core.plugins.working import printed_warning, quiet

from .service import Ended, Entry, LoggedRun, Service

START_SECONDS = 120.0
"""Seconds that a service may take to start, which imports its package."""
LOG_SECONDS = 30.0
FINISH_SECONDS = 120.0
_MOST_FAILURES: Final = 3
"""Calls that may fail in succession; then the service is not called again."""


class Guarded:
    """One service. Its calls are made one after the other, in a thread that the run waits for."""

    def __init__(
        self, kind: str, service: Service, steps: int, warn: Callable[[Diagnostic], None]
    ) -> None:
        self.kind, self.steps = kind, steps
        self._service, self._warn = service, warn
        self._calls: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._pending: deque[Entry] = deque()
        """Entries that are not logged yet: the newest one, and those of calls that failed."""
        self._failures = 0
        self._has_printed = False
        self._warned = self._off = False
        self._shown: str = getattr(service, "shown", f"`{kind}`")
        self._printed: list[str] | None = getattr(service, "printed", None)
        """The output of a plugin; None for a service of modelspec."""
        self._thread = threading.Thread(target=self._work, name=f"logging to {kind}", daemon=True)
        self._thread.start()

    @property
    def run_id(self) -> str | None:
        """The name of the run in the service."""
        return None if self._off else self._service.run_id

    def start(self, run: LoggedRun) -> None:
        """Start the service; if that fails, it is not called again."""
        if not self._call("starting", START_SECONDS, lambda: self._service.start(run)):
            self._off = True

    def log(self, entry: Entry) -> None:
        """Log an entry, after those of earlier calls that failed."""
        self._pending.append(entry)
        self._flush()

    def finish(self, ended: Ended) -> None:
        """End the service."""
        self._flush()
        self._call("finishing", FINISH_SECONDS, lambda: self._service.finish(ended))
        self._calls.put(_stop)

    def _flush(self) -> None:
        while self._pending and not self._off:
            first = self._pending[0]
            if not self._call("logging", LOG_SECONDS, partial(self._service.log, first)):
                return
            self._pending.popleft()

    def _call(self, what: str, seconds: float, call: Callable[[], None]) -> bool:
        """Whether a call succeeded within the time limit."""
        if self._off:
            return False
        done, errors = threading.Event(), []

        def run() -> None:
            try:
                call()
            except BaseException as error:  # noqa: BLE001  # also `sys.exit()`: the run continues
                errors.append(error)
            finally:
                done.set()

        with self._quiet():
            self._calls.put(run)
            in_time = done.wait(seconds)
        self._report_output()
        if not in_time:
            self._off = True  # its thread is still in that call
            self._report(
                "MS766",
                f"{self._shown} did not respond within {seconds:g} seconds ({what}); the run"
                " continues without it",
            )
            return False
        self._failures = self._failures + 1 if errors else 0
        if errors:
            text = " ".join(str(errors[0]).split())[:300] or "no message"
            message = f"{what} failed: {type(errors[0]).__name__}: {text}"
            self._report("MS765", f"{self._shown}: {message}; the run continues")
        self._off = self._off or self._failures >= _MOST_FAILURES
        return not errors

    def _quiet(self) -> AbstractContextManager[None]:
        """Inside, the output of a plugin is kept."""
        return nullcontext() if self._printed is None else quiet(self._printed, self._thread)

    def _report_output(self) -> None:
        """One warning for everything that a plugin prints."""
        if self._printed and not self._has_printed:
            self._has_printed = True
            self._warn(printed_warning(getattr(self._service, "settings", None), self._printed))

    def _report(self, code: str, message: str) -> None:
        """One warning for each service and run."""
        if not self._warned:
            self._warned = True
            help = f"`modelspec explain {code}` shows what to check"
            self._warn(Diagnostic(code, "warning", message, None, help=help))

    def _work(self) -> None:
        while (call := self._calls.get()) is not _stop:
            call()


def _stop() -> None:
    """Ends the thread."""
