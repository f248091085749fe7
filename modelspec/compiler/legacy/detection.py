"""Whether a document may have an old spelling: a test that loads none of their tables.

It looks at words alone, and knows of a setting only whether its layer or component has it today. So
it may be wrong about a modern document, where `modernize` then changes nothing; it finds every old
spelling that `modernize` knows.
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
"""What has settings with old names."""
_SECTIONS = ("model", "training")
_ANYWHERE = ANYWHERE | LAYERS.aliases.keys()
_SETTINGS = SETTINGS | OF_TRAINING


def may_be_old(root: Mapping) -> bool:
    """Whether the model or the training mentions an old word where it is none of today's."""
    stack: list[tuple[str | None, Node]] = [
        (key, root.entries[key].value) for key in _SECTIONS if key in root.entries
    ]
    while stack:
        owner, node = stack.pop()
        if isinstance(node, Mapping):
            if _has_old_key(owner, node):
                return True
            below: list[tuple[str | None, Node]] = [
                (key, entry.value) for key, entry in node.entries.items()
            ]
        elif isinstance(node, Sequence):
            below = [(None, item) for item in node.items]
        else:
            below = []
            if _is_old_word(node):
                return True
        for key, value in below:
            if not isinstance(value, Scalar):
                stack.append((key, value))
            elif _is_old_word(value):
                return True
    return False


def _is_old_word(node: Scalar) -> bool:
    return isinstance(node.value, str) and node.value in _ANYWHERE


def _has_old_key(owner: str | None, node: Mapping) -> bool:
    """Whether a key of a mapping may be an old one; `owner` (a kind of layer, an optimizer, a
    section, ...) is what the mapping belongs to.
    """
    entries = node.entries
    return not _ANYWHERE.isdisjoint(entries) or any(
        _is_old_setting(owner, key, entries[key].value) for key in _SETTINGS.intersection(entries)
    )


def _is_old_setting(owner: str | None, key: str, value: Node) -> bool:
    today = _is_today(owner, key) if owner is not None else None
    if key in OF_TRAINING:  # `epsilon: null` had a meaning, and `epsilon` has one today
        return not today or (isinstance(value, Scalar) and value.value is None)
    return today is False


@lru_cache(maxsize=4096)
def _is_today(owner: str, key: str) -> bool | None:
    """Whether all that has the name `owner` has the setting today; None where nothing has it."""
    found = [one.find(owner) for one in _REGISTRIES if owner in one]
    if not found:
        return None
    return all(cls is not None and key in cls.model_fields for cls in found)
