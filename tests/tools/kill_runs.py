"""Kills trainings with SIGKILL at random instants, continues each until it ends, and compares them
with one that was not interrupted.

    python -m tests.tools.kill_runs [KILLS [SEED]]

The instants cover the preparation of the data, which a run repeats without its cache, the training
of a model with a stateful layer, and the end of the run. A run that was killed before its training
began is started again in its folder. Weights, history and metrics must be equal to the bit.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tests.tools.crash_points import (
    DONE,
    SPEC,
    left,
    prepare,
    result,
    resume,
    resuming,
    say,
    started,
    train,
    training,
)

ROWS = 960
_SPEC = SPEC.replace("0.33334", "0.25").replace("every: 1 steps", "every: 7 steps")
_MOST_ATTEMPTS = 60
"""For one run: it must advance although it is killed."""


class Killed(NamedTuple):
    """How often a run was killed until it ended."""

    before: int
    """Before its training began."""
    during: int
    equal: bool


def attempt(run: str, seconds: float) -> bool:
    """Trains or continues a run in a child process, and kills it after some seconds; returns
    whether it had ended before. Raises `AssertionError` if it fails.
    """
    process = started(resuming(run) if Path(run).exists() else training(run))
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        ended, status = os.waitpid(process, os.WNOHANG)
        if ended:
            assert status == DONE, f"{run} failed with {os.waitstatus_to_exitcode(status)}"
            return True
        time.sleep(0.001)
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
    return False


def killed(run: str, whole: float, rng: random.Random, expected: tuple[object, ...]) -> Killed:
    """Kills a run at random instants until it ends. `whole` are the seconds of an undisturbed
    one.
    """
    shutil.rmtree("cache", ignore_errors=True)
    before = during = 0
    for _ in range(_MOST_ATTEMPTS):
        if attempt(run, rng.uniform(0, 1.1 * whole)):
            break
        has_begun = any(Path(run).glob("checkpoints/*/index.json"))
        before, during = before + (not has_begun), during + has_begun
    else:
        assert resume(run) == DONE, f"{run} cannot be continued"
    return Killed(before, during, result(run) == expected and not left(run))


def main(kills: int = 40, seed: int = 1) -> int:
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        prepare(_SPEC)
        values = np.random.default_rng(3).normal(size=(ROWS, 3, 2)).astype("float32")
        np.savez("d.npz", x=values, y=np.arange(ROWS) % 2)
        start = time.monotonic()
        assert train("whole") == DONE
        whole, expected = time.monotonic() - start, result("whole")
        found: list[Killed] = []
        while sum(one.before + one.during for one in found) < kills:
            found.append(killed(f"r{len(found)}", whole, rng, expected))
            say(f"run {len(found)}: {found[-1]}")
        before, during = (sum(one[at] for one in found) for at in (0, 1))
        equal = sum(one.equal for one in found)
        say(
            f"{before + during} kills ({before} before the training began) of {len(found)} runs, "
            f"each of {whole:.1f} s: {equal} equal, {len(found) - equal} not"
        )
        os.chdir("/")
    return int(equal != len(found))


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:3])))
