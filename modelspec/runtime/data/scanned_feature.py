"""One feature of a source that is looked through: what its columns hold, and its values block by
block.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from modelspec.compiler.spec.data_features import POLICIES
from modelspec.core.diagnostics import Fault

from .cells import Cells, inexact, ready
from .column_check import ColumnCheck
from .columns import Bound, Key
from .conform import PRECISION, cast
from .contact_sheet import is_image
from .errors import Findings
from .letter_case import Capitals, lowered
from .sequences import is_ragged, lengths, padded, stacked, steps_of
from .table import Array
from .wanted import Wanted


@dataclass
class ScannedFeature:
    """One feature of a source."""

    key: Key
    bound: Bound
    wanted: Wanted
    checks: dict[str, ColumnCheck]
    lengths: list[Array] = field(default_factory=list)
    """Of sequences, block by block."""
    broken: bool = False
    wide: bool = False
    """Whether its columns are images of 16 bits per channel."""
    capitals: Capitals | None = None
    """Where a layer lowers A to Z alone: the other capitals."""
    highest: int = 0
    """The largest value of images of 16 bits per channel."""

    @property
    def text(self) -> bool:
        return next(iter(self.checks.values())).text

    @property
    def sizes(self) -> tuple[int, ...]:
        """The shape of one example as it was read."""
        shape = next(iter(self.checks.values())).shape
        return (*shape, len(self.bound.names)) if self.bound.stacked else shape

    def sized(self, length: int | None) -> tuple[int, ...]:
        """The shape of one example when sequences have this length."""
        return self.sizes if length is None else (length, *self.sizes[1:])

    def read(
        self, block: Mapping[str, Array], start: int, length: int | None, fill: Mapping[str, Any]
    ) -> Array:
        """The values of a block: columns made ready, what is missing filled in, stacked. Raises
        `Fault`.
        """
        found: list[Array] = []
        for name in self.checks:
            values, missing = self.cells(name, self.flat(name, block[name], start, length))
            missing = self._of_sequences(missing, block[name])
            if missing is not None and name in fill:
                values = values.copy() if values.dtype.kind == "O" else values.astype(np.float64)
                known = fill[name]
                values[missing] = known.lower() if self.bound.lowercase else known
            elif self.bound.dtype == "float64" and values.dtype.kind in "iu":
                values = values.astype(np.float64)
            found.append(values)
        return self._stacked(found, start) if self.bound.stacked else found[0]

    def cells(self, name: str, values: Array) -> Cells:
        """Values of a column made ready: numbers, where they are taken of text, as the source
        writes them.
        """
        check = self.checks[name]
        if check.text and self.bound.lowercase and self.bound.pad is None:
            values = lowered(values)
        if check.text or values.dtype.kind != "O":
            return ready(values, check.text)
        numbers = check.table.numbers(values)
        return Cells(numbers.values, numbers.missing if numbers.missing.any() else None)

    def _of_sequences(self, missing: Array | None, given: Array) -> Array | None:
        """What is missing of the values themselves: what `pad` has filled up lacks nothing."""
        if missing is None or (filled := self._filled_up(missing, given)) is None:
            return missing
        return missing & ~filled

    def _filled_up(self, values: Array, given: Array) -> Array | None:
        """Which entries of padded sequences are none of the sequences."""
        pad = self.bound.pad
        if pad is None or values.ndim < 2:
            return None
        steps = steps_of(lengths(given), values.shape[1], pad)
        marks = ~steps.reshape(*steps.shape, *(1,) * (values.ndim - 2))
        return np.broadcast_to(marks, values.shape)

    def _stacked(self, columns: list[Array], start: int) -> Array:
        """Columns side by side. Where one dtype for all would change whole numbers, they are of the
        one that is taken. Raises `Fault` (MS621) where a value is none of it.
        """
        dtype = self.wanted.stacked_as
        mixed = len({values.dtype for values in columns}) > 1
        if dtype is not None and mixed and any(values.dtype.kind in "iu" for values in columns):
            columns = [
                self._whole(values, dtype, name, start)
                for values, name in zip(columns, self.checks, strict=True)
            ]
        return np.stack(columns, axis=-1)

    def _whole(self, values: Array, dtype: str, name: str, start: int) -> Array:
        table = self.checks[name].table
        if values.dtype.kind == "f":  # an example that lacks a value has been left out
            values = np.where(np.isnan(values), 0, values)
        return cast(
            values,
            dtype,
            f"`{name}` of {table.name}",
            lambda index: table.place(name, (start + index[0], *index[1:])),
        )

    def flat(self, name: str, values: Array, start: int, length: int | None) -> Array:
        """A column with sequences filled up, and lists of one length as an array. Raises
        `Fault`.
        """
        table = self.checks[name].table
        if self.bound.pad is not None:
            if self.bound.lowercase and self.checks[name].text:  # not what fills up
                values = lowered(values)
            longest = int(lengths(values).max(initial=1)) if length is None else length
            return padded(values, self.bound.pad, longest, name, table, start)
        return stacked(values, name, table, start) if is_ragged(values) else values

    def scan(self, block: Mapping[str, Array], start: int) -> Array | None:
        """Which examples of a block lack a value. Raises `Fault`."""
        lacking: Array | None = None
        for name, check in self.checks.items():
            before = check.shape if check.kind is not None else None
            if self.bound.pad is not None:
                self.lengths.append(lengths(block[name]))
            values = self.flat(name, block[name], start, None)
            found = check.add(start, values, self._filled_up(values, block[name]))
            if values.dtype == np.uint16 and is_image(values.shape[1:]):
                self.wide = True
                self.highest = max(self.highest, int(values.max(initial=0)))
            if self.capitals is not None and check.text:
                self.capitals.add(name, block[name], start)
            if before is not None and before != check.shape and self.bound.pad is None:
                raise Fault(
                    "MS630",
                    f"`{name}` of {check.table.name} has {before} for the first examples, but "
                    f"{check.shape} from {check.table.place(name, (start,))} on",
                    help="give all examples one size",
                )
            if found is not None:
                lacking = found if lacking is None else lacking | found
        return lacking


def report_policy(one: ScannedFeature, findings: Findings) -> None:
    """MS628: a policy that the column's kind does not allow, where only the data showed the
    kind.
    """
    value = one.bound.missing
    constant = value not in POLICIES
    _report_constant(one, findings)
    if one.bound.lowercase and not one.text:
        findings.error(
            "MS553",
            f"`lowercase` goes with text, but `{one.bound.names[0]}` holds numbers",
            one.bound.span,
            help="leave `lowercase` out",
        )
    if one.text and (value in ("mean", "median") or (constant and not isinstance(value, str))):
        what = f"there is no {value} of text" if not constant else f"{value} is no text"
    elif not one.text and constant and isinstance(value, str):
        what = f'"{value}" is no number'
    else:
        return
    findings.error(
        "MS628",
        f"{what}, but `{one.bound.names[0]}` holds {'text' if one.text else 'numbers'}",
        one.bound.span,
        help="use `most_frequent`, or a constant of the same kind",
    )


def _report_constant(one: ScannedFeature, findings: Findings) -> None:
    """MS628: a whole number in place of missing values that floating point would change."""
    value, exact = one.bound.missing, one.wanted.exact
    if one.text or type(value) is not int:
        return
    dtype, of = (exact.dtype, f" of {exact.subject}") if exact is not None else ("float64", "")
    if inexact(np.array([value]), PRECISION[dtype]) is not None:
        findings.error(
            "MS628",
            f"{value} takes the place of missing values, but `{dtype}`{of} does not hold it",
            one.bound.span,
            help="use a number with fewer digits",
        )
