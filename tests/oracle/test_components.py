"""Components against Keras for drawn settings: what modelspec takes, Keras makes; what Keras refuses is refused.

The other way round there is no rule: Keras looks at few settings before it needs them, and modelspec at all.
Names, defaults and single values are compared in `tests/test_components_keras.py`.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelspec.components import (
    CALLBACKS,
    CONSTRAINTS,
    INITIALIZERS,
    LOSSES,
    METRICS,
    OPTIMIZERS,
    REGULARIZERS,
    SCHEDULES,
)
from modelspec.settings import Context, Faults, Settings

from . import keras_side, values
from .strategies import chances, share_of_examples

pytestmark = pytest.mark.tensorflow

FAMILIES = (INITIALIZERS, REGULARIZERS, CONSTRAINTS, OPTIMIZERS, SCHEDULES, LOSSES, METRICS, CALLBACKS)


def classes() -> dict[str, type[Settings]]:
    """Every component that is configured as Keras's class of the name is."""
    found = {f"{family.noun} {kind}": family.find(kind) for family in FAMILIES for kind in family.kinds()}
    return {name: cls for name, cls in found.items() if cls is not None and cls.keras_module}


CLASSES = classes()


@st.composite
def settings_of(draw: st.DrawFn, cls: type[Settings]) -> dict[str, Any]:
    """Settings as a spec writes them, most of them allowed."""
    required = {name: draw(values.right(field)) for name, field in cls.model_fields.items() if field.is_required()}
    drawn = draw(values.changed(cls, required))
    return draw(values.spoiled(cls, drawn)) if draw(chances(10)) else drawn


@pytest.mark.parametrize("name", CLASSES)
@settings(max_examples=share_of_examples(0.5))
@given(data=st.data())
def test_what_is_taken_is_made_by_keras(name: str, data: st.DataObject) -> None:
    cls = CLASSES[name]
    written = data.draw(settings_of(cls))
    try:
        cls.build(written, Context())
    except Faults as refused:
        assert all(fault.message for fault in refused.faults)
        return
    keras_side.class_of(cls)(**keras_side.arguments(cls, written))
