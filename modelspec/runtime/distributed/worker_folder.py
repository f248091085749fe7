"""The folder that a process writes to: that of the run for the chief, else a temporary one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from .cluster import current_cluster

if TYPE_CHECKING:
    from ..run.folder import RunFolder


@contextmanager
def own_folder(name: str, of_run: Callable[[], RunFolder]) -> Iterator[RunFolder]:
    """The folder of the run, as `of_run` opens it, or a temporary one with a run of this name.
    Raises as `of_run` and `RunFolder.create` do.
    """
    if writes_run():
        with of_run() as folder:
            yield folder
        return
    from ..run.folder import RunFolder

    with (
        TemporaryDirectory(prefix="modelspec-worker-") as scratch,
        RunFolder.create(name, Path(scratch)) as folder,
    ):
        yield folder


def writes_run() -> bool:
    """Whether this process writes the run folder and reports its progress."""
    cluster = current_cluster()
    return cluster is None or cluster.is_chief
