"""Every diagnostic code has a manual page, and the examples on it do what it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import modelspec as ms
from modelspec.core.diagnostics import Diagnostic
from modelspec.core.diagnostics.diagnostic import Edit
from modelspec.core.diagnostics.pages import codes, page

PACKAGE = Path(ms.__file__).parent
EXAMPLES = re.compile(r"^## (Bad|Good)\n\n```(yaml|json)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def used_codes() -> set[str]:
    """Every code that stands in the source."""
    return {
        code
        for path in PACKAGE.rglob("*.py")
        for code in re.findall(r"\"(MS\d{3})\"", path.read_text("utf-8"))
    }


def examples() -> list[tuple[str, str, str, str]]:
    """Code, bad or good, ending, text."""
    return [
        (path.stem, which, ending, text)
        for path in sorted(PACKAGE.rglob("MS*.md"), key=lambda path: path.name)
        for which, ending, text in EXAMPLES.findall(path.read_text("utf-8"))
    ]


def test_every_code_has_a_page_and_every_page_a_code() -> None:
    assert used_codes() == set(codes())


@pytest.mark.parametrize("code", codes())
def test_a_page_has_a_title_and_says_something(code: str) -> None:
    found = page(code)
    assert found.title[0].islower() or found.title.startswith("`")
    assert len(found.prose) > 60


@pytest.mark.parametrize(
    ("code", "which", "ending", "text"), examples(), ids=lambda value: str(value)[:6]
)
def test_the_examples_are_true(
    code: str, which: str, ending: str, text: str, tmp_path: Path
) -> None:
    """The bad example gives exactly its code, once; the good one nothing at all."""
    path = tmp_path / f"spec.{ending}"
    path.write_text(text, encoding="utf-8")
    said = ms.check(path).diagnostics
    assert [d.code for d in said] == ([code] if which == "Bad" else []), "\n".join(
        str(d) for d in said
    )


def corrected(text: str, one: Diagnostic) -> str:
    """The text with the edits of a diagnostic made, or its suggestion written in its place."""
    assert one.span is not None
    edits = one.edits or (Edit(one.span, one.suggestion or ""),)
    for span, new in sorted(edits, key=lambda edit: -edit.span.start):
        text = text[: span.start] + new + text[span.end :]
    return text


@pytest.mark.parametrize(
    ("code", "ending", "text"),
    [(code, ending, text) for code, which, ending, text in examples() if which == "Bad"],
    ids=lambda value: str(value)[:6],
)
def test_a_suggestion_corrects_what_it_is_about(
    code: str, ending: str, text: str, tmp_path: Path
) -> None:
    """With it the bad example has no fault any more."""
    path = tmp_path / f"spec.{ending}"
    path.write_text(text, encoding="utf-8")
    one = ms.check(path).diagnostics[0]
    if one.suggestion is None and not one.edits:
        return
    path.write_text(corrected(text, one), encoding="utf-8")
    assert ms.check(path).diagnostics == ()
