"""Cases drawn from a layer's examples: settings and shapes a step or two away from a call that
works.

Most draws stay allowed (`test_strategies` holds the mix): a suite whose calls are nearly all
refused would compare nothing but refusals.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import hypothesis
from hypothesis import strategies as st

from modelspec.catalog.layers.layer import Argument, Layer
from modelspec.core.shapes import Size, Tensor

from . import values
from .case import Case, case_of, layer_class

SIZES = (1, 2, 3, 4, 5, 6, 7, 8, 12)
DTYPES = ("float32", "float16", "bfloat16", "float64", "int32", "int64", "uint8", "bool")
_A_SIZE = st.sampled_from(SIZES)
_A_BATCH = st.sampled_from([1, 2, 4])
_A_DTYPE = st.sampled_from(DTYPES)
_TENSORS = st.sampled_from([None, None, 0, 1])


def share_of_examples(share: float) -> int:
    """A part of the examples that the hypothesis profile asks for, for a test that is dear or
    simple.
    """
    return max(1, round(share * hypothesis.settings().max_examples))


def several(kind: str) -> st.SearchStrategy[list[Case]]:
    """Different calls of the layer.

    Hypothesis likes to repeat parts of what it drew before, and then draws the same call again and
    again; it does not inside a list of different things.
    """
    return st.lists(cases(kind), min_size=1, max_size=8, unique_by=repr)


@st.composite
def cases(draw: st.DrawFn, kind: str) -> Case:
    """One call of the layer, near one of its examples."""
    layer = layer_class(kind)
    case = case_of(layer, draw(_examples(layer)))
    settings = draw(values.changed(layer, case.settings))
    if draw(chances(15)):
        settings = draw(values.spoiled(layer, settings))
    case = replace(case, settings=settings, options=draw(options(layer, case.options)))
    change = draw(_A_CHANGE)
    case = change(draw, case)
    return _other_dtype(draw, case) if draw(chances(15)) else case


@cache
def _examples(layer: type[Layer]) -> st.SearchStrategy[Any]:
    return st.sampled_from(layer.examples)


@cache
def chances(percent: int) -> st.SearchStrategy[bool]:
    return st.integers(0, 99).map(lambda number: number >= 100 - percent)


@st.composite
def options(draw: st.DrawFn, layer: type[Layer], usual: dict[str, Any]) -> dict[str, Any]:
    """Call arguments that are not tensors: those of the example, now and then turned round or
    `training` added.
    """
    result = dict(usual)
    for name, kind in layer.options.items():
        if kind is bool and draw(chances(20)):
            result[name] = not result.get(name, False)
    if draw(chances(5)):
        result["training"] = draw(st.booleans())
    return result


# Changes of shapes --------------------------------------------------------------------------------


def _as_it_is(draw: st.DrawFn, case: Case) -> Case:
    return case


def _resized(draw: st.DrawFn, case: Case) -> Case:
    """A number changed wherever it stands, so that sizes that agree still agree."""
    numbers = sorted({size for t in case.tensors for size in t.shape[1:] if isinstance(size, int)})
    if not numbers:
        return case
    old, new = draw(st.sampled_from(numbers)), draw(_A_SIZE)
    return case.sized(lambda size: new if size == old else size)


def _one_size(draw: st.DrawFn, case: Case) -> Case:
    """One axis of one tensor changed."""
    new = draw(_A_SIZE)
    return _at_an_axis(draw, case, lambda axes, place: (*axes[:place], new, *axes[place + 1 :]))


def _unknown(draw: st.DrawFn, case: Case) -> Case:
    """The same axis of every tensor unknown, or of one tensor alone."""
    if draw(st.booleans()):
        return _at_an_axis(
            draw, case, lambda axes, place: (*axes[:place], None, *axes[place + 1 :])
        )
    place = draw(st.integers(1, max(tensor.rank for tensor in case.tensors)))
    return case.map(
        lambda t: t._replace(shape=tuple(None if i == place else s for i, s in enumerate(t.shape)))
    )


def _other_rank(draw: st.DrawFn, case: Case) -> Case:
    """An axis more or less, of every tensor or of one."""
    more, new, everywhere = draw(st.booleans()), draw(_A_SIZE), draw(st.booleans())

    def change(axes: tuple[Size, ...], place: int) -> tuple[Size, ...]:
        return (*axes[:place], new, *axes[place:]) if more else (*axes[:place], *axes[place + 1 :])

    if not everywhere:
        return _at_an_axis(draw, case, change)
    return case.map(lambda tensor: tensor._replace(shape=change(tensor.shape, 1)))


def _batch(draw: st.DrawFn, case: Case) -> Case:
    """A known batch size; all tensors of a model have the same."""
    size = draw(_A_BATCH)
    return case.map(lambda tensor: tensor._replace(shape=(size, *tensor.shape[1:])))


def _other_arguments(draw: st.DrawFn, case: Case) -> Case:
    """A tensor that may be left out left out, or a list of tensors shorter or longer."""
    layer = layer_class(case.kind)
    changes = [done for argument in layer.arguments for done in _argument_changes(case, argument)]
    return draw(st.sampled_from(changes)) if changes else case


def _argument_changes(case: Case, argument: Argument) -> list[Case]:
    given = case.inputs.get(argument.name)
    if given is None:
        return []
    rest = {name: value for name, value in case.inputs.items() if name != argument.name}
    found = [] if argument.required else [replace(case, inputs=rest)]
    if not isinstance(given, Tensor):
        lists = (given[:-1], (*given, given[-1]), given[::-1])
        found += [
            replace(case, inputs={**case.inputs, argument.name: items}) for items in lists if items
        ]
    return found


def _at_an_axis(
    draw: st.DrawFn, case: Case, change: Callable[[tuple[Size, ...], int], tuple[Size, ...]]
) -> Case:
    """The change made at one axis (not the batch's) of one tensor."""
    chosen = draw(st.integers(0, len(case.tensors) - 1))
    place = draw(st.integers(1, max(1, case.tensors[chosen].rank - 1)))
    places = iter(range(len(case.tensors)))
    return case.map(
        lambda t: t._replace(shape=change(t.shape, place)) if next(places) == chosen else t
    )


def _other_dtype(draw: st.DrawFn, case: Case) -> Case:
    """Another dtype, of every tensor or of one."""
    dtype, only = draw(_A_DTYPE), draw(_TENSORS)
    places = iter(range(len(case.tensors)))
    return case.map(
        lambda t: t._replace(dtype=dtype) if next(places) == only or only is None else t
    )


_SHAPE_CHANGES = (
    *[_as_it_is] * 4,
    *[_resized] * 5,
    *[_unknown] * 3,
    *[_one_size] * 3,
    _other_rank,
    _batch,
    _other_arguments,
)
_A_CHANGE = st.sampled_from(_SHAPE_CHANGES)
