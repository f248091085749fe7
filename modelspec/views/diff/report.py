"""Differences as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from ..resolve.dump import scalar
from .compare import Change, Difference, LayerChange
from .rows import Row
from .sides import Side
from .values import ABSENT

_LONGEST: Final = 70
_RESET: Final = "\x1b[0m"
_STYLES: Final = {"+": "\x1b[32m", "-": "\x1b[31m", "~": "\x1b[33m", "#": "\x1b[1m"}
_TITLES: Final = {
    "parameters": "parameters",
    "trainable_parameters": "trainable",
    "flops": "multiply-adds",
}


def as_text(found: Difference, *, colour: bool = False) -> str:
    """The differences, a section for each kind; `colour`: with terminal colors."""
    lines = [f"# {found.a.name} -> {found.b.name}"]
    if not found.differs:
        lines += ["", "no differences"]
    lines += _section("layers", _layers(found))
    lines += _section("inputs and outputs", map(_change, found.ends))
    if found.differs:
        lines += _section("totals", _totals(found.totals))
    lines += _section("training, data and runtime", map(_change, found.sections))
    if found.differs:
        lines += _section("weights", _weights(found))
    lines += _section("metrics", _metrics(found.a, found.b))
    lines += _section("history", _history(found.a, found.b))
    return "\n".join(_styled(line, colour) for line in lines) + "\n"


def _styled(line: str, colour: bool) -> str:
    """A line in the style of its first character; the character of a title is removed."""
    sign = line.lstrip()[:1]
    shown = line.removeprefix("# ")
    style = _STYLES.get(sign) if colour and (sign != "#" or shown != line) else None
    return f"{style}{shown}{_RESET}" if style else shown


def _section(title: str, lines: Iterator[str] | map[str]) -> list[str]:
    body = [f"  {line}" for line in lines]
    return ["", f"# {title}", *body] if body else []


def _layers(found: Difference) -> Iterator[str]:
    for row in found.removed:
        yield f"- {_row(row)}"
    for row in found.added:
        yield f"+ {_row(row)}"
    for one in found.changed:
        yield f"~ {_title(one)}"
        for change in one.changes:
            yield f"    {_text(change)}"


def _row(row: Row) -> str:
    count = row.parameters
    size = f", {count:,} parameters" if count else ""
    return (
        f"{row.name} ({row.kind}): {row.output}{size}"
        if row.output
        else f"{row.name} ({row.kind}){size}"
    )


def _title(one: LayerChange) -> str:
    name = f"{one.before.name} -> {one.after.name}" if one.renamed else one.after.name
    kind = (
        one.after.kind
        if one.before.kind == one.after.kind
        else f"{one.before.kind} -> {one.after.kind}"
    )
    words = ["renamed"] * one.renamed + ["moved"] * one.moved
    return f"{name} ({kind}){': ' if words else ''}{', '.join(words)}"


def _change(change: Change) -> str:
    sign = "+" if change.before is ABSENT else "-" if change.after is ABSENT else "~"
    return f"{sign} {_text(change)}"


def _text(change: Change) -> str:
    if change.before is ABSENT:
        return f"{change.path}: {_value(change.after)}"
    if change.after is ABSENT:
        return f"{change.path}: {_value(change.before)}"
    return f"{change.path}: {_value(change.before)} -> {_value(change.after)}"


def _value(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}" if abs(value) >= 10_000 else str(value)
    text = value if isinstance(value, str) else scalar(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def _totals(totals: tuple[Change, ...]) -> Iterator[str]:
    for name, before, after in totals:
        title = _TITLES[name]
        if before is None or after is None:
            yield f"{title}: {_count(before)} -> {_count(after)}"
        elif before == after:
            yield f"{title}: {after:,} (unchanged)"
        else:
            yield f"{title}: {before:,} -> {after:,} ({after - before:+,})"


def _count(value: int | None) -> str:
    return "depends on the data" if value is None else f"{value:,}"


def _weights(found: Difference) -> Iterator[str]:
    loading = found.loading
    count = len(loading.loaded) + len(loading.unloaded)
    if not count:
        return
    if loading.whole:
        yield (
            f"all weights of {found.a.name} can be loaded into {found.b.name}"
            if not loading.unused
            else (
                f"all weights of {found.b.name} can be loaded from {found.a.name}, which has more"
            )
        )
    else:
        yield (
            f"{len(loading.loaded)} of {count} layers of {found.b.name} can be loaded from"
            f" {found.a.name}; not"
        )
        for one in loading.unloaded:
            yield f"    {one.name}: {one.why}"
    if loading.unused:
        yield f"unused: {', '.join(loading.unused)}"


# Results of runs ----------------------------------------------------------------------------------


def _metrics(a: Side, b: Side) -> Iterator[str]:
    for part in dict.fromkeys((*a.metrics, *b.metrics)):
        yield from _numbers(f"{part} ", a.metrics.get(part, {}), b.metrics.get(part, {}))


def _history(a: Side, b: Side) -> Iterator[str]:
    if not a.history and not b.history:
        return
    yield f"epochs: {len(a.history)} -> {len(b.history)}"
    last = [dict(side.history[-1]) if side.history else {} for side in (a, b)]
    for row in last:
        row.pop("epoch", None)
    yield from _numbers("last ", *last)


def _numbers(lead: str, before: Mapping[str, float], after: Mapping[str, float]) -> Iterator[str]:
    for name in dict.fromkeys((*before, *after)):
        one, other = before.get(name), after.get(name)
        change = (
            f" ({other - one:+.4g})"
            if one is not None and other is not None and one != other
            else ""
        )
        yield f"{lead}{name}: {_figure(one)} -> {_figure(other)}{change}"


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"
