"""Which tensor is which argument of a call, and the arguments that are no tensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelspec.catalog.layers.layer import Argument, Layer
from modelspec.core.collector import Collector
from modelspec.core.diagnostics import Fault, Span, listed, nearest
from modelspec.core.settings import describe
from modelspec.core.source import locate

from ..spec.entries import Use
from .graph import Graph, Ref


def arguments_of(
    callee: Layer | Graph, sources: Any, use: Use, report: Collector
) -> Mapping[str, Ref | tuple[Ref, ...]] | None:
    """Tensors by call argument, from the form in which `from` was written; None and a fault where
    they do not fit.
    """
    arguments = callee.arguments
    span = use.sources_span or use.kind_span
    if isinstance(sources, dict):
        if isinstance(callee, Layer):
            try:
                callee.check_names(tuple(sources))
            except Fault as fault:
                report.fault(fault, use.body, span)
                return None
        return _by_name(arguments, sources, use, span, report)
    given = _by_position(arguments, sources)
    if given is None:
        most = len(arguments)
        wanted = (
            "one tensor"
            if most == 1
            else f"at most {most} tensors ({listed([a.name for a in arguments])})"
        )
        report.error(
            "MS310",
            f"`{use.kind}` takes {wanted}, found {len(sources)}",
            span,
            help="join them first, e.g. with `Concatenate`" if most == 1 else None,
        )
        return None
    return given if _complete(arguments, given, use, span, report) else None


def _by_position(
    arguments: tuple[Argument, ...], refs: tuple[Ref, ...]
) -> dict[str, Ref | tuple[Ref, ...]] | None:
    """Tensors to arguments in order; an argument that takes a list takes all that are left."""
    given: dict[str, Ref | tuple[Ref, ...]] = {}
    rest = list(refs)
    for argument in arguments:
        if not rest:
            break
        if argument.many:
            given[argument.name], rest = tuple(rest), []
        else:
            given[argument.name] = rest.pop(0)
    return None if rest else given


def _by_name(
    arguments: tuple[Argument, ...],
    sources: dict[str, Any],
    use: Use,
    span: Span,
    report: Collector,
) -> Mapping[str, Ref | tuple[Ref, ...]] | None:
    by_name = {argument.name: argument for argument in arguments}
    items = next((a for a in arguments if a.items), None)
    names = [*by_name, *(items.items if items else ())]
    given: dict[str, Ref | tuple[Ref, ...]] = {}
    listed_items: dict[str, Ref] = {}
    for key, value in sources.items():
        if key in by_name:
            given[key] = (value,) if by_name[key].many and isinstance(value, Ref) else value
        elif items and key in items.items and isinstance(value, Ref):
            listed_items[key] = value
        else:
            near = nearest(key, names)
            where = locate(use.body, ("from", key), key=True) if use.body is not None else None
            report.error(
                "MS311",
                f"a call of `{use.kind}` has no argument `{key}`",
                where or span,
                suggestion=near,
                help=f"did you mean `{near}`?" if near else f"it takes {listed(names)}",
            )
            return None
    if items and listed_items:
        missing = [name for name in items.items[: items.least] if name not in listed_items]
        if missing:
            report.error("MS310", f"`{use.kind}` needs {listed(missing)}", span)
            return None
        given = {
            items.name: tuple(listed_items[name] for name in items.items if name in listed_items),
            **given,
        }
    ordered = {
        argument.name: given[argument.name] for argument in arguments if argument.name in given
    }
    return ordered if _complete(arguments, ordered, use, span, report) else None


def _complete(
    arguments: tuple[Argument, ...],
    given: Mapping[str, Ref | tuple[Ref, ...]],
    use: Use,
    span: Span,
    report: Collector,
) -> bool:
    missing = [a.name for a in arguments if a.required and a.name not in given]
    if missing:
        report.error(
            "MS310",
            f"`{use.kind}` needs {listed(missing)}",
            span,
            help=(
                f"write `from: {{{', '.join(f'{a.name}: ...' for a in arguments if a.required)}}}`"
            ),
        )
        return False
    for argument in arguments:
        if (value := given.get(argument.name)) is None:
            continue
        if not argument.many and not isinstance(value, Ref):
            report.error(
                "MS310",
                f"`{argument.name}` of `{use.kind}` takes one tensor, found {len(value)}",
                span,
            )
            return False
        count = 1 if isinstance(value, Ref) else len(value)
        if argument.many and (
            count < argument.least or (argument.most is not None and count > argument.most)
        ):
            report.error(
                "MS310",
                f"`{use.kind}` takes {_how_many(argument)}, found {count}",
                span,
                help="write `from: [a, b]`" if count < argument.least else None,
            )
            return False
    return True


def _how_many(argument: Argument) -> str:
    if argument.most is None:
        return f"a list of at least {argument.least} tensors"
    if argument.most == argument.least:
        return f"a list of {argument.least} tensors"
    return f"a list of {argument.least} to {argument.most} tensors"


def check_options(callee: Layer | Graph, use: Use, report: Collector) -> None:
    """Checks `call`: the arguments of a call that are not tensors."""
    known: Mapping[str, type] = {
        "training": bool,
        **(callee.options if isinstance(callee, Layer) else {}),
    }
    for key, value in use.options.items():
        assert use.options_node is not None
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
            wanted = {bool: "`true` or `false`", int: "a whole number", float: "a number"}[
                known[key]
            ]
            report.error(
                "MS204", f"`{key}` must be {wanted}, found {describe(value)}", entry.value.span
            )
