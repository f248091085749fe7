"""Reads a file, a string or a Python mapping into a `Document`."""

from __future__ import annotations

import errno
import os
import re
import stat
import sys
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any, Final, Literal

from ..diagnostics import Checked, Diagnostic, Fault, Source, Span
from . import budgets
from .node import Document
from .open_texts import open_text
from .reader import Reading

Kind = Literal["yaml", "json", "auto"]
"""`auto` is JSON where the text looks like JSON, and YAML otherwise."""

_KINDS: Final[dict[str, Kind]] = {".json": "json", ".yaml": "yaml", ".yml": "yaml"}
_FORBIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff]"
)
_CHARACTERS: Final = {
    0x00: "a NUL character",
    0x85: "the line break NEL",
    0x2028: "a line separator",
    0x2029: "a paragraph separator",
    0xFEFF: "a byte order mark inside the text",
}
_HALVES: Final = (0xD800, 0xDFFF)
_DIRECTIONS: Final = ((0x202A, 0x202E), (0x2066, 0x2069))
_REASONS: Final = {
    errno.ENOENT: "does not exist",
    errno.EACCES: "cannot be read: permission denied",
    errno.EPERM: "cannot be read: permission denied",
    errno.ELOOP: "is a symbolic link to itself",
    errno.ENAMETOOLONG: "has a name that is too long",
    errno.EISDIR: "is a directory",
}


def read(path: str | os.PathLike[str], folder: Path | None = None) -> Checked[Document | None]:
    """Read a file; `-` is standard input. Errors are in the diagnostics, nothing is raised.

    `folder` is the base of relative paths in the file, if it differs from that of the spec.
    """
    name = os.fspath(path)
    unsaved = open_text(name)
    if unsaved is not None:
        return read_text(unsaved, name, kind_of(name), folder)
    try:
        raw = _standard_input() if name == "-" else _bytes_of(name)
    except Fault as fault:
        return Checked(None, (fault.at(None),))
    name = "<stdin>" if name == "-" else name
    text = _decoded(raw, name)
    if isinstance(text, Diagnostic):
        return Checked(None, (text,))
    return read_text(text, name, kind_of(name), folder)


def kind_of(name: str) -> Kind:
    """The format of a file of this name."""
    return _KINDS.get(PurePath(name).suffix.lower(), "auto")


def read_text(
    text: str, name: str, kind: Kind = "yaml", folder: Path | None = None
) -> Checked[Document | None]:
    """Read a string; messages show `name` for it."""
    source = Source(name, text.removeprefix("\ufeff"), folder=folder)
    if len(text) > budgets.TEXT_BYTES or (not text.isascii() and _size(text) > budgets.TEXT_BYTES):
        return Checked(None, (_too_large().at(Span(source, 0, 0)),))
    forbidden = _forbidden(source)
    if forbidden:
        return Checked(None, forbidden)
    if kind == "auto":
        if source.text.lstrip()[:1] == "{":
            as_json = _compose(Reading(source), "json")
            if not any(diagnostic.code in ("MS103", "MS107") for diagnostic in as_json.diagnostics):
                return as_json
        kind = "yaml"
    return _compose(Reading(source), kind)


_SYNTAX: Final = frozenset(("MS102", "MS103", "MS104", "MS105", "MS106", "MS107", "MS109", "MS110"))
"""Faults after which the rest of a text can be read, if its syntax is repaired."""


def recovered(found: Checked[Document | None]) -> Checked[Document | None]:
    """What was read; after a syntax error the document of the repaired text.

    Every syntax error is reported once. The places in the document are those of the text as
    written; `core.diagnostics.repaired` knows which lines were repaired. The value is None if
    nothing was read for another reason, or if no small repair helps.
    """
    first = found.diagnostics[0] if found.diagnostics else None
    if found.value is not None or first is None or first.span is None:
        return found
    if not {one.code for one in found.diagnostics} <= _SYNTAX:
        return found
    from .repair import repaired

    source = first.span.source
    characters = found.diagnostics if _FORBIDDEN.search(source.text) else ()
    return repaired(source, found, characters, is_json=kind_of(source.name) == "json")


def read_mapping(mapping: Mapping[str, Any], name: str = "<dict>") -> Checked[Document | None]:
    """Read a Python mapping as text, so that every error has a place to show."""
    from .from_mapping import render, render_yaml

    kind: Kind = "yaml"
    written = render_yaml(mapping)
    if written is None:
        kind, written = "json", render(mapping)
    text, misfits, whole = written
    reading = Reading(Source(name, text))
    try:
        for fault, start, end in misfits:
            reading.report(fault, reading.span(start, end))
        if len(text) > budgets.TEXT_BYTES:
            reading.stop(_too_large(), reading.span(0, 0))
    except Fault:
        whole = False
    return _compose(reading, kind) if whole else Checked(None, reading.diagnostics)


def _compose(reading: Reading, kind: Kind) -> Checked[Document | None]:
    try:
        if kind == "json":
            from .json_reader import compose as compose_json

            root = compose_json(reading)
        else:
            from .yaml_reader import compose as compose_yaml

            root = compose_yaml(reading)
    except Fault as fault:  # already reported; it only ends the reading
        fault.with_traceback(None)  # its frames contain it: a cycle, which would keep all nodes
        root = None
    return Checked(Document(root) if root is not None else None, reading.diagnostics)


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _too_large() -> Fault:
    limit = budgets.TEXT_BYTES // 1_000_000
    return Fault(
        "MS108",
        f"the text is larger than {limit} MB",
        help="keep data in data files, and the spec small",
    )


def _forbidden(source: Source) -> tuple[Diagnostic, ...]:
    found: list[Diagnostic] = []
    for match in _FORBIDDEN.finditer(source.text):
        if len(found) == budgets.SHOWN_CHARACTERS:
            break
        found.append(_character(match[0]).at(Span(source, *match.span())))
    return tuple(found)


def _character(character: str) -> Fault:
    code = ord(character)
    half = _HALVES[0] <= code <= _HALVES[1]
    name = _CHARACTERS.get(code)
    if name is None:
        turns = any(first <= code <= last for first, last in _DIRECTIONS)
        name = "a mark that changes the text direction" if turns else "a control character"
    fix = "remove it" if half else f"remove it, or write `\\u{code:04x}` in double quotes"
    message = f"{'half a character' if half else name} (U+{code:04X}) is not allowed in a spec"
    return Fault("MS102", message, help=fix)


def _standard_input() -> bytes:
    """Standard input, up to the limit. Raises `Fault` (MS701, MS108)."""
    stream = getattr(sys.stdin, "buffer", None)
    if stream is None:
        raise Fault("MS701", "standard input is not available")
    try:
        raw: bytes = stream.read(budgets.TEXT_BYTES + 1)
    except (OSError, ValueError) as error:
        raise Fault("MS701", f"standard input cannot be read: {error}") from error
    if len(raw) > budgets.TEXT_BYTES:
        raise _too_large()
    return raw


def _bytes_of(name: str) -> bytes:
    """The bytes of a regular file, up to the limit. Raises `Fault` (MS701, MS108).

    The file is opened without blocking and inspected once it is open, so that no pipe blocks, no
    device is read, and it cannot be replaced between the inspection and the reading.
    """
    try:
        handle = os.open(
            name, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        )
    except (OSError, ValueError) as error:
        raise _unreadable(name, error) from error
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise Fault(
                "MS701",
                f"`{name}` is {_kind(status.st_mode)}, not a file",
                help="give the path of a file",
            )
        if status.st_size > budgets.TEXT_BYTES:
            raise _too_large()
        with os.fdopen(handle, "rb", closefd=False) as file:
            raw = file.read(budgets.TEXT_BYTES + 1)
    except OSError as error:
        raise _unreadable(name, error) from error
    finally:
        os.close(handle)
    if len(raw) > budgets.TEXT_BYTES:
        raise _too_large()
    return raw


def _kind(mode: int) -> str:
    return "a directory" if stat.S_ISDIR(mode) else "a pipe" if stat.S_ISFIFO(mode) else "a device"


def _unreadable(name: str, error: OSError | ValueError) -> Fault:
    if isinstance(error, ValueError):
        return Fault(
            "MS701", "a path cannot contain a NUL character", help="give the path of a file"
        )
    reason = _REASONS.get(error.errno or 0)
    return Fault(
        "MS701", f"`{name}` {reason}" if reason else f"`{name}` cannot be read: {error.strerror}"
    )


def _decoded(raw: bytes, name: str) -> str | Diagnostic:
    """The text, or the fault where the bytes are not text."""
    if raw.startswith((b"\x89HDF", b"PK\x03\x04")):
        fault = Fault(
            "MS101",
            "this is a model file, not a text file",
            help="`modelspec import` converts a model to a spec",
        )
        return fault.at(Span(Source(name, ""), 0, 0))
    wide = _wide_encoding(raw)
    if wide:
        fault = Fault(
            "MS101", f"the file is {wide.upper()[:6]}, not UTF-8", help="save it as UTF-8"
        )
        return fault.at(
            Span(Source(name, raw.decode(wide, "replace").removeprefix("\ufeff")), 0, 0)
        )
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        start = len(raw[: error.start].decode("utf-8").removeprefix("\ufeff"))
        text = raw.decode("utf-8", "replace").removeprefix("\ufeff")
        fault = Fault(
            "MS101", f"byte 0x{raw[error.start]:02X} is not UTF-8", help="save the file as UTF-8"
        )
        return fault.at(Span(Source(name, text), start, start + 1))


def _wide_encoding(raw: bytes) -> str | None:
    """UTF-16 or UTF-32, by its byte order mark or by the zeros between ASCII characters."""
    if raw.startswith((b"\xff\xfe\0\0", b"\0\0\xfe\xff")):
        return "utf-32"
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    zeros = tuple(byte == 0 for byte in raw[:4])
    patterns = {
        (False, True, False, True): "utf-16-le",
        (True, False, True, False): "utf-16-be",
        (False, True, True, True): "utf-32-le",
        (True, True, True, False): "utf-32-be",
    }
    return patterns.get(zeros)  # type: ignore[arg-type]  # fewer than four bytes match no pattern
