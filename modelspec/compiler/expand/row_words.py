"""Words that other languages write in a condition on rows, and misspelt ones of our own."""

from __future__ import annotations

import keyword
import re
from typing import Final

from modelspec.core.diagnostics import Fault, nearest

from .expression_syntax import Misread

_MISSING: Final = "missing"
_WORDS = re.compile(r"""'(?:\\.|[^'])*'|"(?:\\.|[^"])*"|`[^`]*`|\w+|&&|\|\|""")
_INSTEAD: Final = {
    **{word.upper(): word for word in ("and", "or", "not", "in", "is", "if", "else")},
    **dict.fromkeys(("null", "none", "nan", "na", "empty"), "missing"),
    "&&": "and",
    "||": "or",
}
"""What other languages write, and what is written here."""
STATEMENTS: Final = frozenset(keyword.kwlist) - {
    *("True", "False", "None", "and", "or", "not", "in", "is", "if", "else"),
    *("for", "lambda", "async", "await", "yield"),
}
"""Words of Python that no expression has (`class`, `from`): here they are columns as others."""


def other_word(text: str) -> Misread | None:
    """The fault of a text that cannot be read, where a word of another language, or a misspelt
    `missing`, is the reason.
    """
    before = ""
    for found in _WORDS.finditer(text):
        word = found[0]
        test = before in ("is", "is not")
        instead = _INSTEAD.get(word.lower() if test else word)
        if test and instead is None:
            instead = nearest(word, [_MISSING]) if word not in ("not", _MISSING) else None
        if instead is not None and (test or instead != _MISSING):
            fault = Fault(
                "MS113",
                f"`{word}` is written `{instead}` in a condition",
                suggestion=instead,
                help=f"write `{instead}`",
            )
            return Misread(fault, *found.span())
        before = f"is {word}" if before == "is" and word == "not" else word
    return None
