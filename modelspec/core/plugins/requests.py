"""Which modules are plugins of the specs in a folder."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path
from typing import Final

from ..diagnostics import Span
from ..project import Project, project_of
from ..records import dataclass
from .plugin import Origin

GROUP: Final = "modelspec.plugins"
"""The entry-point group of installed packages."""
_NAME: Final = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")
_SITE: Final = ("site-packages", "dist-packages")
"""The folders of installed packages. The working directory is on `sys.path` too, but a repository
of unknown origin must not install anything.
"""
_METADATA: Final = re.compile(r"(?P<name>[^/]+?)-(?P<version>[^-/]+)(?:-[^/]*)?\.(dist|egg)-info")
_LARGEST: Final = 100_000
"""Bytes of an `entry_points.txt`."""

_given: ContextVar[tuple[str, ...]] = ContextVar("given", default=())


@dataclass(frozen=True)
class Request:
    """A module to load as a plugin."""

    module: str
    origin: Origin
    where: str
    root: Path | None = None
    """The folder of the trusted project, which modules are imported from."""
    span: Span | None = None
    version: str = ""

    @property
    def is_name(self) -> bool:
        """Whether it has the form of a module's name."""
        return _NAME.fullmatch(self.module) is not None


@contextmanager
def plugging(modules: Iterable[str]) -> Iterator[None]:
    """Inside, every spec may use these modules as plugins."""
    token = _given.set((*_given.get(), *modules))
    try:
        yield
    finally:
        _given.reset(token)


def plugged() -> tuple[str, ...]:
    """The modules of `plugging`: those of the command line."""
    return _given.get()


def given() -> tuple[str, ...]:
    """The modules that `plugging` has added here."""
    return _given.get()


def requests_for(*folders: Path) -> tuple[Request, ...]:
    """The plugins for specs in one of these folders, each module once."""
    found: dict[str, Request] = {}
    of_projects = (one for folder in folders for one in _of_project(folder))
    for one in (*of_projects, *installed()):
        found.setdefault(one.module, one)
    return tuple(found.values())


def _of_project(folder: Path) -> Iterator[Request]:
    """Those of the command line, then those of the trusted project of the folder."""
    given = _given.get()
    project = project_of(folder)
    named = project.strings("plugins") if project is not None and not project.problem else ()
    if not given and not named:
        return
    trusted = project is not None and project.state() == "trusted"
    root = project.folder if project is not None and trusted else None
    for module in given:
        yield Request(module, "--plugin", "the command line", root)
    if project is None or root is None:
        return
    version = _version(project)
    for module in named:
        span = _place(project, module)
        yield Request(module, "pyproject.toml", str(project.file), root, span, version)


def _place(project: Project, module: str) -> Span:
    """The place of a module in the list of plugins."""
    key = project.place("plugins")
    start = project.source.text.find(module, key.end)
    return Span(project.source, start, start + len(module)) if start >= 0 else key


def _version(project: Project) -> str:
    """The version of the project; empty if it has none, or computes it."""
    import tomllib

    with suppress(ValueError, RecursionError):
        found = tomllib.loads(project.source.text).get("project")
        version = found.get("version") if isinstance(found, dict) else None
        return version if isinstance(version, str) else ""
    return ""


# Installed packages -------------------------------------------------------------------------------


def installed() -> tuple[Request, ...]:
    """The plugins of installed packages. `importlib.metadata` takes ten times as long."""
    found: list[Request] = []
    for one in sys.path:
        if os.path.basename(one.rstrip("/\\")) in _SITE:  # noqa: PTH119  # at every check
            with suppress(OSError):
                changed = os.stat(one).st_mtime_ns  # noqa: PTH116  # as above
                found += _of_site(one, changed)
    return tuple(found)


@lru_cache(maxsize=16)
def _of_site(folder: str, _changed: int) -> tuple[Request, ...]:
    """The plugins of the packages in a folder."""
    names = sorted(os.listdir(folder))  # noqa: PTH208  # names, not paths
    return tuple(
        request
        for name in names
        if (match := _METADATA.fullmatch(name)) is not None
        for request in _of_package(Path(folder, name), match["name"], match["version"])
    )


def _of_package(metadata: Path, name: str, version: str) -> Iterator[Request]:
    try:
        with (metadata / "entry_points.txt").open("rb") as file:
            raw = file.read(_LARGEST)
    except OSError:  # most packages have none
        return
    if GROUP.encode() not in raw:
        return
    from configparser import ConfigParser, Error

    parser = ConfigParser(delimiters=("=",), interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # as its documentation has it
    with suppress(Error, UnicodeDecodeError):
        parser.read_string(raw.decode("utf-8"))
        for value in dict(parser[GROUP]).values() if GROUP in parser else ():
            module = value.partition(":")[0].partition("[")[0].strip()
            yield Request(module, "entry point", name, version=version)
