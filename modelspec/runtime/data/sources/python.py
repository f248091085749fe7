"""`python`: data that a program gives, which no command line has."""

from __future__ import annotations

from typing import NoReturn

from modelspec.catalog.sources.python import python
from modelspec.core.diagnostics import Fault, Span
from modelspec.core.settings import Context


def open_table(source: python, context: Context, span: Span | None) -> NoReturn:
    """Raises `Fault` (MS651): a program replaces this source by its data."""
    raise Fault(
        "MS651",
        "the data of this spec come from a program",
        help="call `load_spec(...).train(data=...)`, or name a source: `source: {csv: table.csv}`",
    )
