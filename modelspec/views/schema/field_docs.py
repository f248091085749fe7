"""The texts that stand below settings in the source: read when the manual or the schema is asked
for, and never before.

To read them costs as much as all else that making a class costs, and a check needs none of them.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
from functools import cache

from modelspec.core.settings import Settings

_FENCE = re.compile(r"(^```\w*\n.*?^```$)", re.MULTILINE | re.DOTALL)
_WITHIN = re.compile(r"(?<!\n)\n[ \t]*+(?!\n|- |\||#+ |$)")
"""The end of a line within a paragraph: the next line begins no item, no row and no heading."""


@cache
def home(cls: type[Settings], name: str) -> type | None:
    """The class that declares a setting: itself, or the nearest of those that it comes from."""
    return next((one for one in cls.__mro__ if name in inspect.get_annotations(one)), None)


def text_of(cls: type[Settings], name: str) -> str | None:
    """What the source says below a setting; None where it says nothing."""
    owner = home(cls, name)
    found = _texts(owner.__module__).get(owner.__qualname__, {}) if owner is not None else {}
    return found.get(name)


@cache
def _texts(module: str) -> dict[str, dict[str, str]]:
    """Texts by class and setting."""
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
    """Markdown with each paragraph and each item of a list on one line, code and tables as they
    are: where the lines of a docstring end is a matter of the source.
    """
    parts = _FENCE.split(text)
    return "".join(part if index % 2 else _joined(part) for index, part in enumerate(parts))


def _joined(prose: str) -> str:
    return _WITHIN.sub(" ", prose)
