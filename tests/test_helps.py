"""What the `help` of a diagnostic proposes, corrects the bad example of its manual page.

`helps_applied.yaml` contains each proposal as edits of the example. Suggestions, which are edits
already, are made by `test_pages.py`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

import modelspec as ms

from .test_pages import examples

APPLIED: dict[str, list[dict[str, str]]] = yaml.safe_load(
    (Path(__file__).parent / "helps_applied.yaml").read_text("utf-8")
)
BAD = {code: (ending, text) for code, which, ending, text in examples() if which == "Bad"}
OUTSIDE = {
    "MS216": "a pretrained architecture, whose weights are downloaded",
    "MS534": "a file that Keras writes",
    "MS585": "an option of the command",
    "MS663": "another command, for data that the example does not have",
    "MS682": "an option of the command",
    "MS748": "a folder that KerasHub writes",
    "MS749": "any backbone of KerasHub",
    "MS756": "an option of the command",
}
"""Diagnostics whose help does not change the spec, or needs what the example does not have."""


def proposals() -> list[Any]:
    return [
        pytest.param(code, edits, id=f"{code}-{place}")
        for code, several in APPLIED.items()
        for place, edits in enumerate(several)
    ]


@pytest.mark.parametrize(("code", "edits"), proposals())
def test_a_help_corrects_what_it_is_about(code: str, edits: dict[str, str], tmp_path: Path) -> None:
    """With it the bad example has no fault any more."""
    ending, text = BAD[code]
    for old, new in edits.items():
        assert old in text, f"{code}: the example does not contain {old!r}"
        text = text.replace(old, new)
    path = tmp_path / f"spec.{ending}"
    path.write_text(text, encoding="utf-8")
    said = ms.check(path).diagnostics
    assert not said, "\n".join(map(str, said))


def test_every_help_is_applied(tmp_path: Path) -> None:
    """A new page with a help needs its edits."""
    missing = []
    for code, (ending, text) in BAD.items():
        path = tmp_path / f"spec.{ending}"
        path.write_text(text, encoding="utf-8")
        one = ms.check(path).diagnostics[0]
        helps = one.help is not None and one.suggestion is None and not one.edits
        if helps and code not in APPLIED and code not in OUTSIDE:
            missing.append(f"{code}: {one.help}")
    assert not missing, "\n".join(missing)
