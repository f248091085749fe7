"""The first spec for some data, each of its choices with the reason: `modelspec init --data`.

    opening    a path         -> an open table, with the settings that reading it requires
    sample     a table        -> a bounded sample of its columns
    profile    a column       -> what its values are
    targets    the columns    -> the target, and what is learned
    roles      a column       -> how it is prepared, or why it is left out
    inputs, splits, networks, trainings   -> entries of the spec, with reasons
    sections   entries        -> the text

`tables`, `images`, `texts` and `arrays` do this for their kind of data. Nothing here imports a
framework.
"""

from __future__ import annotations

import os
from pathlib import Path, PurePath
from shlex import quote

from .problem import NoDraft
from .sections import Draft

__all__ = ["Draft", "NoDraft", "draft", "options_for"]


def draft(data: Path, spec: Path, target: str | None = None) -> Draft:
    """A spec for a file or a folder of data, to be written at `spec`. `target` names its column.

    Raises `NoDraft` if the data are missing, empty, of an unknown kind, or cannot be learned from.
    """
    if not data.exists():
        raise NoDraft(f"`{data}` does not exist")
    path = path_in_spec(data, spec)
    real = data.resolve()
    if real.is_dir():
        return _of_folder(real, path, spec.name, target)
    from .opening import ARRAYS, opened, source_kind

    found = opened(real, source_kind(real))
    try:
        if found.kind in ARRAYS:
            from .arrays import array_draft

            return array_draft(found, path, target, spec.name)
        from .tables import table_draft

        return table_draft(found, path, target, spec.name)
    finally:
        found.close()


def path_in_spec(data: Path, spec: Path) -> str:
    """The path of the data relative to the folder of the spec, with `/`."""
    try:
        relative = os.path.relpath(data.absolute(), spec.absolute().parent)
    except ValueError:  # another drive of Windows
        return data.absolute().as_posix()
    return PurePath(relative).as_posix()


def options_for(data: Path, spec: Path) -> str:
    """The option that commands require to read data outside of the project of the spec."""
    from modelspec.core.paths import context_for, reached

    if reached(path_in_spec(data, spec), context_for(spec)) is not None:
        return ""
    real = data.resolve()
    return f" --data-root {quote(str(real if real.is_dir() else real.parent))}"


def _of_folder(folder: Path, path: str, file: str, target: str | None) -> Draft:
    """The draft for class folders of images or texts. Raises `NoDraft`."""
    if target not in (None, "label"):
        raise NoDraft(
            f"a folder has no column `{target}`: its target is the names of the class folders",
            "leave --target out",
        )
    if _has_texts(folder):
        from .texts import text_draft

        return text_draft(folder, path, file)
    from .images import image_draft

    return image_draft(folder, path, file)


def _has_texts(folder: Path) -> bool:
    """Whether the first file in the class folders is a text."""
    for place, folders, files in os.walk(folder):
        folders.sort()
        seen = sorted(name for name in files if not name.startswith("."))
        if seen and Path(place) != folder:
            return seen[0].lower().endswith(".txt")
    return False
