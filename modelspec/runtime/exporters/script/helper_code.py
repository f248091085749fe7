"""The functions and classes that Keras does not have and a script calls: their source, without
types.
"""

from __future__ import annotations

import ast
import inspect
import re
from types import ModuleType
from typing import Final

from modelspec.runtime.backend import formula_functions
from modelspec.runtime.backend.layers import activations, tensors

from . import averages_code, rate_code, warmup_code

_HELPERS: Final[dict[str, tuple[ModuleType, tuple[str, ...]]]] = {
    "structural_similarity": (formula_functions, ("structural_similarity",)),
    "added": (formula_functions, ("added", "is_added_as_a_bias")),
    "hard_sigmoid_keras2": (activations, ("hard_sigmoid_keras2",)),
    "Parameter": (tensors, ("repeated", "Parameter")),
    "Constant": (tensors, ("loaded", "repeated", "Constant")),
    "LearningRate": (rate_code, ("LearningRate",)),
    "MovingAverage": (averages_code, ("MovingAverage",)),
    "WarmupRate": (warmup_code, ("WarmupRate",)),
}
"""For each name in a script the module of its code, and the objects that it requires."""
NAMES: Final = (*_HELPERS, "repeated", "loaded")
"""The names that a script may contain because of these."""
_DEFAULTS: Final = re.compile(r": (?:Any|float|int) = ")
_TYPES: Final = re.compile(r": (?:Any|float|int)(?=[,)\n])| -> (?:Any|None)")


def helpers(body: str) -> list[list[str]]:
    """The lines of the objects that the code of a script requires."""
    called = [
        name for name in _HELPERS if re.search(rf"(?<![\w.]){name}\(|activation={name}\b", body)
    ]
    needed = dict.fromkeys((_HELPERS[name][0], one) for name in called for one in _HELPERS[name][1])
    return [_source(module, one).split("\n") for module, one in needed]


def has_code(kind: str) -> bool:
    """Whether a script can contain a layer of modelspec."""
    return kind in _HELPERS


def _source(module: ModuleType, name: str) -> str:
    """The code of a function or class of a module, without its decorators."""
    whole = inspect.getsource(module)
    nodes = (
        one for one in ast.parse(whole).body if isinstance(one, (ast.FunctionDef, ast.ClassDef))
    )
    text = ast.get_source_segment(whole, next(one for one in nodes if one.name == name)) or ""
    for family in ("initializers", "regularizers", "constraints"):
        text = re.sub(rf"(?<![\w.]){family}\.", f"keras.{family}.", text)
    return _TYPES.sub("", _DEFAULTS.sub("=", text))
