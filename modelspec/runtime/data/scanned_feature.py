"""One feature of a source during the scan: the contents of its columns, and its values block by
block.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from modelspec.compiler.spec.feature import POLICIES, Pad
from modelspec.core.diagnostics import Fault, Span
from modelspec.core.shapes import Shape

from .cells import Cells, inexact, ready
from .column_check import ColumnCheck
from .columns import Bound, Key
from .conform import PRECISION, cast
from .contact_sheet import is_image
from .errors import Findings
from .letter_case import Capitals, lowered
from .pad_tokens import NO_LABEL, filler_of
from .sequences import is_ragged, lengths, padded, stacked, steps_of
from .several_labels import parts_of, side_by_side
from .table import Array
from .text_steps import TextFault, stepped
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
    """If a layer lowercases only A to Z: the other capital letters."""
    highest: int = 0
    """The largest value of images of 16 bits per channel."""
    known: Mapping[str, Span | None] = field(default_factory=dict)
    """The columns whose values `expect` lists as known, with the place of that list."""

    lacking: Array | None = None
    """Which rows have a missing value, if windows that contain them are left out."""

    @property
    def drops(self) -> bool:
        """Whether examples without a value are left out."""
        return bool(self.bound.missing == "drop")

    @property
    def text(self) -> bool:
        return next(iter(self.checks.values())).text

    @property
    def sizes(self) -> tuple[int, ...]:
        """The shape of one example as it is read."""
        shape = next(iter(self.checks.values())).shape
        return (*shape, len(self.bound.names)) if self.bound.stacked else shape

    def sized(self, length: int | None) -> Shape:
        """The shape of one example if sequences have this length; None for lists of different
        lengths.
        """
        if self.bound.gathers and len(self.sizes) == 1:
            return (None,)
        return self.sizes if length is None else (length, *self.sizes[1:])

    def read(
        self, block: Mapping[str, Array], start: int, length: int | None, fill: Mapping[str, Any]
    ) -> Array:
        """The values of a block: columns prepared, missing values filled in, stacked. Raises
        `Fault`.
        """
        found: list[Array] = []
        for name in self.checks:
            given = self.lists(name, block[name])
            values, missing = self.cells(name, self._flat(name, given, start, length))
            missing = self._of_sequences(missing, given)
            values = self._numbers_filled_up(name, values, given)
            if missing is not None and name in fill:
                values = values.copy() if values.dtype.kind == "O" else values.astype(np.float64)
                known = fill[name]
                values[missing] = known.lower() if self.bound.lowercase else known
            elif self.bound.dtype == "float64" and values.dtype.kind in "iu":
                values = values.astype(np.float64)
            found.append(self._stepped(name, values, given, start))
        return self._stacked(found, start) if self.bound.stacked else found[0]

    def _stepped(self, name: str, values: Array, given: Array, start: int) -> Array:
        """Strings after the first steps of the transform; padding is unchanged. Raises `Fault`."""
        steps = self.bound.text_steps
        if not steps or not self.checks[name].text:
            return values
        kept = self._filled_up(values, given)
        try:
            return stepped(steps, values, kept)
        except TextFault as fault:
            if kept is not None:
                raise
            place = self.checks[name].table.place(name, (start + fault.index,))
            raise Fault(fault.code, f"{fault.message} at {place}", help=fault.help) from None

    def cells(self, name: str, values: Array) -> Cells:
        """The prepared values of a column: numbers, parsed from strings in the source's number
        format.
        """
        check = self.checks[name]
        if check.text and self.bound.lowercase and self.bound.pad is None:
            values = lowered(values)
        if check.text or values.dtype.kind != "O":
            return ready(values, check.text)
        numbers = check.numbers(values)
        return Cells(numbers.values, numbers.missing if numbers.missing.any() else None)

    def _of_sequences(self, missing: Array | None, given: Array) -> Array | None:
        """Which values themselves are missing; padding is never missing."""
        if missing is None or (filled := self._filled_up(missing, given)) is None:
            return missing
        return missing & ~filled

    def _filled_up(self, values: Array, given: Array) -> Array | None:
        """Which entries of padded sequences are padding."""
        pad = self.bound.pad
        if values.ndim < 2 or (pad is None and not (self.bound.gathers and is_ragged(given))):
            return None
        steps = steps_of(lengths(given), values.shape[1], pad or _BEHIND)
        marks = ~steps.reshape(*steps.shape, *(1,) * (values.ndim - 2))
        return np.broadcast_to(marks, values.shape)

    def _stacked(self, columns: list[Array], start: int) -> Array:
        """Columns side by side. If a common dtype would change integers, the required dtype is
        used. Raises `Fault` (MS621) for a value that does not fit it.
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
        if values.dtype.kind == "f":  # examples with missing values have been left out
            values = np.where(np.isnan(values), 0, values)
        return cast(
            values,
            dtype,
            f"`{name}` of {table.name}",
            lambda index: table.place(name, (start + index[0], *index[1:])),
        )

    def flat(self, name: str, values: Array, start: int, length: int | None) -> Array:
        """A column with padded sequences, and with lists of one length as an array. Raises
        `Fault`.
        """
        return self._flat(name, self.lists(name, values), start, length)

    def lists(self, name: str, values: Array) -> Array:
        """A column whose cells contain several labels, as lists of them; any other column
        unchanged. Raises `Fault`.
        """
        if self.bound.separator is None:
            return values
        table = self.checks[name].table
        return parts_of(values, self.bound.separator, f"`{name}` of {table.name}")

    def _flat(self, name: str, values: Array, start: int, length: int | None) -> Array:
        table = self.checks[name].table
        if self.bound.pad is not None:
            if self.bound.lowercase and self.checks[name].text:  # not the padding value
                values = lowered(values)
            longest = int(lengths(values).max(initial=1)) if length is None else length
            return padded(values, self.bound.pad, longest, name, table, start)
        if self.bound.gathers and is_ragged(values):
            return side_by_side(values, NO_LABEL if _holds_numbers(values) else "")
        return stacked(values, name, table, start) if is_ragged(values) else values

    def _numbers_filled_up(self, name: str, values: Array, given: Array) -> Array:
        """Numbers that were strings, with the padding number where a cell was padding."""
        if self.bound.separator is None or self.checks[name].text:
            return values
        filled = self._filled_up(values, given)
        if filled is None or not filled.any():
            return values
        return np.where(filled, filler_of(self.bound, text=False), values)

    def scan(self, block: Mapping[str, Array], start: int) -> Array | None:
        """Which examples of a block have a missing value. Raises `Fault`."""
        lacking: Array | None = None
        for name, check in self.checks.items():
            before = check.shape if check.kind is not None else None
            given = self.lists(name, block[name])
            if self.bound.pad is not None:
                self.lengths.append(lengths(given))
            values = self._flat(name, given, start, None)
            found = check.add(start, values, self._filled_up(values, given))
            if values.dtype == np.uint16 and is_image(values.shape[1:]):
                self.wide = True
                self.highest = max(self.highest, int(values.max(initial=0)))
            if self.capitals is not None and check.text:
                self.capitals.add(name, block[name], start)
            if before not in (None, check.shape) and not self._differ_in_length:
                raise Fault(
                    "MS630",
                    f"`{name}` of {check.table.name} has shape {before} for the first examples, but"
                    " "
                    f"{check.shape} from {check.table.place(name, (start,))} on",
                    help="use the same shape for all examples",
                )
            if found is not None:
                lacking = found if lacking is None else lacking | found
        return lacking

    @property
    def _differ_in_length(self) -> bool:
        return self.bound.pad is not None or self.bound.gathers


_BEHIND = Pad(padding="post")
"""Whether lists of different lengths without `pad` are padded."""


def _holds_numbers(values: Array) -> bool:
    """Whether lists contain numbers rather than strings."""
    full = next((one for one in values if len(one)), None)
    return full is not None and np.asarray(full).dtype.kind not in "OUS"


def report_policy(one: ScannedFeature, findings: Findings) -> None:
    """MS628: a policy that is not allowed for the column's kind, when only the data determines the
    kind.
    """
    value = one.bound.missing
    constant = value not in POLICIES
    _report_constant(one, findings)
    if one.bound.lowercase and not one.text:
        findings.error(
            "MS553",
            f"`lowercase` requires strings, but `{one.bound.names[0]}` contains numbers",
            one.bound.span,
            help="remove `lowercase`",
        )
    if one.text and (value in ("mean", "median") or (constant and not isinstance(value, str))):
        what = f"strings have no {value}" if not constant else f"{value} is not a string"
    elif not one.text and constant and isinstance(value, str):
        what = f'"{value}" is not a number'
    else:
        return
    findings.error(
        "MS628",
        f"{what}, but `{one.bound.names[0]}` contains {'strings' if one.text else 'numbers'}",
        one.bound.span,
        help="use `most_frequent`, or a constant of the same kind",
    )


def _report_constant(one: ScannedFeature, findings: Findings) -> None:
    """MS628: an integer replacement for missing values that floating point would change."""
    value, exact = one.bound.missing, one.wanted.exact
    if one.text or type(value) is not int:
        return
    dtype, of = (exact.dtype, f" of {exact.subject}") if exact is not None else ("float64", "")
    if inexact(np.array([value]), PRECISION[dtype]) is not None:
        findings.error(
            "MS628",
            f"missing values are replaced by {value}, which `{dtype}`{of} cannot represent",
            one.bound.span,
            help="use a number with fewer digits",
        )
