"""The types of the parts of a condition on rows: numbers, strings or truth values; and the inferred
types of columns that nothing else determines.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final, Literal, TypeAlias

from modelspec.core.diagnostics import Collector, Fault

from ..spec.data_section import DataSection
from .expression_syntax import Misread
from .row_syntax import read_condition
from .row_tree import (
    Among,
    Arithmetic,
    Call,
    Choice,
    Column,
    Comparison,
    Condition,
    IsMissing,
    Logic,
    Node,
    Place,
    Signed,
)

Kind: TypeAlias = Literal["number", "text", "truth"]
_WORDS: Final = {"number": "a number", "text": "a string", "truth": "`true` or `false`"}
_ROUNDS: Final = 4
"""The most passes: the type of a column in one comparison may determine that of another column."""


def check_where(data: DataSection | None, dtypes: Mapping[str, str], report: Collector) -> None:
    """The error in the condition of a spec's data, as far as that is known without the data;
    `dtypes` are those of the inputs of the model.
    """
    if data is None or data.where is None:
        return
    try:
        column_kinds(read_condition(data.where.text), feature_kinds(data, dtypes))
    except Misread as misread:
        data.where.report(fault_of(misread), report)


def fault_of(misread: Misread) -> Fault:
    """The error of a condition, at its part of the text."""
    return replace(misread.fault, part=(misread.start, misread.end))


def feature_kinds(data: DataSection, dtypes: Mapping[str, str]) -> dict[str, Kind]:
    """By column: the type that a feature determines. For a source with typed columns, a number may
    be a truth value.
    """
    found: dict[str, Kind] = {}
    source = data.sources.get("train")
    cells = source is not None and source.one_value_cells
    for features, inputs in ((data.inputs or {}, True), (data.targets or {}, False)):
        for key, feature in features.items():
            text = feature.takes_text(dtypes.get(key) if inputs else None)
            certain = not inputs or key in dtypes or feature.prepared or feature.dtype is not None
            for name in feature.names:
                if text:
                    found.setdefault(name, "text")
                elif text is False and cells and certain:
                    found.setdefault(name, "number")
    return found


def column_kinds(condition: Condition, known: Mapping[str, Kind]) -> dict[str, Kind]:
    """By column: its type, from `known` or else from comparisons; columns of unknown type are
    omitted. Raises `Misread` (MS566) for inconsistent types.
    """
    found = dict(known)
    for _ in range(_ROUNDS):
        before = len(found)
        _Typing(condition.text, found, settle=False).condition(condition.tree)
        if len(found) == before:
            break
    _Typing(condition.text, found, settle=True).condition(condition.tree)
    return found


class _Typing:
    """One pass over a condition: the `kinds` of columns are added as they become known, and with
    `settle` inconsistent types raise `Misread`.
    """

    def __init__(self, text: str, kinds: dict[str, Kind], *, settle: bool) -> None:
        self.text = text
        self.kinds = kinds
        self.settle = settle

    def wrong(self, place: Place, message: str, help: str | None = None) -> None:
        if self.settle:
            raise Misread(Fault("MS566", message, help=help), *place)

    def shown(self, node: Node) -> str:
        text = self.text[slice(*node.place)].strip("`")
        return f"`{text}`" if len(text) <= 40 else "this"

    def condition(self, node: Node) -> None:
        """A part that must be a condition."""
        kind = self.kind(node, "truth")
        if kind not in (None, "truth"):
            help = f"compare it, e.g. `{self.shown(node).strip('`')} > 0`"
            message = f"{self.shown(node)} is {_WORDS[kind]}, not a condition"
            self.wrong(node.place, message, help if kind == "number" else None)

    def of(self, wanted: Kind, node: Node, what: str) -> None:
        """A part that must have a given type."""
        kind = self.kind(node, wanted)
        if kind not in (None, wanted):
            message = f"{what} requires {_WORDS[wanted]}, but {self.shown(node)} is {_WORDS[kind]}"
            self.wrong(node.place, message)

    def kind(self, node: Node, wanted: Kind | None = None) -> Kind | None:
        """The type of a part; a column of unknown type gets the type `wanted`."""
        if isinstance(node, Column):
            if node.name not in self.kinds and wanted is not None:
                self.kinds[node.name] = wanted
            return self.kinds.get(node.name)
        if isinstance(node, (Arithmetic, Signed)):
            return self._arithmetic(node)
        if isinstance(node, Comparison):
            self._comparison(node)
        elif isinstance(node, Among):
            for item in node.items:
                self._pair("==", node.value, item, node.place)
        elif isinstance(node, IsMissing):
            self.kind(node.value)
        elif isinstance(node, Logic):
            for part in node.parts:
                self.condition(part)
        elif isinstance(node, Choice):
            return self._choice(node, wanted)
        elif isinstance(node, Call):
            return self._call(node)
        else:
            return _kind_of(node.value)
        return "truth"

    def _arithmetic(self, node: Arithmetic | Signed) -> Kind:
        parts = (node.value,) if isinstance(node, Signed) else (node.left, node.right)
        for part in parts:
            self.of("number", part, f"`{'-' if isinstance(node, Signed) else node.sign}`")
        return "number"

    def _choice(self, node: Choice, wanted: Kind | None) -> Kind | None:
        self.condition(node.test)
        one, other = self.kind(node.body, wanted), self.kind(node.otherwise, wanted)
        if one is not None and other is not None and one != other:
            message = f"{self.shown(node.body)} is {_WORDS[one]}, and {self.shown(node.otherwise)}"
            self.wrong(node.place, f"{message} {_WORDS[other]}")
        return one or other

    def _call(self, node: Call) -> Kind | None:
        what = f"`{node.function}`"
        if node.function == "len":
            self.of("text", node.arguments[0], what)
        elif node.function == "str":
            self.kind(node.arguments[0], "text" if self.settle else None)
            return "text"
        elif node.function in ("int", "float"):
            if self.kind(node.arguments[0]) == "truth":
                self.of("number", node.arguments[0], what)
        else:
            for argument in node.arguments:
                self.of("number", argument, what)
        return "number"

    # Comparisons ----------------------------------------------------------------------------------

    def _comparison(self, node: Comparison) -> None:
        if node.sign in ("in", "not in"):
            self.of("text", node.left, f"`{node.sign}` of a string")
            self.of("text", node.right, f"`{node.sign}` of a string")
            return
        self._pair(node.sign, node.left, node.right, node.place)

    def _pair(self, sign: str, left: Node, right: Node, place: Place) -> None:
        """Two sides that are compared, each of which determines the type of the other."""
        one = self.kind(left)
        other = self.kind(right, one)
        one = one or self.kind(left, other)
        if one is None or other is None:
            return
        if one != other and not _equal_as_numbers(sign, one, other):
            first = f"{self.shown(left)} is {_WORDS[one]}"
            message = f"`{sign}` cannot compare: {first}, and {self.shown(right)} {_WORDS[other]}"
            self.wrong(place, message, _help(one, other))
        elif "truth" in (one, other) and sign not in ("==", "!="):
            self.wrong(place, f"`{sign}` cannot compare `true` and `false`", "use `==` or `!=`")


def _equal_as_numbers(sign: str, one: Kind, other: Kind) -> bool:
    """Whether truth values are compared with numbers, as 1 and 0."""
    return {one, other} == {"number", "truth"} and sign in ("==", "!=")


def _help(one: Kind, other: Kind) -> str | None:
    if {one, other} == {"number", "text"}:
        return "write numbers without quotes, strings with quotes; or set `dtype` of the feature"
    return None


def _kind_of(value: object) -> Kind:
    if isinstance(value, bool):
        return "truth"
    return "text" if isinstance(value, str) else "number"
