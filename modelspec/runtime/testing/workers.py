"""Trainings in separate processes, several at once; a signal ends all of them, with saved state."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import IO, Final

from ..distributed.processes import environment, tail

_PAUSE: Final = 0.05
"""Seconds between two checks of the processes."""
_KEPT: Final = 64_000
"""The most bytes of the output of a process that are kept, from its end."""
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True)
class Job:
    """The command of a process: the arguments of `modelspec`."""

    key: str
    words: tuple[str, ...]


@dataclass(frozen=True)
class Ended:
    """How a process ended."""

    status: int
    """Its exit status, negative after a signal."""
    output: str
    """Its output, on both streams."""
    seconds: float


@dataclass
class Running:
    """A running process."""

    job: Job
    process: subprocess.Popen[bytes]
    log: IO[bytes]
    began: float

    @property
    def line(self) -> str:
        """The last line of its output."""
        lines = tail(Path(self.log.name), 2_000).strip().splitlines()
        return lines[-1] if lines else ""

    def ended(self) -> Ended | None:
        status = self.process.poll()
        if status is None:
            return None
        self.log.close()
        return Ended(status, tail(Path(self.log.name), _KEPT), time.perf_counter() - self.began)


Ending = Callable[[Job, Ended], None]
Look = Callable[[Sequence[Running]], None]


def run_all(jobs: Sequence[Job], at_once: int, ended: Ending, look: Look) -> bool:
    """Run every job, `at_once` at a time; `ended` is called for each, `look` with the running ones.

    After a first signal every process gets SIGINT, so that it saves its run, and no further job
    starts; a second one is forwarded as well, and ends them immediately. Returns whether a signal
    arrived.
    """
    waiting, running = list(jobs), list[Running]()
    with TemporaryDirectory(prefix="modelspec-test-") as logs, _heeding(running) as asked:
        try:
            while running or (waiting and not asked):
                while waiting and not asked and len(running) < at_once:
                    running.append(_start(waiting.pop(0), Path(logs)))
                    if asked:  # the signal arrived while it was starting
                        running[-1].process.send_signal(signal.SIGINT)
                for one in list(running):
                    found = one.ended()
                    if found is not None:
                        running.remove(one)
                        ended(one.job, found)
                look(running)
                time.sleep(_PAUSE if running else 0)
        finally:
            for one in running:  # this process failed: stop all others
                one.process.kill()
                one.process.wait()
    return bool(asked)


@contextmanager
def _heeding(running: list[Running]) -> Iterator[list[int]]:
    """Forwards signals to the processes; yields the list of those that arrived."""
    asked: list[int] = []

    def heed(number: int, frame: FrameType | None) -> None:
        asked.append(number)
        for one in list(running):
            if one.process.poll() is None:
                one.process.send_signal(signal.SIGINT)

    own = _SIGNALS if threading.current_thread() is threading.main_thread() else ()
    before = {number: signal.signal(number, heed) for number in own}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _start(job: Job, logs: Path) -> Running:
    """In a new session: Ctrl-C on the terminal reaches it through this process, once."""
    log = (logs / f"{len(list(logs.iterdir()))}.log").open("wb")
    # Without `-P`, Python would search for every module in the current folder first.
    process = subprocess.Popen(  # noqa: S603  # this very program
        [sys.executable, "-P", "-m", "modelspec", *job.words],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        env=environment(),
        start_new_session=True,
    )
    return Running(job, process, log, time.perf_counter())


def remove_empty(path: Path | None) -> bool:
    """Remove the folder of a run that never started; returns whether none is left."""
    if path is None:
        return True
    with suppress(OSError):
        path.rmdir()
        path.parent.rmdir()
    return not path.exists()
