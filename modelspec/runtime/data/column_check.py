"""What is wrong with a column: text where numbers are taken, missing values, values that are not
finite.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from modelspec.core.diagnostics import Span

from .cells import ready
from .errors import MAX_OF_A_KIND, Findings, places
from .table import Array, Table, is_nothing

_NOTHING = frozenset({"", "na", "n/a", "#n/a", "nan", "null", "none"})
"""What a cell without a value holds where numbers are taken, in lower case."""
_MARKS = frozenset(
    {
        "?",
        "-",
        "--",
        "---",
        ".",
        "*",
        "x",
        "missing",
        "unknown",
        "undefined",
        "nil",
        "(null)",
        "\\n",
        "#value!",
        "#ref!",
        "#div/0!",
        "not available",
    }
)
"""What else is seen to be written where there is no value, in lower case."""
_NUMBERS = "biuf"
"""NumPy's letters for bool, whole and floating-point dtypes."""


class Wanted(NamedTuple):
    """What a feature is for."""

    subject: str
    """As a message names it."""
    text: bool | None = False
    """Text rather than numbers; None: either."""
    help: str | None = None
    """What to do about a column of text."""
    whole: str | None = None
    """The layer that takes whole numbers only, where one does."""


@dataclass
class _Found:
    """Where something was found: how often, the first places, and the first value."""

    count: int = 0
    first: list[tuple[int, ...]] = field(default_factory=list)
    value: Any = None

    def add(self, bad: Array, values: Array, start: int) -> None:
        count = int(np.count_nonzero(bad))
        if not count:
            return
        if not self.count:
            self.value = values[bad].flat[0] if values.dtype.kind != "O" else values[bad][0]
        self.count += count
        for index in np.argwhere(bad)[: MAX_OF_A_KIND - len(self.first)]:
            self.first.append((start + int(index[0]), *(int(i) for i in index[1:])))


class ColumnCheck:
    """Looks through one column, block by block; `report` says what is wrong with it."""

    def __init__(
        self, table: Table, name: str, wanted: Wanted, span: Span | None, policy: Any
    ) -> None:
        self.table, self.name, self.wanted, self.span = table, name, wanted, span
        self.policy = policy
        self.kind: str | None = None
        """NumPy's letter for the dtype."""
        self.shape: tuple[int, ...] = ()
        """Of one example."""
        self.rows = 0
        self._dtype: Any = None
        self._missing, self._text, self._nan, self._infinite = (
            _Found(),
            _Found(),
            _Found(),
            _Found(),
        )
        self._fractions = _Found()

    @property
    def text(self) -> bool:
        """Whether the column is taken as text."""
        return self.wanted.text if self.wanted.text is not None else (self.kind or "f") in "OUS"

    def add(self, start: int, values: Array) -> Array | None:
        """Looks at a block; which of its examples lack a value, None where none does."""
        self.kind, self.shape, self._dtype = values.dtype.kind, values.shape[1:], values.dtype
        self.rows += len(values)
        if not self._takes(values.dtype.kind):
            if values.dtype.kind in "US" and not self._text.count:
                self._text.add(_no_numbers(values), values, start)
            return None
        missing = self._add_text(start, values) if self.text else self._add_numbers(start, values)
        if missing is None or not missing.any():
            return None
        self._missing.add(missing, values, start)
        found: Array = np.any(missing.reshape(len(values), -1), axis=1)
        return found

    def _takes(self, kind: str) -> bool:
        return kind in "OUS" if self.text else kind in (*_NUMBERS, "O")

    def _add_text(self, start: int, values: Array) -> Array | None:
        return ready(values, True).missing

    def _add_numbers(self, start: int, values: Array) -> Array | None:
        if values.dtype.kind == "O":
            lacking: Array = np.array(
                [str(cell).lower() in _NOTHING for cell in values.flat]
            ).reshape(values.shape)
            text = (
                np.array([not _reads_as_number(str(cell)) for cell in values.flat]).reshape(
                    values.shape
                )
                & ~lacking
            )
            self._text.add(text, values, start)
            return lacking
        if values.dtype.kind != "f":
            return None
        if self.wanted.whole is not None:
            self._fractions.add(np.isfinite(values) & (values != np.floor(values)), values, start)
        if np.isfinite(values).all():
            return None
        nothing = is_nothing(values)
        nan = np.isnan(values) & ~nothing
        self._infinite.add(np.isinf(values), values, start)
        if self.policy != "error":
            return nothing | nan
        self._nan.add(nan, values, start)
        return nothing

    # Findings -------------------------------------------------------------------------------------

    def report(self, findings: Findings, *, drop: bool = True) -> None:
        """What is wrong. Without `drop` a missing value is a fault though the policy would leave
        its example out.
        """
        if self.kind is None:
            return
        title = f"`{self.name}` of {self.table.name}"
        if not self._takes(self.kind):
            self._report_kind(title, findings)
            return
        if self._text.count and not self._report_text(findings):
            return
        if self.policy == "error" or (self.policy == "drop" and not drop):
            self._report_missing(findings)
        for found in (self._nan, self._infinite):
            self._report_not_finite(found, findings)
        self._report_fractions(findings)

    def _report_kind(self, title: str, findings: Findings) -> None:
        if self.text:
            findings.error(
                "MS609",
                f"{title} holds numbers ({self._dtype}), but {self.wanted.subject} takes text",
                self.span,
                help=self.wanted.help,
            )
        elif self.kind == "c":
            findings.error(
                "MS609",
                f"{title} holds complex numbers, of which {self.wanted.subject} would lose a part",
                self.span,
                help="save the real and the imaginary part as arrays of their own",
            )
        else:
            what = "text" if self.kind in ("U", "S") else f"`{self._dtype}` values"
            first = ""
            if self._text.count:
                first = f": {_quoted(_decoded(self._text.value))} at {self._shown(self._text)[0]}"
            findings.error(
                "MS609",
                f"{title} holds {what}, but {self.wanted.subject} takes numbers{first}",
                self.span,
                help="save it as an array of numbers" if self.kind in ("U", "S") else None,
            )

    def _shown(self, found: _Found) -> list[str]:
        return [self.table.place(self.name, index) for index in found.first]

    def _report_text(self, findings: Findings) -> bool:
        """MS609 for cells that are no numbers; whether what else is wrong is worth telling."""
        shown, count = self._shown(self._text), self._text.count
        few = count <= self.rows // 2
        share = "all" if count == self.rows else f"{count:,}"
        cell = str(self._text.value)
        findings.error(
            "MS609",
            f"`{self.name}` holds text, but {self.wanted.subject} takes numbers: {_quoted(cell)} at"
            f" {shown[0]}",
            self.span,
            notes=(
                places(shown, count) if few else (f"{share} of its {self.rows:,} cells are text",)
            ),
            help=_text_help(cell)
            or self._mark_help(cell)
            or self.wanted.help
            or (
                f"leave `{self.name}` out, write it as numbers, or look it up with"
                " `transform: [StringLookup]`"
            ),
        )
        return few

    def _mark_help(self, cell: str) -> str | None:
        """What to do about a cell that seems to stand for no value."""
        if cell.strip().lower() not in _MARKS or not self.table.marks:
            return None
        return (
            "where it stands for no value, say so: `csv: {path: ..., missing_values:"
            f" [{_quoted(cell.strip())}]}}`"
        )

    def _report_missing(self, findings: Findings) -> None:
        if not self._missing.count:
            return
        shown = self._shown(self._missing)
        help = (
            "fill it in, or remove the row; or say what to do: `missing: drop`"
            if self.text
            else "fill it in, or remove the row; or say what to do: `missing: mean`, `drop`, ..."
        )
        if self.policy == "drop":
            help = "every row gets a prediction: fill it in, or remove the row"
        findings.error(
            "MS608",
            f"`{self.name}` has no value at {shown[0]}",
            self.span,
            notes=places(shown, self._missing.count),
            help=help,
        )

    def _report_fractions(self, findings: Findings) -> None:
        if not self._fractions.count:
            return
        shown = self._shown(self._fractions)
        findings.error(
            "MS621",
            f"`{self.name}` is {self._fractions.value:g} at {shown[0]}, but "
            f"`{self.wanted.whole}` takes whole numbers",
            self.span,
            notes=places(shown, self._fractions.count),
            help="use `Discretization` to make categories of numbers",
        )

    def _report_not_finite(self, found: _Found, findings: Findings) -> None:
        if not found.count:
            return
        value = found.value
        what = "NaN" if np.isnan(value) else "infinity" if value > 0 else "minus infinity"
        shown = self._shown(found)
        findings.error(
            "MS613",
            f"`{self.name}` is {what} at {shown[0]}",
            self.span,
            notes=places(shown, found.count),
            help="training on it would turn the weights into NaN: mend or remove the example",
        )


def _reads_as_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell


def _no_numbers(values: Array) -> Array:
    """Which texts are no numbers; the first one where all are."""
    texts = [_decoded(cell) for cell in values.flat]
    found: Array = np.array([not _reads_as_number(text) for text in texts]).reshape(values.shape)
    if not found.any() and found.size:
        found.flat[0] = True
    return found


def _decoded(cell: Any) -> str:
    return cell.decode("utf-8", "replace") if isinstance(cell, bytes) else str(cell)


def _quoted(cell: str) -> str:
    return f'"{cell if len(cell) <= 40 else cell[:37] + "..."}"'


def _text_help(cell: str) -> str | None:
    for old, new, words in (
        (",", ".", 'write decimals with a point, or give `csv` the setting `decimal: ","`'),
        (",", "", "write thousands without commas"),
        ("%", "", "write numbers without `%`"),
        ("$", "", "write numbers without `$`"),
        ("€", "", "write numbers without `€`"),
        ("_", "", "write numbers without `_`"),
        (" ", "", "write numbers without spaces"),
    ):
        if old in cell and _reads_as_number(cell.replace(old, new)):
            return words
    return None
