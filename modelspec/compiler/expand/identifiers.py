"""What variables, parameters and blocks may be called."""

from __future__ import annotations

import keyword
import re
from typing import Final

from modelspec.core.diagnostics import Collector, Fault, Span

from .expression_syntax import WORDS

RESERVED: Final = ("name", "from", "call", "when", "repeat")
"""Settings of an entry itself, whatever its kind."""

_VARIABLE = re.compile(r"[^\W\d]\w*")


def check_variable(name: str, span: Span, collector: Collector) -> bool:
    """Whether an expression could name it; MS306 where not."""
    if len(name) > 128 or not _VARIABLE.fullmatch(name):
        near = re.sub(r"\W+", "_", name)[:128].strip("_")
        near = near if _VARIABLE.fullmatch(near) else ""
        help = "use letters, digits and `_`, so that `$name` can say it"
        collector.report(
            Fault(
                "MS306",
                f"`{name[:40]}` cannot be the name of a value",
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
                f"`{name}` is a word of expressions, and cannot name a value",
                help=f"call it e.g. `{name}_`",
                suggestion=f"{name}_",
            ),
            span,
        )
        return False
    return True


def check_parameter(name: str, span: Span, collector: Collector) -> bool:
    """The same for a parameter of a block, which stands beside an entry's own settings."""
    if name in RESERVED:
        collector.report(
            Fault(
                "MS306",
                f"`{name}` is a setting of every entry, and cannot name a parameter",
                help=f"call it e.g. `the_{name}`",
            ),
            span,
        )
        return False
    return check_variable(name, span, collector)
