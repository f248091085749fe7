"""Every layer against Keras: for drawn settings and shapes, the same outputs and weights, or a
refusal from both.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelspec.catalog.layers import LAYERS
from modelspec.core.diagnostics import Fault
from modelspec.core.settings import Context, Faults

from . import compare, keras_side, our_side
from .case import KINDS, Refusal, case_of, layer_class
from .strategies import several, share_of_examples
from .stricter import STRICTER, Stricter

pytestmark = pytest.mark.tensorflow


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=share_of_examples(0.0625), suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_layer_is_what_keras_makes_of_it(kind: str, data: st.DataObject) -> None:
    for case in data.draw(several(kind)):
        difference = compare.disagreement(case)
        assert difference is None, f"{case}\n{difference}"


@pytest.mark.parametrize("kind", KINDS)
def test_an_example_is_what_keras_makes_of_it_and_runs(kind: str) -> None:
    """What symbolic calls let pass shows here: the layer runs on random data and gives the inferred
    types.
    """
    layer = layer_class(kind)
    assert layer.examples, "a layer has at least one example"
    found = []
    for example in layer.examples:
        case = case_of(layer, example)
        difference = (
            compare.disagreement(case)
            or _refused(our_side.answer(case))
            or compare.run_disagreement(case)
        )
        found += [f"{case}\n{difference}"] if difference else []
    assert not found, "\n".join(found)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=share_of_examples(0.05))
@given(data=st.data())
def test_what_is_built_is_what_was_written(kind: str, data: st.DataObject) -> None:
    """Building from the checked settings gives the Keras layer that the plain values give."""
    from modelspec.runtime.backend.convert import to_keras

    for case in data.draw(several(kind)):
        try:
            layer = layer_class(kind).build(case.settings, Context())
        except Faults:
            continue
        built = keras_side.config(partial(to_keras, layer))
        written = keras_side.config(partial(keras_side.build, LAYERS, {kind: case.settings}))
        assert built.keys() == written.keys()
        assert not {
            name: (value, written[name])
            for name, value in built.items()
            if not _same(value, written[name])
        }


def _same(built: Any, written: Any) -> bool:
    """Equal, or one number for every axis written once."""
    return built == written or (
        isinstance(built, list) and isinstance(written, int) and set(built) == {written}
    )


def _refused(answer: object) -> str | None:
    return str(answer) if isinstance(answer, Refusal) else None


@pytest.mark.parametrize(
    "row", STRICTER, ids=lambda row: f"{row.code}-{row.place}-{row.witness.kind}"
)
def test_a_deliberate_difference_is_one(row: Stricter) -> None:
    """Ours refuses the witness by the row's code and setting, Keras takes it and runs it: the row
    is needed.
    """
    ours = our_side.answer_or_fault(row.witness)
    assert isinstance(ours, Fault) and row.covers(row.witness, ours), ours
    theirs = keras_side.answer(row.witness)
    assert not isinstance(theirs, Refusal), theirs
    assert not compare.never_runs(row.witness, theirs.outputs), (
        "this needs no row: Keras cannot run it"
    )
