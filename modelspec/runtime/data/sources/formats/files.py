"""Files of sources: found inside the project and the granted places, opened plain or
decompressed.
"""

from __future__ import annotations

import gzip
import os
import stat
import zlib
from collections.abc import Iterator
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

from modelspec.core.diagnostics import Fault, listed
from modelspec.core.paths import matches, outside, reached
from modelspec.core.places import is_address
from modelspec.core.settings import Context

IN_MEMORY = 256 * 2**20
"""Sources of at most so many bytes are read as a whole; larger ones are read in passes."""
CHUNK = 2**20
LINE = 64 * 2**20
"""The longest line of a text file, in bytes."""


class Found(NamedTuple):
    """A file that a spec names."""

    shown: str
    """The name in messages: the path as written, or as a pattern matched it."""
    path: Path
    stamp: tuple[int, int] | None = None
    """Size and modification time when it was found."""

    @classmethod
    def at(cls, shown: str, path: Path) -> Found:
        return cls(shown, path, _stamp(path))

    def unchanged(self) -> None:
        """Raises `Fault` (MS656) if the file changed since it was found; called before each further
        read.
        """
        if self.stamp is not None and _stamp(self.path) != self.stamp:
            raise Fault(
                "MS656",
                f"`{self.shown}` changed while it was being read",
                help="run again when no program writes to it",
            )


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns


def locate(path: str, context: Context, *, folder: bool = False) -> Path:
    """The file at a path of a spec; with `folder` it may be a folder. An address is fetched, unless
    the cache has it already.

    Raises `Fault`: MS210 outside the project and the granted places, MS601 if it does not exist;
    and the faults of `remote.fetched`.
    """
    if is_address(path):
        from ...remote import fetched

        if folder and not Path(path.partition("?")[0]).suffix:
            raise Fault(
                "MS601",
                f"`{path}` is not a file, and a folder must be on this machine",
                help="copy the folder to this machine",
            )
        return fetched(path, context)
    try:
        found = reached(path, context)
    except (OSError, RuntimeError, ValueError) as error:
        raise Fault("MS601", f"`{path}` cannot be resolved: {error}") from None
    if found is None:
        raise outside(path, context)
    try:
        mode = found.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        raise Fault("MS601", f"`{path}` does not exist", help=f"expected it at {found}") from None
    except OSError as error:  # a name that is too long, a folder without access
        raise cannot_read(path, error) from None
    if stat.S_ISDIR(mode):
        if folder:
            return found
        raise Fault("MS601", f"`{path}` is a folder, not a file")
    if not stat.S_ISREG(mode):
        raise Fault("MS601", f"`{path}` is not a regular file")
    return found


def locate_all(paths: str | tuple[str, ...], context: Context) -> list[Found]:
    """Every file that paths and patterns name: paths in the given order, the matches of a pattern
    sorted.

    Raises `Fault`: as `locate`; MS601 if a pattern matches no file; MS640 for a duplicate file;
    MS698 if a pattern searches too many.
    """
    found: list[Found] = []
    skipped: list[str] = []
    for written, names in matches(paths, context, skipped):
        if is_address(written):
            from ...remote import listed

            names = listed(written, context)
        if not names:
            raise Fault(
                "MS601",
                f"no file matches `{written}`",
                help=f"searched in {context.folder or '.'}{_without(skipped)}",
            )
        found += [Found.at(name, locate(name, context)) for name in names]
    seen: dict[str | Path, str] = {}
    for one in found:  # addresses of equal files share a copy
        identity = one.shown if is_address(one.shown) else one.path
        if identity in seen:
            raise Fault(
                "MS640",
                f"`{one.shown}` is the same file as `{seen[identity]}`",
                help="list it once: its examples would count twice",
            )
        seen[identity] = one.shown
    return found


def _without(skipped: list[str]) -> str:
    return f", but not in {listed(skipped[:3])}: access is denied" if skipped else ""


def read_bytes(path: Path, shown: str) -> bytes:
    """The whole file. Raises `Fault` (MS601) if it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise cannot_read(shown, error) from None


def cannot_read(shown: str, error: OSError) -> Fault:
    return Fault("MS601", f"`{shown}` cannot be read: {error.strerror or error}")


def fingerprint_of(path: Path, shown: str) -> str:
    """SHA-256 of a file. Raises `Fault` (MS601) if it cannot be read."""
    try:
        with path.open("rb") as file:
            return file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise cannot_read(shown, error) from None


def fingerprint_of_all(parts: Iterator[str] | list[str]) -> str:
    """SHA-256 of several fingerprints (or other strings), in their order."""
    digest = sha256()
    for part in parts:
        digest.update(part.encode())
        digest.update(b"\n")
    return digest.hexdigest()


def lines_of(file: BinaryIO, shown: str) -> Iterator[bytes]:
    """Every line with its end. Raises `Fault` (MS602) before a line takes more than `LINE` bytes of
    memory.
    """
    number = 0
    while line := file.readline(LINE + 1):
        number += 1
        if len(line) > LINE:
            raise long_line(shown, number)
        yield line


def long_line(shown: str, line: int) -> Fault:
    return Fault(
        "MS602",
        f"{shown}:{line} is longer than {in_bytes(LINE)}",
        help="check that it is a text file",
    )


def is_gzip(path: Path) -> bool:
    """Whether a file is compressed, by its first bytes."""
    with path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


def open_plain(path: Path) -> BinaryIO:
    """A file to read, decompressed where it is compressed. Reading raises `OSError`, `EOFError` or
    `zlib.error`.
    """
    return cast(BinaryIO, gzip.open(path, "rb")) if is_gzip(path) else path.open("rb")


UNREADABLE = (OSError, EOFError, zlib.error)


def unreadable(shown: str, error: BaseException) -> Fault:
    """The fault for a file that could not be read completely."""
    if isinstance(error, OSError) and not isinstance(error, gzip.BadGzipFile):
        return cannot_read(shown, error)
    return Fault(
        "MS642", f"`{shown}` is a damaged .gz file: {said(error)}", help="copy or compress it again"
    )


def believe(claimed: int, held: int, what: str, detail: str = "") -> None:
    """The claimed size must fit the file and the memory. Raises `Fault` (MS606)."""
    if claimed > held or claimed < 0:
        raise Fault(
            "MS606",
            f"{what} claims {in_bytes(claimed)}{detail}, but the file contains only"
            f" {in_bytes(held)}",
            help="the file is truncated or damaged: write or copy it again",
        )
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if claimed > memory:
        raise Fault(
            "MS606",
            f"{what} requires {in_bytes(claimed)}, more than this machine's memory"
            f" ({in_bytes(memory)})",
        )


def said(error: BaseException) -> str:
    """The first line of a library's error message."""
    lines = str(error).strip().splitlines()
    return lines[0][:120] if lines else type(error).__name__


def in_bytes(count: int) -> str:
    """`3.2 MB`."""
    size = float(count)
    for unit in ("bytes", "kB", "MB", "GB"):
        if abs(size) < 1000:
            return f"{size:,.0f} {unit}" if unit == "bytes" else f"{size:,.1f} {unit}"
        size /= 1000
    return f"{size:,.1f} TB"


def folder_of(source: Any, context: Context, skipped: list[str] | None = None) -> Path | None:
    """The folder of the file, or of all the files, of a source; None if it is on the network, or if
    there are several. The folders that its patterns could not read are added to `skipped`.
    """
    path: str | tuple[str, ...] = (
        getattr(source, "path", None) or getattr(source, "csv", None) or ()
    )
    found: set[Path] = set()
    for written, names in matches(path, context, skipped):
        if is_address(written):
            return None
        found |= {((context.folder or Path.cwd()) / name).parent.resolve() for name in names}
    return found.pop() if len(found) == 1 else None


def name_of(path: str | tuple[str, ...]) -> str:
    """The common name of the files of a source in messages."""
    if isinstance(path, str):
        return path
    return path[0] if len(path) == 1 else f"{path[0]} and {len(path) - 1} more"


def differ(first: str, names: tuple[str, ...], other: str, others: tuple[str, ...]) -> None:
    """Raises `Fault` (MS640): two files of one source have different columns."""
    lacking = [name for name in names if name not in others]
    new = [name for name in others if name not in names]
    if lacking:
        what = f"`{other}` has no column `{lacking[0]}`, but `{first}` has"
    elif new:
        what = f"`{other}` has a column `{new[0]}`, but `{first}` has none"
    else:
        what = f"`{other}` has the columns of `{first}` in another order"
    raise Fault("MS640", what, help="all files of a source must have the same columns")
