"""While a line is typed, nothing is reported about the others, and their layers keep their shapes."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.tools.type_texts import Outcome, Totals, typed

CONFIGS = Path(__file__).parent.parent / "configs"
NAMES = (
    *("autoencoder", "distillation", "gan", "multitask", "siamese", "seq2seq", "unet", "vae"),
    "wavenet",
)
EDITS = 40


@pytest.fixture(scope="module")
def outcomes() -> list[Outcome]:
    """The outcomes of edits of specs with shared models, blocks, loops and several outputs."""
    return [
        one for name in NAMES for one in typed(CONFIGS / f"{name}.yaml", random.Random(name), EDITS)
    ]


def shown(outcomes: list[Outcome]) -> str:
    return "\n".join(f"{one.edit}: {[str(other) for other in one.others]}" for one in outcomes)


def test_nothing_is_reported_beside_a_syntax_error(outcomes: list[Outcome]) -> None:
    broken = [one for one in outcomes if one.broken]
    assert len(broken) > 100
    assert Totals(broken).quiet >= 0.97, shown([one for one in broken if one.others])


def test_little_is_reported_beside_another_fault(outcomes: list[Outcome]) -> None:
    """A line may lose the name of a layer, or get another: those that take it are then in error."""
    others = [one for one in outcomes if not one.broken and one.own]
    assert len(others) > 40
    assert Totals(others).quiet >= 0.9, shown([one for one in others if one.others])


def test_layers_that_do_not_depend_on_the_line_keep_their_shape(outcomes: list[Outcome]) -> None:
    found = Totals([one for one in outcomes if one.broken])
    assert found.inferred >= 0.97, shown([one for one in outcomes if one.kept < one.expected])
