"""Parses Python expressions, safe with several threads.

CPython 3.11 counts the recursion of its parser once for all threads, and raises `SystemError` if
two of them parse at the same time.
"""

from __future__ import annotations

import ast
import threading

from .quiet_warnings import ignoring

_lock = threading.Lock()


def parsed(text: str) -> ast.expr:
    """The tree of an expression, without the warnings of Python. Raises `SyntaxError`, and
    `ValueError`, `RecursionError` or `MemoryError` for a text that Python cannot read.
    """
    # Parentheses allow spaces and line breaks anywhere.
    with ignoring(), _lock:
        return ast.parse(f"({text})", mode="eval").body
