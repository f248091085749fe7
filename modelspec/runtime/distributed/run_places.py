"""The run folder of a run of several processes, which is known before the first one starts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..history.run_files import file_name, numbered_folder
from ..run.atomic_files import cannot_write


@contextmanager
def place_of_run(name: str, given: Path | None) -> Iterator[Path]:
    """The folder `given`, or the next free `runs/<name>/<n>`; a new one is removed afterwards if no
    run began in it. Raises `RunError` (MS703).
    """
    if given is not None:
        yield given
        return
    parent = Path("runs") / file_name(name)
    try:
        parent.mkdir(parents=True, exist_ok=True)
        path = numbered_folder(parent)
    except OSError as error:
        raise cannot_write(parent, error) from None
    try:
        yield path
    finally:
        for one in (path, *path.parents[:2]):
            with suppress(OSError):  # it has files: a run, or those of others
                one.rmdir()
