"""One hostile input, for `hostile_cases` and its parts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

CSV = "a,b,y\n1,2,0\n3,4,1\n"
EXECUTED = "executed"
"""The file that code of a payload would write, in the folder of the case."""


class Case(NamedTuple):
    """One hostile input: how its files are written, and the command that is given them."""

    name: str
    write: Callable[[Path], None]
    command: tuple[str, ...]


def with_file(name: str, content: bytes | str) -> Callable[[Path], None]:
    """Writes a file with a name and content, and a table beside it."""

    def write(folder: Path) -> None:
        raw = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
        (folder / name).write_bytes(raw)
        (folder / "t.csv").write_text(CSV)

    return write


def spec_of_table() -> dict[str, Any]:
    """A spec for that table."""
    return {
        "model": {"inputs": {"x": [2]}, "layers": [{"Dense": 1}]},
        "data": {"source": {"csv": "t.csv"}, "inputs": {"x": ["a", "b"]}, "targets": "y"},
        "training": {"loss": "mse"},
    }
