"""The layers of a draft, sized to its data, and the output for its target."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from .inputs import Input
from .targets import Target, shown
from .trainings import batch_size, trained_rows
from .writing import Entry, item, layer

FEATURES = "features"
"""The layer that joins the inputs of a table."""
_WIDEST = 256
"""The most units of a hidden layer, and filters of a convolution."""
_MANY_IMAGES = 5000
_MANY_STEPS = 500
"""In so many steps per epoch, the averages of batch normalization lose their initial values."""
_SMALLEST_MAP = 6
"""Convolutions go on until height and width are smaller."""


class Size(NamedTuple):
    """The size of the hidden layers of a table's model."""

    units: tuple[int, ...]
    dropout: float
    reason: str


def size_for(rows: int, width: int) -> Size:
    """Hidden layers for a table with so many rows and so many numbers per row."""
    if rows < 2000:
        return Size((64, 32), 0.3, f"small: {rows:,} rows do not determine more weights")
    if rows < 20_000:
        return Size((128, 64), 0.2, f"for {rows:,} rows")
    units = 256 if width > 32 else 128
    return Size((units, units, 64), 0.0, f"for {rows:,} rows")


def table_layers(inputs: Sequence[Input], target: Target, rows: int, output: str) -> list[Entry]:
    """Vectors of the inputs, side by side, then hidden layers and the output."""
    found = [layer for one in inputs for layer in one.layers]
    width = sum(one.width for one in inputs)
    if len(inputs) > 1:
        names = [one.output for one in inputs]
        found.append(layer("Concatenate", {"from": names, "name": FEATURES}))
    if _is_text_alone(inputs):
        found.append(item({"Dropout": 0.3}, "against learning single texts by heart"))
        return [*found, output_layer(target, output)]
    return [*found, *table_hidden(size_for(rows, width), target, output)]


def table_hidden(size: Size, target: Target, output: str) -> list[Entry]:
    """Hidden layers of a vector, and the output."""
    return [*_hidden(size), output_layer(target, output)]


def _is_text_alone(inputs: Sequence[Input]) -> bool:
    return len(inputs) == 1 and "TextVectorization" in str(inputs[0].feature)


def _hidden(size: Size) -> Iterator[Entry]:
    reason = size.reason
    for units in size.units:
        yield item({"Dense": {"units": units, "activation": "relu"}}, reason)
        reason = ""
        if size.dropout:
            yield item({"Dropout": size.dropout}, "")


def output_layer(target: Target, name: str) -> Entry:
    """The last layer: a probability, one for each class, or a number."""
    if target.is_number:
        return item({"Dense": {"units": 1, "name": name}}, "any number: no activation")
    if target.task == "binary":
        settings: dict[str, Any] = {"units": 1, "activation": "sigmoid", "name": name}
        return item({"Dense": settings}, f"the probability of {shown(target.labels[1])}")
    settings = {"units": target.classes, "activation": "softmax", "name": name}
    return item({"Dense": settings}, "a probability for each class")


def image_layers(height: int, width: int, rows: int, target: Target, output: str) -> list[Entry]:
    """Convolutions that halve height and width until the map is small."""
    found: list[Entry] = []
    filters = 32
    reason = "convolutions, each with a smaller map and more filters than the one before"
    while min(height, width) >= _SMALLEST_MAP or not found:
        settings = {"filters": filters, "kernel_size": 3, "padding": "same", "use_bias": False}
        found += [
            item({"Conv2D": settings}, reason),
            _normalization(rows, why=bool(reason)),
            item("ReLU"),
            item({"MaxPooling2D": 2}),
        ]
        height, width, reason = height // 2, width // 2, ""
        filters = min(_WIDEST, 2 * filters)
    found.append(item("Flatten", f"a map of {height} x {width}: where a pattern is matters"))
    found.append(
        item(
            {"Dropout": 0.3 if rows >= _MANY_IMAGES else 0.5},
            f"against overfitting on {rows:,} images",
        )
    )
    return [*found, output_layer(target, output)]


def _normalization(rows: int, *, why: bool) -> Entry:
    """Batch normalization, whose averages follow faster if an epoch has few steps.

    By default 37% of the first averages (mean 0, variance 1) is left after 100 steps, so that the
    validation of the first epochs measures another function than the one that is trained.
    """
    steps = trained_rows(rows) // batch_size(rows, images=True)
    if steps >= _MANY_STEPS:
        return item("BatchNormalization")
    reason = f"averages over fewer steps than by default: an epoch has {steps:,}" if why else ""
    return item({"BatchNormalization": {"momentum": 0.9}}, reason)


def sequence_layers(target: Target, output: str) -> list[Entry]:
    """For examples that are sequences of vectors."""
    settings = {"filters": 64, "kernel_size": 5, "padding": "same", "activation": "relu"}
    return [
        item({"Conv1D": settings}, "patterns of five steps"),
        item({"Conv1D": settings}),
        item("GlobalAveragePooling1D"),
        item({"Dropout": 0.3}),
        output_layer(target, output),
    ]
