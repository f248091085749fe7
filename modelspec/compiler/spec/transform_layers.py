"""Layers in `data`: the chain of a `transform`, and the layers of an `augment`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import takewhile
from typing import Any

from modelspec.catalog.layers.layer import Layer
from modelspec.core.diagnostics import Collector, Span
from modelspec.core.records import dataclass
from modelspec.core.settings import Context, describe
from modelspec.core.shapes import Shape, Tensor
from modelspec.core.source import Mapping, Node, Scalar, Sequence, plain

from .entries import RESERVED, EntryReader, Use


@dataclass(frozen=True)
class Chain:
    """Layers in order, as written."""

    span: Span
    uses: tuple[Use, ...]
    node: Node

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The settings of each, for a spec without errors."""
        return tuple(use.layer for use in self.uses if use.layer is not None)

    @property
    def complete(self) -> bool:
        """Whether every layer is valid."""
        return all(use.layer is not None for use in self.uses)

    def written(self) -> Any:
        """As written in a spec."""
        return plain(self.node)

    def divided(self) -> tuple[Chain | None, Chain | None]:
        """The first layers that give a string for each string, and the layers after them."""
        steps = takewhile(lambda use: use.layer is not None and use.layer.text_step, self.uses)
        count = len(tuple(steps))
        if not count or not isinstance(self.node, Sequence):
            return None, self
        first, rest = (
            replace(
                self, uses=self.uses[part], node=self.node._replace(items=self.node.items[part])
            )
            for part in (slice(count), slice(count, None))
        )
        return first, rest if rest.uses else None


def takes_text(layers: tuple[Layer, ...], dtype: str | None) -> bool | None:
    """Whether a feature with this transform takes strings rather than numbers; None if it takes
    either.

    `dtype` is that of the model input, None for a target.
    """
    for layer in layers:
        types = layer.column_types()
        if "string" not in types or len(types) == 1:
            return "string" in types
        if layer.keeps_values != "all":
            return None
    return None if layers and dtype is None else dtype == "string"


def takes_whole(layers: tuple[Layer, ...]) -> bool:
    """Whether a transform takes integers."""
    return bool(layers) and "int64" in layers[0].column_types()


def given_type(text: bool, layers: tuple[Layer, ...], sizes: Shape) -> Tensor:
    """The input type of a transform: a column of single numbers is a vector of size 1, a string is
    a string. Numbers keep their precision: a float32 cannot hold a time, or a price in cents.
    """
    dtype = "string" if text else "int64" if takes_whole(layers) else "float64"
    alone = text and not (layers and layers[0].takes_vectors)
    return Tensor((None, *(sizes if sizes or alone else (1,))), dtype)


def read_transform(node: Node, context: Context, report: Collector) -> Chain | None:
    """The layers that prepare a column; None, with a report, if it is not a list."""
    # Independent of the precision of the model: the result is cast to the dtype of the input.
    exact = replace(context, precision="float64")
    found = _read(node, "transform", _check_preparing, exact, report)
    return found and replace(found, uses=tuple(map(_in_float32, found.uses)))


def _in_float32(use: Use) -> Use:
    """A layer that TensorFlow does not support in float64 in float32, unless its dtype is
    written.
    """
    written = isinstance(use.body, Mapping) and "dtype" in use.body.entries
    if use.layer is None or written or "float64" not in use.layer.no_kernel_in:
        return use
    return use._replace(layer=use.layer.model_copy(update={"dtype": "float32"}))


def read_augment(node: Node, context: Context, report: Collector) -> Chain | None:
    """The layers that vary training examples; None, with a report, if it is not a list."""
    # Independent of the precision of the model: float16 is exact only for 8-bit pixels.
    return _read(node, "augment", _check_augmenting, replace(context, precision="float32"), report)


def _read(
    node: Node,
    key: str,
    check: Callable[[Use, Layer, Collector], bool],
    context: Context,
    report: Collector,
) -> Chain | None:
    layers = node if isinstance(node, Sequence) and node.items else _one_layer(node)
    uses: tuple[Use, ...] = ()
    if layers is not None:
        reader = EntryReader(context, report, ())
        uses = tuple(_checked(use, key, check, report) for use in reader.uses(layers))
    if layers is not node:
        known = isinstance(node, Scalar) and any(
            use.layer is not None and use.layer.kind() == node.value for use in uses
        )
        written = f"[{plain(node)}]" if known else None
        example = "RandomFlip: horizontal" if key == "augment" else "Normalization"
        report.error(
            "MS204",
            f"`{key}` must be a list of layers, found {describe(plain(node))}",
            node.span,
            suggestion=written,
            help=f"write `{key}: {written}`" if written else f"write e.g. `{key}: [{example}]`",
        )
    return None if layers is None else Chain(layers.span, uses, layers)


def _one_layer(node: Node) -> Sequence | None:
    """The list for a single layer; None if the value is not a layer."""
    alone = isinstance(node, Scalar) and isinstance(node.value, str) and node.value
    return Sequence((node,), node.span) if alone or _has_one_key(node) else None


def _has_one_key(node: Node) -> bool:
    return isinstance(node, Mapping) and len(node.entries) == 1


def _checked(
    use: Use, key: str, check: Callable[[Use, Layer, Collector], bool], report: Collector
) -> Use:
    if use.layer is None:
        return use
    for word in RESERVED:
        if isinstance(use.body, Mapping) and word in use.body.entries:
            report.error(
                "MS625",
                f"`{word}` has no meaning in `{key}`: its layers run one after the other",
                use.body.entries[word].key_span,
                help=f"remove `{word}`",
            )
            return use._replace(layer=None)
    return use if check(use, use.layer, report) else use._replace(layer=None)


def _check_preparing(use: Use, layer: Layer, report: Collector) -> bool:
    if layer.training_only:
        report.error(
            "MS625",
            f"`{use.kind}` is active in training only, and has no effect in a `transform`",
            use.kind_span,
            help="move it to `augment` under `data`",
        )
    elif (count := _tensors_taken(layer)) > 1 and not layer.crosses_columns:
        report.error(
            "MS625",
            f"`{use.kind}` takes {count} tensors, but the layers of a `transform` pass one tensor"
            " from each to the next",
            use.kind_span,
            help=(
                "give each column its own input, and use the layer in the model:"
                f" `{use.kind}: {{from: [a, b], ...}}`"
            ),
        )
    elif not layer.prepares_data:
        report.error(
            "MS625",
            f"`{use.kind}` cannot prepare data: a `transform` takes layers that have no trained "
            "weights and that process each example alone",
            use.kind_span,
            help=(
                "move it to the model; use layers such as `Normalization`, `StringLookup` or"
                " `TextVectorization` to prepare data"
            ),
        )
    elif getattr(layer, "sparse", False) or getattr(layer, "ragged", False):
        what = "sparse" if getattr(layer, "sparse", False) else "ragged"
        report.error(
            "MS625",
            f"prepared data are dense, but this `{use.kind}` is `{what}`",
            use.kind_span,
            help=f"remove `{what}`",
        )
    else:
        return True
    return False


def _tensors_taken(layer: Layer) -> int:
    """The least number of tensors that a layer takes."""
    return sum(one.least if one.many else 1 for one in layer.arguments if one.required)


def _check_augmenting(use: Use, layer: Layer, report: Collector) -> bool:
    if not layer.training_only:
        report.error(
            "MS633",
            f"`{use.kind}` is also active in evaluation, so it cannot be used in `augment`",
            use.kind_span,
            help="move it to the `transform` of the column, or to the model",
        )
    elif layer.mixes_examples and layer.mixes_by is None:
        report.error(
            "MS633",
            f"`{use.kind}` mixes examples, but their labels would not change",
            use.kind_span,
            help="use `MixUp` or `CutMix`, which mix the labels too",
        )
    else:
        return True
    return False
