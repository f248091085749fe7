"""Corrects misspelled words of an entry (`nmae`, `form`) before the expansion uses them. Each is
reported here, once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from modelspec.catalog.layers import LAYERS
from modelspec.core.diagnostics import Collector, Fault, Note, did_you_mean, nearest
from modelspec.core.diagnostics.suggest import edit_distance
from modelspec.core.source import Mapping, Node

from ..legacy.words import SETTINGS
from ..spec.entries import setting_at_call
from .block_arguments import unknown_setting
from .blocks import Block
from .identifiers import RESERVED
from .scope import Frame

_RESERVED = frozenset(RESERVED)


@dataclass(frozen=True)
class Words:
    """The settings that an entry may have beside its reserved words, and the error for
    any other.
    """

    kind: str
    block: Block | None = None
    shared: bool = False

    @property
    def own(self) -> Collection[str]:
        if self.block is not None:
            return (*self.block.parameters, *self.block.extra)
        cls = None if self.shared else LAYERS.find(self.kind)
        return () if cls is None else cls.model_fields

    def fault(self, key: str, near: str) -> tuple[Fault, tuple[Note, ...]]:
        if self.block is not None:
            defined = Note("it is defined here", self.block.span)
            return unknown_setting(self.block, key, near, ()), (defined,)
        if self.shared:
            return setting_at_call(self.kind, key, near), ()
        help = did_you_mean(near)
        return (
            Fault("MS202", f"`{self.kind}` has no setting `{key}`", help=help, suggestion=near),
            (),
        )


def misspelt_words(body: Mapping, words: Words) -> Iterator[tuple[str, str]]:
    """Keys of an entry that were most likely meant as reserved words, and which."""
    if body.entries.keys() <= _RESERVED:
        return
    own = dict.fromkeys(words.own)
    free = [one for one in (*own, *RESERVED) if one not in body.entries]
    others = [one for one in free if one not in _RESERVED]
    for key in body.entries:
        if key in _RESERVED or key in own or key in LAYERS or key in SETTINGS:
            continue  # a current word, or one of older Keras versions
        near = nearest(key, free)
        if near not in _RESERVED:
            continue
        setting = nearest(key, others)
        if setting is None or edit_distance(key, near) < edit_distance(key, setting):
            yield key, near


def with_meant_words(
    body: Node | None, words: Words, collector: Collector, frame: Frame
) -> Node | None:
    """The body of an entry with its reserved words corrected."""
    if not isinstance(body, Mapping):
        return body
    meant = dict(misspelt_words(body, words))
    for key, near in meant.items():
        fault, notes = words.fault(key, near)
        collector.report(fault, frame.place(body.entries[key].key_span), *notes)
    if not meant:
        return body
    return Mapping({meant.get(key, key): one for key, one in body.entries.items()}, body.span)
