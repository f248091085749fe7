"""Texts that are read in place of files: those that are open in an editor and not saved yet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from ..records import NamedTuple


class Reads(NamedTuple):
    """The open texts, by resolved path, and the files that were read so far."""

    texts: Mapping[Path, str]
    files: set[Path]


_reads: ContextVar[Reads | None] = ContextVar("reads", default=None)


@contextmanager
def open_texts(texts: Mapping[Path, str]) -> Iterator[Reads]:
    """Inside, files are read as these texts, and every file that is read is recorded."""
    reads = Reads(texts, set())
    before = _reads.set(reads)
    try:
        yield reads
    finally:
        _reads.reset(before)


def open_text(name: str) -> str | None:
    """The open text of a file; None where it is to be read from the disk."""
    reads = _reads.get()
    if reads is None:
        return None
    try:
        path = Path(name).resolve()
    except (OSError, RuntimeError, ValueError):  # a loop of links, a name that the system refuses
        return None
    reads.files.add(path)
    return reads.texts.get(path)
