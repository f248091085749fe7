"""The pictures of terminal sessions in the documents show what the commands print."""

from __future__ import annotations

import html
import importlib.util
import re
import shlex
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from click.testing import CliRunner

from modelspec.cli import main

from .test_docs import is_shown, shape

ROOT = Path(__file__).parent.parent
PICTURES = ROOT / "docs/pictures"
SHOWN_IN = {"README.md": ["check", "show", "train"], "docs/tutorial.md": ["wine"]}
CHARACTER = 12.2
"""The width of a character in a picture of Rich."""
PIECE = re.compile(r'<text class="[\w-]+-r\d+" x="([\d.]+)" y="([\d.]+)"[^>]*>(.*?)</text>', re.S)


def script() -> ModuleType:
    """The program that makes the pictures."""
    spec = importlib.util.spec_from_file_location("make_pictures", PICTURES / "make.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


MAKE = script()


def text_of(name: str) -> list[str]:
    """The rows of the terminal in a picture."""
    rows: defaultdict[float, str] = defaultdict(str)
    for x, y, text in PIECE.findall((PICTURES / f"{name}.svg").read_text("utf-8")):
        column = round(float(x) / CHARACTER)
        rows[float(y)] = rows[float(y)].ljust(column) + html.unescape(text).replace("\xa0", " ")
    first, last = min(rows), max(rows)
    numbers = [round((y - first) / 24.4) for y in rows]
    by_number = dict(zip(numbers, rows.values(), strict=True))
    lines = [by_number.get(n, "").rstrip() for n in range(round((last - first) / 24.4) + 1)]
    return "\n".join(lines).rstrip().splitlines()


def wrapped(lines: list[str]) -> Iterator[str]:
    """Lines as a terminal wraps them."""
    for line in lines:
        for start in range(0, max(len(line), 1), MAKE.WIDTH):
            yield line[start : start + MAKE.WIDTH].rstrip()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files that the commands read."""
    MAKE.write_files(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def printed(name: str) -> list[str]:
    """What the command of a picture prints today, below the command itself."""
    command = MAKE.COMMANDS[name]
    result = CliRunner().invoke(main, shlex.split(command)[1:])
    return list(wrapped([f"$ {command}", *result.output.rstrip().splitlines()]))


@pytest.mark.parametrize("name", ["check", "show", "wine"])
def test_a_picture_shows_what_the_command_prints(name: str, folder: Path) -> None:
    assert text_of(name) == printed(name)


@pytest.mark.tensorflow
def test_the_picture_of_a_training_shows_what_the_command_prints(folder: Path) -> None:
    assert is_shown(shape("\n".join(printed("train"))), shape("\n".join(text_of("train"))))


def test_every_picture_is_shown_and_has_a_command() -> None:
    shown = [name for names in SHOWN_IN.values() for name in names]
    assert sorted(shown) == sorted(MAKE.COMMANDS) == sorted(p.stem for p in PICTURES.glob("*.svg"))
    for document, names in SHOWN_IN.items():
        text = (ROOT / document).read_text("utf-8")
        links = re.findall(r"!\[[^\]]{20,}\]\((?:docs/)?pictures/(\w+)\.svg\)", text)
        assert sorted(links) == sorted(names), document


@pytest.mark.parametrize("name", sorted(MAKE.COMMANDS))
def test_a_picture_loads_nothing(name: str) -> None:
    picture = (PICTURES / f"{name}.svg").read_text("utf-8")
    assert set(re.findall(r"https?://[\w.]+", picture)) <= {
        "http://www.w3.org",
        "https://www.textualize.io",  # in a comment of Rich
    }
    assert not re.search(r"<(?:script|image|a)\b|@import|font-face", picture)


def test_a_screen_is_what_a_terminal_shows() -> None:
    screen = MAKE.Screen()
    screen.feed("50 %\r\x1b[2Kdone\r\nbar\r\x1b[1A\x1b[2K\x1b[31mred\x1b[0m end\n")
    plain = re.sub(r"\x1b\[\d*m", "", screen.text())
    assert plain == "red end\nbar"
    assert screen.rows[0][0] == ("r", "\x1b[31m") and screen.rows[0][-1] == ("d", "")
    wide = MAKE.Screen()
    wide.feed("x" * (MAKE.WIDTH + 3))
    assert [len(row) for row in wide.rows] == [MAKE.WIDTH, 3]
