"""Layers that stand in `data`: the chain of a `transform`, and what an `augment` does to training
batches.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from modelspec.catalog.layers.layer import Layer
from modelspec.core.collector import Collector
from modelspec.core.diagnostics import Span
from modelspec.core.settings import Context, describe
from modelspec.core.source import Mapping, Node, Sequence, plain

from .entries import RESERVED, EntryReader, Use

_BY_NUMBER = ("1D", "2D", "3D")
PREPARING = frozenset(
    {
        "Rescaling",
        "Resizing",
        "CenterCrop",
        "AutoContrast",
        "Equalization",
        "ContrastLimitedAdaptiveHistogramEqualization",
        "Solarization",
        "Normalization",
        "Hashing",
        "CategoryEncoding",
        "Discretization",
        "StringLookup",
        "IntegerLookup",
        "TextVectorization",
        "STFTSpectrogram",
        "MelSpectrogram",
        "Expression",
        "Flatten",
        "Reshape",
        "Permute",
        "RepeatVector",
        "Identity",
        "Activation",
        "ReLU",
        "LeakyReLU",
        "ELU",
        "Softmax",
        "UnitNormalization",
        *(
            f"{kind}{n}"
            for n in _BY_NUMBER
            for kind in (
                "ZeroPadding",
                "Cropping",
                "UpSampling",
                "MaxPooling",
                "AveragePooling",
                "GlobalMaxPooling",
                "GlobalAveragePooling",
            )
        ),
    }
)
"""Layers that compute the same for an example whenever they see it, and are trained by no
gradient.
"""
NOISE = frozenset(
    {
        "Dropout",
        "AlphaDropout",
        "GaussianDropout",
        "GaussianNoise",
        *(f"SpatialDropout{n}" for n in _BY_NUMBER),
    }
)
_AUGMENTING = ("augmentation", "augmentation_color", "augmentation_mix")
"""Modules of layers that act in training only."""
_NEEDS_LABELS = ("MixUp", "CutMix")


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


def acts_in_training_only(layer: Layer) -> bool:
    """Whether a layer passes examples through unchanged unless a model is being trained."""
    return type(layer).__module__.rpartition(".")[2] in _AUGMENTING or layer.kind() in NOISE


def read_transform(node: Node, context: Context, report: Collector) -> Chain | None:
    """The layers that prepare a column; None, its faults noted down, where it is no list."""
    return _read(node, "transform", _check_preparing, context, report)


def read_augment(node: Node, context: Context, report: Collector) -> Chain | None:
    """The layers that vary training examples; None, its faults noted down, where it is no list."""
    return _read(node, "augment", _check_augmenting, context, report)


def _read(
    node: Node,
    key: str,
    check: Callable[[Use, Layer, Collector], bool],
    context: Context,
    report: Collector,
) -> Chain | None:
    if not isinstance(node, Sequence) or not node.items:
        report.error(
            "MS204",
            f"`{key}` must be a list of layers, found {describe(plain(node))}",
            node.span,
            help=(
                f"write e.g. `{key}:"
                f" [{'RandomFlip: horizontal' if key == 'augment' else 'Normalization'}]`"
            ),
        )
        return None
    # Data are prepared in float32 whatever precision the model has: a float16 cannot hold a year,
    # or a price.
    reader = EntryReader(replace(context, precision="float32"), report, ())
    uses = tuple(_checked(use, key, check, report) for use in reader.uses(node))
    return Chain(node.span, uses, node)


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
    if acts_in_training_only(layer):
        report.error(
            "MS625",
            f"`{use.kind}` acts in training only, and would change nothing in a `transform`",
            use.kind_span,
            help="put it under `augment` of `data`",
        )
    elif layer.kind() not in PREPARING:
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
    if not acts_in_training_only(layer):
        report.error(
            "MS633",
            f"`{use.kind}` acts in evaluation too, so it cannot stand under `augment`",
            use.kind_span,
            help="put it into the `transform` of the column, or into the model",
        )
    elif layer.kind() in _NEEDS_LABELS:
        report.error(
            "MS633",
            f"`{use.kind}` mixes examples with others, and their labels would stay as they are",
            use.kind_span,
            help="use layers that change each example for itself",
        )
    else:
        return True
    return False
