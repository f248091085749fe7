"""Calls of tensor operations as the text of a formula: each as a function or an operator, with
parentheses only where precedence requires them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from modelspec.catalog.formula.function import Function
from modelspec.catalog.formula.function_table import FUNCTIONS

from .architecture import Architecture, CallDef, Source, Unreadable
from .formula_constants import Numbers, array_of
from .operation_calls import function_name, step_of_call
from .operation_steps import RESULT, Step, is_tensor
from .sized_steps import OF_SIZES, sized
from .value_forms import plain

SIGNS = {
    "Add": "+",
    "Subtract": "-",
    "Multiply": "*",
    "Divide": "/",
    "TrueDivide": "/",
    "FloorDivide": "//",
    "Mod": "%",
    "Power": "**",
    "Matmul": "@",
    "Greater": ">",
    "GreaterEqual": ">=",
    "Less": "<",
    "LessEqual": "<=",
    "Equal": "==",
    "NotEqual": "!=",
}
"""Binary operators by the class names of Keras operations."""
_OPERANDS = ("x1", "x2", "a", "b", "y")
"""The Keras names of the arguments of binary operations."""
_LEVELS = {
    **dict.fromkeys((">", ">=", "<", "<=", "==", "!="), 1),
    **dict.fromkeys("+-", 2),
    **dict.fromkeys(("*", "/", "//", "%", "@"), 3),
    "**": 5,
}
_MINUS, _ATOM = 4, 6
"""Precedence of the operators, as in Python."""
_SETTINGS = {
    "newshape": ("newshape", "shape"),
    "x_min": ("x_min", "min"),
    "x_max": ("x_max", "max"),
}
"""Parameters whose names differ between Keras versions."""
_BY_NAME = ("approximate", "axis", "keepdims")
"""Parameters that are always written with their name."""
_NAMES = "xyzabcdefgh"
"""The names of the tensors of a formula, in this order."""
_DEEPEST = 8
"""The maximum depth of nested formulas."""

_T = TypeVar("_T")
CallKey = tuple[str, int]
"""A call: the name of its layer and its index."""


class _Text(NamedTuple):
    """A part of a formula, and the precedence of its outermost operator."""

    text: str
    level: int = _ATOM

    def beside(self, level: int) -> str:
        """The part as an operand of an operator of this precedence."""
        return self.text if self.level >= level else f"({self.text})"


class FormulaWriter:
    """Writes one formula. `sources`: the tensor of each name in it.

    `nested` are the calls that are inlined into the formula of the call that uses their result.
    """

    def __init__(self, model: Architecture, nested: Mapping[CallKey, CallDef]) -> None:
        self.model = model
        self.nested = nested
        self.sources: dict[str, Source | Numbers] = {}

    def write(self, call: CallDef) -> str:
        """The formula of a call. Raises `Unreadable`."""
        return self._call(call, 0).text

    def _call(self, call: CallDef, depth: int) -> _Text:
        return self._argument(step_of_call(self.model.layers[call.layer], call), depth)

    def _step(self, one: Step, depth: int) -> _Text:
        kind, given = one
        if kind == RESULT:
            return self._result(given, depth)
        if kind in OF_SIZES:
            return self._step(sized(one, self.model.sizes.get(given[""])), depth)
        if kind == "GetItem" and is_tensor(given.get("")):
            index = _index(given.get("1", given.get("key")))
            return _Text(f"{self._argument(given[''], depth).beside(_ATOM)}[{index}]")
        kinds = _kinds_of_parameters(kind)
        named = {
            key: self._operand(value, depth) if kinds(key) else self._argument(value, depth)
            for key, value in given.items()
        }
        positional = _take(named, _places(named))
        operands = [*positional, *_take(named, _OPERANDS)] if kind in SIGNS else []
        if kind in SIGNS and len(operands) == 1:
            raise Unreadable("the file does not contain its second operand")
        if len(operands) == 2:
            return _signed(SIGNS[kind], *operands)
        if kind == "Negative" and positional:
            return _Text(f"-{positional[0].beside(_MINUS)}", _MINUS)
        texts = {key: one.text for key, one in named.items()}
        return _Text(_function_call(kind, [one.text for one in positional], texts))

    def _result(self, given: Mapping[str, Any], depth: int) -> _Text:
        """One result of a function that has several."""
        kind, arguments = given[""]
        texts = {key: self._argument(value, depth).text for key, value in arguments.items()}
        positional = _take(texts, _places(texts))
        text = _function_call(kind, positional, texts, results=True)
        return _Text(f"{text}[{given['1']}]")

    def _argument(self, value: Any, depth: int) -> _Text:
        if isinstance(value, Step):
            return self._step(value, depth)
        if isinstance(value, Source):
            return self._tensor(value, depth)
        if isinstance(value, list) and any(map(is_tensor, value)):
            return _Text(f"[{', '.join(self._operand(one, depth).text for one in value)}]")
        text = _literal(value)
        return _Text(text, _MINUS if text.startswith("-") else _ATOM)

    def _operand(self, value: Any, depth: int) -> _Text:
        """An argument in the place of a tensor: a list of numbers becomes a constant tensor."""
        found = array_of(value)
        if found is None:
            return self._argument(value, depth)
        if len(found) == 1 and not isinstance(found[0], list):
            return self._argument(found[0], depth)
        return _Text(f"{self._name(Numbers(json.dumps(found)))}[0]")

    def _tensor(self, source: Source, depth: int) -> _Text:
        call = self.nested.get((source.layer, source.call))
        if call is not None and depth < _DEEPEST:
            return self._call(call, depth + 1)
        return _Text(self._name(source))

    def _name(self, source: Source | Numbers) -> str:
        for known, one in self.sources.items():
            if one == source:
                return known
        number = len(self.sources)
        name = _NAMES[number] if number < len(_NAMES) else f"x{number}"
        self.sources[name] = source
        return name


def _signed(sign: str, left: _Text, right: _Text) -> _Text:
    """Two operands of an operator. An operand of the same precedence needs no parentheses on the
    left, or for `**` on the right; comparisons do not chain.
    """
    level = _LEVELS[sign]
    if sign == "**":
        first, second = level + 1, _MINUS
    else:
        is_comparison = level == 1
        first, second = level + is_comparison, level + 1
    return _Text(f"{left.beside(first)} {sign} {right.beside(second)}", level)


# Arguments ----------------------------------------------------------------------------------------


def _kinds_of_parameters(kind: str) -> Callable[[str], bool]:
    """Whether a parameter of an operation takes a tensor, by its name or position."""
    function = FUNCTIONS.get(function_name(kind))
    if function is None:
        return lambda key: False
    names = [one.name for one in function.parameters]
    tensors = {one.name for one in function.parameters if one.kind in ("tensor", "operand")}
    has_rest = any(one.kind == "rest" for one in function.parameters)

    def takes_tensor(key: str) -> bool:
        if key and not key.isdecimal():
            return key in tensors or (kind in SIGNS and key in _OPERANDS)
        place = int(key or 0)
        return names[place] in tensors if place < len(names) else has_rest

    return takes_tensor


def _places(named: Mapping[str, Any]) -> list[str]:
    """The keys of the positional arguments in order; the equation of `einsum` is the first."""
    numbered = [key for key in named if not key or key.isdigit()]
    numbered.sort(key=lambda key: int(key or 0))
    return [key for key in ("subscripts",) if key in named] + numbered


def _take(texts: dict[str, _T], keys: Sequence[str]) -> list[_T]:
    """Remove the existing keys and return their texts."""
    return [texts.pop(key) for key in keys if key in texts]


def _function_call(
    kind: str, positional: list[str], named: dict[str, str], *, results: bool = False
) -> str:
    name = function_name(kind)
    function = FUNCTIONS.get(name)
    if function is None or bool(function.results) is not results:
        raise Unreadable(
            f"the operation `{kind[:40]}` is not supported in a formula",
            "`modelspec explain Expression` lists the supported operations",
        )
    rest = _without_defaults(function, named)
    arguments = list(positional)
    for parameter in function.parameters[len(positional) :]:
        if parameter.name in _BY_NAME or parameter.name != next(iter(rest), None):
            break
        arguments.append(rest.pop(parameter.name))
    arguments.extend(f"{key}={text}" for key, text in rest.items())
    return f"{name}({', '.join(arguments)})"


def _without_defaults(function: Function, named: Mapping[str, str]) -> dict[str, str]:
    """The arguments by the parameter names of the function, in its order, without defaults. Raises
    `Unreadable` for an unknown argument.
    """
    left = dict(named)
    found: dict[str, str] = {}
    for parameter in function.parameters:
        names = _SETTINGS.get(parameter.name, (parameter.name,))
        key = next((key for key in names if key in left), None)
        if key is None:
            continue
        value = left.pop(key)
        if value not in ("None", repr(parameter.default)):
            found[parameter.name] = value
    unknown = [key for key, value in left.items() if value not in ("None", "False")]
    if unknown:
        raise Unreadable(
            f"`{function.name}` in a formula has no argument `{unknown[0][:40]}`",
            "`modelspec explain Expression`",
        )
    return found


# Values -------------------------------------------------------------------------------------------


def _literal(value: Any) -> str:
    try:
        value = plain(value)
    except Unreadable:
        raise Unreadable("it has an argument that a formula does not support") from None
    if isinstance(value, str):
        return json.dumps(value).replace('"', "'")
    if isinstance(value, list):
        return f"[{', '.join(map(_literal, value))}]"
    if value is None or isinstance(value, (bool, int, float)):
        return repr(value)
    raise Unreadable("it has an argument that a formula does not support")


def _index(value: Any) -> str:
    """The text between the brackets of an index."""
    parts = value if isinstance(value, list) else [value]
    if isinstance(value, Mapping) and value.get("class_name") == "__tuple__":
        parts = value["items"]
    return ", ".join(_index_part(part) for part in parts)


def _index_part(part: Any) -> str:
    if part is None:
        return "None"
    if type(part) is int:
        return str(part)
    if isinstance(part, Mapping):
        if part.get("class_name") == "__ellipsis__":
            return "..."
        text = _slice(part.get("class_name"), part.get("config", part))
        if text is not None:
            return text
    raise Unreadable("it selects a part of a tensor in a way that a formula does not support")


def _slice(kind: Any, config: Any) -> str | None:
    """The text of a slice; None for other values, and for a slice whose bounds are not numbers."""
    if not isinstance(config, Mapping):
        return None
    keys = ("start", "stop", "step")
    if kind not in ("slice", "__slice__") and not set(keys) <= set(config):
        return None
    bounds = [config.get(key) for key in keys]
    if not all(one is None or type(one) is int for one in bounds):
        return None
    start, stop, step = ("" if one is None else str(one) for one in bounds)
    text = f"{start}:{stop}"
    return text if step in ("", "1") else f"{text}:{step}"
