"""Slices of a column that does not have one value per example."""

from __future__ import annotations

from modelspec.catalog.sources.common.source import Source
from modelspec.core.diagnostics import Span, did_you_mean, listed, nearest

from .case import Case


def check(case: Case) -> None:
    """Check every column of `data.slices` in every source; report the first source without it."""
    if case.data is None:
        return
    for entry in case.data.slices:
        span = case.data.spans.get(("slices", entry.column))
        for source in case.data.sources.values():
            if _reported(case, source, entry.column, span):
                break


def _reported(case: Case, source: Source, column: str, span: Span | None) -> bool:
    """Report MS815 if a source cannot be split into slices by a column; whether it was reported."""
    known = source.value_columns
    pictures, sounds = source.picture_shape(column), source.sound_shape(column)
    what = "a sound" if pictures is None else "an image"
    of_files = pictures is not None or sounds is not None
    if not of_files and (known is None or column in known):
        return False
    near = nearest(column, known or ())
    wanted = "one value for each example"
    message = f"`{source.shown_name}` has no column `{column}` with {wanted}"
    if of_files:
        message = f"`{column}` of `{source.shown_name}` contains {what} for each example"
    otherwise = f"use one of {listed(known, 'or')}" if known else f"use a column with {wanted}"
    case.report.error("MS815", message, span, suggestion=near, help=did_you_mean(near, otherwise))
    return True
