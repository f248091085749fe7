"""Several workers of one sweep: processes on this host, each with its share of the threads."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from modelspec.compiler.pipeline import Compiled
from modelspec.core.plugins import plugged
from modelspec.errors import RunError
from modelspec.runtime.history.machine import cores
from modelspec.runtime.testing.workers import Ended, Job, Running, run_all

from .engine import Opened
from .trials import Trial

_LOOK: Final = 0.5
"""Seconds between two looks at the storage."""
_THREADS: Final = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
INTERRUPTED: Final = 75
"""The exit status of a worker that a signal ended."""


def run_workers(
    opened: Opened, words: Sequence[str], changed: Callable[[Sequence[Trial]], None]
) -> bool:
    """Runs `jobs` workers until the sweep ends; `words` are the arguments of `modelspec` for each.
    Returns whether a signal arrived, which all of them got.

    A worker that dies is not replaced: the others take over its trial. Raises `RunError` (MS924) if
    all of them failed.
    """
    jobs = [Job(str(number), tuple(words)) for number in range(opened.plan.jobs)]
    ended: list[Ended] = []
    looked = [0.0]

    def look(running: Sequence[Running]) -> None:
        if time.monotonic() - looked[0] >= _LOOK:
            looked[0] = time.monotonic()
            changed(opened.trials())

    with shared_threads(len(jobs)):
        stopped = run_all(jobs, len(jobs), lambda job, how: ended.append(how), look)
    changed(opened.trials())
    if not stopped and ended and all(one.status not in (0, INTERRUPTED) for one in ended):
        raise _all_failed(ended[-1])
    return stopped or any(one.status == INTERRUPTED for one in ended)


def worker_words(opened: Opened, file: str, storage: str | None) -> list[str]:
    """The arguments of a worker: the spec with the values that were set from outside, and the
    folder of the sweep.
    """
    plan = opened.plan
    words = ["sweep", file, "--worker", str(plan.folder.path), "-j", str(plan.jobs)]
    words += ["--storage", storage] if storage is not None else []
    return [*words, *overrides_of(plan.compiled), *plugged_words()]


def overrides_of(compiled: Compiled) -> list[str]:
    """The values that were set from outside, as arguments."""
    written = compiled.written.overrides if compiled.written is not None else {}
    given = [f"{path}={json.dumps(value)}" for path, value in written.items()]
    return [word for one in given for word in ("--set", one)]


def plugged_words() -> list[str]:
    """The plugins of the command line, as arguments."""
    return [word for module in plugged() for word in ("--plugin", module)]


def _all_failed(last: Ended) -> RunError:
    lines = [line for line in last.output.strip().splitlines() if line.strip()]
    wrong = [line for line in lines if "error[" in line] or lines[-1:]
    return RunError.of(
        "MS924",
        f"all workers of the sweep ended with an error: {(wrong or ['no output'])[0].strip()}",
        help="run the sweep without `-j` to see all of it",
    )


@contextmanager
def shared_threads(count: int) -> Iterator[None]:
    """Inside this context, new processes of modelspec use their share of the cores of this host,
    unless the user has set the threads of TensorFlow.
    """
    before = {name: os.environ.get(name) for name in _THREADS}
    share = str(max(1, cores() // count))
    for name, value in before.items():
        os.environ[name] = value or share
    try:
        yield
    finally:
        _restore(before)


def _restore(before: Mapping[str, Any]) -> None:
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
