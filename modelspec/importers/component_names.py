"""Names of losses, metrics and optimizers of a compiled model: names given by the user are kept."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from modelspec.core.automatic_names import unnumbered

NAMED = "__name__"
"""The settings of a component that contain a name given by the user."""


def with_names(value: Any) -> Any:
    """The compile settings of a model, each component with its name as a setting, if it is not the
    automatic name. For several of a kind the automatic number is kept.
    """
    counts = Counter(str(one["class_name"]) for one in _components(value))
    return _named(value, counts)


def title(value: Any) -> str:
    """The name of a component in a message."""
    if isinstance(value, dict) and value:
        config = value.get("config")
        name = config.get("name") if isinstance(config, dict) else config
        return str(name or value.get("class_name") or next(iter(value)))[:60]
    return str(value)[:60]


def _components(value: Any) -> Iterator[dict[str, Any]]:
    """The components in a mapping or list, without nested components."""
    if isinstance(value, list):
        for one in value:
            yield from _components(one)
    elif isinstance(value, dict) and "class_name" in value:
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _components(one)


def _named(value: Any, counts: Counter[str]) -> Any:
    if isinstance(value, list):
        return [_named(one, counts) for one in value]
    if not isinstance(value, dict):
        return value
    if "class_name" not in value:
        return {key: _named(one, counts) for key, one in value.items()}
    kind, config = str(value["class_name"]), value.get("config")
    if not isinstance(config, dict):
        return value
    if config.get("reduction", "") is None:  # the other Keras name for it
        config = {**config, "reduction": "none"}
    name = config.get("name")
    if not isinstance(name, str) or not name:
        return {**value, "config": config}
    several = counts[kind] > 1 and name != unnumbered(name)
    if not _is_automatic(kind, name) or several:
        config = {**config, NAMED: name}
    return {**value, "config": config}


def _is_automatic(kind: str, name: str) -> bool:
    """Whether a version of Keras generates this name for the kind: `huber_loss`, `auc_1`."""
    base = _letters(unnumbered(name))
    return base.removesuffix("loss") == _letters(kind).removesuffix("loss")


def _letters(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
