"""Loggers of plugins: `start(run)`, `log(step, values)`, `finish()`.

A file in the run folder contains everything that the logger has logged. A resumed run computes some
values again: those in the file are not logged again, and those that the logger has not got are.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from modelspec.catalog.components import plugin_logger
from modelspec.core.run_names import LOGGED
from modelspec.core.source.own_files import append_own

from .service import Ended, Entry, LoggedRun

_FINAL: Final = "final"
_TEST: Final = "test_"


class _Line(NamedTuple):
    """Values that the logger has logged."""

    kind: str
    step: int
    values: Mapping[str, float]


class Service:
    """Calls the methods of the settings object of a plugin."""

    run_id: str | None = None

    def __init__(self, settings: Any) -> None:
        self.settings = settings
        self.shown = f"`{settings.kind()}` of the plugin `{type(settings).__module__}`"
        self.printed: list[str] = []
        self._path = Path()
        self._done: set[tuple[str, int]] = set()
        self._last_step = 0

    def start(self, run: LoggedRun) -> None:
        """`start(run)`, and `log` for the values that earlier processes could not log."""
        self._path = run.folder / LOGGED.format(kind=self.settings.kind())
        lines = _read(self._path)
        self._done = {(one.kind, one.step) for one in lines}
        self._last_step = max((one.step for one in lines if one.kind == "step"), default=0)
        logged = tuple((one.step, one.values) for one in lines)
        self.settings.start(
            plugin_logger.LoggedRun(run.name, run.folder, dict(run.parameters), logged)
        )
        for entry in run.past:
            self.log(entry)

    def log(self, entry: Entry) -> None:
        """`log(step, values)`, unless the entry has been logged. The steps of an epoch may be
        reported at other places than before.
        """
        if entry.kind == "step" and entry.step <= self._last_step:
            return
        self._log(_Line(entry.kind, entry.step, entry.named()))
        if entry.kind == "step":
            self._last_step = entry.step

    def finish(self, ended: Ended) -> None:
        """`log` for the final metrics, and `finish()`."""
        try:
            # Those of the validation are among the values of the epochs.
            found = {name: one for name, one in ended.metrics.items() if name.startswith(_TEST)}
            if found:
                self._log(_Line(_FINAL, ended.epochs, found))
        finally:
            self.settings.finish()

    def _log(self, line: _Line) -> None:
        if line[:2] in self._done:
            return
        self.settings.log(line.step, dict(line.values))
        self._done.add((line.kind, line.step))
        with append_own(self._path.parent, self._path.name) as file:
            file.write((json.dumps(line) + "\n").encode())


def _read(path: Path) -> list[_Line]:
    """The lines of the file; a line that is not complete is left out, and removed."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    lines = text.splitlines()
    found = [one for one in map(_line, lines) if one is not None]
    if len(found) < len(lines) or (text and not text.endswith("\n")):
        path.write_text("".join(json.dumps(one) + "\n" for one in found), encoding="utf-8")
    return found


def _line(text: str) -> _Line | None:
    try:
        kind, step, values = json.loads(text)
        numbers = {str(name): float(value) for name, value in values.items()}
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None
    return _Line(str(kind), step, numbers) if type(step) is int else None
