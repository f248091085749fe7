"""Small tables of text: metrics by part, rows of predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .progress import number


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns under their names, the first one to the left, the others to the right."""
    lines = [list(header), *[list(row) for row in rows]]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def metrics_table(by_part: Mapping[str, Mapping[str, float]]) -> str:
    """A row for each metric, a column for each part."""
    names = list(dict.fromkeys(name for values in by_part.values() for name in values))
    rows = [[name, *(number(values[name]) if name in values else "" for values in by_part.values())] for name in names]
    return table(["", *by_part], rows)
