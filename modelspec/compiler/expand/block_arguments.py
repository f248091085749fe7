"""The parameters of a block at one of its uses."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence as Sequence_
from functools import partial

from modelspec.catalog.library import Rule
from modelspec.core.diagnostics import Fault, Note, Span, nearest
from modelspec.core.diagnostics.suggest import listed
from modelspec.core.settings import describe, is_int
from modelspec.core.source import Entry, Mapping, Node, Scalar, Sequence, Value, plain

from .blocks import Block, is_null
from .identifiers import RESERVED
from .items import Call
from .scope import Binding, Scope
from .values import Values, in_error


def bind(call: Call, block: Block, values: Values, inner: Scope, bound: dict[str, Binding]) -> bool:
    """Put the parameters of the block, as this use sets them, into `bound`, the names in scope
    inside the block.

    They are evaluated lazily. False, with every error reported, if the use lacks required
    parameters.
    """
    written = _given(call, block, values)
    if written is None:
        return False
    given = _as_meant(call, block, written, values)
    for name, entry in block.parameters.items():
        make: Callable[[], Node | None] = (
            partial(_argument, name, given[name].value, block, values, call.scope, inner)
            if name in given
            else partial(values.node, entry.value, inner)
        )
        bound[name] = Binding(name, make)
    is_complete = _is_complete(call, block, given, values)
    if not is_complete:  # other errors are reported as well
        force({name: bound[name] for name in given if name in bound})
    return is_complete


def force(arguments: dict[str, Binding]) -> None:
    """Evaluate every argument, so that errors in unused ones are reported as well."""
    for binding in arguments.values():
        _ = binding.node


def _given(call: Call, block: Block, values: Values) -> dict[str, Entry] | None:
    """The parameters that the use sets."""
    body = call.body
    if body is None or is_null(body):
        given: dict[str, Entry] = {}
    elif isinstance(body, Mapping):
        given = {
            name: entry
            for name, entry in body.entries.items()
            if name not in (*RESERVED, *block.extra)
        }
    elif block.primary is None:
        first = next(iter(block.parameters), None)
        values.collector.report(
            Fault(
                "MS204",
                f"{block} has no `primary` parameter, but {describe(plain(body))} is given",
                help=(
                    f"write `{block.name}: {{{first}: ...}}`, or `primary: {first}` in the block"
                    if first
                    else f"write `{block.name}` alone"
                ),
            ),
            _place(call, body.span),
            Note("it is defined here", block.span),
        )
        return None
    else:
        given = {block.primary: Entry(body.span, body)}
    return given


def _is_complete(call: Call, block: Block, given: dict[str, Entry], values: Values) -> bool:
    """Whether the use sets all parameters that have no default."""
    missing = [name for name in block.required() if name not in given]
    is_plain = _has_no_call(call, block, values)
    if missing:
        example = ", ".join(f"{name}: ..." for name in missing)
        values.collector.report(
            Fault(
                "MS203",
                f"block `{block.name}` requires {listed(missing)}",
                help=f"write `{block.name}: {{{example}}}`",
            ),
            _place(call, call.span),
            Note("it is defined here", block.span),
        )
    return not missing and is_plain


def _has_no_call(call: Call, block: Block, values: Values) -> bool:
    """Whether the use has no `call`, which a block does not support."""
    options = call.body.entries.get("call") if isinstance(call.body, Mapping) else None
    if options is None or block.extra:
        return True
    values.collector.report(
        Fault(
            "MS309",
            f"block `{block.name}` is not a layer, and does not support `call`",
            help="write `call` at the layers inside the block",
        ),
        _place(call, options.key_span),
    )
    return False


def _as_meant(
    call: Call, block: Block, given: dict[str, Entry], values: Values
) -> dict[str, Entry]:
    """The parameters that the use sets, with misspelled ones corrected. Those, and unknown ones,
    are reported.
    """
    found = {name: entry for name, entry in given.items() if name in block.parameters}
    known = [*block.parameters, *block.extra]
    words = (*known, *RESERVED)
    left = dict.fromkeys(one for one in block.required() if one not in found)
    for name, entry in given.items():
        if name in block.parameters:
            continue
        near = nearest(name, left) or nearest(name, words)
        values.collector.report(
            unknown_setting(block, name, near, known),
            _place(call, entry.key_span),
            Note("it is defined here", block.span),
        )
        if near in block.parameters:
            found.setdefault(str(near), entry)
            left.pop(str(near), None)
    return found


def unknown_setting(block: Block, name: str, near: str | None, known: Sequence_[str]) -> Fault:
    """MS202: the use sets a name that is not a parameter of the block."""
    listing = f"the {block.noun}s are {listed(known)}" if known else f"it has no {block.noun}s"
    return Fault(
        "MS202",
        f"{block} has no {block.noun} `{name}`",
        help=f"did you mean `{near}`?" if near else listing,
        suggestion=near,
    )


def _argument(
    name: str, node: Node, block: Block, values: Values, scope: Scope, inner: Scope
) -> Node | None:
    """The value of a parameter that the use sets. A parameter of a block accepts any value: an
    unsuitable one is reported where it is used. A setting of the library has the type of its
    default.
    """
    found = values.node(node, scope)
    if in_error(found):
        return None
    written = block.parameters[name]
    if rule := block.rules.get(name):
        if rule.optional and is_null(found):
            return found
        if fault := _against(rule, f"`{name}` of {block}", found):
            values.collector.report(fault, found.span)
            return None
    if is_null(written.value) or not (block.extra or block.span.source.shipped):
        return found
    default = values.node(written.value, inner)
    if in_error(default) or _fits(plain(default), found):
        return found
    values.collector.report(
        Fault(
            "MS204",
            f"`{name}` of {block} must be {_type(plain(default))}, found {describe(plain(found))}",
        ),
        found.span,
        Note(f"its default is {describe(plain(default))}", default.span),
    )
    return None


def _against(rule: Rule, subject: str, node: Node) -> Fault | None:
    """The error of a value that a rule restricts; its type is not checked."""
    value = plain(node)
    if rule.choices and value not in rule.choices:
        return _no_choice(rule, subject, value)
    if rule.least is not None and is_int(value) and value < rule.least:  # type: ignore[operator]
        return Fault("MS205", f"{subject} must be at least {rule.least}, found {describe(value)}")
    return None


def _no_choice(rule: Rule, subject: str, value: Value) -> Fault:
    names = [one for one in rule.choices if one]
    near = nearest(value, names) if isinstance(value, str) else None
    shown = " or ".join(f"`{one or 'null'}`" for one in rule.choices)
    return Fault(
        "MS205",
        f"{subject} must be {shown}, found {describe(value)}",
        suggestion=near,
        help=f"did you mean `{near}`?" if near else None,
    )


def _fits(default: object, node: Node) -> bool:
    """Whether a value has the type of a default; an integer is a number."""
    if default is None:
        return True
    if isinstance(node, (Mapping, Sequence)):
        return isinstance(default, dict if isinstance(node, Mapping) else tuple)
    value = node.value if isinstance(node, Scalar) else None
    if isinstance(default, float):
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return type(value) is type(default)


def _type(default: object) -> str:
    names = {
        bool: "`true` or `false`",
        int: "an integer",
        float: "a number",
        str: "a string",
        tuple: "a list",
    }
    return names.get(type(default), "a mapping")


def _place(call: Call, span: Span) -> Span:
    return call.scope.frame.place(span)
