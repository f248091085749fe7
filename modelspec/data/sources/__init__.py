"""The kinds of sources: each is a module with one function, `open_table`, that makes a `Table` of its settings.

A new kind is a settings class in `modelspec.spec.data`, a module here, and its line in `_MODULES`.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from ...diagnostics import Fault, Span
from ...paths import confined
from ...settings import Context, Settings
from ..table import Table, fail

_MODULES = {"csv": "delimited", "npz": "arrays", "dataset": "bundled"}
"""Source by its name in a spec -> the module that reads it."""


def open_source(source: Settings, context: Context, span: Span | None = None) -> Table:
    """The columns of a source. Paths are relative to the spec's folder and stay in its project.

    Raises `DataError`, placed at `span`, where the source cannot be opened or is not what its kind says.
    """
    module = import_module(f"{__name__}.{_MODULES[source.kind()]}")
    try:
        path = getattr(source, "path", None)
        found: Table = module.open_table(source, None if path is None else locate(path, context), span)
    except Fault as fault:
        raise fail(fault, span) from None
    return found


def locate(path: str, context: Context) -> Path:
    """The file that a path of a spec leads to. Raises `Fault`: MS210 outside the project, MS601 where there is none."""
    try:
        found = confined(path, context)
    except (OSError, RuntimeError) as error:
        raise Fault("MS601", f"`{path}` cannot be followed: {error}") from None
    if found is None:
        raise Fault("MS210", f"`{path}` leads outside the project",
                    help="move the file into the project, or run modelspec from a folder that holds both")
    if found.is_dir():
        raise Fault("MS601", f"`{path}` is a folder, not a file")
    if not found.exists():
        raise Fault("MS601", f"there is no file `{path}`", help=f"it would be {found}")
    if not found.is_file():
        raise Fault("MS601", f"`{path}` is not an ordinary file")
    return found


def read_bytes(path: Path, shown: str) -> bytes:
    """The whole file. Raises `Fault` (MS601) where it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise Fault("MS601", f"`{shown}` cannot be read: {error.strerror or error}") from None
