"""The specs whose files changed in git: their own files, the specs they extend, and the files they
read.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from modelspec.compiler.pipeline import Compiled
from modelspec.core.source.source_files import source_files

from ..history.baseline import path_of
from ..history.file_hashes import files_of
from ..history.fingerprint import paths_of

_SECONDS: Final = 120


class NotKnown(ValueError):
    """The changes are unknown; the message states the reason."""


@dataclass(frozen=True)
class Changes:
    """The files changed since a commit, with every link of the paths resolved."""

    files: frozenset[Path]

    def concern(self, file: str, compiled: Compiled | None) -> bool:
        """Whether a file of a spec changed. For an unreadable spec, only its own file is
        checked.
        """
        return any(path.resolve() in self.files for path in _files(file, compiled))


def changes_since(ref: str, folder: Path) -> Changes:
    """The files that differ from the common ancestor of REF and the present branch, including
    deleted files and new files that git does not ignore.

    If the history is too short to find it, the comparison uses REF itself. Raises `NotKnown` if the
    folder is not in a git repository, or git does not know REF.
    """
    root = Path(_git(folder, "rev-parse", "--show-toplevel").strip())
    if ref.startswith("-"):
        raise NotKnown(f"`{ref}` is not a commit")
    commit = _git(
        folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}"
    )
    since = commit.strip()
    with suppress(NotKnown):
        since = _git(folder, "merge-base", since, "HEAD").strip() or since
    found = _git(folder, "diff", "--name-only", "--no-renames", "-z", since, "--", root=root)
    new = _git(folder, "ls-files", "--others", "--exclude-standard", "-z", root=root)
    names = [name for name in (found + new).split("\0") if name]
    return Changes(frozenset((root / name).resolve() for name in names))


def _git(folder: Path, *words: str, root: Path | None = None) -> str:
    """The output of git. Raises `NotKnown`."""
    command = ["git", "-c", "core.quotePath=false", "-C", str(root or folder), *words]
    try:
        done = subprocess.run(  # noqa: S603  # fixed arguments; REF follows --end-of-options
            command, capture_output=True, text=True, timeout=_SECONDS, errors="surrogateescape"
        )
    except FileNotFoundError:
        raise NotKnown("git is not installed") from None
    except subprocess.TimeoutExpired:
        raise NotKnown(f"git took longer than {_SECONDS} seconds") from None
    if done.returncode == 0:
        return done.stdout
    if "--show-toplevel" in words:
        raise NotKnown(f"`{folder}` is not in a git repository")
    if "--verify" in words:
        ref = words[-1].removesuffix("^{commit}")
        raise NotKnown(
            f"git does not know the commit `{ref}`; in a checkout without its history, fetch it"
            " first (actions/checkout: `fetch-depth: 0`)"
        )
    raise NotKnown((done.stderr.strip().splitlines() or ["git failed"])[0])


def _files(file: str, compiled: Compiled | None) -> Iterator[Path]:
    """Every file on which the test of a spec depends."""
    yield Path(file)
    if compiled is None:
        return
    root = compiled.file.document.root
    yield from map(Path, source_files(root))
    for written in paths_of(compiled):
        yield from files_of(written, compiled.file.context)
        yield (compiled.file.context.folder or Path.cwd()) / written
    folder = compiled.file.context.folder or Path.cwd()
    yield path_of(folder, compiled.name)
