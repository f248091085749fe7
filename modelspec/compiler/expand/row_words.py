"""Words of other languages in a condition on rows, and misspelled words of the language."""

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
"""Words of other languages, and their equivalents here."""
STATEMENTS: Final = frozenset(keyword.kwlist) - {
    *("True", "False", "None", "and", "or", "not", "in", "is", "if", "else"),
    *("for", "lambda", "async", "await", "yield"),
}
"""Reserved words of Python (`class`, `from`): here they can be column names."""


def other_word(text: str) -> Misread | None:
    """The error of a text that cannot be parsed, if a word of another language, or a misspelled
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
                f"`{word}` is not a word of conditions, expected `{instead}`",
                suggestion=instead,
                help=f"write `{instead}`",
            )
            return Misread(fault, *found.span())
        before = f"is {word}" if before == "is" and word == "not" else word
    return None
