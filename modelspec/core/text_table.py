"""Tables of text: pads cells to columns."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from .visible import visible

GAP = "  "
"""The separator between two columns."""

Rows = Sequence[Sequence[str]]


def text_table(header: Sequence[str], rows: Rows, left: Collection[int] = (0,)) -> str:
    """Columns under their names; those of `left` are left-aligned, the others right-aligned.
    Control characters are shown as pictures.
    """
    lines = [[visible(cell) for cell in row] for row in (header, *rows)]
    right = [column for column in range(len(header)) if column not in left]
    return "\n".join(aligned(lines, column_widths(lines), right))


def columns(rows: Rows) -> list[str]:
    """Rows without a header, left-aligned."""
    rows = [[visible(cell) for cell in row] for row in rows]
    return list(aligned(rows, column_widths(rows)))


def column_widths(rows: Rows) -> list[int]:
    """The width of the widest cell of each column."""
    return [max(map(len, cells)) for cells in zip(*rows, strict=True)]


def aligned(rows: Rows, widths: Sequence[int], right: Collection[int] = ()) -> Iterator[str]:
    """A line for each row, its cells as wide as their columns, with no space at the end."""
    for row in rows:
        cells = (
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield GAP.join(cells).rstrip()
