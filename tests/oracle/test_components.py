"""Components with drawn settings: what modelspec takes, Keras makes, and what Keras refuses is
refused.

The other way round there is no rule: Keras looks at few settings before it needs them, modelspec at
all of them. Names, defaults and single values are compared in `tests/test_components_keras.py`.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelspec.catalog.components import (
    CALLBACKS,
    CONSTRAINTS,
    INITIALIZERS,
    LOSSES,
    METRICS,
    OPTIMIZERS,
    REGULARIZERS,
    SCHEDULES,
)
from modelspec.core.settings import Context, Faults, Settings

from . import values
from .strategies import chances, share_of_examples

pytestmark = pytest.mark.tensorflow

FAMILIES = (
    INITIALIZERS,
    REGULARIZERS,
    CONSTRAINTS,
    OPTIMIZERS,
    SCHEDULES,
    LOSSES,
    METRICS,
    CALLBACKS,
)
NOT_DRAWN = {
    "optimizer LossScaleOptimizer",
    "optimizer MultiOptimizer",  # need another optimizer
    "loss Expression",
    "metric Expression",
    "schedule Expression",
    "callback LearningRateScheduler",  # need a formula
    "callback CSVLogger",
    "callback ModelCheckpoint",  # need a path
}
"""Components that cannot be made from settings of a plain type alone."""
OWN = {"schedule WarmupCosine", "schedule WarmupLinear"}
"""Components that Keras does not have: `test_warmup.py` compares them."""


def classes() -> dict[str, type[Settings]]:
    found = {
        f"{family.noun} {kind}": family.find(kind) for family in FAMILIES for kind in family.kinds()
    }
    return {name: cls for name, cls in found.items() if cls is not None}


CLASSES = classes()


def required(cls: type[Settings]) -> dict[str, values.Values]:
    return {
        name: values.right(field) for name, field in cls.model_fields.items() if field.is_required()
    }


@st.composite
def settings_of(draw: st.DrawFn, cls: type[Settings]) -> dict[str, Any]:
    """Settings as a spec writes them, most of them allowed."""
    drawn = draw(values.changed(cls, {name: draw(value) for name, value in required(cls).items()}))
    return draw(values.spoiled(cls, drawn)) if draw(chances(10)) else drawn


@pytest.mark.parametrize("name", sorted(CLASSES.keys() - NOT_DRAWN - OWN))
@settings(max_examples=share_of_examples(0.5))
@given(data=st.data())
def test_what_is_taken_is_made_by_keras(name: str, data: st.DataObject) -> None:
    from modelspec.runtime.backend.convert import to_keras

    written = data.draw(settings_of(CLASSES[name]))
    try:
        made = CLASSES[name].build(written, Context())
    except Faults as refused:
        assert all(fault.message for fault in refused.faults)
        return
    assert type(to_keras(made)).__name__ == made.kind()


def test_every_other_component_is_drawn() -> None:
    empty = {
        name
        for name, cls in CLASSES.items()
        if any(value.is_empty for value in required(cls).values())
    }
    assert empty == NOT_DRAWN
