"""Paths that a spec names: relative to the file that holds their text, and never outside the
project.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from glob import glob
from itertools import dropwhile
from pathlib import Path
from typing import Annotated, Any, get_args

from pydantic import PlainValidator, ValidationInfo

from .settings import Context, Settings, Unfit, context_of


def context_for(spec: Path | None) -> Context:
    """Where the paths of a spec start, and the project that it belongs to: the working directory
    where the spec is inside it, otherwise the spec's own folder.
    """
    here = Path.cwd().resolve()
    if spec is None:
        return Context(folder=here, project=here)
    folder = spec.resolve().parent
    return Context(folder=folder, project=here if folder.is_relative_to(here) else folder)


def confined(value: str, context: Context) -> Path | None:
    """Where the path leads with every link followed, or None where that is outside the project."""
    folder = context.folder or Path.cwd()
    project = context.project or folder
    found = (folder / value).resolve()
    return found if found.is_relative_to(project.resolve()) else None


def _project_path(value: Any, info: ValidationInfo) -> str:
    if not isinstance(value, str) or not value or "\0" in value:
        raise Unfit("a path")
    if "://" in value:
        raise Unfit("the path of a file, not an address", code="MS210")
    try:
        inside = confined(value, context_of(info)) is not None
    except (OSError, RuntimeError):  # a loop of links, a name that the system refuses
        inside = False
    if not inside:
        raise Unfit(
            "a path inside the project (the working directory, or the folder of the spec)",
            code="MS210",
            help="move the file into the project, or run modelspec from a folder that holds both",
        )
    return value


@dataclass(frozen=True)
class NamesPaths:
    """Marks the type of a setting whose text is a path that starts in the folder of its file."""

    lists: bool = False
    """Whether the texts in a list are paths too."""


ProjectPath = Annotated[
    str, PlainValidator(_project_path, json_schema_input_type=str), NamesPaths()
]
"""A path as written. `confined` gives the file; nothing is opened here."""


# Several files ------------------------------------------------------------------------------------

_WILD = frozenset("*?[")


def _project_paths(value: Any, info: ValidationInfo) -> str | tuple[str, ...]:
    if isinstance(value, str):
        return _pattern(value, info)
    if not isinstance(value, (tuple, list)) or not value:
        raise Unfit("a path, a pattern such as `part-*.csv`, or a list of them")
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
    """The part before the first wildcard must be inside the project; `..` may not follow one."""
    if not isinstance(value, str) or not _WILD & set(value):
        return _project_path(value, info)
    steps = Path(value).parts
    first = next(index for index, step in enumerate(steps) if _WILD & set(step))
    if ".." in steps[first:]:
        raise Unfit("a pattern without `..` behind a wildcard", code="MS210")
    _project_path(str(Path(*steps[:first])), info)
    return value


ProjectPaths = Annotated[
    str | tuple[str, ...],
    PlainValidator(_project_paths, json_schema_input_type=str | tuple[str, ...]),
    NamesPaths(lists=True),
]
"""A path, a pattern (`part-*.csv`), or a list of both, as written. `matches` gives the files."""


def path_settings(kind: type[Settings]) -> dict[str, NamesPaths]:
    """The settings of a kind that name paths in the project."""
    return {
        name: mark
        for name, field in kind.model_fields.items()
        for mark in [*field.metadata, *_marks(field.annotation)][::-1]
        if isinstance(mark, NamesPaths)
    }


def _marks(annotation: Any) -> Iterator[Any]:
    """What annotations inside a type, such as those of an optional one, are marked with."""
    yield from getattr(annotation, "__metadata__", ())
    for inner in get_args(annotation):
        yield from _marks(inner)


def from_folder(value: str, folder: Path, context: Context) -> str:
    """A path that starts in a folder, as one that starts where the paths of the spec do."""
    own, folder = (context.folder or Path.cwd()).resolve(), folder.resolve()
    if not value or "\0" in value or "://" in value or Path(value).is_absolute() or folder == own:
        return value
    steps = list(dropwhile(lambda step: step == "..", Path(value).parts))
    if ".." in steps:  # `a/../b` is not `b` where `a` is a link
        return os.path.join(os.path.relpath(folder, own), value)  # noqa: PTH118  # keeps the `..`
    return os.path.relpath(folder / value, own)


def matches(paths: str | tuple[str, ...], context: Context) -> list[tuple[str, list[str]]]:
    """Every path or pattern as written, and the paths that it stands for: itself, or what a pattern
    matches, sorted.

    A file whose name has wildcards in it is meant itself. Names that begin with a point match no
    wildcard.
    """
    folder = context.folder or Path.cwd()
    found: list[tuple[str, list[str]]] = []
    for one in (paths,) if isinstance(paths, str) else paths:
        if not _WILD & set(one) or (folder / one).exists():
            found.append((one, [one]))
        else:
            names = glob(one, root_dir=folder, recursive=True)  # noqa: PTH207  # `Path.glob` matches hidden names
            found.append((one, sorted(names)))
    return found
