"""The results of the files of one `modelspec check`: from the cache, or computed and kept."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence

from ..check_output import FileResult
from . import entry
from .arguments import asked
from .recorder import Recorder, recording
from .stored import dump, load


class CachedResults:
    """The cache of one command, whose process runs nothing else."""

    def __init__(self, options: Sequence[str], files: Sequence[str]) -> None:
        self._options = options
        self._files = frozenset(files)
        self._recorder = Recorder()

    def of(self, file: str, check: Callable[[str], FileResult]) -> FileResult:
        """The result of a file: the cached one, or that of `check`, which is kept."""
        if file == "-":
            return check(file)
        path = entry.path_of(file, self._options)
        found = entry.find(path)
        if found is not None:
            return load(found)
        self._recorder.begin()
        with recording(self._recorder):
            result = check(file)
        states = self._recorder.states(self._files - {file})
        if states is not None and result.size is not None and result.sweep is None:
            entry.write(path, states, dump(result))
        return result


def cached_results(files: Sequence[str]) -> CachedResults | None:
    """The cache for the command line of this process; None if its results cannot be cached."""
    wanted = asked(sys.argv[1:]) if os.name == "posix" else None
    if wanted is None or not wanted.cached:
        return None
    return CachedResults(wanted.options, files)
