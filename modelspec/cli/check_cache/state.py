"""The state of what a check depends on, as a short text that is equal if nothing has changed.

Only modules that Python loads at its start are imported: with `re` or `pathlib`, a cached check
would take twice as long.
"""

from __future__ import annotations

import os
import sys

try:
    from _blake2 import blake2b  # `hashlib` loads OpenSSL, which takes longer than all of the rest
except ImportError:  # not CPython
    from hashlib import blake2b

LARGE = 1 << 20
"""From so many bytes on, a file is compared by its size, times and inode instead of its content."""
TOO_MANY = "too many"
"""The state of a folder with more than `_MOST_NAMES` entries, which is equal to no other."""
_MOST_NAMES = 10_000
_TYPE = 0o170000
"""The bits of a mode that are the type of the file."""
_FILE = 0o100000
_FOLDER = 0o040000
_LINK = 0o120000


def digest(data: bytes) -> str:
    """A hash that nobody can forge, in 40 characters."""
    return blake2b(data, digest_size=20).hexdigest()


def of_file(path: str) -> str:
    """Of a file that is read: its content, and who may write it."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            found = os.fstat(handle)
            if found.st_mode & _TYPE != _FILE:
                return f"other {found.st_mode}"
            access = _access(found)
            if found.st_size > LARGE:
                return f"{access} {signature(found)}"
            return f"{access} {digest(os.read(handle, LARGE + 1))}"
        finally:
            os.close(handle)
    except (OSError, ValueError) as error:
        return of_error(error)


def signature(found: os.stat_result) -> str:
    """What changes with every change of a file's content."""
    return f"{found.st_size} {found.st_mtime_ns} {found.st_ctime_ns} {found.st_ino}"


def of_status(found: os.stat_result) -> str:
    """Of a file that is looked for: all that `os.stat` finds and that has a meaning."""
    return f"{_access(found)} {found.st_size} {found.st_mtime_ns}"


def _access(found: os.stat_result) -> str:
    """The type of a file or folder, and who may write it."""
    return f"{found.st_mode} {found.st_uid} {found.st_gid}"


def of_error(error: OSError | ValueError) -> str:
    """Of a path that cannot be read."""
    return f"error {getattr(error, 'errno', None)}"


def _of_path(path: str) -> str:
    """As `of_status`. Of a folder, the time of the last change counts only if modules are imported
    from it, which may have been installed: what a check lists, it is recorded to list.
    """
    try:
        found = os.stat(path)  # noqa: PTH116
        if found.st_mode & _TYPE == _FOLDER and path not in sys.path[1:]:
            return _access(found)
        return of_status(found)
    except (OSError, ValueError) as error:
        return of_error(error)


def of_link(path: str) -> str:
    """Of a step of a path: its type, and the target of a link."""
    try:
        kind = os.lstat(path).st_mode & _TYPE
        return f"{kind} {os.readlink(path) if kind == _LINK else ''}"  # noqa: PTH115
    except (OSError, ValueError) as error:
        return of_error(error)


def of_names(path: str) -> str:
    """Of a folder that is listed: its entries with their types."""
    names = []
    try:
        with os.scandir(path) as entries:
            for entry in entries:
                kind = f"{entry.is_dir(follow_symlinks=False):d}{entry.is_symlink():d}"
                names.append(f"{kind}{entry.name}")
                if len(names) > _MOST_NAMES:
                    return TOO_MANY
    except (OSError, ValueError) as error:
        return of_error(error)
    return digest("\0".join(sorted(names)).encode("utf-8", "surrogateescape"))


def _of_access(question: str) -> str:
    mode, _, path = question.partition(" ")
    try:
        return str(os.access(path, int(mode)))
    except ValueError as error:
        return of_error(error)


def of_variable(name: str) -> str:
    """Of a variable of the environment: a hash, because it may be a password."""
    value = os.environ.get(name)
    if value is None:
        return ""
    return digest(f"{name}={value}".encode("utf-8", "surrogateescape"))


def of_program(path: str) -> str:
    """Of a file of the program: it is compared by size and time, there are hundreds of them."""
    try:
        found = os.stat(path)  # noqa: PTH116
        return f"{found.st_size} {found.st_mtime_ns}"
    except OSError as error:
        return of_error(error)


_STATES = {
    "F": of_file,
    "S": _of_path,
    "L": of_link,
    "N": of_names,
    "A": _of_access,
    "E": of_variable,
    "P": of_program,
}


def state(dependency: str) -> str:
    """The state of a dependency, which is a letter for its kind followed by its name."""
    return _STATES[dependency[0]](dependency[1:])
