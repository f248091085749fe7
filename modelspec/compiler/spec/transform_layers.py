"""Layers that stand in `data`: the chain of a `transform`, and what an `augment` does to training
batches.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from modelspec.catalog.layers.layer import Layer
from modelspec.core.diagnostics import Collector, Span
from modelspec.core.settings import Context, describe
from modelspec.core.shapes import Shape, Tensor
from modelspec.core.source import Mapping, Node, Scalar, Sequence, plain

from .entries import RESERVED, EntryReader, Use


@dataclass(frozen=True)
class Chain:
    """Layers one after the other, as written."""

    span: Span
    uses: tuple[Use, ...]
    node: Node

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The settings of each, for a spec without errors."""
        return tuple(use.layer for use in self.uses if use.layer is not None)

    @property
    def complete(self) -> bool:
        """Whether every layer could be read."""
        return all(use.layer is not None for use in self.uses)

    def written(self) -> Any:
        """As a spec writes it."""
        return plain(self.node)


def takes_text(layers: tuple[Layer, ...], dtype: str | None) -> bool | None:
    """Whether a feature with this transform takes text rather than numbers; None where it takes
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
    """Whether the numbers that a transform takes are whole ones."""
    return bool(layers) and "int64" in layers[0].column_types()


def given_type(text: bool, layers: tuple[Layer, ...], sizes: Shape) -> Tensor:
    """The type that a transform gets: a column of single numbers is a vector of one, a text a
    text. Numbers come as they were read: a float32 cannot hold a time, or a price in cents.
    """
    dtype = "string" if text else "int64" if takes_whole(layers) else "float64"
    alone = text and not (layers and layers[0].takes_vectors)
    return Tensor((None, *(sizes if sizes or alone else (1,))), dtype)


def read_transform(node: Node, context: Context, report: Collector) -> Chain | None:
    """The layers that prepare a column; None, its faults noted down, where it is no list."""
    # Whatever precision the model has: what a transform gives is cast to the input's dtype at the
    # end.
    return _read(node, "transform", _check_preparing, replace(context, precision="float64"), report)


def read_augment(node: Node, context: Context, report: Collector) -> Chain | None:
    """The layers that vary training examples; None, its faults noted down, where it is no list."""
    # Whatever precision the model has: a float16 holds pixels of 8 bits alone exactly.
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
    """The list of a layer that is alone; None for what is not a layer."""
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
                help=f"leave `{word}` out",
            )
            return use._replace(layer=None)
    return use if check(use, use.layer, report) else use._replace(layer=None)


def _check_preparing(use: Use, layer: Layer, report: Collector) -> bool:
    if layer.training_only:
        report.error(
            "MS625",
            f"`{use.kind}` acts in training only, and would change nothing in a `transform`",
            use.kind_span,
            help="put it under `augment` of `data`",
        )
    elif not layer.prepares_data:
        report.error(
            "MS625",
            f"`{use.kind}` cannot prepare data: a `transform` takes layers that no gradient trains "
            "and that see one example alone",
            use.kind_span,
            help=(
                "put it into the model; `Normalization`, `StringLookup`, `TextVectorization` and"
                " such are what prepares data"
            ),
        )
    elif getattr(layer, "sparse", False) or getattr(layer, "ragged", False):
        what = "sparse" if getattr(layer, "sparse", False) else "ragged"
        report.error(
            "MS625",
            f"prepared data are dense, but this `{use.kind}` is `{what}`",
            use.kind_span,
            help=f"leave `{what}` out",
        )
    else:
        return True
    return False


def _check_augmenting(use: Use, layer: Layer, report: Collector) -> bool:
    if not layer.training_only:
        report.error(
            "MS633",
            f"`{use.kind}` acts in evaluation too, so it cannot stand under `augment`",
            use.kind_span,
            help="put it into the `transform` of the column, or into the model",
        )
    elif layer.mixes_examples:
        report.error(
            "MS633",
            f"`{use.kind}` mixes examples with others, and their labels would stay as they are",
            use.kind_span,
            help="use layers that change each example for itself",
        )
    else:
        return True
    return False
