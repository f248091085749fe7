"""`data.where` as written: which rows of a source are examples."""

from __future__ import annotations

from modelspec.core.diagnostics import Collector, Fault, Span
from modelspec.core.records import dataclass
from modelspec.core.sections import located
from modelspec.core.settings import describe
from modelspec.core.source import Entry, Scalar, plain


@dataclass(frozen=True)
class Where:
    """A condition on the rows of a source, as text. It is parsed with the expressions."""

    text: str
    node: Scalar
    key_span: Span

    def report(self, fault: Fault, report: Collector) -> None:
        """Reports a fault at the characters of the text that it concerns."""
        report.add(located(fault, self.node, self.node.span))


def read_where(entry: Entry | None, report: Collector) -> Where | None:
    """The condition; None if it is missing or, with MS204, if it is not a string."""
    if entry is None:
        return None
    value = plain(entry.value)
    if isinstance(value, str) and isinstance(entry.value, Scalar):
        return Where(value, entry.value, entry.key_span)
    report.error(
        "MS204",
        f"`where` must be a condition on the columns of the source, found {describe(value)}",
        entry.value.span,
        help="write e.g. `where: \"age > 18 and country == 'CH'\"`",
    )
    return None
