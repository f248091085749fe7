"""Keys of a section that `null` disables, e.g. when an extended file sets them."""

from __future__ import annotations

from collections.abc import Collection

from modelspec.core.source import Mapping, plain


def without_switched_off(
    node: Mapping, keys: Collection[str], empty: Collection[str] = ()
) -> Mapping:
    """The section without keys of `keys` that are `null`, and without those of `empty` that are an
    empty list or mapping too.
    """
    kept = {
        key: entry
        for key, entry in node.entries.items()
        if not (key in keys and plain(entry.value) is None)
        and not (key in empty and plain(entry.value) in (None, (), [], {}))
    }
    return node if len(kept) == len(node.entries) else Mapping(kept, node.span)
