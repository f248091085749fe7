"""What `check` passes, trains: random specs with a training, of which those without an error are built
and take two steps.

A longer search for specs that do not: `MODELSPEC_FUZZ=long pytest tests/test_draws_train.py`, or
`python -m tests.tools.hunt_training`, which also draws graphs of layers.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from .draw_changes import dressed, repaired
from .thorough import LONG
from .training_draws import trained_specs
from .training_steps import NOT_FINITE, Trained, trained

pytestmark = pytest.mark.tensorflow

SEEDS = range(400 if LONG else 6)
EACH = 4
"""Specs of a seed: what Hypothesis draws after a few is much like what it drew before."""


@pytest.mark.parametrize("block", SEEDS)
def test_what_check_passes_trains(block: int) -> None:
    """Odd blocks contain more of the language: other names, wrappers, moving averages, a fixed
    batch size.
    """
    found: list[tuple[dict[str, Any], Trained]] = []
    chance = random.Random(block)

    @seed(block)
    @settings(
        max_examples=EACH,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    @given(trained_specs())
    def draw(spec: dict[str, Any]) -> None:
        changed = repaired(dressed(spec, chance)) if block % 2 else spec
        found.append((changed, trained(changed)))

    draw()
    failed = [f"{json.dumps(spec)}\n{one.error}" for spec, one in found if _is_wrong(one)]
    assert not failed, "\n\n".join(failed)


def _is_wrong(one: Trained) -> bool:
    """Whether it failed otherwise than by numbers that are none."""
    return bool(one.error) and not one.error.startswith(NOT_FINITE)


def test_enough_is_passed() -> None:
    """A generator whose specs are all refused would show nothing."""
    passed: Counter[bool] = Counter()

    @seed(0)
    @settings(
        max_examples=60,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    @given(trained_specs())
    def draw(spec: dict[str, Any]) -> None:
        import modelspec as ms

        passed[ms.check(spec).ok] += 1

    draw()
    assert passed[True] > 10
