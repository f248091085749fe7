"""Folders of files, one folder per class: walked in sorted order, without hidden files, and without
leaving them except to places that the user granted.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import file_digest, sha256
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from modelspec.core.diagnostics import Fault, listed
from modelspec.core.places import NOWHERE, Places

from . import files

_JUNK = frozenset({"thumbs.db", "desktop.ini", "__macosx"})
"""Files that systems put into folders without hiding them."""
MAX_FILES = 5_000_000
"""The most files of a folder: the paths of so many take gigabytes of memory."""
_HASHED_WHOLE = 4 * 2**30
_EDGE = 64 * 1024


class Member(NamedTuple):
    """A file of a folder."""

    shown: str
    path: Path
    label: str | None
    """The folder of its class; None without class folders."""


class _Bounds(NamedTuple):
    """Where links may point."""

    base: Path
    places: Places

    def hold(self, path: Path) -> bool:
        return path.is_relative_to(self.base) or self.places.hold(path)


def members(
    shown: str, root: Path, endings: frozenset[str], places: Places = NOWHERE
) -> list[Member]:
    """Every file in the class folders, or in the folder itself if it has none.

    `endings` are the extensions of files that may not be beside the class folders; `places` are
    granted by the user: links may point there. Raises `Fault`: MS210 for links to other places,
    MS647 for an empty folder, or if the class of a file is unclear,
    MS698 for too many files.
    """
    base = _Bounds(root.resolve(), places)
    entries = _entries(root, shown)
    folders = [one for one in entries if _is_folder(one, base, shown)]
    if not folders:
        return _without_classes(entries, base, shown)
    _check_beside([one for one in entries if one not in folders], endings, shown)
    found: list[Member] = []
    for folder in folders:
        found += _of_class(folder, root, base, shown)
        _check_count(len(found), shown)
    return found


def _check_count(count: int, shown: str) -> None:
    """Raises `Fault` (MS698) for too many files."""
    if count > MAX_FILES:
        raise Fault(
            "MS698",
            f"`{shown}` has more than {MAX_FILES:,} files",
            help="join them in files with many examples, such as TFRecord files",
        )


def _without_classes(entries: list[Path], base: _Bounds, shown: str) -> list[Member]:
    found = [Member(f"{shown}/{one.name}", one, None) for one in entries]
    if not found:
        raise Fault("MS647", f"the folder `{shown}` is empty")
    return [one for one in found if _inside(one.path, base, one.shown)]


def _check_beside(files: list[Path], endings: frozenset[str], shown: str) -> None:
    """Raises `Fault` (MS647) for files outside of the class folders."""
    beside = [one.name for one in files if one.suffix.lower() in endings]
    if beside:
        lie = "lies" if len(beside) == 1 else "lie"
        raise Fault(
            "MS647",
            f"{listed(beside[:3])} {lie} beside the class folders of `{shown}`",
            help="move every file into the folder of its class",
        )


def _of_class(folder: Path, root: Path, base: _Bounds, shown: str) -> list[Member]:
    found: list[Member] = []
    for one in _below(folder, base, f"{shown}/{folder.name}"):
        found.append(Member(f"{shown}/{one.relative_to(root).as_posix()}", one, folder.name))
        _check_count(len(found), shown)
    if not found:
        raise Fault(
            "MS647",
            f"the class folder `{shown}/{folder.name}` is empty",
            help="remove it, or add its files",
        )
    return found


def _entries(folder: Path, shown: str) -> list[Path]:
    try:
        found = sorted(islice(folder.iterdir(), MAX_FILES + 1), key=lambda one: one.name)
        _check_count(len(found), shown)
    except OSError as error:
        raise files.cannot_read(shown, error) from None
    return [one for one in found if not one.name.startswith(".") and one.name.lower() not in _JUNK]


def _below(
    folder: Path, base: _Bounds, shown: str, around: tuple[Path, ...] = ()
) -> Iterator[Path]:
    """Every file below a folder; `around` are its parent folders, with every link followed."""
    around = (*around, folder.resolve())
    for one in _entries(folder, shown):
        if _is_folder(one, base, shown):
            if one.resolve() in around:
                raise Fault(
                    "MS210",
                    f"`{shown}/{one.name}` is a link to one of its parent folders",
                    help="remove the link",
                )
            yield from _below(one, base, f"{shown}/{one.name}", around)
        elif _inside(one, base, f"{shown}/{one.name}"):
            yield one


def _is_folder(one: Path, base: _Bounds, shown: str) -> bool:
    if not one.is_dir():
        return False
    if one.is_symlink() and not base.places.hold(one.resolve()):
        raise Fault(
            "MS210",
            f"`{shown}/{one.name}` is a link to the folder {one.resolve()}, which is not allowed",
            help=f"copy the folder there, or add `--data-root {one.resolve()}`",
        )
    return True


def _inside(path: Path, base: _Bounds, shown: str) -> bool:
    """Raises `Fault` if the file is a link that points out of the folder, or is broken."""
    if path.is_symlink():
        target = path.resolve()
        if not base.hold(target):
            raise Fault(
                "MS210",
                f"`{shown}` is a link to {target}, outside of its folder",
                help=f"copy the file there, or add `--data-root {target.parent}`",
            )
    if not path.is_file():
        raise Fault("MS601", f"`{shown}` is not a regular file", help="remove it")
    return True


def fingerprint_of_members(found: list[Member]) -> str:
    """SHA-256 of names, sizes and contents; for more than 4 GB together, of the first and last 64
    kB of each file.
    """
    digest = sha256()
    try:
        sizes = [one.path.stat().st_size for one in found]
        whole = sum(sizes) <= _HASHED_WHOLE
        for one, size in zip(found, sizes, strict=True):
            digest.update(f"{one.shown}\0{one.label}\0{size}\0".encode(errors="surrogateescape"))
            with one.path.open("rb") as file:
                if whole:
                    digest.update(file_digest(file, "sha256").digest())
                else:
                    digest.update(file.read(_EDGE))
                    file.seek(max(0, size - _EDGE))
                    digest.update(file.read(_EDGE))
    except OSError as error:
        raise files.cannot_read(one.shown, error) from None
    return digest.hexdigest()
