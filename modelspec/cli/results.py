"""What several commands print of results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .output import write

if TYPE_CHECKING:
    from modelspec.runtime.run import Run
    from modelspec.runtime.run.weight_tools import Compared


def write_results(run: Run) -> None:
    """What a run came to, and where it is saved."""
    from modelspec.runtime.history.tables import metrics_table
    from modelspec.runtime.run.positive_labels import told

    if run.by_part:
        write(metrics_table(run.by_part))
    for line in told(run.positive):
        write(line)
    write(f"saved in {run.directory}")


def weight_differences(found: Sequence[Compared]) -> str:
    """The weights that differ, and how many do not."""
    from modelspec.core.text_table import text_table

    apart = [one for one in found if not one.equal]
    if not apart:
        return f"all {len(found)} weights are equal to the bit"
    rows = [
        (one.name, "-" if one.largest is None else f"{one.largest:.3g}", one.remark)
        for one in apart
    ]
    return (
        f"{text_table(('weight', 'largest difference', ''), rows)}\n\n"
        f"{len(found) - len(apart)} of {len(found)} weights are equal to the bit"
    )
