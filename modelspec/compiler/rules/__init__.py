"""Incompatible combinations: training choices and data against the graph, checked before loading.

Each rule is a module named after its code, with its manual page beside it: `MS510.py` has
`check(case)`, and `MS510.md` describes what it finds. Rules based on one analysis share a module
named after that analysis.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from pathlib import Path

from modelspec.core.diagnostics import MOST, Collector, Diagnostic

from ..infer import TypedGraph
from ..infer.stage_graphs import StageGraph
from ..spec.data_section import DataSection
from ..spec.spec_file import SpecFile
from ..spec.training_section import Training
from .case import Case


def lint(
    typed: TypedGraph | None,
    training: Training | None,
    data: DataSection | None,
    file: SpecFile | None = None,
    stages: tuple[StageGraph, ...] = (),
) -> tuple[Diagnostic, ...]:
    """Report incompatible parts. Parts that already have errors are skipped."""
    report = Collector(MOST)
    case = Case(typed, training, data, file, report, stages)
    report.extend(case.chains.diagnostics)
    for check in _checks(__package__):
        check(case)
    for package in _of_sections(file):
        for check in _checks(f"{__package__}.{package}"):
            check(case)
    return report.diagnostics


def _of_sections(file: SpecFile | None) -> Iterator[str]:
    """The packages of rules for the sections of a spec that most specs do not have."""
    if file is None:
        return
    if file.expectations:
        yield "of_expectations"
    if file.generation is not None:
        yield "of_generation"
    if file.sweep is not None:
        yield "of_sweeps"


@cache
def _checks(package: str) -> tuple[Callable[[Case], None], ...]:
    """The check functions of the rule modules in a package, by code."""
    folder = Path(str(import_module(package).__file__)).parent
    names = sorted(path.stem for path in folder.glob("MS*.py"))
    return tuple(import_module(f".{name}", package).check for name in names)
