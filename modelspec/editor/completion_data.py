"""Names outside the text that it can refer to: columns of its data, files, logged quantities."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from modelspec.core.paths import confined

from .analysis import Analysis
from .grammar import FEATURE, Grammar
from .schema_walk import Step

_COLUMNS: Final = ("column", "columns", "all_but", "stratify", "group", "order", "by", "weights")
"""The keys of `data` whose values are columns."""
_MOST: Final = 500
"""The most files and columns that are suggested."""


def columns(analysis: Analysis, grammar: Grammar, path: tuple[Step, ...]) -> list[str]:
    """The columns of the training data, where a column can be written."""
    key = next((step for step in reversed(path) if isinstance(step, str)), "")
    of_feature = path[1:2] in (("inputs",), ("targets",)) and len(path) - isinstance(
        path[-1], int
    ) in (2, 3)
    if key not in _COLUMNS and not (of_feature and grammar.is_a(path[:3], FEATURE)):
        return []
    data = analysis.compiled.data if analysis.compiled is not None else None
    source = data.sources.get("train") if data is not None else None
    if source is None:
        return []
    from modelspec.compiler.spec.known_columns import columns_of_source

    return list(columns_of_source(source, analysis.context).names or ())[:_MOST]


def monitored(analysis: Analysis) -> Iterator[str]:
    """The quantities that the training logs, those of the validation data first."""
    from modelspec.compiler.rules.logged_quantities import is_validated, logged

    compiled = analysis.compiled
    if compiled is None or compiled.training is None:
        return
    names = logged(compiled.training)
    if is_validated(compiled.data):
        yield from (f"val_{name}" for name in names)
    yield from names


def paths(analysis: Analysis, word: str) -> list[str]:
    """The files and folders below the folder that is written so far, inside the project."""
    written, _, _ = word.rpartition("/")
    folder = confined(written or ".", analysis.context)
    if folder is None:
        return []
    try:
        entries = sorted(folder.iterdir(), key=lambda one: (one.is_file(), one.name))[:_MOST]
    except (OSError, ValueError):
        return []
    front = f"{written}/" if written else ""
    shown = (one for one in entries if not one.name.startswith("."))
    return [f"{front}{one.name}{'/' if one.is_dir() else ''}" for one in shown]
