"""What the layers under `data` make of columns and inputs, as far as that holds whatever the source
has in it; the rest is said when the data are read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from modelspec.core.diagnostics import Diagnostic
from modelspec.core.dtypes import is_float
from modelspec.core.shapes import PENDING, Shape, Tensor

from ..infer import TypedGraph, infer_chain
from ..spec.augment_section import Joint
from ..spec.data_section import DataSection, Feature, transform_of
from ..spec.file_reading import picture_shape
from ..spec.past_columns import with_past_columns
from ..spec.transform_layers import Chain, given_type

_MOST_AXES = 4
"""Of an example whose size only the data show."""
Key = tuple[str, str]
"""`("inputs", "image")` or `("targets", "digit")`."""


class Augmented(NamedTuple):
    """An input that training varies, and what it becomes."""

    name: str
    chain: Chain
    wanted: Tensor
    result: Tensor | None
    """None where the layers cannot take it."""


class DataChains(NamedTuple):
    """The types at the ends of chains, and what is wrong within them."""

    transformed: Mapping[Key, Tensor]
    augmented: tuple[Augmented, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()


def features(data: DataSection) -> Iterator[tuple[Key, Feature]]:
    """Every input and target."""
    for name, feature in (data.inputs or {}).items():
        yield ("inputs", name), feature
    for name, feature in (data.targets or {}).items():
        yield ("targets", name), feature


def takes_dates(feature: Feature) -> bool:
    """Whether the values of a feature are dates, as text."""
    chain = transform_of(feature)
    layers = chain.layers if chain is not None else ()
    return next((one.reads_dates for one in layers if one.keeps_values != "all"), False)


def infer_chains(typed: TypedGraph | None, data: DataSection | None) -> DataChains:
    """The types of every transform, and of `augment`."""
    if data is None:
        return DataChains({})
    found: list[Diagnostic] = []
    transformed: dict[Key, Tensor] = {}
    for key, feature in features(data):
        result = _transformed(feature, data, found)
        if result is not None:
            transformed[key] = result
    augmented = tuple(_augmented(typed, data, found)) if typed is not None else ()
    return DataChains(transformed, augmented, tuple(found))


def _transformed(feature: Feature, data: DataSection, found: list[Diagnostic]) -> Tensor | None:
    """What a transform makes, where that can be told without the data."""
    feature = with_past_columns(feature)
    chain = transform_of(feature)
    if chain is None or not chain.complete:
        return None
    source = data.sources.get("train")
    text = feature.takes_text(None)
    pictures = picture_shape(feature, source)
    one_value = source is not None and (source.one_value_cells or pictures is not None)
    if text is None or feature.pad is not None or not one_value:
        found.extend(_across_examples(chain))
        return None
    sizes: Shape = () if feature.column is not None else (len(feature.names),)
    if pictures is not None:
        sizes = pictures
    if feature.separator is not None:
        sizes = (None,)
    given = given_type(text, chain.layers, sizes)
    checked = infer_chain(chain.uses, chain.layers, given, chain.span)
    found.extend(_certain(checked.diagnostics))
    return checked.value[-1] if checked.value else None


def _across_examples(chain: Chain) -> tuple[Diagnostic, ...]:
    """MS668 where the layers compute with several examples, however many axes an example has."""
    every: list[tuple[Diagnostic, ...]] = []
    for text in (False, True):
        for axes in range(1, _MOST_AXES + 1):
            given = given_type(text, chain.layers, (None,) * axes)
            checked = infer_chain(chain.uses, chain.layers, given, chain.span)
            wrong = tuple(one for one in checked.diagnostics if one.code == "MS668")
            if checked.value is not None or wrong:
                every.append(wrong)
    return every[0] if every and all(every) else ()


def _certain(found: tuple[Diagnostic, ...]) -> Iterator[Diagnostic]:
    """What stays true when vocabularies are known."""
    return (one for one in found if one.code not in ("MS405", "MS205") or one.severity != "error")


def _augmented(
    typed: TypedGraph, data: DataSection, found: list[Diagnostic]
) -> Iterator[Augmented]:
    """The inputs that `augment` names; those of whole numbers are not followed."""
    for name, chain in _varied_inputs(data):
        wanted = typed.inputs.get(name)
        if wanted is None or not chain.complete or PENDING in wanted.shape:
            continue
        if not is_float(wanted.dtype):
            if not isinstance(chain, Joint):  # which moves class numbers beside an image
                yield Augmented(name, chain, wanted, None)
            continue
        given = Tensor(wanted.shape, "float32")
        checked = infer_chain(chain.uses, chain.layers, given, chain.span)
        found.extend(checked.diagnostics)
        yield Augmented(name, chain, wanted, checked.value[-1] if checked.value else None)


def _varied_inputs(data: DataSection) -> Iterator[tuple[str, Chain]]:
    """Every input that is varied, with its layers."""
    for name, chain in data.augment.items():
        for one in chain.on if isinstance(chain, Joint) else (name,):
            yield one, chain


def is_text(typed: TypedGraph | None, key: Key, feature: Feature) -> bool | None:
    """Whether the values of a feature are text; None where that cannot be told."""
    chain = transform_of(feature)
    if feature.prepared and chain is None and feature.pad is None:
        return None  # the transform is in error
    kind, name = key
    wanted = typed.inputs.get(name) if typed and kind == "inputs" else None
    return feature.takes_text(wanted.dtype if wanted else None)
