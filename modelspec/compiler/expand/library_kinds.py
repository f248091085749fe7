"""Kinds of the library, each read from its file: a model or a block, with its settings."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

from modelspec.catalog import library
from modelspec.core.diagnostics import Collector, Diagnostic
from modelspec.core.settings import Context
from modelspec.core.source import Entry, Mapping, Sequence, plain

from . import limits
from .blocks import Block, read_blocks
from .extends import extend

OWN: Final[tuple[str, ...]] = ("weights", "trainable", "until", "taps")
"""Settings of every library model, in addition to those of its file.

A file whose layers depend on one of them also lists it in its `vars`, whose values are then those
of the use.
"""
SHAPE: Final = "input_shape"


@dataclass(frozen=True)
class Kind:
    """A library kind, read and merged with the files that its file extends."""

    name: str
    root: Mapping
    block: Block
    """The kind as a block: the block itself, or the model with its settings as parameters."""
    blocks: dict[str, Block | None]
    """The complete content of its file."""
    faults: tuple[Diagnostic, ...]

    @property
    def model(self) -> Mapping | None:
        """None if the kind is a block."""
        entry = self.root.entries.get("model")
        return entry.value if entry is not None and isinstance(entry.value, Mapping) else None

    @property
    def description(self) -> str:
        """The description in the file."""
        body: Mapping = self.root
        if self.model is None:
            assert isinstance(self.root.entries["blocks"].value, Mapping)
            own = self.root.entries["blocks"].value.entries[self.name].value
            body = own if isinstance(own, Mapping) and "description" in own.entries else self.root
        entry = body.entries.get("description")
        return str(plain(entry.value)) if entry else ""

    @property
    def settings(self) -> dict[str, Entry]:
        """Its specific settings, with their defaults."""
        return self.block.parameters

    @property
    def input(self) -> str | None:
        """The name of its only input, whose shape is `input_shape`."""
        entry = self.model.entries.get("inputs") if self.model else None
        if SHAPE not in self.settings or entry is None or not isinstance(entry.value, Mapping):
            return None
        names = list(entry.value.entries)
        return names[0] if len(names) == 1 else None


@cache
def load(name: str) -> Kind:
    """A library kind, by its name."""
    collector = Collector(limits.FAULTS)
    document = library.read_kind(name)
    collector.extend(document.diagnostics)
    assert document.value is not None, collector.found
    root = extend(
        document.value.root, Context(folder=library.FOLDER, project=library.FOLDER), collector
    )
    blocks = read_blocks(root, collector)
    found = blocks.get(name) if "model" not in root.entries else _as_block(name, root)
    assert found is not None, collector.found
    return Kind(name, root, found, blocks, tuple(collector.found))


def _as_block(name: str, root: Mapping) -> Block:
    """The model as if it were a block: its `vars` are the parameters, the first of them the primary
    one.
    """
    entry = root.entries.get("vars")
    settings = entry.value.entries if entry and isinstance(entry.value, Mapping) else {}
    return Block(
        name,
        root.span._replace(end=root.span.start),
        Sequence((), root.span),
        settings,
        next(iter(settings), None),
        extra=OWN,
        rules=library.RULES,
    )
