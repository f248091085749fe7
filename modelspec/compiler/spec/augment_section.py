"""`data.augment` as written: layers that vary training examples, either of one input or of several
inputs and targets with the same draw.
"""

from __future__ import annotations

from collections.abc import Mapping as MappingType
from collections.abc import Sequence as SequenceType
from dataclasses import field, replace
from typing import Any

from modelspec.catalog.layers.layer import Layer
from modelspec.catalog.layers.windows import spatial
from modelspec.core.diagnostics import Collector, Span, did_you_mean, listed, nearest
from modelspec.core.records import dataclass
from modelspec.core.sections import known_keys
from modelspec.core.settings import Context, describe, is_int
from modelspec.core.shapes import Shape, is_name, may_equal
from modelspec.core.source import Entry, Mapping, Node, Scalar, Sequence, plain

from .model_section import DATA_FORMATS
from .transform_layers import Chain, read_augment

_LONG_FORM = ("layers", "on", "fill")


@dataclass(frozen=True)
class Joint(Chain):
    """Layers that vary several tensors with the same draw."""

    on: tuple[str, ...] = ()
    """The inputs and targets that are varied, by their names in the model."""
    fill: int | None = None
    """The class number that fills new borders of masks; None: as the layers define."""
    spans: MappingType[str, Span] = field(default_factory=dict)
    """Where each name of `on` is written."""
    fill_span: Span | None = None
    """Where `fill` is written."""


def moving(chain: Chain) -> tuple[Layer, ...]:
    """The layers that move values to other places."""
    return tuple(layer for layer in chain.layers if layer.moves_values)


def mixing(chain: Chain) -> tuple[Layer, ...]:
    """The layers that mix examples."""
    return tuple(layer for layer in chain.layers if layer.mixes_examples)


def for_model(root: Mapping, context: Context) -> Context:
    """The context of layers that take the inputs of the model: channels are on the same axis."""
    model = root.entries.get("model")
    if model is None or not isinstance(model.value, Mapping):
        return context
    entry = model.value.entries.get("image_data_format")
    found = plain(entry.value) if entry is not None else None
    return replace(context, image_data_format=str(found)) if found in DATA_FORMATS else context


def read_augmentation(
    node: Mapping,
    inputs: SequenceType[str],
    outputs: SequenceType[str],
    context: Context,
    report: Collector,
) -> dict[str, Chain]:
    """By input: from `data.augment`, or from `augment` beside a source. A `Joint` is listed under
    the first input that it names.
    """
    entry = _entry(node, report)
    if entry is None:
        return {}
    if isinstance(entry.value, Mapping):
        layers = entry.value.entries.get("layers")
        if layers is not None and isinstance(layers.value, Sequence):
            return _long(entry.value, inputs, outputs, context, report)
        if layers is None and not set(inputs) & set(entry.value.entries):
            found = _misspelt(entry.value, report)
            if found is not None:
                return _long(found, inputs, outputs, context, report)
        return _by_input(entry.value, inputs, context, report)
    return _of_one_input(read_augment(entry.value, context, report), entry.value, inputs, report)


def _entry(node: Mapping, report: Collector) -> Entry | None:
    """`augment` under `data`, or beside a source; it is an error to write it in both places."""
    entry = node.entries.get("augment")
    for key in ("source", "train"):
        source = node.entries.get(key)
        if source is None or not isinstance(source.value, Mapping) or len(source.value.entries) < 2:
            continue
        beside = source.value.entries.get("augment")
        if beside is not None and entry is not None:
            report.error(
                "MS208",
                f"`augment` is given both on `{key}` and under `data`",
                beside.key_span,
                help="keep one of them",
            )
        entry = entry or beside
    return entry


def _of_one_input(
    chain: Chain | None, node: Node, inputs: SequenceType[str], report: Collector
) -> dict[str, Chain]:
    if len(inputs) > 1:
        report.error(
            "MS501",
            f"the model has {len(inputs)} inputs ({listed(list(inputs))}), so `augment` must"
            " name the input that it varies",
            node.span,
            help=f"write `augment: {{{inputs[0]}: [...]}}`",
        )
        return {}
    return {inputs[0]: chain} if chain and inputs else {}


def _by_input(
    node: Mapping, inputs: SequenceType[str], context: Context, report: Collector
) -> dict[str, Chain]:
    found: dict[str, Chain] = {}
    known = frozenset(inputs)
    for name, entry in node.entries.items():
        if known and name not in known:
            near = nearest(name, inputs)
            report.error(
                "MS501",
                f"`augment` names `{name}`, which is not an input of the model",
                entry.key_span,
                suggestion=near,
                help=f"did you mean `{near}`?" if near else f"the inputs are {listed(inputs)}",
            )
        elif chain := read_augment(entry.value, context, report):
            found[name] = chain
    return found


def _misspelt(node: Mapping, report: Collector) -> Mapping | None:
    """The long form whose key `layers` is misspelled, which is reported; None for the form by
    input.
    """
    lists = [key for key, one in node.entries.items() if isinstance(one.value, Sequence)]
    meant = any(nearest(key, ["layers"]) for key in lists)
    if not meant or not {"on", "fill"} & set(node.entries):
        return None
    return known_keys(node, _LONG_FORM, "augment", report)


# Several tensors with the same draw ---------------------------------------------------------------


def _long(
    node: Mapping,
    inputs: SequenceType[str],
    outputs: SequenceType[str],
    context: Context,
    report: Collector,
) -> dict[str, Chain]:
    node = known_keys(node, _LONG_FORM, "augment", report)
    layers = node.entries["layers"].value
    chain = read_augment(layers, context, report)
    given = node.entries.get("fill")
    fill = _fill(given, report)
    on = node.entries.get("on")
    if on is None:
        if given is not None:
            _report_fill_alone(given, report)
        return _of_one_input(chain, layers, inputs, report)
    spans = _names(on.value, inputs, outputs, report)
    if chain is None or spans is None:
        return {}
    lead = next((name for name in spans if name in inputs), None)
    if lead is None and inputs:
        report.error(
            "MS581",
            "`on` names no input, so `augment` has no images to vary",
            on.value.span,
            help=f"write `on: [{', '.join((inputs[0], *spans))}]`",
        )
    if lead is None:
        return {}
    fill_span = given.value.span if given is not None else None
    return {lead: Joint(chain.span, chain.uses, chain.node, tuple(spans), fill, spans, fill_span)}


def _names(
    node: Node, inputs: SequenceType[str], outputs: SequenceType[str], report: Collector
) -> dict[str, Span] | None:
    """The names under `on`, each with its place; None, after reporting the error, for anything
    other than a list of names.
    """
    items = node.items if isinstance(node, Sequence) else (node,)
    if not items or not all(
        isinstance(item, Scalar) and isinstance(item.value, str) for item in items
    ):
        report.error(
            "MS204",
            f"`on` must be a list of inputs and targets, found {describe(plain(node))}",
            node.span,
            help=f"write e.g. `on: [{', '.join((*inputs[:1], *outputs[:1]))}]`",
        )
        return None
    known = tuple(dict.fromkeys((*inputs, *outputs)))
    found: dict[str, Span] = {}
    for item in items:
        name = str(plain(item))
        if name in known or not known:
            found.setdefault(name, item.span)
            continue
        near = nearest(name, known)
        report.error(
            "MS501",
            f"`on` names `{name}`, which is not an input or output of the model",
            item.span,
            suggestion=near,
            help=did_you_mean(near, f"the inputs and outputs are {listed(known)}"),
        )
    return found


def _fill(entry: Entry | None, report: Collector) -> int | None:
    if entry is None:
        return None
    value: Any = plain(entry.value)
    if is_int(value):
        found: int = value
        return found
    report.error(
        "MS204",
        f"`fill` must be an integer, found {describe(value)}",
        entry.value.span,
        help="set the class number of the border of a mask, e.g. `fill: 255`",
    )
    return None


def _report_fill_alone(entry: Entry, report: Collector) -> None:
    report.error(
        "MS208",
        "`fill` sets the border of masks, and `on` is missing",
        entry.key_span,
        help="name what is varied, e.g. `on: [image, mask]`, or use `fill_value` of the layers",
    )


# Places -------------------------------------------------------------------------------------------


def format_of(chain: Chain) -> str | None:
    """The axis on which layers that move values or mix examples expect the channels."""
    layers = (*moving(chain), *mixing(chain))
    formats = (getattr(layer, "data_format", None) for layer in layers)
    return next((one for one in formats if one is not None), None)


def places(shape: Shape, data_format: str | None) -> Shape | None:
    """The height and width of images (batch axis first), or of masks without a channel axis; None
    for any other shape.
    """
    if len(shape) == 3:
        return shape[1:]
    return spatial(shape, data_format) if len(shape) == 4 else None


def same_places(one: Shape | None, other: Shape | None) -> bool | None:
    """Whether two tensors have the same height and width; None if that is unknown."""
    if one is None or other is None:
        return False
    pairs = tuple(zip(one, other, strict=True))
    if not all(may_equal(a, b) for a, b in pairs):
        return False
    known = all(isinstance(a, int) and isinstance(b, int) for a, b in pairs)
    return True if known or all(is_name(a) and a == b for a, b in pairs) else None
