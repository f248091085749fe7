"""A run that is killed again and again, before operations on its folder, ends as if it had never
been: a seeded sample of the points that `tests/tools/crash_points.py` tries one by one.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from .thorough import LONG

pytestmark = pytest.mark.tensorflow

CHAINS = 4 if LONG else 1
POINTS = 5
"""Points of a chain: the training is ended at the first, and its continuation at each other one."""
SPEC = """\
name: crashing
model:
  inputs: {x: [3, 2]}
  layers: [Flatten, {Dropout: 0.3}, {Dense: {units: 2, activation: softmax, name: y}}]
data:
  source: {npz: d.npz}
  inputs: {x: {column: x, transform: [Normalization]}}
  targets: {y: y}
  split: {validation: 0.33334}
training:
  loss: sparse_categorical_crossentropy
  optimizer: {Adam: 0.01}
  epochs: 2
  batch_size: 8
  checkpoint: {every: 1 steps, keep: 2}
"""


def sample() -> None:
    """Prints what differs, and how often runs were ended. It runs in a process that only imports:
    one that has trained cannot be forked.
    """
    from tests.tools import crash_points as crashes

    crashes.prepare(SPEC)
    assert crashes.train("whole") == crashes.DONE
    expected, count = crashes.result("whole"), crashes.operations("whole")
    rng, ended = random.Random(7), 0
    for chain in range(CHAINS):
        # A continued run has fewer operations, so later points are among the first.
        points = [rng.randrange(count), *(rng.randrange(count // 2) for _ in range(POINTS - 1))]
        times, found = crashes.is_equal_after_all(f"r{chain}", points, expected)
        ended += times
        if found:
            crashes.say(f"after the operations {points} of {count}: {found}")
    crashes.say(f"ended {ended} times")


def test_a_run_that_is_killed_at_any_operation_ends_the_same(tmp_path: Path) -> None:
    root = Path(__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-c", "from tests.test_crash_points import sample; sample()"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(root), "MODELSPEC_CACHE": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    *differences, last = done.stdout.splitlines()
    assert not differences
    assert int(last.split()[1]) >= CHAINS * POINTS // 2
