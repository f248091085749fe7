"""Valid names of layers, inputs and outputs."""

from __future__ import annotations

import re

from modelspec.core.diagnostics import Collector, Note, Span

_NAME = re.compile(r"\w([\w \-+]{0,126}[\w])?")


def check_name(name: str, span: Span, report: Collector) -> bool:
    """Whether a layer, input or output may have this name; reports MS306 if not.

    Keras allows no `/`; a `.` selects an output here; and names become parts of file names in
    exports.
    """
    if _NAME.fullmatch(name):
        return True
    shown = name if len(name) <= 40 else name[:37] + "..."
    notes = [Note("`a.b` means output `b` of `a`")] if "." in name else []
    report.error(
        "MS306",
        f"`{shown}` is not a valid name",
        span,
        notes=notes,
        help="use letters, digits, `_` and `-`, at most 128 of them",
    )
    return False
