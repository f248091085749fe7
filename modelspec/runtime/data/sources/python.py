"""`python`: data from a Python program, which are not available on a command line."""

from __future__ import annotations

from typing import NoReturn

from modelspec.catalog.sources.python import python
from modelspec.core.diagnostics import Fault, Span
from modelspec.core.settings import Context


def open_table(source: python, context: Context, span: Span | None) -> NoReturn:
    """Raises `Fault` (MS651): a program replaces this source with its data."""
    raise Fault(
        "MS651",
        "the data of this spec are passed by a program",
        help="pass them in Python (`load_spec(...).train(data=...)`, `ms.resume(run, data=...)`),"
        " or set a source: `source: {csv: table.csv}`",
    )
