"""Which version of which text is checked when. All checks and answers are computed in one thread,
one after the other, while the messages of the editor are read in another.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from .analysis import Analysis, analyze
from .open_files import OpenFile

_P = ParamSpec("_P")
_T = TypeVar("_T")


class Checking:
    """The open texts, and the newest analysis of each."""

    def __init__(self) -> None:
        self.files: dict[str, OpenFile] = {}
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="modelspec")
        self._running: dict[str, asyncio.Task[None]] = {}

    def close(self) -> None:
        """Drop the work that has not begun."""
        self._worker.shutdown(wait=False, cancel_futures=True)

    # Texts ----------------------------------------------------------------------------------------

    def open(self, file: OpenFile) -> list[OpenFile]:
        """Returns the specs to check again: it, and those that extend it."""
        before = self.files.get(file.uri)
        file.revision = before.revision + 1 if before is not None else 0
        self.files[file.uri] = file
        return [file, *self.touch(file.path)]

    def forget(self, uri: str) -> tuple[OpenFile | None, list[OpenFile]]:
        """Close a text. Returns it, and the specs that extend it."""
        file = self.files.pop(uri, None)
        return (None, []) if file is None else (file, self.touch(file.path))

    def touch(self, path: Path) -> list[OpenFile]:
        """The specs that extend a file; each is to be checked again."""
        found = list(self._dependents(path))
        for one in found:
            one.revision += 1
        return found

    def touch_all(self) -> list[OpenFile]:
        """Every spec, after a change of what all of them depend on."""
        found = [one for one in self.files.values() if one.is_spec]
        for one in found:
            one.revision += 1
        return found

    def _dependents(self, path: Path) -> Iterator[OpenFile]:
        resolved = _resolved(path)
        for one in self.files.values():
            if one.analysis is not None and one.path != path and resolved in one.analysis.files:
                yield one

    def called(self, path: Path) -> OpenFile | None:
        """The open text of a file."""
        return next((one for one in self.files.values() if one.path == path), None)

    # Answers --------------------------------------------------------------------------------------

    async def analysis(self, uri: str) -> Analysis | None:
        """The analysis of the newest version; None for a text that is not open, or not a spec."""
        while True:
            file = self.files.get(uri)
            if file is None or not file.is_spec:
                return None
            if file.current is not None:
                return file.current
            await asyncio.shield(self._task(file))

    def _task(self, file: OpenFile) -> asyncio.Task[None]:
        """The check that runs, or a new one."""
        task = self._running.get(file.uri)
        if task is None or task.done():
            task = asyncio.get_running_loop().create_task(self._analyze(file))
            self._running[file.uri] = task
            task.add_done_callback(lambda _: self._running.pop(file.uri, None))
        return task

    async def _analyze(self, file: OpenFile) -> None:
        """Check a text; the result is dropped if the text has changed meanwhile."""
        revision, others = file.revision, self._others(file)
        found = await self.compute(analyze, file.path, file.text, file.unit, others)
        now = self._others(file)
        is_newest = all(others.get(one) == now.get(one) for one in found.files)
        if file.revision == revision and is_newest:
            file.analysis, file.analyzed = found, revision

    def _others(self, file: OpenFile) -> dict[Path, str]:
        """The texts that are read in place of files."""
        return {_resolved(one.path): one.text for one in self.files.values() if one is not file}

    async def compute(self, question: Callable[_P, _T], *args: _P.args, **options: _P.kwargs) -> _T:
        """The result of a function, computed in the thread of the checks."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._worker, lambda: question(*args, **options))

    async def ask(
        self,
        uri: str,
        question: Callable[Concatenate[Analysis, _P], _T],
        *args: _P.args,
        **options: _P.kwargs,
    ) -> _T | None:
        """The answer to a question about the newest version of a text."""
        analysis = await self.analysis(uri)
        if analysis is None:
            return None
        return await self.compute(question, analysis, *args, **options)


def _resolved(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError, ValueError):  # a loop of links, a name that the system refuses
        return path
