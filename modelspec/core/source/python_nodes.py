"""Maps nodes of Python's syntax tree to the characters of their source."""

from __future__ import annotations

import ast


def place(text: str, node: ast.expr | ast.keyword) -> tuple[int, int]:
    """The characters of a node. The text was parsed in parentheses: `(text)`."""
    start = _of_bytes(text, node.lineno, node.col_offset)
    end = _of_bytes(
        text, node.end_lineno or node.lineno, node.end_col_offset or node.col_offset + 1
    )
    # The parentheses around the text are a part of what `a, b` is.
    return max(start, 0), min(max(end, start), len(text))


def offset(text: str, line: int, column: int) -> int:
    """The character of a syntax error, whose column Python counts in characters."""
    return line_start(text, line) + column - (line == 1)


def line_start(text: str, line: int) -> int:
    """The offset of a line (from 1), as Python counts them: LF, CR and CRLF end one."""
    at = 0
    for _ in range(line - 1):
        breaks = [found for found in (text.find("\n", at), text.find("\r", at)) if found >= 0]
        if not breaks:
            break
        first = min(breaks)
        at = first + (2 if text.startswith("\r\n", first) else 1)
    return at


def _of_bytes(text: str, line: int, column: int) -> int:
    """The offset of a place that Python gives in bytes of UTF-8, the parenthesis before the text
    counted.
    """
    column -= line == 1
    start = line_start(text, line)
    if text.isascii():
        return start + column
    return start + len(
        text[start:].encode("utf-8", "surrogatepass")[:column].decode("utf-8", "ignore")
    )
