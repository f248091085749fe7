"""Trainings of `modelspec test` and `modelspec accept` in this process, in place of new ones which
load TensorFlow again: for tests of what becomes of their results.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from modelspec.cli import main
from modelspec.runtime.testing import workers


class Ended:
    """A process that has ended with an exit status."""

    def __init__(self, status: int) -> None:
        self._status = status

    def poll(self) -> int:
        return self._status


def trained_here(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """From here on, a job runs at once, here. Returns the arguments of all jobs, which is filled
    while they run.
    """
    seen: list[tuple[str, ...]] = []

    def start(job: workers.Job, logs: Path) -> workers.Running:
        seen.append(tuple(job.words))
        log = (logs / f"{len(seen)}.log").open("wb")
        began = time.perf_counter()
        found = CliRunner().invoke(main, list(job.words))
        log.write(found.output.encode())
        log.flush()
        process: Any = Ended(found.exit_code)
        return workers.Running(job, process, log, began)

    monkeypatch.setattr(workers, "_start", start)
    return seen
