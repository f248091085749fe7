"""The space of a sweep in words, for `check`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from modelspec.core.diagnostics import Checked, listed

if TYPE_CHECKING:
    from modelspec.compiler.pipeline import Compiled
    from modelspec.compiler.space import SpaceReport

_NOUNS: Final = {"parameters": "parameters", "multiply_adds": "multiply-adds"}


def with_trials(
    checked: Checked[Compiled | None],
) -> tuple[Checked[Compiled | None], str, dict[str, Any] | None]:
    """A spec with the faults of the trials of its sweep; a line about them, which begins with the
    end of the line before it; and the same for programs.
    """
    from modelspec.compiler.space import with_space

    whole, report = with_space(checked)
    if report is None or report.space is None:
        return whole, "", None
    return whole, f"\n{space_text(report)}", report.as_json()


def space_text(report: SpaceReport) -> str:
    """One line: how many trials the sweep makes, and the sizes of their models."""
    sizes = [
        f"{_range(*report.sizes[name])} {noun}"
        for name, noun in _NOUNS.items()
        if name in report.sizes
    ]
    text = _trials(report)
    if not sizes:
        return f"  sweep: {text}"
    where = "" if report.complete else f" in the {report.checked:,} combinations that were checked"
    return f"  sweep: {text}, {' and '.join(sizes)}{where}"


def _trials(report: SpaceReport) -> str:
    assert report.space is not None
    sweep, count = report.space.sweep, report.trials
    if not sweep.is_search:
        return f"cross-validation with {_counted(report.folds or 0, 'fold')}"
    if count is None:
        ends = [key for key in ("timeout", "patience") if key in sweep.spans]
        text = f"trials until {listed(ends, 'or')} ends it" if ends else "a grid"
    elif sweep.is_grid:
        text = f"a grid of {_counted(count, 'trial')}"
    else:
        text = _counted(count, "trial")
    return text if report.folds is None else f"{text}, each with {_counted(report.folds, 'fold')}"


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _range(low: int, high: int) -> str:
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"
