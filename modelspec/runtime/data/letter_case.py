"""Capital letters: Unicode lower case, and capitals that layers do not convert."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from modelspec.catalog.layers.layer import Layer
from modelspec.compiler.pipeline import Compiled

from .columns import Bound, Key
from .errors import Findings, places
from .sequences import is_ragged
from .spec_facts import takers
from .split import Positions
from .table import Array

if TYPE_CHECKING:
    from .scan import Scan
    from .scanned_feature import ScannedFeature


def lowered(values: Array) -> Array:
    """Strings, or lists of strings, in lower case, as with Python's `str.lower`."""
    found = np.empty(values.shape, object)
    nested = is_ragged(values)
    for index, one in enumerate(values.flat):
        found.flat[index] = lowered(np.asarray(one, object)) if nested else str(one).lower()
    return found


@dataclass
class Capitals:
    """The capital letters other than A to Z in the columns of a feature, found block by block."""

    layer: Layer
    """The layer that converts A to Z only, and keeps these letters."""
    rows: dict[str, list[int]] = field(default_factory=dict)
    """By column: the rows with such letters."""
    steps: tuple[Layer, ...] = ()
    """The steps before this layer."""
    letters: dict[str, list[str]] = field(default_factory=dict)
    """By column: the first such letter in each of these rows."""

    def add(self, name: str, values: Array, start: int) -> None:
        """Checks a block of a column."""
        rows, letters = self.rows.setdefault(name, []), self.letters.setdefault(name, [])
        for row, value in enumerate(values, start):
            letter = first_capital(value)
            if letter is not None and self.steps:
                letter = self._after_steps(value)
            if letter is not None:
                rows.append(row)
                letters.append(letter)

    def _after_steps(self, value: object) -> str | None:
        """The same for a string after the steps before the layer; None if they cannot change it."""
        from .text_steps import TextFault, apply_steps  # it imports this module

        texts = np.array([value] if isinstance(value, str) else value, object)
        try:
            return first_capital(list(apply_steps(self.steps, texts)))
        except TextFault:
            return None  # reported where the values are prepared


def first_capital(value: object) -> str | None:
    """The first capital letter other than A to Z in a string or list of strings."""
    texts = (value,) if isinstance(value, str) else np.asarray(value, object).flat
    for text in map(str, texts):
        if not text.isascii():
            for letter in text:
                if letter > "\x7f" and letter != letter.lower():
                    return letter
    return None


def capitals_of(key: Key, bound: Bound, compiled: Compiled) -> Capitals | None:
    """The search for capital letters that a feature keeps although its layer converts A to Z to
    lower case: the first layer of its transform or, without a transform, a layer of the model.
    """
    kind, name = key
    of_model = takers(compiled, name) if kind == "inputs" else ()
    layers = bound.chain.layers[:1] if bound.chain else of_model
    lowering = next((layer for layer in layers if layer.lowers_ascii), None)
    steps = bound.text_steps
    return None if lowering is None or bound.lowercase else Capitals(lowering, steps=steps)


def report_capitals(scan: Scan, train: Positions, findings: Findings) -> None:
    """MS667, once for each column: capital letters in training text that stay capitals."""
    rows = train if scan.rows is None else scan.rows[train]
    for feature in scan.features.values():
        if feature.capitals is not None:
            for name, found in feature.capitals.rows.items():
                _, first, _ = np.intersect1d(found, rows, True, True)
                if len(first):
                    _report(feature, feature.capitals, name, np.sort(first), findings)


def _report(
    feature: ScannedFeature, capitals: Capitals, name: str, at: Array, findings: Findings
) -> None:
    rows, letters = capitals.rows[name], capitals.letters[name]
    table = feature.checks[name].table
    shown = [table.place(name, (rows[index],)) for index in at[:10]]
    findings.warning(
        "MS667",
        f"`{capitals.layer.kind()}` converts only the letters A to Z to lower case, so that "
        f"`{letters[at[0]]}` of `{name}` at {shown[0]} stays a capital",
        feature.bound.span,
        notes=places(shown, len(at)),
        help="set `lowercase: unicode` on the feature",
    )
