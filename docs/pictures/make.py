"""Pictures of terminal sessions, as SVG: each command runs in a terminal of this process, and the
last state of its screen is drawn.

    python docs/pictures/make.py [NAME ...]

The specs are those of the documents: `flowers.yaml` and `mistake.yaml` of the README, `wine.yaml`
of the tutorial, and the files in `configs/`.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
WIDTH = 126
"""Columns of the terminal."""

COMMANDS = {
    "check": "modelspec check mistake.yaml",
    "show": "modelspec show flowers.yaml",
    "train": "modelspec train configs/digits.yaml --set training.epochs=5",
    "wine": "modelspec check wine.yaml --data",
}
"""The command of each picture. It may fail: an error is shown, too."""

BLOCK = re.compile(r'^```(\w+)(?: title="[^"]+")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)
CONTROL = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])|\x1b[^\[]")


# Files --------------------------------------------------------------------------------------------


def first_block(document: str, language: str) -> str:
    """The first block of code in a language of a document."""
    text = (ROOT / document).read_text("utf-8")
    return next(block for found, block in BLOCK.findall(text) if found == language)


def write_files(folder: Path) -> None:
    """Write the files that the commands read."""
    shutil.copytree(ROOT / "configs", folder / "configs")
    flowers = first_block("README.md", "yaml")
    mistake = flowers.replace("sparse_categorical_crossentropy", "binary_crossentropy")
    wine = first_block("docs/tutorial.md", "yaml")
    for name, text in (("flowers", flowers), ("mistake", mistake), ("wine", wine)):
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    table = first_block("docs/tutorial.md", "python")
    command = [sys.executable, "-c", table]
    subprocess.run(command, cwd=folder, check=True)  # noqa: S603  # code of the tutorial


# Terminal -----------------------------------------------------------------------------------------


@dataclass
class Screen:
    """The screen of a terminal: characters, each with the codes of its colours."""

    rows: list[list[tuple[str, str]]] = field(default_factory=lambda: [[]])
    row: int = 0
    column: int = 0
    style: str = ""

    def feed(self, text: str) -> None:
        end = 0
        for match in CONTROL.finditer(text):
            self._print(text[end : match.start()])
            if match[2]:
                self._control(match[1], match[2])
            end = match.end()
        self._print(text[end:])

    def _print(self, text: str) -> None:
        for one in text:
            if one == "\r":
                self.column = 0
            elif one == "\n":
                self._move(self.row + 1)
            elif one.isprintable():
                if self.column == WIDTH:
                    self._move(self.row + 1)
                    self.column = 0
                line = self.rows[self.row]
                line.extend([(" ", "")] * (self.column - len(line)))
                line[self.column : self.column + 1] = [(one, self.style)]
                self.column += 1

    def _control(self, numbers: str, kind: str) -> None:
        if kind == "m":
            self.style = "" if numbers in ("", "0") else f"{self.style}\x1b[{numbers}m"
        elif kind == "A":
            self._move(max(0, self.row - int(numbers or 1)))
        elif kind == "K":
            line = self.rows[self.row]
            del line[0 if numbers == "2" else self.column :]

    def _move(self, row: int) -> None:
        self.row = row
        self.rows.extend([] for _ in range(row + 1 - len(self.rows)))

    def text(self) -> str:
        """All rows, with codes for their colours."""
        lines = ("".join(f"{style}{one}\x1b[0m" for one, style in row) for row in self.rows)
        return "\n".join(lines).rstrip()


def output(command: str, folder: Path) -> str:
    """What a command prints on a terminal, with its colours."""
    import pty

    ours, theirs = pty.openpty()
    environment = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    environment |= {"TERM": "xterm-256color", "COLUMNS": str(WIDTH), "LINES": "40"}
    words = [sys.executable, "-m", *shlex.split(command)]
    process = subprocess.Popen(  # noqa: S603  # one of `COMMANDS`
        words, cwd=folder, env=environment, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    printed = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # the other side is closed
            break
        if not piece:
            break
        printed += piece
    os.close(ours)
    process.wait()
    screen = Screen()
    screen.feed(printed.decode())
    return screen.text()


# Picture ------------------------------------------------------------------------------------------


def drawn(name: str, command: str, printed: str) -> str:
    """A terminal window with a command and its output, without fonts from another server."""
    from rich.console import Console
    from rich.terminal_theme import TerminalTheme
    from rich.text import Text

    theme = TerminalTheme(
        (30, 34, 42),
        (220, 223, 228),
        [
            *((40, 44, 52), (224, 108, 117), (152, 195, 121), (229, 192, 123)),
            *((97, 175, 239), (198, 120, 221), (86, 182, 194), (220, 223, 228)),
        ],
    )
    text = Text.from_ansi(f"\x1b[1m$ {command}\x1b[0m\n{printed}\n ")
    console = Console(record=True, width=WIDTH, file=StringIO(), force_terminal=True)
    console.print(text, soft_wrap=True, highlight=False)
    return console.export_svg(
        title="", theme=theme, unique_id=f"modelspec-{name}", code_format=_format()
    )


def _format() -> str:
    """Rich's frame, with the fonts of the reader's machine."""
    from rich._export_format import CONSOLE_SVG_FORMAT

    local = re.sub(r"\s*@font-face \{\{.*?\n    \}\}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    return local.replace(
        "font-family: Fira Code, monospace",
        "font-family: ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace",
    )


def main() -> None:
    names = sys.argv[1:] or list(COMMANDS)
    with tempfile.TemporaryDirectory() as folder:
        write_files(Path(folder))
        for name in names:
            command = COMMANDS[name]
            picture = drawn(name, command, output(command, Path(folder)))
            (HERE / f"{name}.svg").write_text(picture, encoding="utf-8")


if __name__ == "__main__":
    main()
