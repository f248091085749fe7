"""The tensors of the arguments of a call, and its arguments that are not tensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from modelspec.catalog.layers.layer import Argument, Layer
from modelspec.core.diagnostics import Collector, Fault, Span, listed, nearest
from modelspec.core.records import dataclass
from modelspec.core.sections import located
from modelspec.core.settings import describe
from modelspec.core.source import locate

from ..spec.entries import Use
from .graph import Graph, Ref
from .model_scope import Sources

Given: TypeAlias = "dict[str, Ref | tuple[Ref, ...]]"
"""Tensors by call argument."""


def arguments_of(
    callee: Layer | Graph, sources: Sources, use: Use, report: Collector
) -> Given | None:
    """Tensors by call argument, in the form of `from`; None, with a report, if they do
    not match.
    """
    arguments = callee.arguments
    if isinstance(sources, tuple) and _is_usual(arguments, sources):
        return {arguments[0].name: sources[0]}
    binder = _Binder(callee, arguments, use, report)
    given = binder.by_name(sources) if isinstance(sources, dict) else binder.by_position(sources)
    return given if given is not None and binder.is_complete(given) else None


def _is_usual(arguments: tuple[Argument, ...], refs: tuple[Ref, ...]) -> bool:
    """Whether there is one tensor, for the first argument, and the call needs no other."""
    if len(refs) != 1 or not arguments or arguments[0].many:
        return False
    return not any(one.required for one in arguments[1:])


@dataclass(slots=True)
class _Binder:
    """Binds the tensors of one call to the arguments of its layer or model."""

    callee: Layer | Graph
    arguments: tuple[Argument, ...]
    use: Use
    report: Collector

    @property
    def span(self) -> Span:
        return self.use.sources_span or self.use.kind_span

    def by_position(self, refs: tuple[Ref, ...]) -> Given | None:
        """Tensors to arguments in order; an argument that takes a list gets all remaining ones."""
        given: Given = {}
        rest = list(refs)
        for argument in self.arguments:
            if not rest:
                break
            if argument.many:
                given[argument.name], rest = tuple(rest), []
            else:
                given[argument.name] = rest.pop(0)
        if not rest:
            return given
        self._too_many(len(refs))
        return None

    def _too_many(self, count: int) -> None:
        names = [one.name for one in self.arguments]
        one = len(names) == 1
        wanted = "one tensor" if one else f"at most {len(names)} tensors ({listed(names)})"
        self.report.error(
            "MS310",
            f"`{self.use.kind}` takes {wanted}, found {count}",
            self.span,
            help="join them first, e.g. with `Concatenate`" if one else None,
        )

    # By name --------------------------------------------------------------------------------------

    def by_name(self, sources: Given) -> Given | None:
        """Tensors by the names that are written, in the order of the arguments."""
        if not self._are_allowed(sources):
            return None
        members = self._members(sources)
        given: Given = {
            one.name: _as_taken(one, sources[one.name])
            for one in self.arguments
            if one.name in sources
        }
        unknown = next((key for key in sources if key not in given and key not in members), None)
        if unknown is not None:
            self._report_unknown(unknown)
            return None
        return self._with_list(given, members) if members else given

    @property
    def _list_argument(self) -> Argument | None:
        """The argument that takes a list with named members, if any."""
        return next((one for one in self.arguments if one.items), None)

    def _with_list(self, given: Given, members: dict[str, Ref]) -> Given | None:
        """All arguments, with the list; None, with a report, if members are missing."""
        argument = self._list_argument
        assert argument is not None
        missing = [name for name in argument.items[: argument.least] if name not in members]
        if missing:
            self._needs(missing)
            return None
        whole: Given = {argument.name: tuple(members.values()), **given}
        return {one.name: whole[one.name] for one in self.arguments if one.name in whole}

    def _members(self, sources: Given) -> dict[str, Ref]:
        """The members of that list that are written, in order."""
        names = self._list_argument.items if self._list_argument is not None else ()
        written = ((name, sources[name]) for name in names if name in sources)
        return {name: value for name, value in written if isinstance(value, Ref)}

    def _are_allowed(self, sources: Given) -> bool:
        """Whether the layer takes tensors by these names together."""
        if isinstance(self.callee, Layer):
            try:
                self.callee.check_names(tuple(sources))
            except Fault as fault:
                self.report.add(located(fault, self.use.body, self.span))
                return False
        return True

    def _report_unknown(self, key: str) -> None:
        members = self._list_argument.items if self._list_argument is not None else ()
        names = [*(one.name for one in self.arguments), *members]
        near = nearest(key, names)
        body = self.use.body
        self.report.error(
            "MS311",
            f"a call of `{self.use.kind}` has no argument `{key}`",
            (locate(body, ("from", key), key=True) if body is not None else None) or self.span,
            suggestion=near,
            help=f"did you mean `{near}`?" if near else f"it takes {listed(names)}",
        )

    def _needs(self, missing: list[str], help: str | None = None) -> None:
        self.report.error(
            "MS310", f"`{self.use.kind}` requires {listed(missing)}", self.span, help=help
        )

    # All of them ----------------------------------------------------------------------------------

    def is_complete(self, given: Given) -> bool:
        """Whether every required argument is given, with the right number of tensors."""
        missing = [one.name for one in self.arguments if one.required and one.name not in given]
        if missing:
            example = ", ".join(f"{one.name}: ..." for one in self.arguments if one.required)
            self._needs(missing, f"write `from: {{{example}}}`")
            return False
        for argument in self.arguments:
            if argument.name in given and not self._fits(argument, given[argument.name]):
                return False
        return True

    def _fits(self, argument: Argument, value: Ref | tuple[Ref, ...]) -> bool:
        """Whether an argument accepts so many tensors."""
        if not argument.many and isinstance(value, Ref):
            return True
        count = 1 if isinstance(value, Ref) else len(value)
        if not argument.many:
            message = f"`{argument.name}` of `{self.use.kind}` takes one tensor, found {count}"
            self.report.error("MS310", message, self.span)
            return False
        most = count if argument.most is None else argument.most
        if argument.least <= count <= most:
            return True
        self.report.error(
            "MS310",
            f"`{self.use.kind}` takes {_how_many(argument)}, found {count}",
            self.span,
            help="write `from: [a, b]`" if count < argument.least else None,
        )
        return False


def _as_taken(argument: Argument, value: Ref | tuple[Ref, ...]) -> Ref | tuple[Ref, ...]:
    """A tensor, as a list if the argument takes one."""
    return (value,) if argument.many and isinstance(value, Ref) else value


def _how_many(argument: Argument) -> str:
    if argument.most is None:
        return f"a list of at least {argument.least} tensors"
    if argument.most == argument.least:
        return f"a list of {argument.least} tensors"
    return f"a list of {argument.least} to {argument.most} tensors"


def check_options(callee: Layer | Graph, use: Use, report: Collector) -> None:
    """Checks `call`: the arguments of a call that are not tensors."""
    if not use.options:
        return
    assert use.options_node is not None
    own = callee.options if isinstance(callee, Layer) else {}
    known: Mapping[str, type] = {"training": bool, **own}
    for key, value in use.options.items():
        entry = use.options_node.entries[key]
        if key not in known:
            near = nearest(key, known)
            report.error(
                "MS311",
                f"a call of `{use.kind}` has no argument `{key}`",
                entry.key_span,
                suggestion=near,
                help=f"did you mean `{near}`?" if near else f"it takes {listed(list(known))}",
            )
        elif type(value) is not known[key]:
            message = f"`{key}` must be {_TYPES[known[key]]}, found {describe(value)}"
            report.error("MS204", message, entry.value.span)


_TYPES: Mapping[type, str] = {
    bool: "`true` or `false`",
    int: "an integer",
    float: "a number",
}
