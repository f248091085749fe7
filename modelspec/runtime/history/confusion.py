"""Confusion matrices of a report: written to the page as data, and read from it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape, unescape
from pathlib import Path
from typing import Any, Final

from modelspec.core.source.regular_files import read_regular

from .findings import Findings, OutputFindings
from .run_files import REPORT

_FOUND = re.compile(r'<div hidden data-confusion="([^"]*)">')
_MOST_BYTES: Final = 50_000_000
_MOST_LABELS: Final = 200
_MOST_OUTPUTS: Final = 20
_LARGEST: Final = 2**53


@dataclass(frozen=True)
class Confusion:
    """The number of predictions of each class for each true class."""

    output: str
    part: str
    labels: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    """A row for each true class, a column for each predicted one."""


def embedded(findings: Findings, output: OutputFindings) -> str:
    """The matrix of an output as a hidden element; empty if it has none."""
    found = output.classes
    if found is None or not found.confusion:
        return ""
    value = {
        "output": output.name,
        "part": findings.part,
        "labels": found.labels,
        "counts": found.confusion,
    }
    return f'<div hidden data-confusion="{escape(json.dumps(value))}"></div>'


def confusions(folder: Path) -> tuple[Confusion, ...]:
    """The matrices in the report of a run; empty if it has none, or cannot be read."""
    try:
        text = read_regular(folder / REPORT, _MOST_BYTES).decode("utf-8", "replace")
    except OSError:
        return ()
    return tuple(_read(text))


def _read(text: str) -> Iterator[Confusion]:
    """Checks the type of every value, since a page may contain anything."""
    for number, one in enumerate(_FOUND.finditer(text)):
        if number == _MOST_OUTPUTS:
            return
        try:
            value = json.loads(unescape(one[1]))
        except (ValueError, RecursionError):
            continue
        found = _confusion(value) if isinstance(value, dict) else None
        if found is not None:
            yield found


def _confusion(value: dict[str, Any]) -> Confusion | None:
    output, part, labels, counts = (
        value.get(key) for key in ("output", "part", "labels", "counts")
    )
    if not isinstance(output, str) or not isinstance(part, str) or not isinstance(labels, list):
        return None
    if not isinstance(counts, list) or not 0 < len(labels) <= _MOST_LABELS:
        return None
    square = len(counts) == len(labels) and all(_is_row(row, len(labels)) for row in counts)
    if not square or not all(isinstance(one, str) for one in labels):
        return None
    return Confusion(output, part, tuple(labels), tuple(tuple(row) for row in counts))


def _is_row(row: object, length: int) -> bool:
    return (
        isinstance(row, list)
        and len(row) == length
        and all(type(one) is int and 0 <= one < _LARGEST for one in row)
    )
