"""Settings are shown in the order of Keras's signatures."""

from __future__ import annotations

import inspect
from functools import reduce
from typing import Any

import pytest

from modelspec.core.registry import Registry
from modelspec.core.settings import Settings
from modelspec.views.manual.kind_pages import families
from modelspec.views.schema.setting_order import _orders
from modelspec.views.schema.value_schema import settings

pytestmark = pytest.mark.tensorflow


def class_in_keras(cls: type[Settings]) -> Any:
    import keras

    return reduce(getattr, [*cls.keras_module.split("."), cls.kind()], keras)


def signature(made: type) -> list[str]:
    """The arguments of a class, and of those that it passes `**kwargs` on to."""
    names: list[str] = []
    for one in made.__mro__:
        if "__init__" not in vars(one):
            continue
        given = inspect.signature(vars(one)["__init__"]).parameters.values()
        names += [p.name for p in given if p.kind is p.POSITIONAL_OR_KEYWORD]
        if not any(p.kind is p.VAR_KEYWORD for p in given):
            break
    return list(dict.fromkeys(names))


@pytest.mark.parametrize("family", list(families().values()), ids=lambda family: family.noun)
def test_settings_are_in_the_order_of_keras(family: Registry) -> None:
    wrong = []
    for kind in family.kinds():
        cls = family.find(kind)
        if cls is None or cls.keras_module in ("", "modelspec"):
            continue
        made = class_in_keras(cls)
        if not inspect.isclass(made):
            continue
        theirs = signature(made)
        ours = [n for n in settings(cls)["properties"] if n in theirs and n not in cls.common]
        if ours != sorted(ours, key=theirs.index):
            wrong.append(kind)
    assert wrong == []


def test_the_listed_orders_name_every_setting_of_their_kind() -> None:
    kinds = {kind: family for family in families().values() for kind in family.kinds()}
    for kind, order in _orders().items():
        cls = kinds[kind].find(kind)
        assert cls is not None
        assert sorted(order) == sorted(name for name in cls.model_fields if name not in cls.common)
