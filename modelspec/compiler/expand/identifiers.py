"""Valid names of variables, parameters and blocks."""

from __future__ import annotations

import keyword
import re
from typing import Final

from modelspec.core.diagnostics import Collector, Fault, Span

from .expression_syntax import WORDS

RESERVED: Final = ("name", "from", "call", "when", "repeat")
"""Settings of an entry itself, independent of its kind."""

_VARIABLE = re.compile(r"[^\W\d]\w*")


def check_variable(name: str, span: Span, collector: Collector) -> bool:
    """Whether an expression could use the name; reports MS306 if not."""
    if len(name) > 128 or not _VARIABLE.fullmatch(name):
        near = re.sub(r"\W+", "_", name)[:128].strip("_")
        near = near if _VARIABLE.fullmatch(near) else ""
        help = "use letters, digits and `_`, so that `$name` works"
        collector.report(
            Fault(
                "MS306",
                f"`{name[:40]}` is not a valid name of a value",
                help=help,
                suggestion=near or None,
            ),
            span,
        )
        return False
    if keyword.iskeyword(name) or name in WORDS:
        collector.report(
            Fault(
                "MS306",
                f"`{name}` is a word of expressions, and cannot be the name of a value",
                help=f"rename it, e.g. `{name}_`",
                suggestion=f"{name}_",
            ),
            span,
        )
        return False
    return True


def check_parameter(name: str, span: Span, collector: Collector) -> bool:
    """The same for a parameter of a block, which is written beside the settings of an entry."""
    if name in RESERVED:
        collector.report(
            Fault(
                "MS306",
                f"`{name}` is a setting of every entry, and cannot be the name of a parameter",
                help=f"rename it, e.g. `the_{name}`",
            ),
            span,
        )
        return False
    return check_variable(name, span, collector)
