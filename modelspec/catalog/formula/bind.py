"""The arguments of a call, as written, to the parameters of a function."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any, Final

from modelspec.core.diagnostics import Fault, listed, nearest
from modelspec.core.source.python_nodes import place

from .function_table import OF_TENSORS, REQUIRED, Function, Kind, Parameter
from .operands import DTYPES
from .tree import Call, Constant, Node, Place

_EXPECTED: Final[dict[Kind, str]] = {
    "axis": "a whole number",
    "axes": "a whole number or a list of them",
    "flag": "`True` or `False`",
    "number": "a number",
    "whole": "a whole number",
    "sizes": "a list of whole numbers",
    "dtype": "a dtype in quotes",
    "text": "a text in quotes",
    "tensors": "a list of tensors",
    "tensor": "a tensor",
    "operand": "a tensor or a number",
    "rest": "tensors",
}
_NOTHING: Final = object()


class Binder:
    """Binds one call. `node` reads what is inside it."""

    def __init__(
        self, function: Function, text: str, node: Callable[[ast.expr], Node], where: Place
    ) -> None:
        self.function = function
        self.text = text
        self.node = node
        self.where = where
        self.tensors: dict[str, Node | tuple[Node, ...]] = {}
        self.settings: dict[str, Any] = {}
        self.places: dict[str, Place] = {}

    def call(self, node: ast.Call) -> Call:
        """The call with everything in its place. Raises `Fault` (MS143)."""
        for argument in (*node.args, *(keyword.value for keyword in node.keywords)):
            if isinstance(argument, ast.Starred):
                raise Fault(
                    "MS141", "a `*` cannot stand in a formula", part=place(self.text, argument)
                )
        self._positional(node.args)
        for keyword in node.keywords:
            self._keyword(keyword)
        self._defaults()
        return Call(self.function.name, self.tensors, self.settings, self.places, self.where)

    def _positional(self, arguments: list[ast.expr]) -> None:
        parameters = list(self.function.parameters)
        for position, argument in enumerate(arguments):
            if not parameters:
                most = len(self.function.parameters)
                found = f"takes at most {most} arguments, found {len(arguments)}"
                raise self._wrong(found, argument, help=self._takes())
            if parameters[0].kind == "rest":
                self._rest(parameters[0], arguments[position:])
                return
            self._bind(parameters.pop(0), argument)

    def _rest(self, parameter: Parameter, arguments: list[ast.expr]) -> None:
        self.tensors[parameter.name] = tuple(self._tensor(one) for one in arguments)
        self.places[parameter.name] = (
            place(self.text, arguments[0])[0],
            place(self.text, arguments[-1])[1],
        )

    def _keyword(self, keyword: ast.keyword) -> None:
        if keyword.arg is None:
            raise Fault("MS141", "a `**` cannot stand in a call", part=place(self.text, keyword))
        known = {one.name: one for one in self.function.parameters if one.kind != "rest"}
        start, _ = place(self.text, keyword)
        if keyword.arg not in known:
            near = nearest(keyword.arg, known)
            raise Fault(
                "MS143",
                f"`{self.function.name}` has no argument `{keyword.arg}`",
                suggestion=near,
                part=(start, start + len(keyword.arg)),
                help=f"did you mean `{near}`?" if near else self._takes(),
            )
        if keyword.arg in self.places:
            raise self._wrong(f"gets `{keyword.arg}` twice", keyword)
        self._bind(known[keyword.arg], keyword.value)

    def _defaults(self) -> None:
        left_out = [one for one in self.function.parameters if one.name not in self.places]
        if missing := [one.name for one in left_out if one.default is REQUIRED]:
            raise Fault(
                "MS143",
                f"`{self.function.name}` needs {listed(missing)}",
                part=self.where,
                help=self._takes(),
            )
        self.settings.update({one.name: one.default for one in left_out})

    def _takes(self) -> str:
        shown = (
            one.name if one.default is REQUIRED else f"{one.name}={one.default!r}"
            for one in self.function.parameters
        )
        return f"write `{self.function.name}({', '.join(shown)})`"

    def _wrong(self, sentence: str, node: ast.expr | ast.keyword, help: str | None = None) -> Fault:
        return Fault(
            "MS143", f"`{self.function.name}` {sentence}", part=place(self.text, node), help=help
        )

    # One argument ---------------------------------------------------------------------------------

    def _bind(self, parameter: Parameter, node: ast.expr) -> None:
        self.places[parameter.name] = place(self.text, node)
        if parameter.kind == "tensors":
            self.tensors[parameter.name] = self._list(parameter, node)
        elif parameter.kind in OF_TENSORS:
            self.tensors[parameter.name] = self.node(node)
        else:
            self.settings[parameter.name] = self._setting(parameter, node)

    def _tensor(self, node: ast.expr) -> Node:
        found = self.node(node)
        if isinstance(found, Constant):
            raise self._wrong("takes tensors, found a number", node)
        return found

    def _list(self, parameter: Parameter, node: ast.expr) -> tuple[Node, ...]:
        if not isinstance(node, (ast.List, ast.Tuple)) or not node.elts:
            raise self._wrong(
                "takes a list of tensors",
                node,
                help=f"write `{self.function.name}([a, b], axis=-1)`",
            )
        return tuple(self._tensor(one) for one in node.elts)

    def _setting(self, parameter: Parameter, node: ast.expr) -> Any:
        found = _READERS[parameter.kind](self, node)
        if isinstance(node, ast.Constant) and node.value is None and parameter.default is None:
            return None
        if found is _NOTHING:
            raise self._wrong(f"takes {_EXPECTED[parameter.kind]} for `{parameter.name}`", node)
        return found

    def number(self, node: ast.expr) -> Any:
        if isinstance(node, (ast.List, ast.Tuple)) or (
            isinstance(node, ast.Constant) and not _is_number(node.value)
        ):
            return _NOTHING
        found = self.node(node)
        return found.value if isinstance(found, Constant) else _NOTHING

    def whole(self, node: ast.expr) -> Any:
        found = self.number(node)
        return found if isinstance(found, int) else _NOTHING

    def sizes(self, node: ast.expr) -> Any:
        if not isinstance(node, (ast.List, ast.Tuple)):
            return _NOTHING
        found = tuple(self.whole(one) for one in node.elts)
        return _NOTHING if _NOTHING in found or len(found) > 16 else found

    def axes(self, node: ast.expr) -> Any:
        return self.sizes(node) if isinstance(node, (ast.List, ast.Tuple)) else self.whole(node)

    def flag(self, node: ast.expr) -> Any:
        if isinstance(node, ast.Name) and node.id in ("true", "false"):
            return node.id == "true"
        return (
            node.value
            if isinstance(node, ast.Constant) and isinstance(node.value, bool)
            else _NOTHING
        )

    def text_value(self, node: ast.expr) -> Any:
        return (
            node.value
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
            else _NOTHING
        )

    def dtype(self, node: ast.expr) -> Any:
        found = self.text_value(node)
        if not isinstance(found, str) or found in DTYPES:
            return found
        near = nearest(found, DTYPES)
        raise Fault(
            "MS143",
            f"there is no dtype `{found[:40]}`",
            part=place(self.text, node),
            help=f"did you mean `{near}`?" if near else f"there are {listed(DTYPES)}",
        )


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


_READERS: Final[dict[Kind, Callable[[Binder, ast.expr], Any]]] = {
    "axis": Binder.whole,
    "axes": Binder.axes,
    "flag": Binder.flag,
    "number": Binder.number,
    "whole": Binder.whole,
    "sizes": Binder.sizes,
    "dtype": Binder.dtype,
    "text": Binder.text_value,
}
