"""The contents of a report about a run's predictions: plain numbers and strings, computed where
NumPy is available (`runtime/run/examine.py`) and drawn without it (`html_findings.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Curve: TypeAlias = tuple[tuple[float, float], ...]
"""Points between 0 and 1."""


@dataclass(frozen=True)
class ClassRow:
    """One class, or one of several labels. A number is None for a division by zero."""

    label: str
    support: int
    """The number of values with this class."""
    precision: float | None
    recall: float | None
    f1: float | None
    iou: float | None = None
    """Of the pixels of a mask."""
    area: float | None = None
    """Area under the ROC curve of this class against the others."""
    average_precision: float | None = None


@dataclass(frozen=True)
class Calibration:
    """How often the chosen class is right, by its probability."""

    bins: tuple[tuple[float, float, int], ...]
    """Mean probability, accuracy and number of each nonempty bin."""
    error: float
    """The expected calibration error: the mean distance of the two, weighted by the size of each
    bin.
    """


@dataclass(frozen=True)
class Classes:
    """An output with one chosen class per value."""

    unit: Literal["examples", "steps", "pixels"]
    counted: int
    """Padding and ignored values are left out."""
    accuracy: float
    labels: tuple[str, ...]
    """The rows and columns of the confusion matrix."""
    confusion: tuple[tuple[int, ...], ...]
    """A row for each true class, a column for each predicted one."""
    rows: tuple[ClassRow, ...]
    every: int
    """The number of classes; `rows` and `labels` may have fewer."""
    pooled: bool = False
    """Whether the last label of the matrix pools all other classes."""
    roc: Mapping[str, Curve] = field(default_factory=dict)
    """By class: recall against the false positive rate."""
    precision_recall: Mapping[str, Curve] = field(default_factory=dict)
    calibration: Calibration | None = None


@dataclass(frozen=True)
class Labels:
    """An output with any number of labels per example."""

    counted: int
    exact: float
    """The share of examples with all labels right."""
    rows: tuple[ClassRow, ...]
    every: int


@dataclass(frozen=True)
class Range:
    """Some of the numbers, grouped by true value."""

    low: float
    high: float
    count: int
    error: float
    """Mean absolute error."""
    bias: float
    """Mean of predicted minus true."""


@dataclass(frozen=True)
class Numbers:
    """Numbers that an output predicts: of one column, or of all steps of one."""

    name: str
    counted: int
    mean_absolute_error: float
    root_mean_squared_error: float
    r2: float | None
    bias: float
    points: tuple[tuple[float, float], ...]
    """True and predicted values, for some."""
    edges: tuple[float, ...]
    """The edges of the bins of the residuals."""
    counts: tuple[int, ...]
    ranges: tuple[Range, ...]
    by_position: tuple[float, ...] = ()
    """The mean absolute error of each number of an example, such as the steps of a forecast."""


@dataclass(frozen=True)
class Example:
    """One example with its prediction."""

    id: str
    true: str
    predicted: str
    error: str
    """Its error, in words."""
    cells: tuple[tuple[str, str], ...] = ()
    """Its inputs, by column."""
    images: tuple[tuple[str, bytes], ...] = ()
    """PNG files, with their names."""


@dataclass(frozen=True)
class OutputFindings:
    """One output of the model."""

    name: str
    classes: Classes | None = None
    labels: Labels | None = None
    numbers: tuple[Numbers, ...] = ()
    worst: tuple[Example, ...] = ()
    drawn: tuple[Example, ...] = ()
    """Chosen at random, with the seed of the spec."""


@dataclass(frozen=True)
class Findings:
    """The predictions on one part of the data."""

    part: str
    examples: int
    """The number of predicted examples."""
    every: int
    """The number of examples of the part."""
    outputs: tuple[OutputFindings, ...]
    id_name: str = "row"
    """The name of the identifier of an example."""
