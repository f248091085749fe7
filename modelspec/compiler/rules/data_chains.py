"""The types that the layers under `data` make from columns and inputs, as far as they do not depend
on the source; the rest is checked when the data are read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from modelspec.core.diagnostics import Diagnostic
from modelspec.core.dtypes import is_float
from modelspec.core.records import NamedTuple
from modelspec.core.shapes import PENDING, Shape, Tensor

from ..graph import ANY_INPUT
from ..infer import TypedGraph, infer_chain
from ..spec.augment_section import Joint, mixing, places
from ..spec.data_section import DataSection, Feature, transform_of
from ..spec.file_reading import file_shape
from ..spec.known_columns import is_open
from ..spec.past_columns import reads_past, with_past_columns
from ..spec.transform_layers import Chain, given_type

_MOST_AXES = 4
"""The shape of an example whose size depends on the data."""
Key = tuple[str, str]
"""`("inputs", "image")` or `("targets", "digit")`."""


class Augmented(NamedTuple):
    """An input that training varies, and its type afterwards."""

    name: str
    chain: Chain
    wanted: Tensor
    result: Tensor | None
    """None if the layers do not accept it."""


class DataChains(NamedTuple):
    """The types at the ends of chains, and the problems within them."""

    transformed: Mapping[Key, Tensor]
    augmented: tuple[Augmented, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()


def features(data: DataSection) -> Iterator[tuple[Key, Feature]]:
    """Every input and target."""
    for name, feature in (data.inputs or {}).items():
        yield ("inputs", name), feature
    for name, feature in (data.targets or {}).items():
        yield ("targets", name), feature


def layers_of(feature: Feature) -> Chain | None:
    """All layers of a transform, those that change strings first."""
    steps, rest = feature.text_steps, transform_of(feature)
    if steps is None or rest is None:
        return steps or rest
    return replace(rest, uses=(*steps.uses, *rest.uses))


def takes_dates(feature: Feature) -> bool:
    """Whether the values of a feature are dates, as strings."""
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
    """The result of a transform, if it can be inferred without the data."""
    feature = with_past_columns(feature)
    chain = layers_of(feature)
    if chain is None or not chain.complete:
        return None
    source = data.sources.get("train")
    text = feature.takes_text(None)
    crossed = any(one.crosses_columns for one in chain.layers[:1])
    if text is None and crossed and len(feature.names) > 1:
        text = False  # strings give the same result
    examples = file_shape(feature, source)
    if examples is None and source is not None and feature.column is not None:
        known = source.known_types.get(feature.column)
        examples = known.shape if known is not None else None
    one_value = source is not None and (source.one_value_cells or examples is not None)
    if text is None or feature.pad is not None or not one_value:
        found.extend(_across_examples(chain))
        return None
    if is_open(feature) and reads_past(feature):
        return None
    sizes: Shape = () if feature.column is not None else (len(feature.names),)
    if is_open(feature):
        sizes = (None,)
    if examples is not None:
        sizes = examples
    if feature.separator is not None:
        sizes = (None,)
    rest = transform_of(feature)
    given = given_type(text, rest.layers if rest is not None else (), sizes)
    checked = infer_chain(chain.uses, chain.layers, given, chain.span)
    said = _certain(checked.diagnostics)
    found.extend(_of_columns(one, len(feature.names)) for one in said)
    return checked.value[-1] if checked.value else None


def _of_columns(one: Diagnostic, count: int) -> Diagnostic:
    """A problem of layers whose input are several stacked columns, not a model input."""
    given, stacked = f"`{ANY_INPUT}` gives", f"{count} stacked columns give"
    if count < 2 or not any(note.message.startswith(given) for note in one.notes):
        return one
    notes = tuple(
        replace(note, message=note.message.replace(given, stacked, 1)) for note in one.notes
    )
    help = one.help
    if one.code in ("MS401", "MS403"):
        help = "`columns` stacks its columns into one vector; give each column its own input"
    return replace(one, notes=notes, help=help)


def _across_examples(chain: Chain) -> tuple[Diagnostic, ...]:
    """Report MS668 if the layers compute with several examples, for any rank of an example."""
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
    """The type, as far as it does not depend on vocabularies."""
    return (one for one in found if one.code not in ("MS405", "MS205") or one.severity != "error")


def _augmented(
    typed: TypedGraph, data: DataSection, found: list[Diagnostic]
) -> Iterator[Augmented]:
    """The inputs that `augment` names; integer inputs are skipped."""
    for name, chain in _varied_inputs(typed, data):
        wanted = typed.inputs.get(name)
        if wanted is None or not chain.complete or PENDING in wanted.shape:
            continue
        if not is_float(wanted.dtype):
            if not isinstance(chain, Joint):  # which moves class indices together with an image
                yield Augmented(name, chain, wanted, None)
            continue
        given = Tensor(wanted.shape, "float32")
        checked = infer_chain(chain.uses, chain.layers, given, chain.span)
        found.extend(checked.diagnostics)
        yield Augmented(name, chain, wanted, checked.value[-1] if checked.value else None)


def _varied_inputs(typed: TypedGraph, data: DataSection) -> Iterator[tuple[str, Chain]]:
    """Every input that is varied, with its layers."""
    for name, chain in data.augment.items():
        for one in chain.on if isinstance(chain, Joint) else (name,):
            if one == name or not _stays_apart(one, chain, typed, data):
                yield one, chain


def _stays_apart(name: str, chain: Chain, typed: TypedGraph, data: DataSection) -> bool:
    """Whether an input is not an image: its coordinates move, or it is mixed as a whole."""
    feature, tensor = (data.inputs or {}).get(name), typed.inputs.get(name)
    if feature is not None and feature.coordinates is not None:
        return True
    return bool(mixing(chain)) and tensor is not None and places(tensor.shape, None) is None


def is_text(typed: TypedGraph | None, key: Key, feature: Feature) -> bool | None:
    """Whether the values of a feature are strings; None if that is unknown."""
    chain = transform_of(feature)
    if feature.prepared and chain is None and feature.pad is None:
        return None  # the transform has errors
    kind, name = key
    wanted = typed.inputs.get(name) if typed and kind == "inputs" else None
    return feature.takes_text(wanted.dtype if wanted else None)
