"""What `modelspec check` prints, and its exit status. It imports neither click nor the compiler."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from modelspec.core.diagnostics import Diagnostic
from modelspec.core.records import NamedTuple

from . import status
from .output import report, write

_ROOTS = {
    "github": "GITHUB_WORKSPACE",
    "gitlab": "CI_PROJECT_DIR",
    "sarif": "GITHUB_WORKSPACE",
}
"""The variables with the folder of the repository, which is the base of paths in reports."""


class FileResult(NamedTuple):
    """The result of one file."""

    diagnostics: tuple[Diagnostic, ...]
    size: str | None
    """The remark about the size of the model; None if the file could not be read at all."""
    sweep: Mapping[str, object] | None = None
    """The number of trials of its sweep and the sizes of their models, for programs."""

    @property
    def ok(self) -> bool:
        """Whether the diagnostics contain no error."""
        return not any(one.severity == "error" for one in self.diagnostics)


def show(results: Mapping[str, FileResult], form: str) -> int:
    """Print the results in a format; returns the exit status."""
    diagnostics = _all(results)
    if form == "text":
        _tell(results, diagnostics)
    else:
        sweeps = {file: one.sweep for file, one in results.items() if one.sweep is not None}
        write(_rendered(diagnostics, form, {"sweeps": sweeps} if sweeps else None))
    if all(one.ok for one in results.values()):
        return status.OK
    return status.of_spec(diagnostics)


def _all(results: Mapping[str, FileResult]) -> list[Diagnostic]:
    """Every fault; faults of a shared project once."""
    return list(dict.fromkeys(one for found in results.values() for one in found.diagnostics))


def _tell(results: Mapping[str, FileResult], diagnostics: list[Diagnostic]) -> None:
    """The faults, then a line for each file that has none."""
    if diagnostics:
        report(diagnostics, sys.stdout)
    for file, found in results.items():
        if not found.diagnostics and found.size is not None:
            write(f"{'<stdin>' if file == '-' else file}: no faults{found.size}")


def _rendered(diagnostics: list[Diagnostic], form: str, others: Mapping[str, object] | None) -> str:
    named = os.environ.get(_ROOTS.get(form, ""))
    root = Path(named) if named else None
    if form == "json":
        from modelspec.core.diagnostics.render import json

        return json.render(diagnostics, others)
    if form == "github":
        from modelspec.core.diagnostics.render import github

        return github.render(diagnostics, root)
    if form == "gitlab":
        from modelspec.core.diagnostics.render import gitlab

        return gitlab.render(diagnostics, root)
    from modelspec import __version__
    from modelspec.core.diagnostics.render import sarif

    return sarif.render(diagnostics, version=__version__, root=root)
