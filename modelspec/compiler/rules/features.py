"""What `data` does to columns, against the model that takes them (`MS626`, `MS628`, `MS633`,
`MS636`).

Only what holds whatever the source has in it is said here; the rest is said when the data are read.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from modelspec.catalog.components.loss import Loss
from modelspec.catalog.layers.layer import Layer
from modelspec.core.collector import Collector
from modelspec.core.diagnostics import Diagnostic, Note, nearest
from modelspec.core.dtypes import is_float
from modelspec.core.shapes import PENDING, Shape, Tensor, show

from ..infer import TypedGraph, infer_chain
from ..spec.arrangement import match
from ..spec.data_features import POLICIES
from ..spec.data_section import DataSection, Feature, csv, transform_of
from ..spec.training_section import Training

_CLASSIFY = ("indices", "one_hot", "binary")


def takes_text(layers: tuple[Layer, ...], dtype: str | None) -> bool | None:
    """Whether a feature with this transform takes text rather than numbers; None where it takes
    either.

    `dtype` is that of the model input, None for a target.
    """
    if not layers:
        return dtype == "string"
    first = layers[0]
    if first.kind() in ("Hashing", "HashedCrossing", "Identity", "Reshape", "Flatten"):
        return None
    # By name: families of layers are imported only where a spec has one of them.
    inverted = getattr(first, "invert", False)
    return first.kind() == "TextVectorization" or (first.kind() == "StringLookup" and not inverted)


def takes_whole(layers: tuple[Layer, ...]) -> bool:
    """Whether what a transform takes are whole numbers, where it takes numbers."""
    return bool(layers) and (
        layers[0].kind()
        in ("IntegerLookup", "CategoryEncoding", "Hashing", "HashedCrossing", "StringLookup")
    )


def given_type(text: bool, layers: tuple[Layer, ...], sizes: Shape) -> Tensor:
    """The type that a transform gets: a column of single numbers is a vector of one, a text a text.

    `Hashing` takes its values in a last axis of size 1.
    """
    dtype = "string" if text else "int64" if takes_whole(layers) else "float32"
    alone = text and not (layers and layers[0].kind() == "Hashing")
    return Tensor((None, *(sizes if sizes or alone else (1,))), dtype)


def check_features(
    typed: TypedGraph | None, training: Training | None, data: DataSection, report: Collector
) -> None:
    """Transforms, missing values and augmentation of every input, transforms and class weights of
    every target.
    """
    for name, feature in (data.inputs or {}).items():
        wanted = typed.inputs.get(name) if typed is not None else None
        _check_missing(("inputs", name), feature, wanted, data, report)
        result = _result(feature, data, report)
        if result is not None and wanted is not None:
            _check_fits(name, feature, result, wanted, report)
    for name, feature in (data.targets or {}).items():
        _check_missing(("targets", name), feature, None, data, report)
        _result(feature, data, report)
    if typed is not None:
        _check_augment(typed, data, report)
    if training is not None:
        _check_class_weights(training, report)


def _check_missing(
    path: tuple[str, str],
    feature: Feature,
    wanted: Tensor | None,
    data: DataSection,
    report: Collector,
) -> None:
    chain = transform_of(feature)
    if feature.prepared and chain is None and feature.pad is None:
        return  # the transform is in error
    text = takes_text(chain.layers if chain else (), wanted.dtype if wanted else None)
    value: Any = feature.missing
    place = data.spans.get(("missing", *path)) or data.spans.get(path)
    if text and value in ("mean", "median"):
        report.error(
            "MS628",
            f"there is no {value} of text",
            place,
            help=(
                "use `most_frequent`, or a text of its own for what is missing, e.g. `missing:"
                " unknown`"
            ),
        )
    elif text is False and isinstance(value, str) and value not in POLICIES:
        near = nearest(value, POLICIES)
        report.error(
            "MS628",
            f'a feature of numbers cannot have the text "{value}" in place of what is missing',
            place,
            suggestion=near,
            help=(
                f"did you mean `{near}`?"
                if near
                else "give a number, or one of " + ", ".join(f"`{one}`" for one in POLICIES)
            ),
        )
    elif text and not isinstance(value, str):
        report.error(
            "MS628",
            f"a feature of text cannot have the number {value} in place of what is missing",
            place,
            suggestion=f'"{value}"',
            help=f'write `"{value}"` in quotes',
        )


def _result(feature: Feature, data: DataSection, report: Collector) -> Tensor | None:
    """What a transform makes, where that can be told without the data."""
    chain = transform_of(feature)
    source = data.sources.get("train")
    if (
        chain is None
        or not chain.complete
        or feature.pad is not None
        or not isinstance(source, csv)
    ):
        return None
    text = takes_text(chain.layers, None)
    if text is None:
        return None
    sizes: Shape = () if feature.column is not None else (len(feature.names),)
    given = given_type(text, chain.layers, sizes)
    checked = infer_chain(chain.uses, chain.layers, given, chain.span)
    report.extend(_certain(checked.diagnostics))
    return checked.value[-1] if checked.value else None


def _certain(found: tuple[Diagnostic, ...]) -> Iterator[Diagnostic]:
    """What stays true when vocabularies are known."""
    return (one for one in found if one.code not in ("MS405", "MS205") or one.severity != "error")


def _check_fits(
    name: str, feature: Feature, result: Tensor, wanted: Tensor, report: Collector
) -> None:
    chain = transform_of(feature)
    assert chain is not None
    place = chain.uses[-1].kind_span
    sizes = [size for size in result.shape[1:] if isinstance(size, int)]
    if (result.dtype == "string") != (wanted.dtype == "string"):
        report.error(
            "MS626",
            f"the transform gives {result.dtype}, but input `{name}` takes {wanted.dtype}",
            place,
            help=(
                "look words up with `StringLookup` or `TextVectorization`"
                if result.dtype == "string"
                else "leave the lookup to the model, or give the input another dtype"
            ),
        )
    elif len(sizes) == result.rank - 1:
        if match(tuple(sizes), wanted.shape[1:]) is None:
            report.error(
                "MS626",
                f"the transform gives {show(result.shape)}, but input `{name}` takes "
                f"{show(wanted.shape)}",
                place,
                help=f"declare the input as `{sizes}`" if sizes else "declare the input as `[1]`",
            )
    elif result.rank == wanted.rank and not _may_agree(result.shape[1:], wanted.shape[1:]):
        report.error(
            "MS626",
            f"the transform gives {show(result.shape)}, but input `{name}` takes "
            f"{show(wanted.shape)}",
            place,
            help="the sizes that are known must agree",
        )


def _may_agree(found: Shape, wanted: Shape) -> bool:
    return all(
        one == other or not isinstance(one, int) or not isinstance(other, int)
        for one, other in zip(found, wanted, strict=True)
    )


def _check_augment(typed: TypedGraph, data: DataSection, report: Collector) -> None:
    """Layers that vary an input give what they get, so that training and evaluation see one
    type.
    """
    for name, chain in data.augment.items():
        wanted = typed.inputs.get(name)
        if wanted is None or not chain.complete or PENDING in wanted.shape:
            continue
        if not is_float(wanted.dtype):
            report.error(
                "MS633",
                f"`augment` varies numbers with a fraction, but input `{name}` takes"
                f" {wanted.dtype}",
                chain.uses[0].kind_span,
                help="give the input `dtype: float32`, which is the default",
            )
            continue
        checked = infer_chain(chain.uses, chain.layers, Tensor(wanted.shape, "float32"), chain.span)
        report.extend(checked.diagnostics)
        if checked.value and checked.value[-1].shape != wanted.shape:
            report.error(
                "MS633",
                f"`augment` makes {show(checked.value[-1].shape)} of input `{name}`, which is "
                f"{show(wanted.shape)}, and evaluation sees it as it is",
                chain.uses[-1].kind_span,
                help="give all examples one size in the `transform`, e.g. with `Resizing`",
            )


def _check_class_weights(training: Training, report: Collector) -> None:
    for output, weight in training.class_weights.items():
        loss = training.losses.get(output)
        if (
            loss is None
            or not isinstance(loss.settings, Loss)
            or loss.settings.targets in _CLASSIFY
        ):
            continue
        report.error(
            "MS636",
            f"`class_weight` weighs the classes of output `{output}`, but `{loss.written}` knows no"
            " classes",
            weight.span,
            notes=[Note("the loss", loss.span)],
            help="use a column of `weights` under `data`, or a loss for classes",
        )
