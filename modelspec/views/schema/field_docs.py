"""The docstrings below settings in the source: read only for the manual or the schema.

Reading them takes as long as creating the classes, and a check does not need them.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
from functools import cache
from importlib.resources import files

from modelspec.core.plugins.declared import Declared
from modelspec.core.settings import Settings

_FENCE = re.compile(r"(^```\w*\n.*?^```$)", re.MULTILINE | re.DOTALL)
_WITHIN = re.compile(r"(?<!\n)\n[ \t]*+(?!\n|- |\||#+ |$)")
"""The end of a line within a paragraph: the next line does not start an item, row or heading."""


@cache
def home(cls: type[Settings], name: str) -> type | None:
    """The class that declares a setting: the class itself, or its nearest base class."""
    return next((one for one in cls.__mro__ if name in inspect.get_annotations(one)), None)


def text_of(cls: type[Settings], name: str) -> str | None:
    """The description of a setting: the docstring below it in its class, else its meaning in
    `catalog/setting_meanings.yaml`; None if neither exists.
    """
    owner = home(cls, name)
    found = _texts(owner.__module__).get(owner.__qualname__, {}) if owner is not None else {}
    return found.get(name) or _meaning(cls, name)


def _meaning(cls: type[Settings], name: str) -> str | None:
    """The meaning in the nearest class that has one, else the common meaning of all classes. A
    setting of the same name that a plugin declares may mean something else.
    """
    if issubclass(cls, Declared) and name not in cls.common and not _is_inherited(cls, name):
        return None
    shared, kinds = _meanings()
    own = (kinds[one.__name__][name] for one in cls.__mro__ if name in kinds.get(one.__name__, ()))
    return next(own, shared.get(name))


def _is_inherited(cls: type[Settings], name: str) -> bool:
    """Whether a class of modelspec declares the setting of a class of a plugin."""
    return any(
        name in inspect.get_annotations(one)
        for one in cls.__mro__
        if issubclass(one, Settings) and not issubclass(one, Declared)
    )


@cache
def _meanings() -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    """The meanings that all classes share, and those of each class."""
    import yaml

    text = (files("modelspec.catalog") / "setting_meanings.yaml").read_text(encoding="utf-8")
    read = yaml.safe_load(text)
    return read["shared"], read["kinds"]


@cache
def _texts(module: str) -> dict[str, dict[str, str]]:
    """Docstrings by class and setting."""
    tree = ast.parse(inspect.getsource(sys.modules[module]))
    return {one.name: _below(one) for one in tree.body if isinstance(one, ast.ClassDef)}


def _below(definition: ast.ClassDef) -> dict[str, str]:
    found: dict[str, str] = {}
    for first, second in zip(definition.body, definition.body[1:], strict=False):
        if not (isinstance(first, ast.AnnAssign) and isinstance(first.target, ast.Name)):
            continue
        if not (isinstance(second, ast.Expr) and isinstance(second.value, ast.Constant)):
            continue
        if isinstance(second.value.value, str):
            found[first.target.id] = joined(inspect.cleandoc(second.value.value))
    return found


def joined(text: str) -> str:
    """Markdown with each paragraph and each list item on one line, code and tables unchanged: the
    line breaks of a docstring have no meaning.
    """
    parts = _FENCE.split(text)
    return "".join(part if index % 2 else _joined(part) for index, part in enumerate(parts))


def _joined(prose: str) -> str:
    return _WITHIN.sub(" ", prose)
