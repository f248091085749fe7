"""The draft for a folder of text files, one folder per class."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from modelspec.catalog.sources import read_source
from modelspec.core.settings import Faults
from modelspec.runtime.data.errors import RunError
from modelspec.runtime.data.sources import open_source

from .opening import Data, context_of_folder
from .problem import NoDraft
from .sections import Draft
from .tables import table_draft


def text_draft(folder: Path, path: str, file: str) -> Draft:
    """The spec for a folder of texts that `path` names in the spec `file`. Raises `NoDraft`."""
    context = context_of_folder(folder.parent)
    try:
        table = open_source(read_source({"text": folder.name}, context), context)
    except Faults as error:
        raise NoDraft(f"{error.faults[0].message} ({error.faults[0].code})") from None
    except RunError as error:
        raise NoDraft.of(error.diagnostics) from None
    if "label" not in table:
        raise NoDraft(
            f"`{PurePosixPath(path).name}` has texts, but no folder for each class",
            "move the texts of each class into a folder with the name of the class",
        )
    return table_draft(Data("text", table), path, "label", file)
