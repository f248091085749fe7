"""`data.expect` as written: conditions on the raw values of the columns of a source."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import model_validator

from modelspec.core.diagnostics import Collector, Fault, Path, Span, did_you_mean, nearest
from modelspec.core.sections import read_section
from modelspec.core.settings import Context, Section, describe, refuse
from modelspec.core.source import Entry, Mapping, Node, Scalar, plain

KNOWN = "known"


class Expected(Section):
    """Conditions on every value of a column.

    ```yaml
    expect: {age: {min: 0, max: 120}, island: known}
    ```
    """

    title: ClassVar[str] = "expect"

    min: float | None = None
    """The smallest allowed number."""
    max: float | None = None
    """The largest allowed number."""
    known: bool = False
    """Whether every value must be in the vocabulary that the lookup of the column's feature learned
    from the training part; `island: known` is the short form.
    """

    @model_validator(mode="after")
    def _says_something(self) -> Expected:
        if self.min is None and self.max is None and not self.known:
            raise Fault(
                "MS203",
                "an expectation requires `min`, `max` or `known`",
                (),
                at_key=True,
                help="write e.g. `{min: 0}` or `known`",
            )
        if self.min is not None and self.max is not None and self.min > self.max:
            refuse(
                f"no number is at least {self.min:g} and at most {self.max:g}",
                "MS208",
                "max",
                help="swap `min` and `max`",
            )
        return self

    @property
    def has_range(self) -> bool:
        """Whether it applies to numbers."""
        return self.min is not None or self.max is not None


def read_expectations(
    entry: Entry | None, places: dict[Path, Span], context: Context, report: Collector
) -> dict[str, Expected]:
    """By column; the place of each is stored in `places`, under `("expect", column)`."""
    if entry is None:
        return {}
    if not isinstance(entry.value, Mapping):
        report.error(
            "MS204",
            "`expect` must be a mapping of columns to conditions, found"
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
        f"an expectation must be `known`, or a mapping with `min`, `max` or `known`, found"
        f" {describe(value)}",
        node.span,
        suggestion=near,
        help=did_you_mean(near, "write e.g. `{min: 0, max: 120}`"),
    )
    return Expected(known=True) if near else None
