"""The spec files from the arguments of a command: files, folders and patterns."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click

_ENDINGS: Final = (".yaml", ".yml", ".json")
_NEVER: Final = ("node_modules", "__pycache__")
"""Folders of other tools."""
_RUN: Final = ("manifest.json", "resolved.yaml")
"""Marks a run folder: its specs are copies with another base of paths."""
_ENVIRONMENT: Final = "pyvenv.cfg"
"""Marks a virtual environment."""
_SHOWN: Final = 5


@dataclass(frozen=True)
class SpecFiles:
    """The files to check."""

    files: tuple[str, ...]
    """As given, or below a folder as given; each once."""
    passed_over: tuple[str, ...]
    """YAML and JSON files that are not specs."""

    @property
    def remark(self) -> str:
        """A remark about skipped files; empty where there are none."""
        count = len(self.passed_over)
        if not count:
            return ""
        names = ", ".join(self.passed_over[:_SHOWN])
        more = f" and {count - _SHOWN:,} more" if count > _SHOWN else ""
        what = "1 file that is not a spec" if count == 1 else f"{count:,} files that are not specs"
        return f"not checked, {what}: {names}{more}"


def spec_files(given: Sequence[str], *, only_specs: bool = False) -> SpecFiles:
    """The given files, and the specs in folders and of patterns, in sorted order.

    A given file counts as a spec whatever it contains, unless `only_specs`. Raises
    `click.UsageError` where a folder or a pattern has no specs.
    """
    files: dict[str, str] = {}
    others: dict[str, str] = {}
    for one in given:
        found = _found(one)
        if found is None and not only_specs:
            files.setdefault(_place(one), one)
            continue
        specs, rest = _sorted_out([one] if found is None else found)
        if found is not None and not specs:
            raise click.UsageError(_nothing(one, rest))
        files |= {_place(path): path for path in specs if _place(path) not in files}
        others |= {_place(path): path for path in rest}
    passed_over = [path for place, path in others.items() if place not in files]
    return SpecFiles(tuple(files.values()), tuple(_without_baselines(passed_over)))


def _without_baselines(paths: Sequence[str]) -> Iterator[str]:
    """Without the baselines that `modelspec accept` writes beside specs."""
    if not paths:
        return
    from modelspec.runtime.history.run_files import BASELINES

    yield from (path for path in paths if Path(path).parent.name != BASELINES)


def _place(path: str) -> str:
    return path if path == "-" else os.path.normcase(os.path.abspath(path))  # noqa: PTH100  # `..` stays a link's


def _found(given: str) -> list[str] | None:
    """The files in a folder or of a pattern; None for the name of a file."""
    if given == "-" or "\0" in given:
        return None
    if _is_folder(given):
        return list(_below(Path(given)))
    from modelspec.core.file_patterns import is_pattern, matching

    if not is_pattern(given) or os.path.lexists(given):
        return None
    found: list[str] = []
    for one in matching(Path(), given):
        found += _below(Path(one)) if _is_folder(one) else [one]
    return list(dict.fromkeys(found))


def _is_folder(path: str) -> bool:
    return os.path.isdir(path)  # noqa: PTH112  # that of a Path raises where a name is too long


def _below(folder: Path) -> Iterator[str]:
    """The files of a folder that may be specs, sorted by their paths."""
    left = [folder]
    while left:
        path = left.pop()
        if path == folder or _is_folder(str(path)):
            left += reversed([path / name for name in _names(path)])
        elif path.suffix.lower() in _ENDINGS:
            yield str(path)


def _names(folder: Path) -> list[str]:
    """The entries to visit in a folder, sorted. Links to folders are not followed."""
    try:
        names = sorted(os.listdir(folder))  # noqa: PTH208  # names, not paths
    except OSError as error:
        raise click.UsageError(f"`{folder}` cannot be read: {error.strerror}") from error
    if _ENVIRONMENT in names or all(name in names for name in _RUN):
        return []
    return [
        name
        for name in names
        if not name.startswith(".")
        and name not in _NEVER
        and not ((folder / name).is_symlink() and _is_folder(str(folder / name)))
    ]


def _sorted_out(paths: Iterable[str]) -> tuple[list[str], list[str]]:
    """Those that are specs, and those that are not."""
    specs: list[str] = []
    others: list[str] = []
    for path in paths:
        (specs if _is_spec(path) else others).append(path)
    return specs, others


def _is_spec(path: str) -> bool:
    """Whether a file is a spec, or cannot be read: the check then reports why."""
    from modelspec.compiler.spec.looks_like_spec import looks_like_spec
    from modelspec.core.source.budgets import TEXT_BYTES

    if path == "-":
        return True
    try:
        found = os.stat(path)  # noqa: PTH116  # a string, as it was given
        if not stat.S_ISREG(found.st_mode) or found.st_size > TEXT_BYTES:
            return False
        raw = Path(path).read_bytes()
    except (OSError, ValueError):
        return True
    wide = raw.startswith((b"\xff\xfe", b"\xfe\xff"))
    return looks_like_spec(raw.decode("utf-16" if wide else "utf-8", "replace"))


def _nothing(given: str, others: Sequence[str]) -> str:
    """The message where no spec was found."""
    if not _is_folder(given) and not others:
        return f"no file matches `{given}`"
    where = "below" if _is_folder(given) else "among the files of"
    names = ", ".join(others[:_SHOWN])
    seen = f"; YAML and JSON files that are not specs: {names}" if others else ""
    return f"found no specs {where} `{given}`{seen}"
