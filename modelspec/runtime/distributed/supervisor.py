"""Starts the workers of a run, and restarts all of them from the last checkpoint when one of them
is killed, hangs, or loses its connections.

A worker that ends for a reason that another start cannot change, such as faulty data, ends the run.
Signals are forwarded to all workers; a supervisor that is killed takes its workers with it.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Final, Protocol

from ..data.errors import RunError
from ..history.run_files import MANIFEST, RESOLVED
from ..run.folder import is_unbegun
from .limits import Limits
from .local_workers import start_local

_PAUSE: Final = 0.05
"""Seconds between two checks of the workers."""
_GRACE: Final = 10.0
"""Seconds in which the other workers may end by themselves after the first one."""
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_UNMET: Final = 4
_INTERRUPTED: Final = 75
_COMPLETE: Final = (0, _UNMET)
"""The exit statuses of a run that came to its end."""
_FINAL: Final = (1, 2, 3, 70)
"""The exit statuses of faults that another start repeats."""


class Worker(Protocol):
    """A process of a run, on this host or another one."""

    def poll(self) -> int | None: ...
    def silent(self) -> float: ...
    def signal(self, number: int) -> None: ...
    def kill(self) -> None: ...
    def output(self) -> str: ...


Start = Callable[[Sequence[str], int, Path], Sequence[Worker]]
"""Starts workers with the arguments of `modelspec`; the folder is for their output."""


@dataclass(frozen=True)
class Job:
    """A run with several workers."""

    directory: Path
    """The run folder."""
    train: tuple[str, ...]
    """The arguments of `modelspec` that begin the run; empty for one that exists."""
    resume: tuple[str, ...]
    """Those that continue it."""
    workers: int
    restarts: int = 3
    continues: bool = True
    """Whether a start continues a run from its last checkpoint; otherwise each begins anew."""

    @property
    def words(self) -> tuple[str, ...]:
        """The arguments for the next start."""
        path = self.directory
        if not self.continues:
            return self.train
        begun = (path / MANIFEST).exists() and (path / RESOLVED).exists() and not is_unbegun(path)
        return self.resume if begun or not self.train else self.train


@dataclass(frozen=True)
class Ended:
    """How the workers of one start ended."""

    statuses: tuple[int, ...]
    first: int
    """The worker that ended first without completing the run."""
    why: str

    def final(self) -> int | None:
        """The exit status of the run; None if another start may complete it."""
        if self.statuses[0] in _COMPLETE:
            return self.statuses[0]
        return next((one for one in self.statuses if one in _FINAL), None)


def supervise(job: Job, say: Callable[[str], None], start: Start = start_local) -> int:
    """The exit status of the run, after all its workers have ended. `say` gets a line for people
    for each restart, and the output of a worker that failed.

    Raises `RunError` (MS944) after the last restart.
    """
    with _forwarding() as forwarder:
        return _supervised(job, say, start, forwarder)


def _supervised(job: Job, say: Callable[[str], None], start: Start, forwarder: _Forwarder) -> int:
    for attempt in range(job.restarts + 1):
        with TemporaryDirectory(prefix="modelspec-workers-") as folder:
            workers = start(job.words, job.workers, Path(folder))
            try:
                forwarder.to(workers)
                ended = _ended(workers, forwarder)
            finally:
                forwarder.to(())
                for one in workers:
                    one.kill()
            final = ended.final()
            if final is not None and ended.statuses[0] not in (*_COMPLETE, final):
                say(workers[ended.statuses.index(final)].output())
        if final is not None:
            return final
        if forwarder.numbers:
            return _of_signal(ended.statuses[0])
        if attempt < job.restarts:
            place = " from the last checkpoint" if job.continues else ""
            say(f"{ended.why}; restart {attempt + 1} of {job.restarts}{place}")
    help = f"`modelspec resume {job.directory} --workers {job.workers}` continues it"
    raise RunError.of(
        "MS944",
        f"{ended.why}, and {'the run' if job.continues else 'it'} was restarted"
        f" {job.restarts} times",
        help=help if job.continues else "use fewer workers, or one process",
    )


def _of_signal(status: int) -> int:
    """The exit status after a forwarded signal. The chief may have been killed by it."""
    return status if status >= 0 else 128 - status


def _ended(workers: Sequence[Worker], forwarder: _Forwarder) -> Ended:
    """Waits for the end of all workers, and ends those that remain after the others."""
    most, first, until = Limits.here().silence, None, float("inf")
    while True:
        statuses = [one.poll() for one in workers]
        if all(status is not None for status in statuses):
            break
        if first is None:
            first = _trouble(workers, statuses, most)
            if first is not None or statuses[0] in _COMPLETE:
                until = time.monotonic() + _GRACE
        if time.monotonic() > until:
            break
        time.sleep(_PAUSE)
    for one in workers:
        if one.poll() is None:
            one.kill()
    final = tuple(status if (status := one.poll()) is not None else -9 for one in workers)
    index, why = first or _trouble(workers, final, most) or (0, "the run ended")
    return Ended(final, index, why)


def _trouble(
    workers: Sequence[Worker], statuses: Sequence[int | None], most: float
) -> tuple[int, str] | None:
    """The first worker that ended without completing the run or is silent, and a sentence on it."""
    for index, status in enumerate(statuses):
        name = "the chief" if index == 0 else f"worker {index}"
        if status is None and workers[index].silent() > most:
            return index, f"{name} has given no sign of life for {most:g} s"
        if status is not None and status not in _COMPLETE:
            return index, f"{name} {_how(status)}"
    return None


def _how(status: int) -> str:
    if status >= 0:
        return f"ended with status {status}"
    try:
        return f"was killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"was killed by signal {-status}"


# Signals ------------------------------------------------------------------------------------------


class _Forwarder:
    """Passes the signals of this process to its workers; from the third one on they are killed."""

    def __init__(self) -> None:
        self.numbers: list[int] = []
        """The signals that arrived."""
        self._workers: Sequence[Worker] = ()

    def to(self, workers: Sequence[Worker]) -> None:
        """The workers from now on. Those that were starting while a signal arrived get it now."""
        self._workers = workers
        for number in self.numbers[:1]:
            for one in workers:
                one.signal(number)

    def heed(self, number: int, frame: FrameType | None) -> None:
        self.numbers.append(number)
        for one in self._workers:
            one.signal(number if len(self.numbers) < len(_SIGNALS) else signal.SIGKILL)


@contextmanager
def _forwarding() -> Iterator[_Forwarder]:
    forwarder = _Forwarder()
    own = _SIGNALS if threading.current_thread() is threading.main_thread() else ()
    before = {one: signal.getsignal(one) for one in own}
    heeded = {
        one: handler for one, handler in before.items() if handler not in (None, signal.SIG_IGN)
    }
    for one in heeded:
        signal.signal(one, forwarder.heed)
    try:
        yield forwarder
    finally:
        for one, handler in heeded.items():
            signal.signal(one, handler)
