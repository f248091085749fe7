"""Whether a document may contain an old spelling, checked without importing the tables.

The check compares words only, and knows whether the current layer or component has a setting. It
may report a current document, which `modernize` then leaves unchanged; it finds every old spelling
that `modernize` knows.
"""

from __future__ import annotations

from functools import lru_cache

from modelspec.catalog import components
from modelspec.catalog.layers import LAYERS
from modelspec.core.registry import Registry
from modelspec.core.source import Mapping, Node, Scalar, Sequence

from .words import ANYWHERE, OF_TRAINING, SETTINGS

_REGISTRIES: tuple[Registry, ...] = (
    LAYERS,
    components.OPTIMIZERS,
    components.CALLBACKS,
    components.CONSTRAINTS,
    components.REGULARIZERS,
)
"""Owners of settings with old names."""
_SECTIONS = ("model", "training")
_ANYWHERE = ANYWHERE | LAYERS.aliases.keys()
_SETTINGS = SETTINGS | OF_TRAINING
_KEYS = _ANYWHERE | _SETTINGS


def may_be_old(root: Mapping) -> bool:
    """Whether the model or the training contains an old word that is not also a current one."""
    stack: list[tuple[str | None, Node]] = [
        (key, root.entries[key].value) for key in _SECTIONS if key in root.entries
    ]
    while stack:
        owner, node = stack.pop()
        if isinstance(node, Mapping):
            entries = node.entries
            if not _KEYS.isdisjoint(entries) and _has_old_key(owner, node):
                return True
            for key, entry in entries.items():
                value = entry.value
                if not isinstance(value, Scalar):
                    stack.append((key, value))
                elif value.value in _ANYWHERE:
                    return True
        elif isinstance(node, Sequence):
            stack.extend([(None, item) for item in node.items])
        elif node.value in _ANYWHERE:
            return True
    return False


def _has_old_key(owner: str | None, node: Mapping) -> bool:
    """Whether a key of a mapping may be an old one; `owner` (a kind of layer, an optimizer, a
    section, ...) is the owner of the mapping.
    """
    entries = node.entries
    return not _ANYWHERE.isdisjoint(entries) or any(
        _is_old_setting(owner, key, entries[key].value) for key in _SETTINGS.intersection(entries)
    )


def _is_old_setting(owner: str | None, key: str, value: Node) -> bool:
    today = _is_today(owner, key) if owner is not None else None
    if key in OF_TRAINING:  # `epsilon: null` had a meaning, and `epsilon` is a current setting
        return not today or (isinstance(value, Scalar) and value.value is None)
    return today is False


@lru_cache(maxsize=4096)
def _is_today(owner: str, key: str) -> bool | None:
    """Whether every owner of this name currently has the setting; None if the name is unknown."""
    found = [one.find(owner) for one in _REGISTRIES if owner in one]
    if not found:
        return None
    return all(cls is not None and key in cls.model_fields for cls in found)
