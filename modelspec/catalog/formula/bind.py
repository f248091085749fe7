"""Binds the written arguments of a call to the parameters of a function."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any, Final, Protocol

from modelspec.core.diagnostics import Fault, listed, nearest
from modelspec.core.source.python_nodes import place

from .function import COMPLEX, OF_TENSORS, REQUIRED, Function, Kind, Parameter
from .operands import DTYPES
from .results import results_of
from .tree import Call, Constant, Node, Place, children

_EXPECTED: Final[dict[Kind, str]] = {
    "axis": "an integer",
    "axes": "an integer or a list of them",
    "flag": "`True` or `False`",
    "number": "a number",
    "whole": "an integer",
    "size": "an integer or `len(x)`",
    "wholes": "an integer or a list of them",
    "sizes": "a list of integers",
    "pairs": "a list of pairs of integers",
    "dtype": "a dtype in quotes",
    "text": "a string in quotes",
    "tensors": "a list of tensors",
    "pair": "the real and the imaginary part",
    "tensor": "a tensor",
    "operand": "a tensor or a number",
    "rest": "tensors",
}
_NOTHING: Final = object()


class Reader(Protocol):
    """Reads arguments."""

    def node(self, node: ast.expr) -> Node:
        """A node with one result."""

    def built(self, node: ast.expr) -> Node:
        """A node that may have several results."""


class Binder:
    """Binds one call. `reader` reads its arguments."""

    def __init__(
        self,
        function: Function,
        text: str,
        reader: Reader,
        where: Place,
    ) -> None:
        self.function = function
        self.text = text
        self.reader = reader
        self.node = reader.node
        self.where = where
        self.tensors: dict[str, Node | tuple[Node, ...]] = {}
        self.settings: dict[str, Any] = {}
        self.places: dict[str, Place] = {}

    def call(self, node: ast.Call) -> Call:
        """The bound call. Raises `Fault` (MS143)."""
        for argument in (*node.args, *(keyword.value for keyword in node.keywords)):
            if isinstance(argument, ast.Starred):
                raise Fault(
                    "MS141", "a `*` is not allowed in a formula", part=place(self.text, argument)
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
            raise Fault("MS141", "a `**` is not allowed in a call", part=place(self.text, keyword))
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
                f"`{self.function.name}` requires {listed(missing)}",
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

    # One argument --------------------------------------------------------------------------------

    def _bind(self, parameter: Parameter, node: ast.expr) -> None:
        self.places[parameter.name] = place(self.text, node)
        if parameter.kind == "tensors":
            self.tensors[parameter.name] = self._list(parameter, node)
        elif parameter.kind == "pair":
            self.tensors[parameter.name] = self._pair(node)
        elif parameter.kind in OF_TENSORS:
            self.tensors[parameter.name] = self.node(node)
        elif parameter.kind == "size" and (counted := self._counted(node)) is not None:
            self.tensors[parameter.name] = counted
        else:
            self.settings[parameter.name] = self._setting(parameter, node)

    def _tensor(self, node: ast.expr) -> Node:
        found = self.node(node)
        if isinstance(found, Constant):
            raise self._wrong("takes tensors, found a number", node)
        return found

    def _counted(self, node: ast.expr) -> Node | None:
        """The tensor of `len(x)`; None for anything else."""
        if not isinstance(node, ast.Call):
            return None
        found = self.node(node)
        if isinstance(found, Call) and found.function == "len":
            return next(children(found))
        return None

    def _list(self, parameter: Parameter, node: ast.expr) -> tuple[Node, ...]:
        if not isinstance(node, (ast.List, ast.Tuple)) or not node.elts:
            raise self._wrong(
                "takes a list of tensors",
                node,
                help=f"write `{self.function.name}([a, b], axis=-1)`",
            )
        return tuple(self._tensor(one) for one in node.elts)

    def _pair(self, node: ast.expr) -> Node | tuple[Node, ...]:
        """Two tensors in a list, or a call that gives complex numbers."""
        if isinstance(node, (ast.List, ast.Tuple)):
            found = tuple(self._tensor(one) for one in node.elts)
            if len(found) == 2:
                return found
        else:
            called = self.reader.built(node)
            if results_of(called) == COMPLEX:
                return called
        raise self._wrong(
            "takes the real and the imaginary part",
            node,
            help=f"write `{self.function.name}([real, imaginary], ...)`, or `irfft(rfft(x))`",
        )

    def _setting(self, parameter: Parameter, node: ast.expr) -> Any:
        found = _READERS[parameter.kind](self, node)
        may_be_none = parameter.default is None or parameter.nullable
        if isinstance(node, ast.Constant) and node.value is None and may_be_none:
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

    def pairs(self, node: ast.expr) -> Any:
        if not isinstance(node, (ast.List, ast.Tuple)) or len(node.elts) > 16:
            return _NOTHING
        found = tuple(self.sizes(one) for one in node.elts)
        is_pairs = all(isinstance(one, tuple) and len(one) == 2 for one in found)
        return found if is_pairs else _NOTHING

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
            f"unknown dtype `{found[:40]}`",
            part=place(self.text, node),
            help=f"did you mean `{near}`?" if near else f"the dtypes are {listed(DTYPES)}",
        )


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


_READERS: Final[dict[Kind, Callable[[Binder, ast.expr], Any]]] = {
    "axis": Binder.whole,
    "axes": Binder.axes,
    "flag": Binder.flag,
    "number": Binder.number,
    "whole": Binder.whole,
    "size": Binder.whole,
    "wholes": Binder.axes,
    "sizes": Binder.sizes,
    "pairs": Binder.pairs,
    "dtype": Binder.dtype,
    "text": Binder.text_value,
}
