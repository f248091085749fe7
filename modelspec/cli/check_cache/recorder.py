"""Observes what a check reads and looks for.

The functions of `os` that ask for files, the openings that Python audits, and the variables of the
environment are observed while a check runs. This covers whatever the check calls. (The import
system does not use `os`; the files of the program are compared one by one.)
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from . import state

_FRESH: Final = 50_000_000
"""Nanoseconds: a file that was changed so shortly before it was read may have been changed after
that within the same tick of the file system's clock.
"""
_BEYOND: Final = ("socket.connect", "socket.getaddrinfo", "subprocess.Popen", "os.fork", "os.exec")
"""Events after which the result may depend on more than can be compared."""
_WRITING: Final = os.O_WRONLY | os.O_RDWR
_PROGRAM: Final = (".py", ".pyc", ".so")
_PLUGINS: Final = "modelspec.core.plugins.loading"
"""Imported only where plugins are used, whose code may depend on anything."""


class Recorder:
    """The dependencies of the checks of one process, with their state when they were first seen.

    Later checks depend on what earlier ones read, too: some of it is read once per process.
    """

    def __init__(self) -> None:
        self.seen: dict[str, str] = {}
        self.start = time.time_ns()
        self.spoiled = False
        """Whether something happened that no comparison of states would notice."""
        self.begin()

    def begin(self) -> None:
        """Begin the check of a file."""
        self._opened: set[str] = set()

    def note(self, kind: str, path: Any) -> None:
        """Record a path (or a name) that is asked for, before the answer."""
        if isinstance(path, int):
            return  # an open file, whose opening was recorded
        dependency = kind + os.fsdecode(path)
        if dependency not in self.seen:
            self.seen[dependency] = ""  # `state` asks through the same functions
            self.seen[dependency] = state.state(dependency)

    def opened(self, path: Any, mode: str | None, flags: int) -> None:
        """Record a file that is opened."""
        if isinstance(path, int) or path is None or flags & _WRITING:
            return
        name = os.fsdecode(path)
        self._opened.add(name)
        if name.endswith(_PROGRAM) or "F" + name in self.seen:
            return
        try:
            found = _stat(name)
        except (OSError, ValueError) as error:
            self.seen["F" + name] = state.of_error(error)
            return
        self.spoiled |= 0 <= time.time_ns() - found.st_ctime_ns < _FRESH
        self.seen["F" + name] = state.signature(found)

    def states(self, others: frozenset[str]) -> dict[str, str] | None:
        """Every dependency and its state, without the files that only other checks read; None if
        one has changed since it was recorded, or cannot be compared.
        """
        if self.spoiled or _PLUGINS in sys.modules:
            return None
        found: dict[str, str] = {}
        read = {_place(one[1:]) for one in self.seen if one[0] == "F"}
        for dependency, before in self.seen.items():
            kind, name = dependency[0], dependency[1:]
            if kind == "F" and name in others - self._opened:
                continue
            if kind == "S" and _place(name) in read:
                continue  # what is read is compared by its content
            if kind in "FSN" and _place(name).startswith(_import_folders()):
                continue  # installed packages are compared by the time of their folder
            found[dependency] = now = state.state(dependency)
            if before == state.TOO_MANY or before != (_early(name) if kind == "F" else now):
                return None
        found |= {name: state.state(name) for name in _program()}
        return None if self._is_newer(found) else found

    def _is_newer(self, found: dict[str, str]) -> bool:
        """Whether a file of the program was changed after the program had started."""
        programs = (known for name, known in found.items() if name[0] == "P")
        return any(int(known.split()[-1]) > self.start for known in programs if " " in known)


def _place(name: str) -> str:
    return os.path.abspath(name)  # noqa: PTH100


def _early(name: str) -> str:
    """What `Recorder.opened` records."""
    try:
        return state.signature(_stat(name))
    except (OSError, ValueError) as error:
        return state.of_error(error)


def _import_folders() -> tuple[str, ...]:
    """The folders that packages are installed in."""
    return tuple(one + os.sep for one in sys.path if one.endswith("-packages"))


def _program() -> Iterator[str]:
    """The dependencies of the program: the folders that packages are installed in, which change
    with every installation, and the files of modules from elsewhere, except those of Python itself.
    """
    folders = _import_folders()
    yield from (f"S{one.rstrip(os.sep)}" for one in folders)
    own = os.path.dirname(os.__file__) + os.sep  # noqa: PTH120
    for module in list(sys.modules.values()):
        path = getattr(module, "__file__", None)
        if isinstance(path, str) and not path.startswith((own, *folders)):
            yield f"P{path}"


# Observing ----------------------------------------------------------------------------------------

_KINDS: Final = {
    "stat": "S",
    "lstat": "L",
    "readlink": "L",
    "listdir": "N",
    "scandir": "N",
    "access": "A",
}
_stat = os.stat
_active: list[Recorder] = []
_hooked: list[bool] = []


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if not _active:
        return
    if event == "open":
        _active[0].opened(*arguments)
    elif event in _BEYOND:
        _active[0].spoiled = True


class _Observed(os._Environ):  # type: ignore[type-arg]  # generic only for type checkers
    """`os.environ`, whose variables are recorded when they are read."""

    def __getitem__(self, key: Any) -> Any:
        if _active and isinstance(key, str):
            _active[0].note("E", key)
        return super().__getitem__(key)

    def __iter__(self) -> Iterator[Any]:
        if _active:
            _active[0].spoiled = True
        return super().__iter__()


def _observer(name: str, kind: str, recorder: Recorder) -> Callable[..., Any]:
    """A function of `os` that records the path that it is called with."""
    function = getattr(os, name)

    def observed(path: Any = ".", *arguments: Any, **options: Any) -> Any:
        if options.get("dir_fd") is not None:
            recorder.spoiled = True
        elif kind == "A":
            mode = arguments[0] if arguments else options.get("mode")
            recorder.note(kind, f"{mode} {os.fsdecode(path)}")
        else:
            recorder.note("L" if options.get("follow_symlinks") is False else kind, path)
        return function(path, *arguments, **options)

    return observed


@contextmanager
def recording(recorder: Recorder) -> Iterator[None]:
    """Inside, everything that is read is recorded."""
    if not _hooked:
        sys.addaudithook(_audit)  # cannot be removed, and does nothing outside
        _hooked.append(True)
    before = {name: getattr(os, name) for name in _KINDS}
    environment = type(os.environ)
    _active.append(recorder)
    try:
        for name, kind in _KINDS.items():
            setattr(os, name, _observer(name, kind, recorder))
        os.environ.__class__ = _Observed
        yield
    finally:
        os.environ.__class__ = environment
        for name, function in before.items():
            setattr(os, name, function)
        _active.remove(recorder)
