"""The findings of a stage, as values.

A `Diagnostic` has a place in a file. A `Fault` is found by code that knows settings and sizes but
no files (a shape rule, a settings class); the stage that does know the file turns it into a
diagnostic.
"""

from __future__ import annotations

from dataclasses import field, replace
from typing import Generic, Literal, TypeVar

from ..records import NamedTuple, dataclass
from .span import Span

Severity = Literal["error", "warning", "note"]
Path = tuple[str | int, ...]
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True)
class Note:
    """A sentence that accompanies a diagnostic, with an optional second place."""

    message: str
    span: Span | None = None

    def __str__(self) -> str:
        return f"{self.message} ({self.span})" if self.span else self.message


class Edit(NamedTuple):
    """The replacement of a span; an empty span is a place to insert at."""

    span: Span
    text: str


@dataclass(frozen=True, eq=False)
class Diagnostic:
    """One fault at one place.

    `message` states what was found, `notes` where the expectation comes from, `help` the edit that
    fixes it, and `suggestion` the text that would replace the span where the edit is a plain
    replacement. `edits` are given where the fix is certain: applied together, they keep the
    meaning of the file as it was understood.

    Two are equal if they report the same at the same place of files with the same name: two checks
    of one text give equal diagnostics.
    """

    code: str
    severity: Severity
    message: str
    span: Span | None
    notes: tuple[Note, ...] = ()
    help: str | None = None
    suggestion: str | None = None
    edits: tuple[Edit, ...] = ()

    @property
    def file(self) -> str | None:
        return self.span.file if self.span else None

    @property
    def line(self) -> int | None:
        return self.span.line if self.span else None

    @property
    def column(self) -> int | None:
        return self.span.column if self.span else None

    @property
    def end_line(self) -> int | None:
        return self.span.end_line if self.span else None

    @property
    def end_column(self) -> int | None:
        return self.span.end_column if self.span else None

    def to_dict(self) -> dict[str, object]:
        """The diagnostic as JSON types; absent values are None. Lines and columns count from 1,
        columns in characters.
        """
        return {
            "code": self.code,
            "severity": self.severity,
            "message": self.message,
            "file": self.file,
            "line": self.line,
            "column": self.column,
            "end_line": self.end_line,
            "end_column": self.end_column,
            "notes": [str(note) for note in self.notes],
            "help": self.help,
            "suggestion": self.suggestion,
        }

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Diagnostic) and self._content == other._content

    def __hash__(self) -> int:
        return hash(self._content)

    @property
    def _content(self) -> tuple[object, ...]:
        """All of its content, places by their offsets: text that is read twice is two sources."""
        return (
            (self.code, self.severity, self.message, self.help, self.suggestion),
            _offsets(self.span),
            tuple((note.message, _offsets(note.span)) for note in self.notes),
            tuple((_offsets(edit.span), edit.text) for edit in self.edits),
        )

    def __repr__(self) -> str:
        return f"<Diagnostic {self}>"

    def __str__(self) -> str:
        place = f"{self.span}: " if self.span else ""
        return f"{place}{self.severity}[{self.code}]: {self.message}"


def _offsets(span: Span | None) -> tuple[str, int, int] | None:
    return None if span is None else (span.file, span.start, span.end)


@dataclass(eq=False)
class Fault(ValueError):
    """Something wrong with settings, sizes or types, before it has a place in a file.

    Shape rules and settings raise it, and only the stage that called them catches it: a rule then
    reads as arithmetic, without a check after every step. Past that stage a fault is a
    `Diagnostic`, a value. (A ValueError, so that one raised in a pydantic validator is collected
    with the others.)

    `path` leads from the layer's (or component's) settings to the value at fault, e.g.
    `("kernel_size",)`; an empty path is the whole object. `at_key` marks the key there rather
    than the value. `argument` names the call argument whose tensor is at fault. `part` are the
    characters at fault of a string value (a formula): from the first up to the second.
    """

    code: str
    message: str
    path: Path = ()
    notes: tuple[str, ...] = ()
    help: str | None = None
    suggestion: str | None = None
    argument: str | None = None
    severity: Severity = "error"
    at_key: bool = False
    part: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        super().__init__(self.message)

    def under(self, *prefix: str | int) -> Fault:
        """The same fault with its path from an outer level."""
        return replace(self, path=(*prefix, *self.path))

    def at(self, span: Span | None, notes: tuple[Note, ...] = ()) -> Diagnostic:
        """The same fault, placed in a file."""
        own = tuple(Note(text) for text in self.notes)
        return Diagnostic(
            self.code, self.severity, self.message, span, own + notes, self.help, self.suggestion
        )


@dataclass(frozen=True)
class Checked(Generic[T_co]):
    """The best result of a stage, and its diagnostics."""

    value: T_co
    diagnostics: tuple[Diagnostic, ...] = field(default=())

    @property
    def ok(self) -> bool:
        """Whether the diagnostics contain no error."""
        return not any(d.severity == "error" for d in self.diagnostics)
