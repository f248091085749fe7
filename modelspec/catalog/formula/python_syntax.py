"""Parses a formula to Python's syntax tree, within limits, and explains syntax errors."""

from __future__ import annotations

import ast

from modelspec.core.diagnostics import Fault
from modelspec.core.python_expression import parsed
from modelspec.core.source.python_nodes import offset

from .tree import MAX_DEPTH, MAX_LENGTH, MAX_NODES


def read(text: str, example: str) -> ast.expr:
    """Python's tree of a formula. Raises `Fault` (MS108, MS140, MS145); `example` is a formula for
    the help.
    """
    if len(text) > MAX_LENGTH:
        raise Fault(
            "MS108",
            f"a formula has at most {MAX_LENGTH:,} characters, this one {len(text):,}",
            help="split it into several entries",
        )
    if not text.strip():
        raise Fault("MS140", "a formula is missing", help=f"write e.g. `{example}`")
    tree = _parsed(text, example)
    _check_size(tree)
    return tree


def _parsed(text: str, example: str) -> ast.expr:
    try:
        return parsed(text)  # what Python would warn about is refused below
    except SyntaxError as error:
        raise _unreadable(text, error, example) from None
    except (ValueError, RecursionError, MemoryError):
        raise Fault("MS140", "this is not a formula", help=f"write e.g. `{example}`") from None


def _check_size(tree: ast.expr) -> None:
    """Iterative, without recursion."""
    queue: list[tuple[ast.AST, int]] = [(tree, 1)]
    for node, depth in queue:
        queue.extend(
            (child, depth + isinstance(child, ast.expr)) for child in ast.iter_child_nodes(node)
        )
        if depth > MAX_DEPTH:
            raise Fault(
                "MS108",
                f"more than {MAX_DEPTH} nested operations",
                help="split it into several entries",
            )
        if len(queue) > MAX_NODES * 3:
            raise Fault(
                "MS108",
                f"a formula has at most {MAX_NODES} numbers, names and operations",
                help="split it into several entries",
            )


def _unreadable(text: str, error: SyntaxError, example: str) -> Fault:
    """The fault for a text that Python's parser refuses."""
    if error.msg.startswith("Exceeds the limit"):
        return Fault("MS145", "the integer does not fit into 64 bits")
    if error.msg.startswith("expected 'else'"):
        return Fault(
            "MS140", "an `if` in a formula requires an `else`", help="write `x if condition else y`"
        )
    if (opening := _never_closed(text)) is not None:
        return Fault(
            "MS140",
            "a bracket is never closed",
            part=(opening, opening + 1),
            help=(
                "add the `)`; inside `{...}` quote the whole formula, since a `,` ends a"
                " value there"
            ),
        )
    start = min(max(offset(text, error.lineno or 1, (error.offset or 1) - 1), 0), len(text))
    return _wrong_at(start, text, error, f"write e.g. `{example}`")


def _wrong_at(start: int, text: str, error: SyntaxError, help: str) -> Fault:
    """The fault at the position where the parser stopped."""
    words = text[start:].split(maxsplit=1)
    if not words:
        end = (max(len(text.rstrip()) - 1, 0), len(text))
        return Fault("MS140", "the formula ends too early", part=end, help=help)
    if "Perhaps" in error.msg and error.end_lineno == (error.lineno or 1):
        end_offset = offset(text, error.lineno or 1, (error.end_offset or 0) - 1)
        part = (start, max(start + 1, min(end_offset, len(text))))
        shown = text[slice(*part)][:40]
        return Fault("MS140", f"an operator is missing in `{shown}`", part=part, help=help)
    word = words[0]
    if "'=='" in error.msg or (word.startswith("=") and not word.startswith("==")):
        at = max(text.find("=", start), 0)
        return Fault(
            "MS140",
            "assignments are not allowed in a formula",
            part=(at, at + 1),
            help="write `==` to compare",
        )
    part = (start, start + len(word))
    return Fault("MS140", f"`{word[:30]}` is not allowed here in a formula", part=part, help=help)


def _never_closed(text: str) -> int | None:
    """The position of a bracket that is never closed; quoted strings are skipped."""
    opened: list[int] = []
    quote = ""
    for at, character in enumerate(text):
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character in "([{":
            opened.append(at)
        elif character in ")]}" and opened:
            opened.pop()
    return opened[-1] if opened else None
