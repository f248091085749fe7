"""The drawn cases are worth comparing: most are allowed, some are not, and they differ from the
examples.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from itertools import product

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from modelspec.catalog.components import INITIALIZERS
from modelspec.core.settings import Context, Faults

from . import forms, our_side
from .case import KINDS, Case, Refusal, case_of, layer_class
from .strategies import several

LISTS = 10
SEED = int(
    "14574316636034022348254848580246520346536198358807572573734477159946484826216264831678003039177"
    "618243767258625026606"
)
"""The seed of the draws that the bounds below were set for."""
BOUND_TOGETHER = (
    "Concatenate",
    "Dot",
    "LSTMCell",
    "Pipeline",
    "SimpleRNNCell",
    "StackedRNNCells",
    "TextVectorization",
)
"""Layers whose tensors or settings must fit each other: most steps away from a call that works
leave the call refused, and among different draws no such call stands twice.
"""
JUNK: tuple[object, ...] = (
    True,
    "x",
    -1,
    1.5,
    None,
    (),
    ("x", None),
    {},
    {"a": 1},
    2**63 - 1,
    float("nan"),
)


@cache
def drawn(kind: str) -> tuple[Case, ...]:
    """Cases as the contract test gets them."""
    found: list[Case] = []

    # `derandomize` would draw by the text of this function, and so by how it is laid out.
    @seed(SEED)
    @settings(
        max_examples=LISTS,
        derandomize=False,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(drawn=several(kind))
    def collect(drawn: list[Case]) -> None:
        found.extend(drawn)

    collect()
    return tuple(found)


@cache
def accepted(kind: str) -> float:
    answers = [our_side.answer(case) for case in drawn(kind)]
    return sum(not isinstance(answer, Refusal) for answer in answers) / len(answers)


@pytest.mark.parametrize("kind", KINDS)
def test_draws_of_a_layer_are_mostly_allowed(kind: str) -> None:
    assert accepted(kind) >= (0.1 if kind in BOUND_TOGETHER else 0.3)


def test_draws_of_the_layers_are_mostly_allowed_on_the_whole() -> None:
    shares = [accepted(kind) for kind in KINDS if kind not in BOUND_TOGETHER]
    assert sum(shares) / len(shares) >= 0.5


def test_draws_of_all_layers_are_mixed() -> None:
    shares = [accepted(kind) for kind in KINDS]
    assert 0.6 <= sum(shares) / len(shares) <= 0.9
    assert sum(share < 1 for share in shares) / len(shares) >= 0.9, (
        "nearly every layer has draws that are refused"
    )


def test_draws_are_refused_for_many_reasons() -> None:
    answers = [our_side.answer(case) for kind in KINDS for case in drawn(kind)]
    reasons = Counter(answer.code for answer in answers if isinstance(answer, Refusal))
    assert {"MS205", "MS206", "MS401", "MS402", "MS403", "MS405", "MS407"} <= reasons.keys()
    assert max(reasons.values()) <= 0.6 * reasons.total()


@pytest.mark.parametrize("kind", KINDS)
def test_draws_differ(kind: str) -> None:
    assert len({repr(case) for case in drawn(kind)}) >= max(12, 0.6 * len(drawn(kind)))


def test_nearly_every_setting_is_drawn() -> None:
    """Every setting whose type says what it may hold is given another value somewhere; the others
    are few.
    """
    unchanged = [
        f"{kind}.{name}"
        for kind in KINDS
        for name, field in layer_class(kind).model_fields.items()
        if name not in layer_class(kind).common
        and not forms.only_null(field)
        and not any(case.settings.get(name, field.default) != field.default for case in drawn(kind))
    ]
    count = sum(len(layer_class(kind).model_fields) for kind in KINDS)
    assert len(unchanged) <= 0.15 * count, unchanged


@pytest.mark.parametrize("kind", KINDS)
def test_shapes_and_dtypes_are_drawn(kind: str) -> None:
    cls = layer_class(kind)
    known = {case_of(cls, example).tensors for example in cls.examples}
    others = {case.tensors for case in drawn(kind)} - known
    assert len(others) >= 5


def test_components_are_told_by_their_type() -> None:
    """The drawing finds what family a setting's component is of; were it not to, it would draw
    none.
    """
    fields = [(kind, name) for kind in KINDS for name in layer_class(kind).model_fields]
    found = {
        field
        for field in fields
        if forms.field_family(layer_class(field[0]), field[1]) is INITIALIZERS
    }
    assert found == {field for field in fields if field[1].endswith("initializer")}


@pytest.mark.parametrize("kind", KINDS)
def test_a_value_of_any_type_is_a_value_or_a_fault(kind: str) -> None:
    """No setting raises anything else for what a file can hold, right or wrong."""
    cls = layer_class(kind)
    fine = dict(cls.examples[0].settings)
    for name, junk in product(cls.model_fields, JUNK):
        try:
            cls.build({**fine, name: junk}, Context())
        except Faults as refused:
            assert all(
                fault.message and re.fullmatch(r"MS[234]\d\d", fault.code)
                for fault in refused.faults
            ), (name, junk)
