"""Reads one parameter of a sweep: a list of values, or a range with its settings."""

from __future__ import annotations

from math import isfinite
from typing import Any, Final

from modelspec.core.diagnostics import Collector, Span, listed
from modelspec.core.sections import known_keys
from modelspec.core.settings import describe, is_int
from modelspec.core.source import Entry, Mapping, Node, Scalar, Sequence, plain

from .sweep_section import FOLD, RANGES, Parameter

FORMS: Final = ("values", *RANGES)
KEYS: Final = (*FORMS, "step", "log", "when")
_MOST_VALUES: Final = 10_000
_LARGEST: Final = 2**53
"""Integers above are not exact as floats, in which samplers compute."""
_EXAMPLE: Final = (
    "write a list of values, `{uniform: [0, 0.5]}`, `{log_uniform: [1e-5, 1e-2]}` or"
    " `{integers: [2, 6]}`"
)


def read_parameter(path: str, entry: Entry, report: Collector) -> Parameter | None:
    """A parameter from its value; None where it has errors, which are reported."""
    mine = Collector()
    found = _read(path, entry, mine)
    report.extend(mine.diagnostics)
    return None if mine.has_errors else found


def _read(path: str, entry: Entry, report: Collector) -> Parameter | None:
    node = entry.value
    if isinstance(node, Sequence):
        return _of_values(path, entry.key_span, node, None, report)
    if not isinstance(node, Mapping):
        found = describe(plain(node))
        message = f"a parameter must be a list of values or a range, found {found}"
        help = "write `all` for all folds" if path == FOLD else _EXAMPLE
        report.error("MS204", message, node.span, help=help)
        return None
    node = known_keys(node, KEYS, f"sweep.parameters.{path}", report)
    forms = [key for key in FORMS if key in node.entries]
    if len(forms) != 1:
        both = f", found {listed(forms)}" if forms else ""
        message = f"a parameter requires exactly one of {listed(FORMS)}{both}"
        code = "MS208" if forms else "MS203"
        report.error(code, message, node.span if not forms else entry.key_span, help=_EXAMPLE)
        return None
    body = node.entries[forms[0]].value
    if forms[0] == "values":
        _refuse(node, ("step", "log"), "values", report)
        if not isinstance(body, Sequence):
            message = f"`values` must be a list, found {describe(plain(body))}"
            report.error("MS204", message, body.span, help=_EXAMPLE)
            return None
        return _of_values(path, entry.key_span, body, _condition(node, report), report)
    return _of_range(path, entry.key_span, forms[0], node, report)


def _refuse(node: Mapping, keys: tuple[str, ...], form: str, report: Collector) -> None:
    """MS208 for keys that a form does not have."""
    for key in keys:
        if key in node.entries:
            message = f"`{form}` and `{key}` cannot be used together"
            report.error("MS208", message, node.entries[key].key_span, help=f"remove `{key}`")


def _of_values(
    path: str, span: Span, node: Sequence, when: Node | None, report: Collector
) -> Parameter | None:
    """A parameter with listed values."""
    if not 1 <= len(node.items) <= _MOST_VALUES:
        message = f"a list of values must have 1 to {_MOST_VALUES:,} of them"
        report.error("MS205", message, node.span, help=_EXAMPLE)
        return None
    seen: list[Any] = []
    known: set[str] = set()
    for item in node.items:
        value = plain(item)
        if repr(value) in known:
            message = f"{describe(value)} occurs twice in the list"
            report.error("MS903", message, item.span, help="remove one of them")
        known.add(repr(value))
        seen.append(value)
    return Parameter(
        path,
        "values",
        tuple(seen),
        when=_written(when),
        span=span,
        nodes=tuple(node.items),
        when_node=when,
    )


def _of_range(
    path: str, span: Span, form: str, node: Mapping, report: Collector
) -> Parameter | None:
    """A parameter with a range of numbers."""
    whole = form == "integers"
    ends = _ends(form, node.entries[form].value, report)
    log = _log(form, node, report)
    step = _step(node, report, whole=whole)
    when = _condition(node, report)
    if ends is None:
        return None
    low, high = (plain(one) for one in ends)
    assert isinstance(low, (int, float)) and isinstance(high, (int, float))
    _check_order(form, low, high, ends, report, log=log)
    if step is not None and log:
        report.error(
            "MS208",
            "a range by logarithm has no `step`",
            node.entries["step"].key_span,
            help="remove `step`, or list the values",
        )
    elif step is not None and step > high - low > 0:
        message = f"the step {step} is larger than the range from {low} to {high}"
        report.error("MS205", message, node.entries["step"].value.span, help="make it smaller")
    if not whole:
        low, high = float(low), float(high)
        step = None if step is None else float(step)
        # What the trials set: a key that requires an integer refuses `1.0` too.
        ends = Scalar(low, ends[0].span), Scalar(high, ends[1].span)
    return Parameter(
        path,
        form,  # type: ignore[arg-type]  # one of `RANGES`
        low=low,
        high=high,
        step=step,
        log=log,
        when=_written(when),
        span=span,
        nodes=ends,
        when_node=when,
    )


def _ends(form: str, node: Node, report: Collector) -> tuple[Node, Node] | None:
    """The two ends of a range."""
    kind = "integers" if form == "integers" else "numbers"
    if not isinstance(node, Sequence) or len(node.items) != 2:
        message = f"`{form}` must be a list of two {kind}, found {describe(plain(node))}"
        report.error("MS204", message, node.span, help=_EXAMPLE)
        return None
    for item in node.items:
        value = plain(item)
        if not (is_int(value) if form == "integers" else _is_number(value)):
            message = f"`{form}` must be a list of two {kind}, found {describe(value)}"
            help = "an integer has no decimal point" if form == "integers" else None
            report.error("MS204", message, item.span, help=help)
            return None
        assert isinstance(value, (int, float))
        if abs(value) > _LARGEST:
            report.error("MS205", f"{value} is too large", item.span)
            return None
    return node.items[0], node.items[1]


def _check_order(
    form: str,
    low: float,
    high: float,
    ends: tuple[Node, Node],
    report: Collector,
    *,
    log: bool,
) -> None:
    if low >= high:
        message = f"the first number of `{form}` must be smaller than the second: [{low}, {high}]"
        is_swapped = low > high
        help = f"write `{form}: [{high}, {low}]`" if is_swapped else "write a list: `[{low}]`"
        report.error("MS205", message, ends[0].span.to(ends[1].span), help=help)
    elif log and low <= 0:
        message = f"a range by logarithm must start above 0, found {low}"
        report.error("MS205", message, ends[0].span, help="use a small positive number")


def _log(form: str, node: Mapping, report: Collector) -> bool:
    """Whether a range is drawn by its logarithm."""
    entry = node.entries.get("log")
    if entry is None:
        return form == "log_uniform"
    value = plain(entry.value)
    if not isinstance(value, bool):
        report.error(
            "MS204", f"`log` must be `true` or `false`, found {describe(value)}", entry.value.span
        )
    elif form != "integers":
        help = "write `log_uniform`" if form == "uniform" and value else "remove `log`"
        message = f"`{form}` and `log` cannot be used together"
        report.error("MS208", message, entry.key_span, help=help)
    return value is True or form == "log_uniform"


def _step(node: Mapping, report: Collector, *, whole: bool) -> int | float | None:
    entry = node.entries.get("step")
    if entry is None:
        return None
    value = plain(entry.value)
    if not (is_int(value) if whole else _is_number(value)):
        kind = "an integer" if whole else "a number"
        report.error("MS204", f"`step` must be {kind}, found {describe(value)}", entry.value.span)
        return None
    assert isinstance(value, (int, float))
    if value <= 0:
        report.error("MS205", f"`step` must be above 0, found {value}", entry.value.span)
        return None
    return value


def _condition(node: Mapping, report: Collector) -> Node | None:
    """The node of `when`."""
    entry = node.entries.get("when")
    if entry is None or plain(entry.value) is None:
        return None
    value = plain(entry.value)
    if isinstance(value, bool) or (isinstance(value, str) and "$" in value):
        return entry.value
    message = f"`when` must be an expression or a boolean, found {describe(value)}"
    help = f"write `$({value})`" if isinstance(value, str) else "write e.g. `$(depth > 3)`"
    report.error("MS204", message, entry.value.span, help=help)
    return None


def _written(when: Node | None) -> str | bool | None:
    value = when.value if isinstance(when, Scalar) else None
    assert value is None or isinstance(value, (str, bool))
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and isfinite(value)
