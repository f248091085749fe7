"""Unknown sizes without Keras: what a layer says of a named size must hold for every number in its place."""

from __future__ import annotations

import pytest
from hypothesis import given, note
from hypothesis import strategies as st

from modelspec.diagnostics import Fault
from modelspec.shapes import PENDING, Shape, Size, Tensor

from . import our_side
from .case import KINDS, Answer, Case
from .strategies import cases

MAY_NEED_A_NUMBER = ("MS405", "MS409")
"""Why a call may be refused with a name that is fine with a number: a size must be known, or two names differ."""


def same_size_named(case: Case, data: st.DataObject, name: str) -> tuple[Case, int] | None:
    """The case with one of its sizes replaced by a name wherever it stands, and the size; None where it has none.

    Not a size of 1, which stretches to others and makes axes vanish: no unknown size is taken for that.
    """
    sizes = sorted({size for tensor in case.tensors for size in tensor.shape[1:] if isinstance(size, int) and size > 1})
    if not sizes:
        return None
    number = data.draw(st.sampled_from(sizes))
    return case.sized(lambda size: name if size == number else size), number


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_a_name_means_the_same_as_the_number_in_its_place(kind: str, data: st.DataObject) -> None:
    """The shapes with a name, read with the number, are the shapes with the number; and nothing is refused but what
    must be known."""
    case = data.draw(cases(kind))
    found = same_size_named(case, data, "n")
    if found is None:
        return
    named_case, number = found
    named, plain = our_side.answer_or_fault(named_case), our_side.answer_or_fault(case)
    note(f"{named_case}\nwith `n`: {named}\nwith {number}: {plain}")
    if isinstance(named, Fault):
        assert isinstance(plain, Fault) or named.code in MAY_NEED_A_NUMBER
    elif isinstance(plain, Answer):
        assert len(named.outputs) == len(plain.outputs)
        for ours, expected in zip(named.outputs, plain.outputs, strict=True):
            assert ours.dtype == expected.dtype
            assert means(ours.shape, expected.shape, {"n": number})
        for weight, expected_weight in zip(named.weights, plain.weights, strict=True):
            assert weight._replace(shape=()) == expected_weight._replace(shape=())
            assert means(weight.shape, expected_weight.shape, {"n": number})


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_a_size_that_will_be_known_refuses_nothing_and_promises_nothing(kind: str, data: st.DataObject) -> None:
    """`auto` sizes, before the data is read: what they will be may be fine, so only what no size mends is refused."""
    case = data.draw(cases(kind))
    found = same_size_named(case, data, PENDING)
    if found is None:
        return
    pending_case, number = found
    pending, plain = our_side.answer_or_fault(pending_case), our_side.answer_or_fault(case)
    note(f"{pending_case}\nwith `?`: {pending}\nwith {number}: {plain}")
    if isinstance(plain, Answer):
        assert isinstance(pending, Answer)
        assert all(map(covers, pending.outputs, plain.outputs))


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_several_names_raise_nothing(kind: str, data: st.DataObject) -> None:
    """Any size may be a name, known later, unknown or a number: there is an answer or a fault."""
    case = data.draw(cases(kind))
    sizes = st.sampled_from(["time", "width", "time // 2", PENDING, None, 0, 1, 5])
    our_side.answer(case.sized(lambda size: data.draw(sizes) if data.draw(st.booleans()) else size))


def means(named: Shape, numbers: Shape, scope: dict[str, int]) -> bool:
    """Whether every size, its names read, is the number; a size of which nothing is known may be any."""
    return len(named) == len(numbers) and all(
        size is None or expected is None or read(size, scope) == expected
        for size, expected in zip(named, numbers, strict=True)
    )


def read(size: Size, scope: dict[str, int]) -> int:
    value = eval(size, {"__builtins__": {}}, dict(scope)) if isinstance(size, str) else size
    assert isinstance(value, int)
    return value


def covers(pending: Tensor, plain: Tensor) -> bool:
    return pending.dtype == plain.dtype and len(pending.shape) == len(plain.shape) and all(
        size in (None, PENDING) or size == expected for size, expected in zip(pending.shape, plain.shape, strict=True)
    )
