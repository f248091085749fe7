"""Paths that a spec names: relative to its own folder, and never outside the project."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import PlainValidator, ValidationInfo

from .settings import Context, Unfit, context_of


def project_of(spec: Path | None) -> tuple[Path, Path]:
    """The folder of a spec and the project it belongs to: the working directory where the spec is inside it,
    otherwise the spec's own folder."""
    here = Path.cwd().resolve()
    if spec is None:
        return here, here
    folder = spec.resolve().parent
    return folder, here if folder.is_relative_to(here) else folder


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
        raise Unfit("a path inside the project (the working directory, or the folder of the spec)", code="MS210",
                    help="move the file into the project, or run modelspec from a folder that holds both")
    return value


ProjectPath = Annotated[str, PlainValidator(_project_path, json_schema_input_type=str)]
"""A path as written. `confined` gives the file; nothing is opened here."""
