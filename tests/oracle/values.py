"""Values of a setting, drawn from its type: `right` ones, most of which are allowed, and `wrong`
ones.

Strategies are created once for each setting and value: hypothesis checks every new one, which took
longer than to draw from it.

Wrong values are of the setting's type: below or above its bounds, of the wrong length, a word that
is no choice. (What a value of another type does needs no Keras: modelspec is strict by intent,
Keras casts or crashes.)
"""

from __future__ import annotations

from functools import cache
from typing import Any, Literal, get_args, get_origin

from hypothesis import strategies as st

from modelspec.catalog.components.family import Family, read_component
from modelspec.catalog.layers import LAYERS
from modelspec.catalog.layers.layer import Layer
from modelspec.core import dtypes
from modelspec.core.settings import Context, Faults, Settings, split_form

from . import forms

FLOAT_POLICIES = (*dtypes.FLOATS, "mixed_float16", "mixed_bfloat16")
"""The policies drawn for `dtype`."""
Values = st.SearchStrategy[Any]
_COUNTS = st.sampled_from([0, 1, 1, 2, 2, 3, 4])
_COMMON = st.one_of(
    *[st.just({})] * 5,
    st.fixed_dictionaries({"dtype": st.sampled_from(FLOAT_POLICIES)}),
    st.fixed_dictionaries({"trainable": st.booleans()}),
)
"""Settings that every layer has, now and then."""
_STEPS = st.sampled_from(["entry", "turned", "dropped", "added"])
_made: dict[tuple[Any, ...], Values] = {}
"""The strategies of `values_of`."""
TOO_LARGE = 11
"""Past every size in the examples, but small enough for the weights of a three-dimensional
kernel.
"""
NONSENSE = "nonsense"

FITS_NOT_ALL = ("Identity", "Orthogonal", "STFT")
"""Initializers that make weights of some shapes only."""
FITS_NOT_EVERY_WEIGHT = ("input_axes", "output_axes")
"""Settings of initializers that name axes of a weight, which not every weight has."""


def right(annotation: Any, like: Any = None) -> Values:
    """Values of a setting that holds `like` now; where nothing is known of its type, that value
    alone.
    """
    if (family := forms.family(annotation)) is not None:
        return st.one_of(*([st.none()] if forms.nullable(annotation) else []), components(family))
    written, metadata = forms.written(annotation)
    if forms.is_layer(like):
        return layers(like)
    if isinstance(like, (tuple, list)) and like and all(forms.is_layer(item) for item in like):
        return st.tuples(*(layers(item) for item in like))
    return _right(written, metadata, like)


def values_of(cls: type[Settings], name: str, like: Any) -> Values:
    """`right` of a setting of a class."""
    key = (cls, name, type(like), repr(like))
    if key not in _made:
        _made[key] = right(cls.model_fields[name], like)
    return _made[key]


def _right(written: Any, metadata: tuple[Any, ...], like: Any) -> Values:
    origin = get_origin(written)
    if origin in forms.UNION:
        branches = [
            right(branch, like if _suits(branch, like) else None) for branch in get_args(written)
        ]
        return st.one_of([branch for branch in branches if branch != st.nothing()])
    if origin is Literal:
        return st.sampled_from(get_args(written))
    if origin is tuple:
        return _tuples(get_args(written), like)
    if written is bool:
        return st.booleans()
    if written is int:
        return _numbers(metadata, (-1, 0, 1, 2, 3, 4, 5), like, step=1)
    if written is float:
        return _numbers(metadata, (0.0, 0.1, 0.25, 0.5, 0.9, 1.0, 2.0), like, step=0.5)
    if written in (None, type(None)):
        return st.none()
    return st.nothing() if like is None else st.just(like)


def _suits(branch: Any, like: Any) -> bool:
    """Whether `like` is an example for this branch of a union."""
    written, _ = forms.written(branch)
    origin = get_origin(written) or written
    if origin is Any or not isinstance(origin, type):
        return False
    return isinstance(like, origin) and not (isinstance(like, bool) and origin is int)


def _numbers(metadata: tuple[Any, ...], usual: tuple[Any, ...], like: Any, step: float) -> Values:
    near = (
        (like, like + step, like - step)
        if isinstance(like, (int, float)) and not isinstance(like, bool)
        else ()
    )
    allowed = [number for number in (*near, *usual) if _within(number, metadata)]
    if not allowed:
        low = next(
            (
                getattr(item, bound)
                for item in metadata
                for bound in ("ge", "gt")
                if hasattr(item, bound)
            ),
            0,
        )
        allowed = [low + step, low + 2 * step]
    return st.sampled_from(list(dict.fromkeys(allowed)))


def _within(number: float, metadata: tuple[Any, ...]) -> bool:
    tests = {"ge": number.__ge__, "gt": number.__gt__, "le": number.__le__, "lt": number.__lt__}
    return all(
        test(bound) is True or test(bound) is NotImplemented
        for item in metadata
        for name, test in tests.items()
        if isinstance(bound := getattr(item, name, None), (int, float))
    )


def _tuples(items: tuple[Any, ...], like: Any) -> Values:
    if len(items) == 2 and items[1] is Ellipsis:
        if not isinstance(like, (tuple, list)) or not like:
            return st.lists(right(items[0]), min_size=1, max_size=3).map(tuple)
        return st.one_of(st.just(tuple(like)), _changed(tuple(like), items[0]))
    likes = (
        like
        if isinstance(like, (tuple, list)) and len(like) == len(items)
        else (None,) * len(items)
    )
    return st.tuples(*(right(item, each) for item, each in zip(items, likes, strict=True)))


@st.composite
def _changed(draw: st.DrawFn, like: tuple[Any, ...], item: Any) -> tuple[Any, ...]:
    """A list a step away from the one given: an entry changed, dropped or added, or the order
    turned round.
    """
    place = draw(st.integers(0, len(like) - 1))
    change = draw(_STEPS)
    if change == "turned":
        return like[::-1]
    if change == "dropped" and len(like) > 1:
        return like[:place] + like[place + 1 :]
    entry = draw(right(item, like[place]))
    return (*like[:place], entry, *like[place + (change != "added") :])


# Components and nested layers ---------------------------------------------------------------------


@st.composite
def components(draw: st.DrawFn, family: Family) -> Any:
    """A member of the family as a name, or as a name with settings that it takes: it has tests of
    its own.
    """
    name = draw(_members(family))
    cls = family.find(name)
    if cls is None or family.name_only or draw(st.booleans()):
        return name
    required = {
        field: draw(values_of(cls, field, None))
        for field, info in cls.model_fields.items()
        if info.is_required()
    }
    drawn = draw(changed(cls, required))
    form: Any = {
        name: {key: value for key, value in drawn.items() if key not in FITS_NOT_EVERY_WEIGHT}
    }
    try:
        read_component(family, form, Context())
    except Faults:
        return name
    return form


@cache
def _members(family: Family) -> Values:
    """The names of a family."""
    names = [name for name in family.names() if family.aliases.get(name, name) not in FITS_NOT_ALL]
    return st.sampled_from(names)


@st.composite
def layers(draw: st.DrawFn, like: Any) -> Any:
    """A nested layer: the one given with a setting or two changed, or now and then another one."""
    name, body = split_form("layer", like)
    cls = LAYERS.find(name)
    assert cls is not None
    if draw(st.integers(0, 9)) >= 8:
        other = draw(
            st.sampled_from(["Dense", "Dropout", "Flatten", "LSTM", "GRU", "Conv1D", "Activation"])
        )
        cls = LAYERS.find(other) or cls
        examples = getattr(cls, "examples", ())
        return {cls.kind(): dict(examples[0].settings)} if examples else like
    settings = draw(changed(cls, forms.spread(cls, body)))
    return {cls.kind(): settings} if settings else cls.kind()


@st.composite
def changed(draw: st.DrawFn, cls: type[Settings], settings: dict[str, Any]) -> dict[str, Any]:
    """The settings with none to four of them drawn anew, and now and then those that every layer
    has.
    """
    count = draw(_COUNTS) if _drawn_often(cls) else 0
    result = dict(settings)
    for name in draw(_names(cls, count)) if count else ():
        field = cls.model_fields[name]
        like = result.get(name, None if field.is_required() else field.default)
        values = values_of(cls, name, like)
        if not values.is_empty:
            result[name] = draw(values)
    if issubclass(cls, Layer):
        result |= draw(_COMMON)
    return result


@cache
def _names(cls: type[Settings], count: int) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(_drawn_often(cls)), min_size=count, max_size=count)


@cache
def _drawn_often(cls: type[Settings]) -> list[str]:
    """The names of the settings, those that decide about shapes more than once."""
    own = [name for name in cls.model_fields if name not in cls.common]
    shaping = [name for name in own if forms.field_family(cls, name) is None]
    return [*own, *shaping, *shaping]


@st.composite
def spoiled(draw: st.DrawFn, cls: type[Settings], settings: dict[str, Any]) -> dict[str, Any]:
    """The settings with one of them wrong."""
    candidates, names = _spoilable(cls)
    if not candidates:
        return settings
    name = draw(names)
    return {**settings, name: draw(candidates[name])}


@cache
def _spoilable(cls: type[Settings]) -> tuple[dict[str, Values], Values]:
    """The wrong values of each setting, and the names of the settings. (Of unknown names of
    components a few are enough.)
    """
    field_names = [name for name in cls.model_fields if name not in cls.common]
    candidates = {
        name: values
        for name in field_names
        if (values := wrong(cls.model_fields[name])) is not None
    }
    names = sorted(candidates)
    shaping = [name for name in names if forms.field_family(cls, name) is None]
    return candidates, st.sampled_from([*names, *shaping * 3]) if names else st.nothing()


def wrong(annotation: Any) -> Values | None:
    """Values of the type that the setting does not take; None where every value of the type is
    fine.
    """
    if forms.family(annotation) is not None:
        return st.just(NONSENSE)
    written, metadata = forms.written(annotation)
    origin = get_origin(written)
    if origin in forms.UNION:
        found = [values for branch in get_args(written) if (values := wrong(branch)) is not None]
        return st.one_of(found) if found else None
    if origin is Literal:
        return (
            st.just(NONSENSE)
            if all(isinstance(choice, str) for choice in get_args(written))
            else None
        )
    if origin is tuple:
        return _wrong_tuples(get_args(written))
    if written is int:
        return _out_of_bounds(metadata, 1, extra=(TOO_LARGE,))
    if written is float:
        return _out_of_bounds(metadata, 0.5)
    return None


def _out_of_bounds(
    metadata: tuple[Any, ...], step: float, extra: tuple[float, ...] = ()
) -> Values | None:
    outside = [*extra]
    for item in metadata:
        for bound, sign in (("gt", 0), ("ge", -1), ("lt", 0), ("le", 1)):
            limit = getattr(item, bound, None)
            if isinstance(limit, (int, float)):
                outside += [
                    limit + sign * step,
                    limit + (3 * sign or (3 if bound == "lt" else -3)) * step,
                ]
    return st.sampled_from(outside) if outside else None


def _wrong_tuples(items: tuple[Any, ...]) -> Values | None:
    if len(items) == 2 and items[1] is Ellipsis:
        inner = wrong(items[0])
        return None if inner is None else st.tuples(inner)
    fine = st.tuples(*(right(item) for item in items))
    lengths = [fine.map(lambda value: (*value, value[-1])), fine.map(lambda value: value[:-1])]
    inner = wrong(items[0])
    if inner is not None:
        lengths.append(st.tuples(inner, *(right(item) for item in items[1:])))
    return st.one_of(lengths)
