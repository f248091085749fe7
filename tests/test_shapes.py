"""Sizes: arithmetic with names and unknown sizes, with plain numbers as the oracle.

The text of a named size is a Python expression (`(time - 3) // 2 + 1`), so a result can be read
back: with a number in place of the name it must be what the same operation gives for the number.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from modelspec.core import shapes
from modelspec.core.diagnostics import Fault
from modelspec.core.shapes import PENDING, Shape, Size

NAMES = ("time", "width", "n")
numbers = st.integers(0, 60)
small = st.integers(1, 7)


def read_back(size: Size, values: dict[str, int]) -> int:
    """The number that a size's text means."""
    assert size is not None and size != PENDING
    result = eval(size, {"__builtins__": {}}, dict(values)) if isinstance(size, str) else size
    assert isinstance(result, int)
    return result


@st.composite
def operations(draw: st.DrawFn) -> tuple[str, Callable[[Size], Size], Callable[[int], int]]:
    """One operation with numbers for all but its first operand: its text, on sizes, on plain
    numbers.
    """
    b, kernel, stride, dilation = (
        draw(st.integers(-9, 9)),
        draw(small),
        draw(small),
        draw(st.integers(1, 3)),
    )
    positive, padding = draw(small), draw(st.sampled_from(["valid", "same", "causal"]))
    found: list[Any] = [
        (f"+ {b}", lambda a: shapes.add(a, b), lambda a: a + b),
        (f"* {positive}", lambda a: shapes.mul(a, positive), lambda a: a * positive),
        (f"{positive} *", lambda a: shapes.mul(positive, a), lambda a: positive * a),
        (f"// {positive}", lambda a: shapes.floordiv(a, positive), lambda a: a // positive),
        (
            f"/ {positive} up",
            lambda a: shapes.ceildiv(a, positive),
            lambda a: math.ceil(a / positive),
        ),
        (f"{b} + size", lambda a: shapes.plus(b, a), lambda a: b + a),
        (
            f"sum with {b}, {positive}",
            lambda a: shapes.total([b, a, positive]),
            lambda a: a + b + positive,
        ),
        (
            f"product with {positive}, {stride}",
            lambda a: shapes.product([positive, a, stride]),
            lambda a: positive * a * stride,
        ),
        (
            f"window {kernel}/{stride}/{dilation} {padding}",
            lambda a: shapes.window(a, kernel, stride, padding, dilation),
            lambda a: places(a, kernel, stride, padding, dilation),
        ),
    ]
    operation: tuple[str, Callable[[Size], Size], Callable[[int], int]] = draw(
        st.sampled_from(found)
    )
    return operation


def places(size: int, kernel: int, stride: int, padding: str, dilation: int) -> int:
    """How many windows there are, found by putting them; below 1 where not one fits."""
    if padding != "valid":
        return len(range(0, size, stride))
    reach = dilation * (kernel - 1) + 1
    found = [start for start in range(0, max(size, 0), stride) if start + reach <= size]
    return len(found)


@given(value=numbers, steps=st.lists(operations(), min_size=1, max_size=5))
def test_a_number_in_place_of_a_name_gives_the_number(value: int, steps: list[Any]) -> None:
    named: Size = "time"
    number: Size = value
    for _, operation, _ in steps:
        named, number = operation(named), operation(number)
    assert read_back(named, {"time": value}) == number


@given(value=numbers, step=operations())
def test_an_operation_on_a_number_is_plain_arithmetic(value: int, step: Any) -> None:
    _, ours, plain = step
    assert max(ours(value), 0) == max(
        plain(value), 0
    )  # a window that does not fit is any number below 1


@pytest.mark.parametrize("unknown", [None, PENDING])
@given(steps=st.lists(operations(), min_size=1, max_size=4))
def test_what_is_unknown_stays_unknown(unknown: Size, steps: list[Any]) -> None:
    size = unknown
    for _, operation, _ in steps:
        size = operation(size)
    assert size == unknown


@given(
    sizes=st.lists(st.one_of(numbers, st.sampled_from(NAMES)), max_size=5),
    values=st.tuples(*[numbers] * 3),
)
def test_sums_and_products_of_several_names(
    sizes: list[Size], values: tuple[int, int, int]
) -> None:
    scope = dict(zip(NAMES, values, strict=True))
    given_numbers = [read_back(size, scope) for size in sizes]
    assert read_back(shapes.total(sizes), scope) == sum(given_numbers)
    assert read_back(shapes.product(sizes), scope) == math.prod(given_numbers)


@given(
    sizes=st.lists(
        st.one_of(numbers, st.sampled_from(NAMES), st.sampled_from([None, PENDING])), max_size=5
    )
)
def test_a_product_with_a_zero_is_zero(sizes: list[Size]) -> None:
    assert shapes.product([*sizes, 0]) == 0


def test_pending_outweighs_unknown() -> None:
    """`?` will be known, so what depends on it is shown as `?` even where something else is unknown
    as well.
    """
    assert shapes.mul(None, PENDING) == shapes.plus(PENDING, None) == PENDING


@given(value=st.integers(0, 40), kernel=small, stride=small, dilation=st.integers(1, 3))
def test_a_window_fits_exactly_where_its_reach_does(
    value: int, kernel: int, stride: int, dilation: int
) -> None:
    result = shapes.window(value, kernel, stride, "valid", dilation)
    assert isinstance(result, int)
    assert (result >= 1) == (dilation * (kernel - 1) + 1 <= value)


@given(
    value=st.integers(1, 40),
    kernel=small,
    stride=small,
    padding=st.sampled_from(["valid", "same"]),
    dilation=st.integers(1, 3),
    output_padding=st.one_of(st.none(), st.integers(0, 3)),
)
def test_a_transposed_window_with_a_name(
    value: int, kernel: int, stride: int, padding: str, dilation: int, output_padding: int | None
) -> None:
    def result(size: Size) -> Size:
        return shapes.transposed(size, kernel, stride, padding, dilation, output_padding)

    assert read_back(result("time"), {"time": value}) == result(value)
    assert result(None) is None
    assert result(PENDING) == PENDING


@given(places_=st.integers(1, 12), kernel=small, stride=small, dilation=st.integers(1, 3))
def test_a_transposed_window_undoes_a_window(
    places_: int, kernel: int, stride: int, dilation: int
) -> None:
    """Without padding: a convolution over the result has the places that the transposed one started
    from, or more where the stride leaves the kernel behind.
    """
    size = shapes.transposed(places_, kernel, stride, "valid", dilation)
    back = shapes.window(size, kernel, stride, "valid", dilation)
    assert isinstance(back, int)
    reach = dilation * (kernel - 1) + 1
    assert back == places_ + max(stride - reach, 0) // stride


sizes_of_any_sort = st.one_of(
    st.integers(1, 4), st.sampled_from(["time", "width"]), st.sampled_from([None, PENDING])
)


@given(a=sizes_of_any_sort, b=sizes_of_any_sort)
def test_agreement_has_no_order(a: Size, b: Size) -> None:
    assert shapes.may_equal(a, b) == shapes.may_equal(b, a)
    assert shapes.broadcasts(a, b) == shapes.broadcasts(b, a)


@given(
    a=sizes_of_any_sort, b=sizes_of_any_sort, values=st.tuples(st.integers(1, 4), st.integers(1, 4))
)
def test_what_numbers_could_be_equal_may_be(a: Size, b: Size, values: tuple[int, int]) -> None:
    """`may_equal` says no only where no numbers would do, but for two different names, which are
    kept apart.
    """
    scope = dict(zip(("time", "width"), values, strict=True))
    first, second = (
        [read_back(s, scope)] if s not in (None, PENDING) else [1, 2, 3, 4] for s in (a, b)
    )
    if set(first) & set(second) and not (isinstance(a, str) and isinstance(b, str) and a != b):
        assert shapes.may_equal(a, b)
    if isinstance(a, int) and isinstance(b, int):
        assert shapes.may_equal(a, b) == (a == b)


@given(a=sizes_of_any_sort, b=sizes_of_any_sort)
def test_joined_sizes_keep_what_is_known(a: Size, b: Size) -> None:
    assume(shapes.may_equal(a, b))
    joined = shapes.join(a, b)
    assert joined in (a, b)
    assert all(_knowledge(joined) >= _knowledge(size) for size in (a, b))


def _knowledge(size: Size) -> int:
    if isinstance(size, int):
        return 3
    return {None: 0, PENDING: 1}.get(size, 2)


@given(a=st.integers(1, 3), b=st.integers(1, 3))
def test_broadcasting_of_numbers_is_numpys(a: int, b: int) -> None:
    import numpy as np

    try:
        theirs: int | None = int(np.broadcast_shapes((a,), (b,))[0])
    except ValueError:
        theirs = None
    assert shapes.broadcasts(a, b) == (theirs is not None)
    if theirs is not None:
        assert shapes.broadcast(a, b) == theirs


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (shapes.add(shapes.add("time", -3), 1), "time - 2"),
        (shapes.add(shapes.add("time", 2), -2), "time"),
        (shapes.mul(16, "time"), "time * 16"),
        (shapes.product(["time", 7, 8]), "time * 56"),
        (shapes.window("time", 3, 2, "valid"), "(time - 1) // 2"),
        (shapes.window("time", 3, 1, "same"), "time"),
        (shapes.ceildiv("time", 2), "(time + 1) // 2"),
        (shapes.floordiv("time", 1), "time"),
    ],
)
def test_the_text_of_a_size_is_short(size: Size, text: str) -> None:
    assert size == text


@pytest.mark.parametrize(
    ("shape", "text"),
    [
        ((None, 28, 28, 1), "(batch, 28, 28, 1)"),
        ((None, None, "time"), "(batch, unknown, time)"),
        ((8, PENDING), "(8, ?)"),
    ],
)
def test_a_shape_is_shown_with_its_batch_axis(shape: Shape, text: str) -> None:
    assert shapes.show(shape) == text


def test_an_erased_shape_has_only_numbers_and_nothing() -> None:
    assert shapes.erase((None, 3, "time", "time // 2", PENDING)) == (None, 3, None, None, None)


def test_a_size_that_must_be_known() -> None:
    assert shapes.needs(3, "it", "help") == 3
    assert shapes.needs(PENDING, "it", "help") == PENDING  # will be known
    for size, word in ((None, "unknown"), ("time", "`time`")):
        with pytest.raises(Fault) as caught:
            shapes.needs(size, "the channel axis", "give it a number", argument="inputs")
        fault = caught.value
        assert (fault.code, fault.help, fault.argument) == ("MS405", "give it a number", "inputs")
        assert word in fault.message
