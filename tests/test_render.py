"""Diagnostics as text, JSON and workflow commands."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from modelspec.core.diagnostics import Diagnostic, Note, Severity, Source, Span
from modelspec.core.diagnostics.render import github, text
from modelspec.core.diagnostics.render import json as as_json

SPEC = (
    "\n" * 10 + "    - MaxPooling2D: {name: pool_2}\n    - Conv2D: {filters: 8, kernel_size: 7}\n"
)


def made(
    written: str,
    part: str,
    *notes: Note,
    name: str = "digits.yaml",
    severity: Severity = "error",
    **more: Any,
) -> Diagnostic:
    start = written.index(part)
    return Diagnostic(
        "MS402",
        severity,
        "it does not fit",
        Span(Source(name, written), start, start + len(part)),
        notes,
        **more,
    )


def excerpt(diagnostic: Diagnostic, **options: Any) -> list[str]:
    """The lines of the excerpt: those between the place and the remarks."""
    lines = text.render([diagnostic], **options).splitlines()
    return [line for line in lines[2:] if re.match(r" *\d* \|", line) or line.startswith("...")]


def test_a_fault_is_shown_as_in_the_reference() -> None:
    fault = Diagnostic(
        "MS402",
        "error",
        "kernel 7x7 does not fit its 5x5 input",
        Span(Source("digits.yaml", SPEC), SPEC.index("kernel_size"), SPEC.index("}\n", 60)),
        (Note("`pool_2` at digits.yaml:11:7 gives (batch, 5, 5, 16)"),),
        "use `padding: same` or a kernel_size of at most 5",
    )
    assert (
        text.render([fault])
        == """\
error[MS402]: kernel 7x7 does not fit its 5x5 input
  --> digits.yaml:12:28
   |
12 |     - Conv2D: {filters: 8, kernel_size: 7}
   |                            ^^^^^^^^^^^^^^
   = note: `pool_2` at digits.yaml:11:7 gives (batch, 5, 5, 16)
   = help: use `padding: same` or a kernel_size of at most 5

1 error
"""
    )


def test_the_last_line_counts() -> None:
    error = Diagnostic("MS701", "error", "no", None)
    warning = Diagnostic("MS307", "warning", "dead", None)
    assert text.render([error, warning, error]).splitlines()[-1] == "2 errors, 1 warning"
    assert text.render([warning, warning]).splitlines()[-1] == "2 warnings"
    assert text.render([Diagnostic("MS307", "note", "so", None)]).splitlines()[-1] == "1 note"
    assert text.render([]).strip() == "no errors"


def test_a_fault_without_a_place_has_no_excerpt() -> None:
    fault = Diagnostic("MS701", "error", "`x.yaml` does not exist", None, help="one\ntwo")
    assert (
        text.render([fault])
        == """\
error[MS701]: `x.yaml` does not exist
  = help: one
          two

1 error
"""
    )


def test_an_empty_file_has_a_place_and_no_excerpt() -> None:
    fault = Diagnostic("MS111", "error", "empty", Span(Source("x.yaml", ""), 0, 0))
    assert text.render([fault]) == "error[MS111]: empty\n --> x.yaml:1:1\n\n1 error\n"


def test_a_note_has_its_place_marked_in_the_same_excerpt() -> None:
    source = Source("s.yaml", "a: 1\nb: 2\nc: 3\na: 4\n")
    fault = Diagnostic(
        "MS104", "error", "twice", Span(source, 15, 16), (Note("first here", Span(source, 0, 1)),)
    )
    assert (
        text.render([fault])
        == """\
error[MS104]: twice
 --> s.yaml:4:1
  |
1 | a: 1
  | -
...
4 | a: 4
  | ^
  = note: first here (s.yaml:1:1)

1 error
"""
    )


def test_marks_on_one_line_share_a_row_unless_they_overlap() -> None:
    written = "a: {b: 1, b: 2}"
    source = Source("s.yaml", written)

    def fault(start: int, end: int, other: tuple[int, int]) -> Diagnostic:
        return Diagnostic(
            "MS104", "error", "m", Span(source, start, end), (Note("n", Span(source, *other)),)
        )

    assert excerpt(fault(10, 11, (4, 5)))[2:] == ["  |     -     ^"]
    assert excerpt(fault(3, 15, (4, 5)))[2:] == ["  |    ^^^^^^^^^^^^", "  |     -"]


def test_a_note_in_another_file_is_named_and_not_marked() -> None:
    other = Source("base.yaml", "x: 1\n")
    fault = made("a: 1\n", "1", Note("set here", Span(other, 3, 4)))
    assert excerpt(fault) == ["  |", "1 | a: 1", "  |    ^"]
    assert "  = note: set here (base.yaml:1:4)" in text.render([fault])


@pytest.mark.parametrize(
    ("written", "part", "row"),
    [
        ("a:\tbc", "bc", "  |       ^^"),  # a tab takes four columns
        ("{日本: 語}", "語", "  |        ^^"),  # wide characters take two
        ("e\u0301: x", "x", "  |    ^"),  # a combining one none
        (
            "a\x1b[31m: x",
            "x",
            "  |         ^",
        ),  # a control character is shown as one that does nothing
        ("a: ", "", "  | ^"),  # an empty span still has a caret
    ],
)
def test_carets_stand_under_what_they_mean(written: str, part: str, row: str) -> None:
    assert excerpt(made(written, part))[-1] == row


def test_nothing_in_a_file_reaches_the_terminal_as_it_is() -> None:
    fault = Diagnostic(
        "MS102",
        "error",
        "bad `\x1b[31m\u202e`",
        Span(Source("\x1b.yaml", "a\x9b\u2066\ud800\x7f: \x1b"), 0, 1),
        (Note("\x07"),),
        "\r\x08",
    )
    shown = text.render([fault])
    assert not set(shown) & set("\x1b\u202e\x9b\u2066\ud800\x7f\x07\r\x08")
    assert "\u241b" in shown
    shown.encode("utf-8")


def test_a_span_of_several_lines_is_underlined_on_each() -> None:
    written = "a:\n  - one\n\n  - two\nb: 1\n"
    assert excerpt(made(written, "- one\n\n  - two")) == [
        "  |",
        "2 |   - one",
        "  |   ^^^^^",
        "...",
        "4 |   - two",
        "  |   ^^^^^",
    ]


def test_a_span_of_many_lines_is_cut_in_the_middle() -> None:
    written = "".join(f"line {number}\n" for number in range(1, 12))
    shown = excerpt(made(written, written[: written.index("line 11") + 7]))
    assert shown == [
        "   |",
        " 1 | line 1",
        "   | ^^^^^^",
        " 2 | line 2",
        "   | ^^^^^^",
        "...",
        "11 | line 11",
        "   | ^^^^^^^",
    ]


@pytest.mark.parametrize("at", [0, 40, 5_000, 9_960, 9_999])
def test_a_long_line_is_cut_around_its_fault(at: int) -> None:
    written = "x" * at + "Y" + "x" * (9_999 - at)
    _, line, carets = excerpt(made(written, "Y"), width=80)
    assert len(line) <= 80 + len("1 | ")
    assert line[carets.index("^")] == "Y"
    assert carets.count("^") == 1


def test_color_only_when_asked_for() -> None:
    fault = made(SPEC, "kernel_size: 7", Note("n"), help="h")
    plain, colored = text.render([fault]), text.render([fault], color=True)
    assert "\x1b" not in plain
    assert "\x1b[1;31m" in colored
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == plain


def test_a_suggestion_is_the_help_where_there_is_none() -> None:
    assert "  = help: write `7`" in text.render([made("a: 1", "1", suggestion="7")])


def test_lines_that_end_in_cr_and_crlf_are_one_line_each() -> None:
    assert excerpt(made("a: 1\r\nb: 2\rc: 3\r\n", "3")) == ["  |", "3 | c: 3", "  |    ^"]


def test_json_has_exactly_the_fields_of_the_reference() -> None:
    fault = made(
        "a:\n  bc\n",
        "bc",
        Note("so"),
        Note("there", Span(Source("o.yaml", "x"), 0, 1)),
        suggestion="d",
    )
    bare = Diagnostic("MS701", "warning", "é", None)
    assert json.loads(as_json.render([fault, bare])) == {
        "ok": False,
        "diagnostics": [
            {
                "code": "MS402",
                "severity": "error",
                "message": "it does not fit",
                "file": "digits.yaml",
                "line": 2,
                "column": 3,
                "end_line": 2,
                "end_column": 5,
                "notes": ["so", "there (o.yaml:1:1)"],
                "help": None,
                "suggestion": "d",
            },
            {
                "code": "MS701",
                "severity": "warning",
                "message": "é",
                "file": None,
                "line": None,
                "column": None,
                "end_line": None,
                "end_column": None,
                "notes": [],
                "help": None,
                "suggestion": None,
            },
        ],
    }
    assert json.loads(as_json.render([bare]))["ok"] is True
    assert json.loads(as_json.render([])) == {"ok": True, "diagnostics": []}


def test_github_escapes_what_would_end_a_command_or_a_property() -> None:
    fault = made("a: 1", "1", Note("n"), name="a,b:c%.yaml", help="x\r\ny")
    assert (
        github.render([fault])
        == "::error file=a%2Cb%3Ac%25.yaml,line=1,endLine=1,col=4,endColumn=5,title=MS402::"
        "it does not fit%0Anote: n%0Ahelp: x%0D%0Ay\n"
    )


def test_github_names_columns_only_on_one_line() -> None:
    several = made("a:\n  b\n", "a:\n  b", severity="warning")
    assert (
        github.render([several])
        == "::warning file=digits.yaml,line=1,endLine=2,title=MS402::it does not fit\n"
    )
    assert (
        github.render([Diagnostic("MS1", "note", "m:,%", None)]) == "::notice title=MS1::m:,%25\n"
    )
    assert github.render([]) == ""
