"""Reads a section of a spec: its keys, its settings, and the place of each fault."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable
from collections.abc import Sequence as SequenceType
from dataclasses import replace
from typing import TypeVar

from .diagnostics import (
    Collector,
    Diagnostic,
    Fault,
    Note,
    Path,
    Span,
    did_you_mean,
    listed,
    nearest_unused,
)
from .diagnostics.derived import origin_of
from .diagnostics.repaired import is_unfinished
from .settings import Context, Faults, Settings, describe
from .source import Mapping, Node, Scalar, Sequence, Value, find, locate, plain
from .source.offsets import place

S = TypeVar("S", bound=Settings)
T = TypeVar("T")

_ROUNDS = 3
"""A mistake inside another one (a misspelt key below a misspelt key) needs a second reading."""


def read_section(
    cls: type[S],
    node: Node,
    default: Span,
    context: Context,
    report: Collector,
    values: dict[str, Value] | None = None,
) -> S | None:
    """An instance of a section from its mapping, with every fault reported: corrected where all
    faults have suggestions, None otherwise.

    `values` are read instead of the values of the mapping (with some keys taken out). A fault of a
    key that was not written is at `default`.
    """
    body = plain(node) if values is None else values
    if not isinstance(body, dict):
        message = f"`{cls.kind()}` must be a mapping, found {describe(body)}"
        help = f"write e.g. `{cls.kind()}: {{{next(iter(cls.model_fields))}: ...}}`"
        report.report(Fault("MS204", message, help=help), node.span)
        return None
    try:
        return cls.build(body, context)
    except Faults as error:
        report_each(error, node, default, report)
        found = read_as_meant(
            lambda meant: cls.build(_in_place_of(body, plain(node), meant), context),
            node,
            default,
            error,
            report,
        )
        return found[1] if found else None


def _in_place_of(values: dict[str, Value], written: Value, meant: Value) -> dict[str, Value]:
    """The values to read after `written` was corrected to `meant`, where `values` were read instead
    of it: without the keys that were taken out, with those that were added.
    """
    if not isinstance(written, dict) or not isinstance(meant, dict):
        return dict.fromkeys(values, meant)  # one setting in its short form
    left_out = written.keys() - values.keys()
    put_in = {key: one for key, one in values.items() if key not in written or written[key] != one}
    return {**{key: one for key, one in meant.items() if key not in left_out}, **put_in}


def read_as_meant(
    read: Callable[[Value], T], node: Node | None, default: Span, error: Faults, report: Collector
) -> tuple[Node, T] | None:
    """The result of `read` for a value whose `error` is reported, after its mistakes are corrected
    by their suggestions; with the corrected value, which keeps the written places.

    None where a fault has no suggestion. Faults that the mistakes hid are reported, unless they are
    about the corrected value itself: then the suggestion was wrong.
    """
    from .recovery import corrected  # a spec without faults needs none of it

    doubtful: list[Span] = []
    for _ in range(_ROUNDS):
        if node is None:
            return None
        doubtful += [span for fault in error.faults if (span := locate(node, fault.path))]
        node = corrected(node, error.faults)
        if node is None:
            return None
        try:
            return node, read(plain(node))
        except Faults as found:
            error = found
        for fault in error.faults:
            one = located(fault, node, default)
            if not any(_within(one.span, span) for span in doubtful):
                report.add(one)
    return None


def _within(inner: Span | None, outer: Span) -> bool:
    return inner is not None and outer.start <= inner.start and inner.end <= outer.end


def report_each(error: Faults, node: Node | None, default: Span, report: Collector) -> None:
    """Every fault of a value, each at its own place below `node`."""
    for fault in error.faults:
        report.add(located(fault, node, default))


def located(
    fault: Fault,
    node: Node | None,
    default: Span,
    *,
    whole: bool = False,
    notes: Iterable[Note] = (),
) -> Diagnostic:
    """A fault at the place below `node` that its path leads to; at `default` where that was not
    written.

    `whole` marks key and value, for a fault of the value against something outside (a shape).
    """
    if node is None:
        return fault.at(default, tuple(notes))
    if fault.part is not None and (text := _text_at(node, fault.path)) is not None:
        return _at_part(fault, fault.part, text, tuple(notes))
    span = locate(node, fault.path, key=fault.at_key, whole=whole) if fault.path else None
    return fault.at(span or default, (*notes, *_of_conflict(fault, node, span or default)))


def _of_conflict(fault: Fault, node: Node, span: Span) -> tuple[Note, ...]:
    """The place of the other side of a conflict, if it is in another file than `span`: see
    `in_other_files`.
    """
    if fault.code != "MS208":
        return ()
    mapping = find(node, fault.path[:-1]) or node
    return in_other_files(mapping, fault.message, span)


def in_other_files(node: Node, message: str, span: Span) -> tuple[Note, ...]:
    """The places of the keys in a message about a mapping that are in another file than `span`: one
    side of a conflict may be in an extended file, or in `--set`.
    """
    here = origin_of(span).source
    return tuple(
        Note(f"`{key}` is written here", entry.key_span)
        for key, entry in (node.entries.items() if isinstance(node, Mapping) else ())
        if f"`{key}`" in message and origin_of(entry.key_span).source is not here
    )


def _at_part(
    fault: Fault, part: tuple[int, int], text: Scalar, notes: tuple[Note, ...]
) -> Diagnostic:
    """A fault at some characters of a string; without its suggestion where they are written with
    escapes, as only the whole string can be shown then.
    """
    span = place(text, *part)
    escaped = span == text.span and span.text != str(text.value)[slice(*part)]
    return (replace(fault, suggestion=None) if escaped else fault).at(span, notes)


def _text_at(node: Node, path: Path) -> Scalar | None:
    """The string at a path; a step that was not written is skipped, as in `locate`."""
    for step in path:
        if isinstance(node, Mapping) and step in node.entries:
            node = node.entries[str(step)].value
        elif isinstance(node, Sequence) and isinstance(step, int) and step < len(node.items):
            node = node.items[step]
    return node if isinstance(node, Scalar) and isinstance(node.value, str) else None


def begun(key: str, span: Span, keys: Iterable[str], used: Container[str]) -> str | None:
    """The unused key that a half-written one begins; None for a key on a sound line, and for the
    beginning of several keys that do not begin alike themselves (`model`, `modelspec`).
    """
    if not is_unfinished(span):
        return None
    found = [one for one in keys if one.startswith(key) and one not in used]
    shortest = min(found, key=len, default="")
    return shortest if shortest and all(one.startswith(shortest) for one in found) else None


def known_keys(node: Mapping, keys: SequenceType[str], title: str, report: Collector) -> Mapping:
    """The section with its valid keys; MS201 for any other.

    A misspelt key is read as the suggested one, so that consequences of the mistake (a model
    without layers, undefined names) are not reported as well.
    """
    if all(key in keys for key in node.entries):
        return node
    found = {key: entry for key, entry in node.entries.items() if key in keys}
    for key, entry in node.entries.items():
        if key in keys:
            continue
        near = nearest_unused(key, keys, found) or begun(key, entry.key_span, keys, found)
        shown = title if " " in title else f"`{title}`"
        report.error(
            "MS201",
            f"{shown} has no key `{key}`",
            entry.key_span,
            suggestion=near,
            help=did_you_mean(near, f"its keys are {listed(keys)}"),
        )
        if near:
            found.setdefault(near, entry)
    return Mapping(found, node.span)
