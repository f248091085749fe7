"""Results as several commands print them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .output import write

if TYPE_CHECKING:
    from modelspec.runtime.run import Run
    from modelspec.runtime.run.weight_tools import Compared


def write_results(run: Run) -> None:
    """Prints the results of a run, and where it is saved."""
    from modelspec.runtime.history.tables import metrics_table
    from modelspec.runtime.run.positive_labels import label_lines

    if run.by_part:
        write(metrics_table(run.by_part))
    for line in label_lines(run.positive):
        write(line)
    for line in _slices_behind(run):
        write(line)
    write(f"saved in {run.directory}")


def _slices_behind(run: Run) -> list[str]:
    """A line for each of the worst slices, of the first part that has slices."""
    if not run.slice_examples:
        return []
    from modelspec.runtime.history.slices import by_part_of, worst_lines
    from modelspec.runtime.run.directions import smaller_is_better

    by_part = by_part_of(run.slices, run.slice_examples, run.few_slices)
    part = next(iter(by_part))
    whole = run.by_part.get(part, {})
    return worst_lines(part, by_part[part], whole, smaller_is_better(run.compiled))


def weight_differences(found: Sequence[Compared]) -> str:
    """The weights that differ, and the number of those that do not."""
    from modelspec.core.text_table import text_table

    apart = [one for one in found if not one.equal]
    if not apart:
        return f"all {len(found)} weights are bitwise identical"
    rows = [
        (one.name, "-" if one.largest is None else f"{one.largest:.3g}", one.remark)
        for one in apart
    ]
    return (
        f"{text_table(('weight', 'largest difference', ''), rows)}\n\n"
        f"{len(found) - len(apart)} of {len(found)} weights are bitwise identical"
    )
