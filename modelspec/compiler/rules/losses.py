"""Heads against losses against targets (`MS503` to `MS516`)."""

from __future__ import annotations

from collections.abc import Mapping

from modelspec.catalog.components.loss import Loss
from modelspec.core.collector import Collector
from modelspec.core.diagnostics import Note, listed
from modelspec.core.dtypes import is_float
from modelspec.core.source import Mapping as MappingNode
from modelspec.core.source import Scalar, locate

from ..spec.data_section import DataSection, Feature, csv, dataset
from ..spec.training_section import Chosen, Training
from .heads import Head

CLASSES = {
    "digits": 10,
    "iris": 3,
    "wine": 3,
    "breast_cancer": 2,
    "mnist": 10,
    "fashion_mnist": 10,
    "cifar10": 10,
    "cifar100": 100,
    "imdb": 2,
    "reuters": 46,
}
"""How many classes `target` of a known data set has."""
CATEGORICAL = ("indices", "one_hot")


def check_losses(
    heads: Mapping[str, Head], training: Training, data: DataSection | None, report: Collector
) -> None:
    """Every loss against the output it is for, and the targets that the data gives it."""
    for output, loss in training.losses.items():
        head = heads.get(output)
        if head is None or not isinstance(loss.settings, Loss):
            continue
        before = len(report.diagnostics)
        _check_head(head, loss, loss.settings, report)
        target = (data.targets or {}).get(output) if data else None
        if target is not None and data is not None and len(report.diagnostics) == before:
            _check_target(head, loss, loss.settings, target, data, report)
    _check_all_trained(heads, training, report)


def _check_head(head: Head, loss: Chosen, settings: Loss, report: Collector) -> None:
    """The activation and the units of a head against what the loss takes."""
    if not is_float(head.tensor.dtype):
        report.error(
            "MS514",
            f"output `{head.output}` is {head.tensor.dtype}, and a loss needs floating point",
            loss.span,
            notes=[Note(f"`{head.call.name}` makes it", head.span)],
        )
        return
    if (
        settings.targets == "binary" and settings.has_from_logits()
    ):  # an overlap (Dice) takes a softmax too
        _check_binary(head, loss, report)
    elif settings.targets in CATEGORICAL:
        _check_categorical(head, loss, report)
    _check_logits(head, loss, settings, report)


def _check_binary(head: Head, loss: Chosen, report: Collector) -> None:
    if head.activation == "softmax" and head.units != 1:
        better = "sparse_categorical_crossentropy"
        report.error(
            "MS510",
            f"a softmax of {head.units} units is one choice among {head.units}, but "
            f"`{loss.written}` takes every unit as a yes or no of its own",
            loss.span,
            notes=[Note(f"the softmax of `{head.call.name}`", head.span)],
            suggestion=better if isinstance(loss.node, Scalar) else None,
            help=(
                f"use `{better}` (targets are class numbers) or `categorical_crossentropy`"
                f" (one-hot), or give `{head.call.name}` `activation: sigmoid`"
            ),
        )
    elif head.activation == "softmax":
        _softmax_of_one(head, report)


def _check_categorical(head: Head, loss: Chosen, report: Collector) -> None:
    if head.units != 1:
        return
    if head.activation == "softmax":
        _softmax_of_one(head, report)
        return
    report.error(
        "MS512",
        f"`{loss.written}` chooses among classes, but output `{head.output}` has one unit",
        loss.span,
        notes=[Note(f"`{head.call.name}` has one unit", head.call.call.use.kind_span)],
        suggestion="binary_crossentropy" if isinstance(loss.node, Scalar) else None,
        help=(
            "give it one unit for each class and `activation: softmax`, or use"
            " `binary_crossentropy` with `activation: sigmoid`"
        ),
    )


def _softmax_of_one(head: Head, report: Collector) -> None:
    report.error(
        "MS511",
        f"the softmax of `{head.call.name}` has one unit, and is 1 whatever goes in",
        head.span,
        suggestion="sigmoid",
        help="use `activation: sigmoid` for a yes or no, or one unit for each class",
    )


def _check_logits(head: Head, loss: Chosen, settings: Loss, report: Collector) -> None:
    """`from_logits` says whether the head leaves the softmax or sigmoid to the loss."""
    if not settings.has_from_logits():
        return
    from_logits = getattr(settings, "from_logits")  # noqa: B009  # a field that only some losses have
    if from_logits and head.gives_probabilities:
        place = locate(loss.node, (loss.written, "from_logits"), whole=True) or loss.span
        report.error(
            "MS513",
            f"`from_logits` says that output `{head.output}` is no probability yet, but "
            f"`{head.call.name}` ends with a {head.activation}",
            place,
            notes=[Note(f"the {head.activation}", head.span)],
            help="remove `from_logits`, or the activation",
        )
    elif not from_logits and head.activation == "linear":
        wanted = "sigmoid" if settings.targets == "binary" else "softmax"
        report.error(
            "MS515",
            f"`{loss.written}` takes probabilities, but output `{head.output}` is any number: "
            f"`{head.call.name}` has no activation",
            loss.span,
            notes=[Note(f"`{head.call.name}`", head.span)],
            help=f"give `{head.call.name}` `activation: {wanted}`, or the loss `from_logits: true`",
        )


def _check_target(
    head: Head, loss: Chosen, settings: Loss, target: Feature, data: DataSection, report: Collector
) -> None:
    """The columns of a table that feed a target: how many numbers it has for an example."""
    source = data.sources.get("train")
    if target.prepared:
        return  # what a transform makes of the column is told where transforms are checked, and when data are read
    if isinstance(source, dataset):
        _check_classes(head, loss, settings, target, source, data, report)
    if not isinstance(source, csv):
        return  # an array or an image may have any shape, which only the data shows
    place = data.spans.get(("targets", head.output)) or loss.span
    columns = len(target.names)
    targets = settings.targets
    if targets == "indices" and columns > 1:
        report.error(
            "MS516",
            f"`{loss.written}` takes one class number, but the target of `{head.output}` has "
            f"{columns} columns",
            place,
            notes=[Note("the loss", loss.span)],
            help=(
                "use `categorical_crossentropy` if they are a one-hot code, or name the one column"
                " of class numbers"
            ),
        )
    elif targets == "one_hot" and columns == 1:
        report.error(
            "MS516",
            f"`{loss.written}` takes a one-hot code, but the target of `{head.output}` is the one "
            f"column `{target.names[0]}`",
            loss.span,
            notes=[Note("the target", place)],
            suggestion="sparse_categorical_crossentropy" if isinstance(loss.node, Scalar) else None,
            help="use `sparse_categorical_crossentropy` for class numbers",
        )
    elif (
        targets in ("numbers", "binary", "one_hot")
        and isinstance(head.units, int)
        and head.units != columns
    ):
        report.error(
            "MS517",
            f"output `{head.output}` has {head.units} units, but its target has "
            f"{columns} column{'s' if columns != 1 else ''}",
            place,
            notes=[Note(f"`{head.call.name}` makes the output", head.call.call.use.kind_span)],
            help="make them equal: Keras would stretch one over the other without a word",
        )


def _check_classes(
    head: Head,
    loss: Chosen,
    settings: Loss,
    target: Feature,
    source: dataset,
    data: DataSection,
    report: Collector,
) -> None:
    """The classes of an embedded data set against the units that choose among them."""
    classes = CLASSES.get(source.name, 0)
    if (
        target.names != ("target",)
        or settings.targets != "indices"
        or not isinstance(head.units, int)
    ):
        return
    if head.units < classes:
        place = data.spans.get(("targets", head.output))
        report.error(
            "MS519",
            f"`{source.name}` has {classes} classes, but output `{head.output}` has {head.units} "
            "units",
            head.call.call.use.kind_span,
            notes=[Note("the target", place)],
            help=f"give `{head.call.name}` {classes} units",
        )


def _check_all_trained(heads: Mapping[str, Head], training: Training, report: Collector) -> None:
    entry = training.node.entries.get("loss")
    untrained = [output for output in heads if output not in training.losses]
    written = (
        len(entry.value.entries)
        if entry is not None and isinstance(entry.value, MappingNode)
        else 0
    )
    misnamed = written > len(training.losses)
    if training.losses and untrained and not misnamed:
        report.warning(
            "MS503",
            f"no loss trains {listed(untrained)}",
            entry.key_span if entry else training.span,
            help=f"add `{untrained[0]}: ...` to `loss`, or leave it so on purpose",
        )
