"""The setting of a short form: `64` after `Dense` sets its `units`."""

from __future__ import annotations

from modelspec.catalog.library import is_kind
from modelspec.core.source import Mapping, Node, plain

from .families import families


def primary_of(kind: str, root: Mapping) -> str | None:
    """The setting that `- Kind: value` sets, of a layer, a component, or a block of this spec."""
    blocks = root.entries["blocks"].value if "blocks" in root.entries else None
    if isinstance(blocks, Mapping) and kind in blocks.entries:
        return _primary_of_block(blocks.entries[kind].value)
    for family in families():
        if kind in family and (found := family.find(kind)) is not None:
            return found.primary()
    if is_kind(kind):
        from .library_kinds import load

        return load(kind).block.primary
    return None


def _primary_of_block(block: Node) -> str | None:
    named = block.entries.get("primary") if isinstance(block, Mapping) else None
    value = plain(named.value) if named else None
    return value if isinstance(value, str) else None
