"""Several labels in a cell where one is expected."""

from __future__ import annotations

from modelspec.catalog.layers.layer import Layer
from modelspec.core.shapes import show

from ..spec.data_section import Feature, transform_of
from .case import Case
from .data_chains import Key, features
from .trained_outputs import TrainedOutput

_ONE_OF_SEVERAL = ("indices", "one_hot", "identities", "sequences")
"""Encodings of targets with a single label."""


def check(case: Case) -> None:
    """Check every input and target."""
    if case.data is None:
        return
    for key, feature in features(case.data):
        _check_lists(case, key, feature)
    targets = case.data.targets or {}
    for trained in case.trained:
        if trained.head.output in targets:
            _check_loss(case, trained, targets[trained.head.output])


def _changing(feature: Feature) -> Layer | None:
    """The first layer of a transform that changes values."""
    chain = transform_of(feature)
    layers = chain.layers if chain is not None else ()
    return next((one for one in layers if one.keeps_values != "all"), None)


def _check_lists(case: Case, key: Key, feature: Feature) -> None:
    """The parts of a cell require a layer that encodes them as one vector, or a `pad`."""
    if feature.separator is None or feature.pad is not None:
        return
    layer = _changing(feature)
    if layer is not None and layer.gathers:
        return
    if feature.transform is not None and transform_of(feature) is None:
        return  # the transform has errors
    assert case.data is not None
    what = f"`{layer.kind()}` outputs a value for each" if layer else "no layer combines them"
    case.report.error(
        "MS575",
        f"`separator` splits `{feature.names[0]}` into lists of different lengths, but {what}",
        case.data.spans.get(("separator", *key)) or case.data.spans.get(key),
        help="look up the labels with `StringLookup: {output_mode: multi_hot}`, or set `pad` for"
        " sequences of one length",
    )


def _check_loss(case: Case, trained: TrainedOutput, feature: Feature) -> None:
    """Report a target of several labels whose loss expects one class, or whose output has another
    number of units.
    """
    layer = _changing(feature)
    if layer is None or not layer.gathers or feature.pad is not None:
        return
    output = trained.head.output
    if trained.settings.targets in _ONE_OF_SEVERAL:
        case.report.error(
            "MS575",
            f"`{trained.settings.kind()}` expects one class, but an example of `{output}` may have"
            " several labels",
            trained.loss.node.span,
            help="use `binary_crossentropy`, and `activation: sigmoid` for the output",
        )
        return
    assert case.data is not None
    made = case.chains.transformed.get(("targets", output))
    units = trained.head.units
    labels = made.shape[-1] if made is not None else None
    if isinstance(units, int) and isinstance(labels, int) and units != labels:
        case.report.error(
            "MS575",
            f"the lookup of `{output}` has {labels} labels, but the output is"
            f" {show(trained.head.tensor.shape)}",
            case.data.spans.get(("targets", output)),
            help=f"give the output {labels} units",
        )
