"""The order of a class's settings: that of the Keras signature, if Keras has the class."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.resources import files

from modelspec.core.settings import Settings

from . import field_docs as docs


def rank(cls: type[Settings]) -> Callable[[str], tuple[int, ...]]:
    """The key by which settings are sorted.

    Fields of a class follow those of its base classes, but people write the primary setting first,
    then required settings, then those specific to the class. This is mostly the Keras order too;
    `catalog/keras_order.yaml` contains the exceptions.
    """
    listed = _orders().get(cls.__name__)
    if listed is not None:
        return lambda name: (listed.index(name),)
    primary, places = cls.primary(), {one: place for place, one in enumerate(cls.__mro__)}
    return lambda name: (
        name != primary,
        not cls.model_fields[name].is_required(),
        places[docs.home(cls, name) or cls],
    )


@cache
def _orders() -> dict[str, list[str]]:
    """The settings of a kind, by its name."""
    import yaml

    text = (files("modelspec.catalog") / "keras_order.yaml").read_text(encoding="utf-8")
    read: dict[str, list[str]] = yaml.safe_load(text)
    return read
