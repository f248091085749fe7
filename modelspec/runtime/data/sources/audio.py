"""`audio`: audio files from class folders."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from modelspec.catalog.sources.audio import AUDIO, audio
from modelspec.core.diagnostics import Fault, Span
from modelspec.core.settings import Context

from ..table import Array, Table
from .formats import files
from .formats.audio_decoder import ENDINGS, AudioDecoder, Hearing
from .formats.class_folders import Member, fingerprint_of_members, members
from .formats.decoded_files import DecodedFiles

LABEL = "label"


class AudioTable(Table):
    """`audio`, and `label` with class folders."""

    def __init__(self, name: str, source: audio, found: list[Member], span: Span | None) -> None:
        self._labels = found[0].label is not None
        names = (AUDIO, LABEL) if self._labels else (AUDIO,)
        super().__init__(name, names, fingerprint_of_members(found), span)
        decoder = AudioDecoder(Hearing.of(source), found)
        self._sounds = DecodedFiles(f"`{AUDIO}` of `{name}`", found, decoder, span)

    @property
    def file_names(self) -> list[str]:
        return [one.shown for one in self._sounds.members]

    @property
    def count(self) -> int:
        return len(self._sounds.members)

    @property
    def size_hint(self) -> int:
        return self.count * self._sounds.first.size

    @property
    def default_features(self) -> tuple[str, ...]:
        return (AUDIO,)

    @property
    def default_target(self) -> str | None:
        return LABEL if self._labels else None

    def read(self, name: str) -> Array:
        return self._sounds.read() if name == AUDIO else self._label()

    def _label(self) -> Array:
        return np.array([one.label for one in self._sounds.members], dtype=object)

    def read_blocks(self, names: Sequence[str], rows: int) -> Iterator[dict[str, Array]]:
        if AUDIO not in names:
            yield from super().read_blocks(names, rows)
            return
        labels = self._label() if LABEL in names else None
        for start, block in self._sounds.blocks(self._sounds.rows_of_block(rows)):
            found = {AUDIO: block}
            if labels is not None:
                found[LABEL] = labels[start : start + len(block)]
            yield {name: found[name] for name in names}

    def place(self, name: str, index: tuple[int, ...]) -> str:
        inner = f" {list(index[1:])}" if len(index) > 1 else ""
        return f"{self._sounds.members[index[0]].shown}{inner}"


def open_table(source: audio, context: Context, span: Span | None) -> AudioTable:
    """The table of an `audio` source. Raises `Fault` or `DataError`."""
    root = files.locate(source.path, context, folder=True)
    if not root.is_dir():
        raise Fault(
            "MS601",
            f"`{source.path}` is a file, not a folder of audio files",
            help="read a column of paths: `{column: path, read: audio}`",
        )
    found = members(source.path, root, ENDINGS, context.places)
    return AudioTable(source.path, source, found, span)


def table_of_files(source: audio, paths: list[Path]) -> AudioTable:
    """The table of some audio files, read like those of a source. Raises `Fault`."""
    for path in paths:
        if not path.is_file():
            raise Fault("MS601", f"`{path}` does not exist")
    found = [Member(str(path), path, None) for path in paths]
    return AudioTable(paths[0].name, source, found, None)
