"""The user's project: `[tool.modelspec]` of the nearest `pyproject.toml`, and whether the user
trusts it.

A repository of unknown origin may contain a `pyproject.toml` too. What it allows takes effect only
after the user confirms it: with `modelspec trust`, which stores a hash of the section in the user's
configuration, or in the environment (`MODELSPEC_TRUST`).
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from .cache_place import cache_place
from .diagnostics import Diagnostic, Source, Span, listed
from .places import NOWHERE, Places, granted, of_environment, places_of
from .records import NamedTuple, dataclass

FILE = "pyproject.toml"
TRUST = "MODELSPEC_TRUST"
"""Folders of projects to trust, separated as in PATH."""
GRANTS = ("plugins", "data_roots", "allow_hosts")
"""The keys that take effect only in a trusted project."""
_LIMIT = 1_000_000
"""The most bytes of a `pyproject.toml`, and of the file of trusted projects."""

State = Literal["trusted", "changed", "unsafe", "unknown"]
"""`changed`: the section has changed since it was trusted; `unsafe`: other users could have written
the file of trusted projects.
"""


@dataclass(frozen=True)
class Project:
    """The `[tool.modelspec]` section of one `pyproject.toml`."""

    folder: Path
    source: Source
    section: Mapping[str, Any]
    problem: str = ""
    """Why the file cannot be read, if it cannot."""

    @property
    def file(self) -> Path:
        return self.folder / FILE

    @property
    def digest(self) -> str:
        """SHA-256 of the section."""
        from hashlib import sha256  # loads OpenSSL, and only granting sections have a digest

        text = json.dumps(self.section, sort_keys=True, ensure_ascii=True, default=str)
        return sha256(text.encode()).hexdigest()

    def strings(self, key: str) -> tuple[str, ...]:
        """The strings in a list of the section; empty where it is not a list of strings."""
        found = self.section.get(key, ())
        right = isinstance(found, list) and all(isinstance(one, str) and one for one in found)
        return tuple(found) if right else ()

    @property
    def granting(self) -> tuple[str, ...]:
        """The keys of the section that allow something."""
        return tuple(key for key in GRANTS if self.section.get(key))

    def state(self) -> State:
        """Whether the user trusts it."""
        named = os.environ.get(TRUST, "").split(os.pathsep)
        if any(_is(self.folder, Path(one)) for one in named if one):
            return "trusted"
        known = trusted_projects().get(str(self.folder))
        if known is None:
            return "unsafe" if store_of_others() else "unknown"
        return "trusted" if known == self.digest else "changed"

    def place(self, key: str) -> Span:
        """The place of a key of the section."""
        at = self.source.text.find("[tool.modelspec")
        found = self.source.text.find(key, max(at, 0))
        return Span(self.source, found, found + len(key)) if found >= 0 else self.start

    @property
    def start(self) -> Span:
        return Span(self.source, 0, 0)


def _is(folder: Path, other: Path) -> bool:
    try:
        return other.expanduser().resolve() == folder
    except (OSError, RuntimeError):
        return False


# The file -----------------------------------------------------------------------------------------


def project_of(folder: Path) -> Project | None:
    """The project that a folder belongs to: that of the nearest `pyproject.toml`, where it has a
    `[tool.modelspec]` section or cannot be read.
    """
    for one in (folder, *folder.parents):
        try:
            found = os.stat(one / FILE)  # noqa: PTH116  # called at every check: a `Path` costs more
        except (OSError, ValueError):
            continue
        return _project(one, found.st_mode, found.st_size, found.st_mtime_ns)
    return None


@lru_cache(maxsize=16)
def _project(folder: Path, mode: int, size: int, _changed: int) -> Project | None:
    """The project in a folder; read once, so that its problems are reported once."""
    if not stat.S_ISREG(mode):
        return None
    name = str(folder / FILE)
    with suppress(ValueError):
        name = str((folder / FILE).relative_to(Path.cwd()))
    if size > _LIMIT:
        return Project(folder, Source(name, ""), {}, f"it is larger than {_LIMIT // 10**6} MB")
    try:
        text = (folder / FILE).read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        return Project(folder, Source(name, ""), {}, f"it cannot be read: {error}")
    if "modelspec" not in text:  # nearly all projects
        return None
    return _parsed(folder, Source(name, text))


def _parsed(folder: Path, source: Source) -> Project | None:
    import tomllib

    try:
        tool = tomllib.loads(source.text).get("tool", {})
    except (ValueError, RecursionError) as error:
        return Project(folder, source, {}, f"it is not TOML: {error}")
    section = tool.get("modelspec") if isinstance(tool, dict) else None
    return Project(folder, source, section) if isinstance(section, dict) else None


# Trusted projects ---------------------------------------------------------------------------------


def store() -> Path:
    """The file of trusted projects: `modelspec/trust.json` in `XDG_CONFIG_HOME`, or in
    `~/.config`.
    """
    base = os.environ.get("XDG_CONFIG_HOME", "")
    folder = Path(base) if Path(base).is_absolute() else Path.home() / ".config"
    return folder / "modelspec" / "trust.json"


def store_of_others() -> str:
    """Who else could have written the file of trusted projects, in words that follow its name;
    empty where nobody could, or the file does not exist.
    """
    try:
        found, folder = store().stat(), store().parent.stat()
    except (OSError, RuntimeError):
        return ""
    if os.name == "posix" and found.st_uid not in (os.geteuid(), 0):
        return "belongs to another user"
    if os.name == "posix" and found.st_mode & 0o022:
        return "can be written by other users"
    is_open = os.name == "posix" and folder.st_mode & 0o002
    return "is in a folder that all users can write to" if is_open else ""


def trusted_projects() -> dict[str, str]:
    """The hash of the section of every trusted project, by folder. A file that cannot be read, or
    that other users could have written, trusts no project.
    """
    if store_of_others():
        return {}
    try:
        with store().open("rb") as file:
            read = json.loads(file.read(_LIMIT))
        projects = read["projects"]
        return {str(folder): str(one["sha256"]) for folder, one in projects.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError):
        return {}


def trust(project: Project) -> None:
    """Trust a project with its present section. Raises `OSError`."""
    _write({**trusted_projects(), str(project.folder): project.digest})


def distrust(folder: Path) -> bool:
    """Stop trusting a folder; returns whether it was trusted. Raises `OSError`."""
    known = trusted_projects()
    if known.pop(str(folder), None) is None:
        return False
    _write(known)
    return True


def _write(projects: Mapping[str, str]) -> None:
    """Write the file atomically, readable by the user only."""
    path = store()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    content = {
        "version": 1,
        "projects": {folder: {"sha256": digest} for folder, digest in sorted(projects.items())},
    }
    beside = path.with_name(f".{os.getpid()}-{path.name}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    beside.unlink(missing_ok=True)
    try:
        with os.fdopen(os.open(beside, flags, 0o600), "w", encoding="utf-8") as file:
            file.write(json.dumps(content, indent=2) + "\n")
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


# Allowed places -----------------------------------------------------------------------------------


class Grants(NamedTuple):
    """The places that are allowed for the specs of a folder, and warnings about them."""

    places: Places
    warnings: tuple[Diagnostic, ...] = ()


def grants_for(folder: Path) -> Grants:
    """What the user allowed: on the command line, in the environment, in the project of the folder
    if it is trusted.
    """
    places, wrong = of_environment()
    warnings = [
        Diagnostic(
            "MS139",
            "warning",
            f"a place that the environment allows is ignored: {one}",
            None,
            (),
            "see `modelspec explain MS139`",
        )
        for one in wrong
    ]
    project = project_of(folder)
    own, found = _of_project(project) if project is not None else (NOWHERE, ())
    return Grants(granted() + places + own, (*warnings, *found))


def places_for(folder: Path) -> Places:
    return grants_for(folder).places


def _of_project(project: Project) -> tuple[Places, tuple[Diagnostic, ...]]:
    if project.problem:
        said = f"`{project.source.name}` is ignored: {project.problem}"
        return NOWHERE, (Diagnostic("MS138", "warning", said, None),)
    if not project.granting:
        return NOWHERE, ()
    state = project.state()
    if state != "trusted":
        return NOWHERE, (_ignored(project, state),)
    misshapen = [key for key in project.granting if not project.strings(key)]
    warnings = [_wrong(project, key, f"`{key}` must be a list of strings") for key in misshapen]
    found = NOWHERE
    for key in ("data_roots", "allow_hosts"):
        roots, hosts = (
            (project.strings(key), ()) if key == "data_roots" else ((), project.strings(key))
        )
        places, wrong = places_of(roots, hosts, project.folder)
        found += places
        warnings += [_wrong(project, key, one) for one in wrong]
    return found, tuple(warnings)


def _wrong(project: Project, key: str, what: str) -> Diagnostic:
    said = f"an entry of `{key}` is ignored: {what}"
    return Diagnostic("MS138", "warning", said, project.place(key))


def _ignored(project: Project, state: State) -> Diagnostic:
    keys = listed(project.granting)
    verb = "is" if len(project.granting) == 1 else "are"
    reason = {
        "changed": "`[tool.modelspec]` has changed since you trusted it",
        "unsafe": f"`{store()}`, the list of trusted projects, {store_of_others()}",
    }.get(state, "you have not trusted this project")
    return Diagnostic(
        "MS137",
        "warning",
        f"{keys} of `[tool.modelspec]` {verb} ignored: {reason}",
        project.place(project.granting[0]),
        (),
        f"if you trust it: `modelspec trust {project.folder}`"
        + (" after making it writable only for you (`chmod go-w`)" if state == "unsafe" else ""),
    )


def cache_folder(part: str, *, within: str | None = None) -> Path:
    """The cache for one kind of entries: `within` (by default `part`) in `MODELSPEC_CACHE` if that
    is set, else `modelspec/PART` in the user's cache folder.
    """
    if within is not None and os.environ.get("MODELSPEC_CACHE"):
        part = within
    return Path(cache_place(part))
