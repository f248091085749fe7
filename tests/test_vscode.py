"""The extension for VS Code: its own code under Node, and its package."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parent.parent / "editors" / "vscode"


def manifest() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / "package.json").read_text())
    return found


def npm(*arguments: str) -> str:
    if shutil.which("npm") is None or not (FOLDER / "node_modules").is_dir():
        pytest.skip("needs Node, and `npm ci` in editors/vscode")
    done = subprocess.run(
        ["npm", *arguments], cwd=FOLDER, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_command_is_implemented() -> None:
    code = (FOLDER / "src" / "extension.ts").read_text()
    registered = set(re.findall(r'registerCommand\("([^"]+)"', code))
    assert registered == {one["command"] for one in manifest()["contributes"]["commands"]}


def test_a_folder_that_is_not_trusted_sets_no_command() -> None:
    trust = manifest()["capabilities"]["untrustedWorkspaces"]
    assert trust["supported"] == "limited"
    assert trust["restrictedConfigurations"] == ["modelspec.command"]


def test_the_lock_file_names_no_registry() -> None:
    assert '"resolved"' not in (FOLDER / "package-lock.json").read_text()


def test_its_own_code() -> None:
    assert re.search(r"^# fail 0$", npm("test"), re.MULTILINE)


def test_the_package() -> None:
    npm("run", "package")
    file = FOLDER / f"modelspec-{manifest()['version']}.vsix"
    names = zipfile.ZipFile(file).namelist()
    assert "extension/dist/extension.js" in names
    assert not any("node_modules" in one or "/src/" in one or "/test/" in one for one in names)
