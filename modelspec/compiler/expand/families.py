"""Names of one class (`adam` and `Adam`), and of one family (`Adam` and `SGD`).

The catalogs are imported only if such a question is asked.
"""

from __future__ import annotations

from modelspec.core.registry import Registry


def families() -> list[Registry]:
    """Every catalog whose members a spec can name."""
    from modelspec.catalog import components
    from modelspec.catalog.layers import LAYERS

    from ..spec.data_section import SOURCES

    found = [value for value in vars(components).values() if isinstance(value, Registry)]
    return [LAYERS, *found, SOURCES]


def is_same_class(one: str, other: str) -> bool:
    """Whether two names are of the same class: `adam` and `Adam`."""
    return one == other or any(
        one in family
        and other in family
        and (found := family.find(one)) is not None
        and found is family.find(other)
        for family in families()
    )


def is_same_family(one: str, other: str) -> bool:
    """Whether two names are of members of one family: `Adam` and `SGD`."""
    return any(one in family and other in family for family in families())
