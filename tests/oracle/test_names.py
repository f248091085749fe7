"""Unknown sizes without Keras: what a layer says of a named size must hold for every number in its
place.
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelspec.catalog.layers.layer import Weight
from modelspec.core.diagnostics import Fault
from modelspec.core.shapes import PENDING, Shape, Size, Tensor

from . import our_side
from .case import KINDS, Answer, Case
from .strategies import several, share_of_examples

MAY_NEED_A_NUMBER = ("MS405", "MS409")
"""Why a call may be refused with a name that is fine with a number: a size must be known, or two
names differ.
"""


def same_size_named(case: Case, data: st.DataObject, name: str) -> tuple[Case, int]:
    """The case with one of its sizes replaced by a name wherever it stands, and the size.

    Not a size of 1, which stretches to others and makes axes vanish: no unknown size is taken for
    that.
    """
    sizes = sorted(
        {
            size
            for tensor in case.tensors
            for size in tensor.shape[1:]
            if isinstance(size, int) and size > 1
        }
    )
    number = data.draw(st.sampled_from(sizes or [2]))
    return case.sized(lambda size: name if size == number else size), number


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=share_of_examples(0.2))
@given(data=st.data())
def test_what_is_inferred_for_unknown_sizes_holds_for_every_size(
    kind: str, data: st.DataObject
) -> None:
    """One test for the three kinds of unknown sizes: drawing a call costs more than asking."""
    for case in data.draw(several(kind)):
        plain = our_side.answer_or_fault(case)
        _check_a_name(case, plain, data)
        _check_a_pending_size(case, plain, data)
        _check_a_mixture(case, data)


def _check_a_name(case: Case, plain: Answer | Fault, data: st.DataObject) -> None:
    """The shapes with a name, read with the number, are the shapes with the number; and nothing is
    refused but what must be known.
    """
    named_case, number = same_size_named(case, data, "n")
    named = our_side.answer_or_fault(named_case)
    said = f"{named_case}\nwith `n`: {named}\nwith {number}: {plain}"
    if isinstance(named, Fault):
        assert isinstance(plain, Fault) or named.code in MAY_NEED_A_NUMBER, said
    elif isinstance(plain, Answer):
        assert _means_the_same(named, plain, {"n": number}), said


def _check_a_pending_size(case: Case, plain: Answer | Fault, data: st.DataObject) -> None:
    """`auto` sizes, before the data is read: what they will be may be fine, so only what no size
    mends is refused.
    """
    pending_case, number = same_size_named(case, data, PENDING)
    pending = our_side.answer_or_fault(pending_case)
    said = f"{pending_case}\nwith `?`: {pending}\nwith {number}: {plain}"
    if isinstance(plain, Answer):
        assert isinstance(pending, Answer), said
        assert all(map(covers, pending.outputs, plain.outputs)), said


def _check_a_mixture(case: Case, data: st.DataObject) -> None:
    """Any size may be a name, known later, unknown or a number, in the same call."""
    sizes = st.sampled_from(["time", "width", "time // 2", PENDING, None, 0, 1, 5])
    our_side.answer(case.sized(lambda size: data.draw(sizes) if data.draw(st.booleans()) else size))


def _means_the_same(named: Answer, plain: Answer, scope: dict[str, int]) -> bool:
    ours: list[Tensor | Weight] = [*named.outputs, *named.weights]
    theirs: list[Tensor | Weight] = [*plain.outputs, *plain.weights]
    return [one._replace(shape=()) for one in ours] == [
        one._replace(shape=()) for one in theirs
    ] and all(means(a.shape, b.shape, scope) for a, b in zip(ours, theirs, strict=True))


def means(named: Shape, numbers: Shape, scope: dict[str, int]) -> bool:
    """Whether every size, its names read, is the number; a size of which nothing is known may be
    any.
    """
    return len(named) == len(numbers) and all(
        size is None or expected is None or read(size, scope) == expected
        for size, expected in zip(named, numbers, strict=True)
    )


def read(size: Size, scope: dict[str, int]) -> int:
    value = eval(size, {"__builtins__": {}}, dict(scope)) if isinstance(size, str) else size
    assert isinstance(value, int)
    return value


def covers(pending: Tensor, plain: Tensor) -> bool:
    return (
        pending.dtype == plain.dtype
        and len(pending.shape) == len(plain.shape)
        and all(
            size in (None, PENDING) or size == expected
            for size, expected in zip(pending.shape, plain.shape, strict=True)
        )
    )
