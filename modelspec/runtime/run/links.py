"""Links in a run folder: the files of a run are read and written in its folder, so that the folder
of somebody else can neither read nor overwrite files elsewhere.
"""

from __future__ import annotations

from pathlib import Path

from modelspec.core.run_names import OWN
from modelspec.core.source.own_files import first_link

from ..data.errors import RunError

_HELP = (
    "replace the link with the file or folder itself; the run folder as a whole may be on another"
    " disk, or be a link"
)


def refuse_links(directory: Path, *, everywhere: bool = False) -> None:
    """Raises `RunError` (MS970) if a file or folder of a run is a link, or, with `everywhere`,
    anything in its folder: callbacks of a run that is resumed may write to it.
    """
    found = first_link(directory) if everywhere else first_link(directory, *sorted(OWN))
    if found is not None:
        raise RunError.of(
            "MS970",
            f"`{found}` is a link, which runs do not follow: it may lead to any file",
            help=_HELP,
        )
