"""The tutorial, as its reader follows it: files are written, changed, and used by commands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from modelspec.cli import main

from .test_docs import ROOT, is_shown, shape

pytestmark = pytest.mark.tensorflow
BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)


def changed(text: str, diff: str) -> str:
    """A text after a change: the lines of a diff without `+` are in it, once."""
    lines = diff.splitlines(keepends=True)
    old = "".join(line[1:] for line in lines if line[0] in " -")
    assert text.count(old) == 1, f"the file does not have the lines\n{old}"
    return text.replace(old, "".join(line[1:] for line in lines if line[0] in " +"))


def test_a_change_is_made_once() -> None:
    assert changed("a\nb\nc\n", " a\n-b\n+d\n") == "a\nd\nc\n"
    with pytest.raises(AssertionError, match="does not have"):
        changed("a\na\n", " a\n+b\n")


def test_the_tutorial_prints_what_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of its blocks in their order, in one folder; a `diff` changes a file."""
    monkeypatch.chdir(tmp_path)
    commands = []
    for language, title, text in BLOCK.findall((ROOT / "docs/tutorial.md").read_text("utf-8")):
        if language == "diff":
            Path(title).write_text(changed(Path(title).read_text("utf-8"), text), encoding="utf-8")
        elif title:
            Path(title).write_text(text, encoding="utf-8")
        elif language == "python":
            exec(compile(text, "tutorial.md", "exec"), {})
        else:
            assert language == "console", language
            command, _, expected = text.partition("\n")
            result = CliRunner().invoke(main, command.removeprefix("$ modelspec ").split())
            assert is_shown(shape(result.output), shape(expected)), f"{command}\n{result.output}"
            commands.append(command.split()[2])
    assert set(commands) == {"check", "show", "data", "train", "predict", "test"}
