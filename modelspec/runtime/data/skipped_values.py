"""Rows with a value that a transform cannot encode, for commands that skip such rows: a label that
a closed lookup lacks, a category that is too large.
"""

from __future__ import annotations

import numpy as np

from .adapt import Pipeline
from .adapted_state import State
from .errors import Findings
from .materialise import chosen_rows, with_neighbours
from .scan import Scan
from .skipped_rows import SkippedRows, placed, row_places
from .table import Array
from .value_places import has_place, rows_without_place


def without_unknown(scan: Scan, state: State, skipped: SkippedRows) -> Scan:
    """The same without the rows that contain a value that cannot be encoded (MS627), or that
    `expect` does not list as known (MS671); `skipped` notes them. Raises `RunError` (MS734) if no
    row is left.
    """
    pipes = [
        Pipeline(feature, state.features[key], state.features[key].layers(feature.bound))
        for key, feature in scan.features.items()
        if feature.bound.chain is not None
    ]
    bad: dict[int, tuple[Pipeline, Array]] = {}
    for start, block in scan.reader.blocks() if pipes else ():
        readable = with_neighbours(scan, start, block)
        if readable is None:
            continue
        block = readable
        chosen = chosen_rows(scan, start, len(next(iter(block.values()))))
        for pipe in pipes:
            values = pipe.read(block, start, chosen)
            for at in np.flatnonzero(rows_without_place(values, pipe)):
                bad.setdefault(start + int(chosen[at]), (pipe, values[at : at + 1]))
    if not bad:
        return scan
    places = row_places(scan.table, sorted(bad))
    for row, (pipe, value) in bad.items():
        _note(scan, pipe, row, value, places[row], skipped)
    found = scan.without(sorted(bad))
    if not found.kept or (found.unread is not None and found.unread.all()):
        raise skipped.none_left(scan.table.name)
    return found


def _note(
    scan: Scan, pipe: Pipeline, row: int, value: Array, place: str, skipped: SkippedRows
) -> None:
    """Notes a row with the reason from `has_place`."""
    findings = Findings()
    has_place(value, pipe, np.array([row]), placed(scan.table, place), findings)
    origin = scan.table.source_places
    number = row if origin is None else int(origin[row])
    skipped.add(number + 1, place, findings.diagnostics[0].message)
