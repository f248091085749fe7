"""What expansion knows of the things that a spec names: which names stand for the same, and what a
short form sets.

The catalogues are asked only where a short form has to become a long one.
"""

from __future__ import annotations

from modelspec.catalog.library import is_kind
from modelspec.core.registry import Registry
from modelspec.core.source import Mapping, plain


def families() -> list[Registry]:
    """Every catalogue that a spec names members of."""
    from modelspec.catalog import components
    from modelspec.catalog.layers import LAYERS

    from ..spec.data_section import SOURCES

    found = [value for value in vars(components).values() if isinstance(value, Registry)]
    return [LAYERS, *found, SOURCES]


def same_thing(one: str, other: str) -> bool:
    """Whether two names stand for the same class: `adam` and `Adam`."""
    return one == other or any(
        one in family
        and other in family
        and (found := family.find(one)) is not None
        and found is family.find(other)
        for family in families()
    )


def same_family(one: str, other: str) -> bool:
    """Whether two names stand for members of one family: `Adam` and `SGD`."""
    return any(one in family and other in family for family in families())


def primary_of(kind: str, root: Mapping) -> str | None:
    """The setting that `- Kind: value` sets, of a layer, a component, or a block of this spec."""
    if blocks := root.entries.get("blocks"):
        block = blocks.value.entries.get(kind) if isinstance(blocks.value, Mapping) else None
        if block is not None:
            named = block.value.entries.get("primary") if isinstance(block.value, Mapping) else None
            value = plain(named.value) if named else None
            return value if isinstance(value, str) else None
    for family in families():
        if kind in family and (found := family.find(kind)) is not None:
            return found.primary()
    if is_kind(kind):
        from .library_kinds import load

        return load(kind).block.primary
    return None
