"""`weights` of a sub-model: a file, or pretrained weights of Keras."""

from __future__ import annotations

from typing import ClassVar

from modelspec.catalog.library import is_kind, kinds
from modelspec.core.diagnostics import Collector, did_you_mean, nearest
from modelspec.core.sections import read_section
from modelspec.core.settings import Context, Section, describe
from modelspec.core.source import Mapping, Node, Scalar, Value, plain

from .initial_weights import IMAGENET, WeightsPath, WeightsSource

CLASSES = 1000
"""The number of ImageNet classes, which pretrained top layers require."""


class _Weights(Section):
    title: ClassVar[str] = "weights"

    path: WeightsPath


def read_weights(node: Node, context: Context, report: Collector) -> WeightsSource | None:
    """A path, or `{imagenet: {ResNet50: {include_top: false}}}`: a library kind with all its
    settings.
    """
    value = plain(node)
    if value is None:
        return None
    if isinstance(node, Mapping):
        return _imagenet(node, context, report)
    if value == IMAGENET:
        report.error(
            "MS216",
            "`imagenet` requires a model of the library, and this model defines its own layers",
            node.span,
            help="write `{imagenet: {ResNet50: {...}}}` with the kind and its settings, or a path",
        )
        return None
    if not isinstance(value, str) or not isinstance(node, Scalar):
        report.error(
            "MS204",
            f"`weights` must be `imagenet`, a path or `null`, found {describe(value)}",
            node.span,
        )
        return None
    read = read_section(_Weights, node, node.span, context, report, {"path": value})
    return WeightsSource("", {}, read.path, node.span, context) if read else None


def _imagenet(node: Mapping, context: Context, report: Collector) -> WeightsSource | None:
    body = node.entries[IMAGENET].value if list(node.entries) == [IMAGENET] else None
    if not isinstance(body, Mapping) or len(body.entries) != 1:
        report.error(
            "MS204",
            f"`weights` must be a path, or `imagenet` with a kind, found {describe(plain(node))}",
            node.span,
            help="e.g. `weights: {imagenet: {ResNet50: {include_top: false}}}`",
        )
        return None
    kind, entry = next(iter(body.entries.items()))
    if not is_kind(kind):
        near = nearest(kind, kinds())
        report.error(
            "MS216",
            f"`{kind}` has no `imagenet` weights",
            entry.key_span,
            suggestion=near,
            help=did_you_mean(near, "`modelspec explain library` lists the available models"),
        )
        return None
    settings = plain(entry.value) or {}
    if not isinstance(settings, dict):
        report.error(
            "MS204",
            f"the settings of `{kind}` must be a mapping, found {describe(settings)}",
            entry.value.span,
        )
        return None
    if not _has_their_classes(kind, settings, entry.value, report):
        return None
    return WeightsSource(kind, settings, IMAGENET, node.span, context)


def _has_their_classes(
    kind: str, settings: dict[str, Value], node: Node, report: Collector
) -> bool:
    """Whether the top, if the model has one, has the classes of the weights."""
    classes = settings.get("classes", CLASSES)
    if not settings.get("include_top", True) or classes == CLASSES:
        return True
    assert isinstance(node, Mapping)
    report.error(
        "MS208",
        f"the `imagenet` weights of `{kind}` have {CLASSES:,} classes, not {classes}",
        node.entries["classes"].value.span,
        help=("remove `classes`, or write `include_top: false` and add your own `Dense` layer"),
    )
    return False
