"""Hunts for specs in which `check` finds no error and which do not train, and for the reverse.

    python -m tests.tools.hunt_training 0 500                # specs of the seeds 0 to 499
    python -m tests.tools.hunt_training 0 500 --repaired     # with more of the language, fewer faults
    python -m tests.tools.hunt_training 0 500 --refused      # what is refused, and trains in Keras
    python -m tests.tools.hunt_training 0 500 --refused --codes MS404 MS412
    python -m tests.tools.hunt_training 0 500 --dressed --both   # both searches in the same specs
    python -m tests.tools.hunt_training --kinds MaxPooling3D # layers, each in every precision
    python -m tests.tools.hunt_training --kinds A --mask steps --refused

It prints how many specs were drawn, passed and failed, and each failure with its seed, the first
line of its reason and the spec. All of it is one process, so that TensorFlow is loaded once.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

from hypothesis import HealthCheck, Phase, given, seed, settings

from modelspec.compiler.pipeline import compile_spec

from ..draw_changes import dressed, repaired
from ..oracle.case import layer_class
from ..training_draws import ALONE, PRECISIONS, swept_spec, trained_graphs, trained_specs
from ..training_steps import NOT_FINITE, failure
from .checks_off import without_checks_of_dtypes

EACH = 4
"""Specs of a seed: what Hypothesis draws after a few is much like what it drew before."""


GPU_ONLY = "MS411"
"""The warning that a layer has no kernel for a CPU."""
LIMITS = frozenset({"MS202", "MS205", "MS206", "MS208", "MS531"})
"""Settings, numbers, words and names of layers that Keras does not check, or checks late, or that
the spec as it is read after the error does not contain.
"""
WRONG_NUMBERS = frozenset(
    f"MS{code}"
    for code in (
        432,
        439,
        510,
        511,
        512,
        513,
        514,
        515,
        528,
        547,
        548,
        549,
        550,
        559,
        560,
        593,
        624,
    )
)
"""The codes of specs that Keras trains to wrong numbers: a metric of probabilities on scores, the
highest of one unit, a loss without a gradient, two schedules, a batch with other examples than its
targets.
"""


class Drawn(NamedTuple):
    source: str
    spec: dict[str, Any]


def drawn(first: int, end: int, dress: bool = False, repair: bool = False) -> Iterator[Drawn]:
    """Different specs, of single layers and of graphs in turn."""
    seen: set[str] = set()
    for number in range(first, end):
        strategy = trained_graphs() if number % 2 else trained_specs()
        chance = random.Random(number)
        for place, one in enumerate(_some(number, strategy)):
            spec = dressed(one, chance) if dress or repair else one
            spec = repaired(spec) if repair else spec
            text = json.dumps(spec)
            if text not in seen:
                seen.add(text)
                yield Drawn(f"seed {number}.{place}", spec)


def _some(number: int, strategy: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []

    @seed(number)
    @settings(
        max_examples=EACH,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    @given(strategy)
    def draw(spec: dict[str, Any]) -> None:
        found.append(spec)

    draw()
    return found


def swept(start: str, mask: str | None) -> Iterator[Drawn]:
    """Every example of each layer, beginning with `start`, in every precision; with a mask only in
    float32.
    """
    for kind in ALONE:
        if kind < start:
            continue
        for precision in ("float32", *(() if mask else PRECISIONS)):
            for place in range(len(layer_class(kind).examples)):
                spec = swept_spec(kind, place, precision, mask)
                yield Drawn(f"{kind} example {place} in {precision}", spec)


class Hunt:
    """Counts specs, and prints unexpected results."""

    def __init__(self, passed: bool, refused: bool, codes: list[str]) -> None:
        self.passed = passed
        """Whether to train what is passed."""
        self.refused = refused
        """Whether to try what is refused."""
        self.wanted = set(codes)
        self.counts: Counter[str] = Counter()
        self.codes: Counter[str] = Counter()
        """The codes of specs that are refused and train in Keras."""
        self.reasons: Counter[str] = Counter()
        """The codes of specs that are refused and fail in Keras too."""

    def take(self, one: Drawn) -> None:
        self.counts["drawn"] += 1
        try:
            checked = compile_spec(one.spec)
        except Exception as error:  # noqa: BLE001  # a check that fails is a finding
            self.counts["crashed"] += 1
            self._report("CRASHED", one, f"{type(error).__name__}: {error}")
            return
        errors = [each for each in checked.diagnostics if each.severity == "error"]
        if not errors:
            self.counts["passed"] += 1
            needs_gpu = any(each.code == GPU_ONLY for each in checked.diagnostics)
            if self.passed and not needs_gpu:
                self._train(one, checked.value)
        elif self.refused:
            self._judge(one, {each.code for each in errors}, [each.message for each in errors])

    def _judge(self, one: Drawn, codes: set[str], messages: list[str]) -> None:
        if codes & LIMITS:
            self.counts["beyond limits"] += 1
        elif codes & WRONG_NUMBERS:
            self.counts["wrong numbers"] += 1
        else:
            self._try(one, codes, messages)

    def _train(self, one: Drawn, compiled: Any) -> None:
        reason = failure(compiled)
        if reason.startswith(NOT_FINITE):
            self.counts["not finite"] += 1
            self._report("NOT FINITE", one, reason)
        elif reason:
            self.counts["failed"] += 1
            self._report("FAILED", one, reason)
        else:
            self.counts["trained"] += 1

    def _try(self, one: Drawn, codes: set[str], messages: list[str]) -> None:
        """Train a refused spec, if all of it can be compiled without the checks of dtypes."""
        if self.wanted and not codes <= self.wanted:
            return
        with without_checks_of_dtypes():
            compiled = compile_spec(one.spec).value
        typed = compiled.graph if compiled is not None else None
        training = compiled.training if compiled is not None else None
        if compiled is None or typed is None or training is None or training.choices is None:
            return
        if len(typed.layers) != len(typed.graph.calls) or len(typed.outputs) > len(training.losses):
            return
        self.counts["tried"] += 1
        reason = failure(compiled, mixed=0)
        if reason:
            self.reasons.update(codes)
            return
        self.counts["trains in Keras"] += 1
        self.codes.update(codes)
        self._report("REFUSED " + " ".join(sorted(codes)), one, " | ".join(messages))

    def _report(self, what: str, one: Drawn, reason: str) -> None:
        report(f"{what}: {one.source}: {reason[:700]}\n    {json.dumps(one.spec)}")

    def summary(self) -> str:
        counts = ", ".join(f"{name} {count}" for name, count in self.counts.items())
        trains = ", ".join(f"{code} {count}" for code, count in self.codes.most_common())
        fails = ", ".join(f"{code} {count}" for code, count in self.reasons.most_common())
        both = f"; trains in Keras: {trains or 'none'}; fails in Keras too: {fails or 'none'}"
        return counts + (both if self.refused else "")


def report(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("first", type=int, nargs="?", default=0)
    parser.add_argument("end", type=int, nargs="?", default=100)
    parser.add_argument("--refused", action="store_true")
    parser.add_argument("--both", action="store_true", help="train what passes, try the rest")
    parser.add_argument("--dressed", action="store_true", help="with more of the language")
    parser.add_argument("--repaired", action="store_true", help="also without what is refused")
    parser.add_argument("--codes", nargs="*", default=[], help="try what has these alone")
    parser.add_argument("--kinds", help="sweep over layers, from this one on")
    parser.add_argument("--mask", choices=("steps", "rows"), help="give the layers of a sweep one")
    chosen = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    refused = chosen.refused or chosen.both
    hunt = Hunt(not chosen.refused, refused, chosen.codes)
    ones = (
        swept(chosen.kinds, chosen.mask)
        if chosen.kinds
        else drawn(chosen.first, chosen.end, chosen.dressed, chosen.repaired)
    )
    for place, one in enumerate(ones, 1):
        hunt.take(one)
        if place % 25 == 0:
            report(f"... {one.source}: {hunt.summary()}")
    report(hunt.summary())


if __name__ == "__main__":
    sys.exit(main())
