"""Additions to a copy of the package, and what CONTRIBUTING.md says that they touch."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
_ROW = re.compile(r"^\| (an? [\w ]+?) \| (.*?) \|(.*?)\|$", re.MULTILINE)


def copied(folder: Path) -> Path:
    """A copy of the package in a folder; gives the package."""
    ignored = shutil.ignore_patterns("__pycache__", ".*")
    shutil.copytree(ROOT / "modelspec", folder / "modelspec", ignore=ignored)
    return folder / "modelspec"


def stated(thing: str, **names: str) -> set[str]:
    """The files that CONTRIBUTING.md says an addition writes or adds a line to; `names` stand for
    the words in capitals.
    """
    rows = {row[0]: f"{row[1]} {row[2]}" for row in _ROW.findall(_contributing())}
    files = re.findall(r"`([^`]+)`", rows[thing])
    for word, name in names.items():
        files = [file.replace(word, name) for file in files]
    return set(files)


def _contributing() -> str:
    return (ROOT / "CONTRIBUTING.md").read_text("utf-8")


def touched(package: Path) -> set[str]:
    """The files of a copy that differ from the package, or that it does not have."""
    found = set()
    for path in package.rglob("*"):
        name = path.relative_to(package.parent)
        if path.is_dir() or "__pycache__" in name.parts:
            continue
        own = ROOT / name
        if not own.exists() or own.read_bytes() != path.read_bytes():
            found.add(name.as_posix())
    return found


def python(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    """Python in a folder, with the copy in it as `modelspec`."""
    return subprocess.run(
        [sys.executable, *args],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(folder)},
        cwd=folder,
        timeout=120,
    )
