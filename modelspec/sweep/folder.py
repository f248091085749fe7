"""The folder of a sweep, `runs/<name>/sweep-<n>`: found again by the identity of the sweep."""

from __future__ import annotations

import fcntl
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from modelspec.core.source.regular_files import read_regular
from modelspec.errors import RunError
from modelspec.runtime.history.run_files import file_name
from modelspec.runtime.run.atomic_files import cannot_write, write_bytes
from modelspec.runtime.testing.reuse import RUNS

from .trials import Trial, trial_of

FILE: Final = "sweep.json"
TRIALS: Final = "trials.json"
TABLE: Final = "trials.csv"
REPORT: Final = "report.html"
BEST: Final = "best.yaml"
OUT_OF_FOLD: Final = "oof.csv"
FORMAT: Final = 1
_MOST: Final = 256 * 2**20
"""The most bytes of a file that are read."""
_NAME: Final = re.compile(r"sweep-([1-9][0-9]{0,8})")


@dataclass(frozen=True)
class SweepFolder:
    """The folder of one sweep."""

    path: Path
    identity: str
    study: str
    """The name of its trials in the storage."""

    @property
    def number(self) -> int:
        """The number in the name of the folder."""
        found = _NAME.fullmatch(self.path.name)
        return int(found[1]) if found else 0

    def run(self, trial: int, fold: int | None = None) -> Path:
        """The run folder of a trial, or of one of its folds."""
        own = self.path / str(trial)
        return own if fold is None else own / f"fold-{fold}"

    def out_of_fold(self, trial: int, *, is_only: bool) -> Path:
        """The file with the out-of-fold predictions of a trial."""
        return (self.path if is_only else self.run(trial)) / OUT_OF_FOLD

    def write(self, name: str, text: str) -> None:
        """Writes a file of the folder atomically. Raises `RunError` (MS703)."""
        write_bytes(self.path / name, text.encode())

    def trials(self) -> list[Trial]:
        """The trials in `trials.json`, by number; empty without this file. Raises `RunError`
        (MS917) if it cannot be read.
        """
        found = _json(self.path / TRIALS)
        if found is None:
            return []
        entries = found.get("trials") if isinstance(found, dict) else None
        read = [trial_of(one) for one in entries] if isinstance(entries, list) else [None]
        if any(one is None for one in read):
            raise unreadable(self.path / TRIALS, "it contains no trials")
        return sorted((one for one in read if one), key=lambda one: one.number)


def unreadable(path: Path, reason: str) -> RunError:
    """MS917. The trials are in the storage too."""
    is_copy = path.name == TRIALS
    help = "restore the file from a copy, or start a new sweep with `--fresh`"
    return RunError.of(
        "MS917",
        f"`{path}` cannot be read: {reason}",
        help="`modelspec sweep` writes it again" if is_copy else help,
    )


def _json(path: Path) -> Any:
    """The content of a file; None if it does not exist. Raises `RunError` (MS917)."""
    try:
        return json.loads(read_regular(path, _MOST))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise unreadable(path, (error.strerror or str(error)).lower()) from None
    except (ValueError, RecursionError):
        raise unreadable(path, "it is not valid JSON") from None


def sweeps_of(name: str, runs: Path = RUNS) -> list[SweepFolder]:
    """The readable sweeps of a spec with a name, the newest first."""
    parent = runs / file_name(name)
    found = [one for path in _folders(parent) if (one := _read(path)) is not None]
    return sorted(found, key=lambda one: one.number, reverse=True)


def _folders(parent: Path) -> Iterator[Path]:
    try:
        paths = list(parent.iterdir())
    except OSError:
        return
    yield from (one for one in paths if _NAME.fullmatch(one.name) and one.is_dir())


def _read(path: Path) -> SweepFolder | None:
    """The sweep of a folder; None without a readable `sweep.json`."""
    try:
        found = _json(path / FILE)
    except RunError:
        return None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        return None
    identity, study = found.get("identity"), found.get("study")
    if not isinstance(identity, str) or not isinstance(study, str):
        return None
    return SweepFolder(path, identity, study)


def read_folder(path: Path) -> SweepFolder:
    """The sweep in a folder. Raises `RunError` (MS917)."""
    found = _read(path)
    if found is None:
        raise unreadable(path / FILE, "it does not describe a sweep")
    return found


def find(name: str, identity: str, study: str | None = None) -> SweepFolder | None:
    """The newest sweep of a spec with an identity, and with a name of its study if it is given."""
    for one in sweeps_of(name):
        if one.identity == identity and study in (None, one.study):
            return one
    return None


@contextmanager
def choosing(name: str) -> Iterator[None]:
    """Inside this context, no other process of this host creates a sweep of the same name. Raises
    `RunError` (MS703).
    """
    parent = RUNS / file_name(name)
    try:
        parent.mkdir(parents=True, exist_ok=True)
        lock = (parent / ".sweeps").open("ab")
    except OSError as error:
        raise cannot_write(parent, error) from None
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def create(name: str, identity: str, study: str | None = None) -> SweepFolder:
    """A new folder `sweep-<n>`, n is one more than the highest existing one. Raises `RunError`
    (MS703).
    """
    parent = RUNS / file_name(name)
    try:
        parent.mkdir(parents=True, exist_ok=True)
        path = _next(parent)
    except OSError as error:
        raise cannot_write(parent, error) from None
    found = SweepFolder(path, identity, study or f"{file_name(name)}-{path.name}")
    values = {"format": FORMAT, "name": name, "identity": identity, "study": found.study}
    found.write(FILE, json.dumps(values, indent=2) + "\n")
    return found


def _next(parent: Path) -> Path:
    matches = (_NAME.fullmatch(one.name) for one in parent.iterdir())
    number = max((int(one[1]) for one in matches if one), default=0)
    while True:
        number += 1
        path = parent / f"sweep-{number}"
        try:
            path.mkdir()
        except FileExistsError:  # another process was faster
            continue
        return path


def best_in_file(path: Path) -> tuple[int | None, list[str]]:
    """The number of the best trial in the `trials.json` of a folder, if it names one, and the names
    of the objectives. Raises `RunError` (MS917).
    """
    found = _json(path / TRIALS)
    best = found.get("best") if isinstance(found, dict) else None
    entries = found.get("objectives") if isinstance(found, dict) else None
    listed = entries if isinstance(entries, list) else []
    keys = [str(one.get("key")) for one in listed if isinstance(one, dict)]
    return (best if isinstance(best, int) and not isinstance(best, bool) else None), keys
