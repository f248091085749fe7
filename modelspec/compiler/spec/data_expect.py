"""`data.expect` as written: what must hold of the columns of a source, whatever is done with
them.
"""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import model_validator

from modelspec.core.diagnostics import Collector, Fault, Path, Span, did_you_mean, nearest
from modelspec.core.sections import read_section
from modelspec.core.settings import Context, Section, describe, refuse
from modelspec.core.source import Entry, Mapping, Node, Scalar, plain

KNOWN = "known"


class Expected(Section):
    """What must hold of every value of a column.

    ```yaml
    expect: {age: {min: 0, max: 120}, island: known}
    ```
    """

    title: ClassVar[str] = "expect"

    min: float | None = None
    """The least number."""
    max: float | None = None
    """The greatest number."""
    known: bool = False
    """Whether a value must be one that the lookup of the column's feature knows from the training
    part; `island: known` is short for it.
    """

    @model_validator(mode="after")
    def _says_something(self) -> Expected:
        if self.min is None and self.max is None and not self.known:
            raise Fault(
                "MS203",
                "an expectation has `min`, `max` or `known`",
                (),
                at_key=True,
                help="write e.g. `{min: 0}` or `known`",
            )
        if self.min is not None and self.max is not None and self.min > self.max:
            refuse(
                f"no number is at least {self.min:g} and at most {self.max:g}",
                "MS208",
                "max",
                help="exchange `min` and `max`",
            )
        return self

    @property
    def has_range(self) -> bool:
        """Whether it is about numbers."""
        return self.min is not None or self.max is not None


def read_expectations(
    entry: Entry | None, places: dict[Path, Span], context: Context, report: Collector
) -> dict[str, Expected]:
    """By column; `places` gets the place of each, under `("expect", column)`."""
    if entry is None:
        return {}
    if not isinstance(entry.value, Mapping):
        report.error(
            "MS204",
            "`expect` must be a mapping of columns to what must hold of them, found"
            f" {describe(plain(entry.value))}",
            entry.value.span,
            help="write e.g. `expect: {age: {min: 0, max: 120}, island: known}`",
        )
        return {}
    found: dict[str, Expected] = {}
    for column, one in entry.value.entries.items():
        places["expect", column] = one.value.span
        expected = _expected(one.value, one.key_span, context, report)
        if expected is not None:
            found[column] = expected
    return found


def _expected(node: Node, span: Span, context: Context, report: Collector) -> Expected | None:
    if isinstance(node, Mapping):
        return read_section(Expected, node, span, context, report)
    value: Any = plain(node)
    if value == KNOWN:
        return Expected(known=True)
    near = nearest(value, (KNOWN,)) if isinstance(value, str) else None
    report.error(
        "MS204" if not isinstance(node, Scalar) or not isinstance(value, str) else "MS205",
        f"an expectation is `known`, or a mapping of `min`, `max` and `known`, found"
        f" {describe(value)}",
        node.span,
        suggestion=near,
        help=did_you_mean(near, "write e.g. `{min: 0, max: 120}`"),
    )
    return Expected(known=True) if near else None
