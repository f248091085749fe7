"""Manual pages as they are found and parsed; what their examples do is tested with the whole
chain.
"""

from __future__ import annotations

import pytest

from modelspec.core.diagnostics.pages import codes, page, parse


def test_every_page_has_its_own_code_and_both_examples() -> None:
    assert {"MS101", "MS112", "MS701"} <= set(codes())
    for code in codes():
        manual = page(code)
        assert manual is not None
        assert manual.code == code
        assert manual.title
        assert manual.prose
        assert manual.bad
        assert manual.good


@pytest.mark.parametrize("code", ["MS000", "", "MS1", "../pages/MS101", "MS101.md", "ms101"])
def test_what_is_no_code_has_no_page(code: str) -> None:
    assert page(code) is None


@pytest.mark.parametrize(
    "written",
    [
        "",
        "# MS101: t\n\nprose\n",
        "# MS101: t\n\nprose\n\n## Bad\n\n```sh\nx\n```\n",
        "# MS101: t\n\n## Bad\n## Good\n",
        "# MS101: t\n\nprose\n\n## Good\n\n```sh\nx\n```\n\n## Bad\n\n```sh\nx\n```\n",
    ],
)
def test_a_page_without_its_form_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="MS"):
        parse(written)


def test_a_page_knows_which_examples_run() -> None:
    bad = "## Bad\n\n```yaml\na: 1\n```\n\n```sh\nx\n```\n"
    manual = parse(f"# MS101: t\n\nprose\n\n{bad}\n## Good\n\n```json\n{{}}\n```\n")
    assert [(example.text, example.runs) for example in manual.bad] == [
        ("a: 1\n", True),
        ("x\n", False),
    ]
    assert [(example.language, example.runs) for example in manual.good] == [("json", True)]
