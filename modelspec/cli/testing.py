"""The progress of a test: a line for each finished spec, and on a terminal the present trainings;
and its reports in all formats.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from modelspec.core.visible import visible
from modelspec.runtime.history.formatting import duration
from modelspec.runtime.testing.outcome import Outcome
from modelspec.runtime.testing.session import Watcher

from .output import report, write

if TYPE_CHECKING:
    from modelspec.core.diagnostics import Diagnostic
    from modelspec.runtime.testing.workers import Running

_REFRESH: Final = 0.2
SUMMARY: Final = "GITHUB_STEP_SUMMARY"
ROOTS: Final = {"github": "GITHUB_WORKSPACE", "gitlab": "CI_PROJECT_DIR"}


class Progress(Watcher):
    """Writes to standard error, so that standard output contains only the report."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0
        self._shows = sys.stderr.isatty()
        self._looked = 0.0

    def ended(self, outcome: Outcome) -> None:
        self._done += 1
        self._clear()
        took = f" ({duration(outcome.seconds)})" if outcome.run and not outcome.reused else ""
        width = len(str(self._total))
        said = f"[{self._done:>{width}}/{self._total}] {outcome.file}: {outcome.words}{took}"
        write(visible(said), sys.stderr)

    def looked(self, running: Sequence[Running], waiting: int) -> None:
        now = time.monotonic()
        if not self._shows or now - self._looked < _REFRESH:
            return
        self._looked = now
        self._clear()
        width = shutil.get_terminal_size().columns - 1
        shown = "; ".join(f"{one.job.key}: {one.line}" for one in running)
        sys.stderr.write(visible(f"training {shown}, {waiting} waiting")[:width])
        sys.stderr.flush()

    def _clear(self) -> None:
        if self._shows:
            sys.stderr.write("\r\x1b[K")


class Seeds:
    """Shows on a terminal which seeds are trained."""

    def __init__(self) -> None:
        self._shown = ""

    def looked(self, running: Sequence[Running]) -> None:
        said = ", ".join(f"seed {one.job.key}: {one.line}".rstrip(": ") for one in running)
        if sys.stderr.isatty() and said != self._shown:
            self._shown = said
            width = shutil.get_terminal_size().columns - 1
            sys.stderr.write(f"\r\x1b[K{visible(said)[:width]}")
            sys.stderr.flush()


def write_report(outcomes: Sequence[Outcome], form: str, *, explain: bool) -> None:
    """The report on standard output; under GitHub Actions annotations too."""
    from modelspec.runtime.testing.reports import as_json, markdown, text

    found = diagnostics(outcomes)
    if form == "json":
        write(as_json.render(outcomes))
    elif form == "gitlab":
        from modelspec.core.diagnostics.render import gitlab

        write(gitlab.render(found, _root("gitlab")))
    elif form == "markdown":
        write(markdown.render(outcomes, explain=explain))
    else:
        if found and form == "text":
            report(found, sys.stdout)
        if form == "github" or os.environ.get("GITHUB_ACTIONS") == "true":
            from modelspec.core.diagnostics.render import github

            commands = github.render(found, _root("github"))
            if commands:
                write(commands)
        write(text.render(outcomes, explain=explain))


def write_summary(outcomes: Sequence[Outcome], *, explain: bool) -> None:
    """The summary of a GitHub Actions job, in the file that the environment names."""
    from modelspec.runtime.testing.reports import markdown

    named = os.environ.get(SUMMARY)
    if not named:
        return
    try:
        with Path(named).open("a", encoding="utf-8") as file:
            file.write(markdown.render(outcomes, explain=explain) + "\n")
    except OSError as error:
        write(f"the job summary `{named}` cannot be written: {error.strerror}", sys.stderr)


def diagnostics(outcomes: Sequence[Outcome]) -> list[Diagnostic]:
    """Every fault of every spec; faults of a shared project once."""
    return list(dict.fromkeys(found for one in outcomes for found in one.diagnostics))


def _root(form: str) -> Path | None:
    named = os.environ.get(ROOTS[form])
    return Path(named) if named else None
