"""Paths in a spec: relative to the file that contains them, and never outside the project, except
for data in places that the user allowed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import dropwhile
from pathlib import Path
from typing import Annotated, Any, Final, get_args

from pydantic import PlainValidator, ValidationInfo

from .diagnostics import Diagnostic, Fault
from .file_patterns import MAX_ENTRIES, TooManyFiles, is_pattern, matching
from .places import NOWHERE, Address, Places, is_address, not_granted
from .plugins import plugins_for
from .project import grants_for
from .records import dataclass
from .settings import Context, Settings, Unfit, context_of


def opened_context(spec: Path | None) -> tuple[Context, tuple[Diagnostic, ...]]:
    """The base folder of the paths of a spec, its project (the working directory where the spec is
    inside it, otherwise the folder of the spec), the places that the user allowed outside it, the
    plugins, and diagnostics about these.
    """
    here = Path.cwd().resolve()
    folder = here if spec is None else spec.resolve().parent
    places, warnings = grants_for(folder)
    plugins, faults = plugins_for(folder)
    project = here if folder.is_relative_to(here) else folder
    context = Context(folder=folder, project=project, places=places, plugins=plugins)
    return context, (*warnings, *faults)


def context_for(spec: Path | None) -> Context:
    """As `opened_context`."""
    return opened_context(spec)[0]


def confined(value: str, context: Context) -> Path | None:
    """The path with every link resolved, or None where that is outside the project."""
    found = _followed(value, context)
    return found if _in_project(found, context) else None


def reached(value: str, context: Context) -> Path | None:
    """As `confined`, but places that the user allowed count too: for data and weights."""
    found = _followed(value, context)
    return found if _is_reached(found, context) else None


def _followed(value: str, context: Context) -> Path:
    return ((context.folder or Path.cwd()) / value).resolve()


def _in_project(path: Path, context: Context) -> bool:
    return path.is_relative_to((context.project or context.folder or Path.cwd()).resolve())


def _is_reached(path: Path, context: Context) -> bool:
    return context.places.hold(path) or _in_project(path, context)


# Resolved paths -----------------------------------------------------------------------------------


def outside(value: str, context: Context, *, granted: bool = True) -> Fault:
    """MS210: the target of a path outside the project, the link that leads there, and the option
    that allows it (where places that the user `granted` count).
    """
    found = None
    try:
        found = _followed(value, context)
        link = _link(value, context)
    except (OSError, RuntimeError, ValueError):  # a loop of links, a name that the system refuses
        link = None
    if found is None or _is_loop(value, context):
        return Fault("MS210", f"`{value}` is a symbolic link to itself", help="remove the link")
    if link is not None:
        how = f" (`{link}` is a link)" if link != value else ""
        said = f"`{value}` {'leads' if how else 'is a link that leads'} to {found}{how},"
    else:
        said = f"`{value}` leads to {found}," if str(found) != value else f"`{value}` is"
    where = "the project and the allowed places" if granted else "the project"
    return Fault("MS210", f"{said} outside {where}", help=_help(found, granted))


def _help(found: Path, granted: bool) -> str:
    root = found if found.is_dir() else found.parent
    if not granted or root == Path(root.anchor):
        return "move the file into the project, or run modelspec from a folder that contains both"
    return f"move the file into the project; or, to allow reading there, pass `--data-root {root}`"


def _link(value: str, context: Context) -> str | None:
    """The first part of a path that is a link out of the project."""
    at = (context.folder or Path.cwd()).resolve()
    parts = Path(value).parts
    for count, step in enumerate(parts, start=1):
        if step == "..":
            at = at.parent
            continue
        leads = (at / step).resolve()
        is_out = _is_reached(at, context) and not _is_reached(leads, context)
        if is_out and (at / step).is_symlink():
            return str(Path(*parts[:count]))
        at = leads
    return None


def _is_loop(value: str, context: Context) -> bool:
    try:
        ((context.folder or Path.cwd()) / value).stat()
    except OSError as error:
        import errno

        return error.errno == errno.ELOOP
    except ValueError:
        return False
    return False


def _path(value: Any, info: ValidationInfo, *, granted: bool) -> str:
    if not isinstance(value, str) or not value or "\0" in value:
        raise Unfit("a path")
    context = context_of(info)
    if is_address(value):
        if not granted:
            raise Unfit("the path of a file, not an address", code="MS210")
        require_granted(value, context)
        return value
    try:
        inside = (reached if granted else confined)(value, context) is not None
    except (OSError, RuntimeError):  # a loop of links, a name that the system refuses
        inside = False
    if not inside and not (granted and context.places.when_opened):
        raise outside(value, context, granted=granted)
    return value


def _project_path(value: Any, info: ValidationInfo) -> str:
    return _path(value, info, granted=True)


def _own_path(value: Any, info: ValidationInfo) -> str:
    return _path(value, info, granted=False)


def require_granted(text: str, context: Context) -> Address:
    """The address in a spec. Raises `Fault`: MS683 where it is malformed, MS682 where the user did
    not allow it.
    """
    address = Address.parse(text)
    if context.places.allow(address) or context.places.when_opened:
        return address
    raise not_granted(address)


def named_place(value: str, context: Context) -> Places:
    """What a path on the command line allows: that file or folder, or all below the part of a
    pattern that has no wildcard.
    """
    try:
        if is_address(value):
            head = _WILD_STEP.split(value)[0] if _is_wild(value) else value
            return Places(addresses=(Address.parse(head),))
        steps = Path(value).parts
        first = next((at for at, step in enumerate(steps) if _is_wild(step)), len(steps))
        return Places(folders=(_followed(str(Path(*steps[:first])), context),))
    except (Fault, OSError, RuntimeError, ValueError):  # reported where the path is read
        return NOWHERE


@dataclass(frozen=True)
class NamesPaths:
    """Marks the type of a setting whose string is a path relative to the folder of its file."""

    lists: bool = False
    """Whether the strings in a list are paths too."""

    def __get_pydantic_json_schema__(self, core: Any, handler: Any) -> dict[str, Any]:
        """Strings are marked, so that editors complete the names of files."""
        found: dict[str, Any] = handler(core)
        for one in (found, *found.get("anyOf", ())):
            text = one.get("items", {}) if self.lists and one.get("type") == "array" else one
            if text.get("type") == "string":
                text["format"] = "path"
        return found


ProjectPath = Annotated[
    str, PlainValidator(_project_path, json_schema_input_type=str), NamesPaths()
]
"""A path of data as written: in the project, or in a place that the user allowed. `reached` returns
the file; nothing is opened here.
"""
OwnPath = Annotated[str, PlainValidator(_own_path, json_schema_input_type=str), NamesPaths()]
"""A path that must be inside the project, as written. `confined` returns the file."""


# Several files ------------------------------------------------------------------------------------

_LISTED: Final = 10_000
"""The most paths in a list: the links of each are resolved, and a pattern may match many files."""
_WILD_STEP = re.compile(r"(?<=/)[^/]*[*\[]")


def _is_wild(text: str) -> bool:
    """Whether a path is a pattern; in an address, `?` begins the query."""
    return is_pattern(text.replace("?", "") if is_address(text) else text)


def _project_paths(value: Any, info: ValidationInfo) -> str | tuple[str, ...]:
    if isinstance(value, str):
        return _pattern(value, info)
    if not isinstance(value, (tuple, list)) or not value:
        raise Unfit("a path, a pattern such as `part-*.csv`, or a list of them")
    if len(value) > _LISTED:
        listing = f"a list of at most {_LISTED:,} paths"
        raise Unfit(listing, code="MS108", help="write a pattern, such as `part-*.csv`")
    for index, one in enumerate(value):
        try:
            _pattern(one, info)
        except Unfit as error:
            raise Unfit(
                "a list of paths" if error.code == "MS204" else error.expected,
                code=error.code,
                help=error.help,
                path=(index,),
            ) from None
    return tuple(value)


def _pattern(value: Any, info: ValidationInfo) -> str:
    """The part before the first wildcard must be inside the project, or allowed; `..` may not
    follow a wildcard.
    """
    if not isinstance(value, str) or not _is_wild(value):
        return _project_path(value, info)
    if is_address(value):
        if require_granted(value, context_of(info)).scheme in ("http", "https"):
            raise Unfit(
                "the address of one file: a web server does not list its files",
                code="MS683",
                help="write a list of addresses",
            )
        return value
    steps = Path(value).parts
    first = next(index for index, step in enumerate(steps) if _is_wild(step))
    if ".." in steps[first:]:
        raise Unfit("a pattern without `..` after a wildcard", code="MS210")
    try:
        _project_path(str(Path(*steps[:first])), info)
    except Fault as fault:
        raise replace(fault, message=f"in `{value}`, {fault.message}") from None
    return value


ProjectPaths = Annotated[
    str | tuple[str, ...],
    PlainValidator(_project_paths, json_schema_input_type=str | tuple[str, ...]),
    NamesPaths(lists=True),
]
"""A path, a pattern (`part-*.csv`), or a list of both, as written. `matches` returns the files."""


def path_settings(kind: type[Settings]) -> dict[str, NamesPaths]:
    """The settings of a class that are paths in the project."""
    return {
        name: mark
        for name, field in kind.model_fields.items()
        for mark in [*field.metadata, *_marks(field.annotation)][::-1]
        if isinstance(mark, NamesPaths)
    }


def _marks(annotation: Any) -> Iterator[Any]:
    """The marks of annotations inside a type, such as an optional one."""
    yield from getattr(annotation, "__metadata__", ())
    for inner in get_args(annotation):
        yield from _marks(inner)


def from_folder(value: str, folder: Path, context: Context) -> str:
    """A path relative to `folder`, made relative to the base of the paths of the spec."""
    own, folder = (context.folder or Path.cwd()).resolve(), folder.resolve()
    if not value or "\0" in value or "://" in value or Path(value).is_absolute() or folder == own:
        return value
    steps = list(dropwhile(lambda step: step == "..", Path(value).parts))
    if ".." in steps:  # `a/../b` is not `b` where `a` is a link
        return os.path.join(os.path.relpath(folder, own), value)  # noqa: PTH118  # keeps the `..`
    return os.path.relpath(folder / value, own)


def matches(
    paths: str | tuple[str, ...], context: Context, skipped: list[str] | None = None
) -> list[tuple[str, list[str]]]:
    """Every path or pattern as written, with its paths: itself, or the sorted matches of a pattern.
    An address is its only match.

    An existing file whose name contains wildcards is its only match. Names that begin with a point
    match no wildcard, and `**` follows no links to folders, which may be endless. Folders that
    cannot be read are added to `skipped`. Raises `Fault` (MS698) for a pattern that visits too many
    files.
    """
    folder = context.folder or Path.cwd()
    found: list[tuple[str, list[str]]] = []
    for one in (paths,) if isinstance(paths, str) else paths:
        if is_address(one) or not _is_wild(one) or _exists(folder / one):
            found.append((one, [one]))
        else:
            found.append((one, _matching(folder, one, skipped)))
    return found


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a name that is too long
        return False


def _matching(folder: Path, pattern: str, skipped: list[str] | None) -> list[str]:
    try:
        return matching(folder, pattern, skipped)
    except TooManyFiles as error:
        raise Fault(
            "MS698",
            f"`{pattern}` searches more than {MAX_ENTRIES:,} files and folders, the last of them "
            f"in `{error}`",
            help="name the folder of the files, as in `data/2024/*.csv`",
        ) from None
