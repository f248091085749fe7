"""`data.slices` as written: the columns by whose values metrics are broken down, and the names of
the slices: `island=Dream`, `age=18..65`, `age=missing`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Annotated, Any, ClassVar, Final

from pydantic import PlainValidator

from modelspec.catalog.layers.setting_types import Count
from modelspec.core.diagnostics import Collector, Fault, Path, Span, did_you_mean, listed, nearest
from modelspec.core.sections import read_section
from modelspec.core.settings import Context, Section, Unfit, describe
from modelspec.core.source import Entry, Node, Scalar, plain
from modelspec.core.source import Mapping as MappingNode
from modelspec.core.source import Sequence as SequenceNode

from .data_split import border_key
from .slice_names import MARK as MARK
from .slice_names import MISSING
from .times import Time

Edge = str | int | float


def _edges(value: Any) -> tuple[Edge, ...] | None:
    if value is None:
        return None
    if not isinstance(value, (list, tuple)) or not value:
        raise Unfit("a list of numbers or times, such as `[0, 18, 65]`")
    for index, item in enumerate(value):
        if border_key(item) is None:
            found = describe(item)
            message = f"`bins` must contain numbers, or times such as 2026-01-31, found {found}"
            raise Fault("MS204", message, (index,))
    for index, (one, other) in enumerate(pairwise(value), 1):
        _check_increasing(one, other, index)
    return tuple(value)


def _check_increasing(one: Edge, other: Edge, index: int) -> None:
    """Raises `Fault` (MS205) for an edge that is not greater than the one before it."""
    before, after = border_key(one), border_key(other)
    if isinstance(before, Time) != isinstance(after, Time):
        message = f"cannot compare a time and a number: {one} and {other}"
        raise Fault("MS205", message, (index,), help="use only numbers, or only times")
    if isinstance(before, Time) and isinstance(after, Time) and before.offset != after.offset:
        message = f"one of {one} and {other} has a UTC offset, and the other does not"
        help = "write the offset in every edge (`Z` for UTC), or in none"
        raise Fault("MS205", message, (index,), help=help)
    if not before < after:  # type: ignore[operator]  # of one kind
        message = f"the edges of `bins` must increase, but {other} comes after {one}"
        raise Fault("MS205", message, (index,), help="sort the edges, and remove duplicates")


class Slice(Section):
    """A column by whose values metrics on the test and validation parts are broken down.

    ```yaml
    slices: [island, {column: age, bins: [0, 18, 65]}]
    ```

    Without `bins` every value is a slice: `island=Dream`. With `bins: [0, 18, 65]` the slices are
    `age=..0` (below 0), `age=0..18` (from 0, below 18), `age=18..65` and `age=65..` (from 65).
    Examples without a value are in the slice `age=missing`.
    """

    title: ClassVar[str] = "a slice"

    column: str
    """The column. The model does not have to use it."""
    bins: Annotated[
        tuple[Edge, ...] | None,
        PlainValidator(_edges, json_schema_input_type=list[Edge] | None),
    ] = None
    """Edges between ranges of numbers or times, in increasing order. A value equal to an edge
    belongs to the range that begins there.
    """
    min_examples: Count = 20
    """A slice with fewer examples is measured and marked; its expectations are not evaluated."""

    @property
    def of_times(self) -> bool:
        """Whether the bins are ranges of times."""
        return self.bins is not None and isinstance(border_key(self.bins[0]), Time)

    @property
    def bin_names(self) -> tuple[str, ...]:
        """The names of all ranges, in increasing order; empty without `bins`."""
        if self.bins is None:
            return ()
        edges = [shown(one) for one in self.bins]
        between = (f"{one}..{other}" for one, other in pairwise(edges))
        return (f"..{edges[0]}", *between, f"{edges[-1]}..")

    def label(self, value: Any) -> str:
        """The slice that a value of the column belongs to: `island=Dream`. None and NaN are missing
        values. With `bins` the value is a number, or a time as `border_key` returns it.
        """
        if value is None or value != value:
            return self.named(MISSING)
        if self.bins is None:
            return self.named(shown(value))
        key = border_key(value) if isinstance(value, str) else value
        edges: list[Any] = [border_key(one) for one in self.bins]
        return self.named(self.bin_names[bisect_right(edges, key)])

    def named(self, value: str) -> str:
        """The name of the slice for a value or a range as written."""
        return f"{self.column}={value}"

    def facts(self) -> dict[str, Any]:
        """The keys that define the slices."""
        return self.model_dump(exclude_defaults=True)


def shown(value: Any) -> str:
    """A value as written in the name of its slice: `Dream`, `7` for 7 and 7.0, `true`."""
    if isinstance(value, str):
        return value
    if type(value).__name__ in ("bool", "bool_"):
        return str(bool(value)).lower()
    try:
        whole = value == int(value)
    except (TypeError, ValueError, OverflowError):  # not a number, or infinite
        return str(value)
    return str(int(value)) if whole and abs(value) < _EXACT else str(value)


_EXACT: Final = 2**63
"""Floats from here on are written unchanged, with their exponent."""


# Names of slices ----------------------------------------------------------------------------------


def slice_of(slices: Iterable[Slice], label: str) -> Slice | None:
    """The entry that the name of a slice (`island=Dream`) belongs to; None if none does."""
    found = [one for one in slices if label.startswith(f"{one.column}=")]
    return max(found, key=lambda one: len(one.column), default=None)


def could_be(slices: Sequence[Slice], label: str) -> Fault | None:
    """The error in the name of a slice (`island=Dream`, the part after `@`), as far as it can be
    found without the data: MS818. The values of a column without `bins` are known only from the
    data.

    The suggestion of the fault is a complete name that may be meant.
    """
    entry = slice_of(slices, label)
    if entry is not None:
        return _no_bin(entry, label.removeprefix(f"{entry.column}="))
    column, sign, value = label.partition("=")
    names = [one.column for one in slices]
    if not names:
        help = f"add `slices: [{column or 'COLUMN'}]` to `data`"
        return Fault("MS818", "`data` has no `slices`, so no slice is measured", help=help)
    near = nearest(column, names)
    if not sign and near is not None:
        help = f"write `{near}=VALUE`: a slice is a column, `=` and a value or a range"
        return Fault("MS818", f"`{label}` does not name a slice", help=help)
    meant = f"{near}={value}" if near else None
    message = f"`data.slices` has no column `{column}`"
    known = f"the columns are {listed(names)}; add the column there"
    return Fault("MS818", message, suggestion=meant, help=did_you_mean(meant, known))


def _no_bin(entry: Slice, value: str) -> Fault | None:
    """A range that the bins of a column do not define."""
    known = entry.bin_names
    if not known or value in (*known, MISSING):
        return None
    spaceless = value.replace(" ", "")
    meant = _other_forms(entry).get(spaceless) or nearest(spaceless, (*known, MISSING))
    suggestion = entry.named(meant) if meant else None
    message = f"`{value}` is not a range of the bins of `{entry.column}`"
    help = did_you_mean(suggestion, f"the ranges are {listed((*known, MISSING))}")
    return Fault("MS818", message, suggestion=suggestion, help=help)


def _other_forms(entry: Slice) -> Mapping[str, str]:
    """Other ways to write the ranges of bins: `<0`, `0-18`, `>=65`."""
    names, edges = entry.bin_names, [shown(one) for one in entry.bins or ()]
    found = {f"<{edges[0]}": names[0], f">={edges[-1]}": names[-1], f"{edges[-1]}+": names[-1]}
    for (one, other), name in zip(pairwise(edges), names[1:], strict=False):
        for sign in ("-", ",", ":", "to"):
            found[f"{one}{sign}{other}"] = name
    return found


def min_examples(slices: Iterable[Slice], label: str) -> int:
    """How many examples a slice requires for its expectations to be evaluated."""
    entry = slice_of(slices, label)
    return 1 if entry is None else entry.min_examples


# Reading ------------------------------------------------------------------------------------------


def read_slices(
    entry: Entry | None, places: dict[Path, Span], context: Context, report: Collector
) -> tuple[Slice, ...]:
    """The slices; `places` receives the place of all under `("slices",)`, and of each column and
    its bins under `("slices", column)` and `("slices", column, "bins")`.
    """
    if entry is None:
        return ()
    places["slices",] = entry.key_span
    nodes = entry.value.items if isinstance(entry.value, SequenceNode) else (entry.value,)
    found: dict[str, Slice] = {}
    for node in nodes:
        one = _slice(node, entry.key_span, context, report)
        if one is None:
            continue
        if one.column in found:
            report.error(
                "MS208",
                f"`slices` names `{one.column}` twice",
                _place(node, "column"),
                help=f"name `{one.column}` once",
            )
            continue
        found[one.column] = one
        places["slices", one.column] = _place(node, "column")
        places["slices", one.column, "bins"] = _place(node, "bins")
    return tuple(found.values())


def _slice(node: Node, span: Span, context: Context, report: Collector) -> Slice | None:
    if isinstance(node, MappingNode):
        return read_section(Slice, node, node.span, context, report)
    value = plain(node)
    if isinstance(value, str) and isinstance(node, Scalar) and value:
        return Slice(column=value)
    report.error(
        "MS204",
        "`slices` must contain columns, each a name or a mapping with `column`, found"
        f" {describe(value)}",
        node.span,
        help="write e.g. `slices: [island, {column: age, bins: [0, 18, 65]}]`",
    )
    return None


def _place(node: Node, key: str) -> Span:
    """The place of the value of a key of an entry; the entry if the key is missing."""
    if isinstance(node, MappingNode) and key in node.entries:
        return node.entries[key].value.span
    return node.span
