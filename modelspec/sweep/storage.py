"""Where the trials of a sweep are stored: a journal file in its folder, or a database of Optuna
that several hosts share.

The journal is text: opening the sweep of a stranger runs none of its content. A killed process
leaves no lock, because the kernel releases it, and at most one incomplete line, which is removed.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import socket
import stat
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from modelspec.compiler.spec.sweep_section import Sweep
from modelspec.errors import RunError

from .proposal import directions

if TYPE_CHECKING:
    from optuna.storages import BaseStorage
    from optuna.trial import FrozenTrial

_MOST: Final = 512 * 2**20
"""The most bytes of a journal that are read."""
_UNREADABLE: Final = (
    *(KeyError, ValueError, TypeError, AttributeError),
    *(RecursionError, IndexError, AssertionError),
)
"""The errors of Optuna for a journal that it did not write."""
_TRIES: Final = 5
_DRIVERS: Final = {
    "psycopg": "psycopg[binary]",
    "psycopg2": "psycopg2-binary",
    "MySQLdb": "mysqlclient",
    "pymysql": "PyMySQL",
}
"""The package of each driver of a database, by its module."""


class Storage:
    """The trials of one sweep, in an Optuna storage."""

    def __init__(
        self, storage: BaseStorage, name: str, sweep: Sweep, lock: Path | None, *, is_shared: bool
    ) -> None:
        import optuna

        self.optuna, self.name, self._lock = storage, name, lock
        self.is_shared = is_shared
        """Whether processes of other hosts may use it."""
        optuna.create_study(
            storage=storage, study_name=name, directions=directions(sweep), load_if_exists=True
        )
        self.study_id = storage.get_study_id_from_name(name)

    def trials(self) -> list[FrozenTrial]:
        """All trials, by number. Raises `RunError` (MS917) if they cannot be read."""
        with reading(self.name):
            found = self.optuna.get_all_trials(self.study_id, deepcopy=False)
            return sorted(found, key=lambda one: one.number)

    def trial_id(self, number: int) -> int:
        """The id of a trial in the storage."""
        return int(self.optuna.get_trial_id_from_study_id_trial_number(self.study_id, number))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Inside this context no other process proposes or takes over a trial."""
        if self._lock is not None:
            with _file_lock(self._lock):
                yield
            return
        with _database_lock(self.optuna, self.name):
            yield


@contextmanager
def reading(name: str) -> Iterator[None]:
    """Raises `RunError` (MS917) for a storage that Optuna cannot read."""
    try:
        yield
    except _UNREADABLE as error:
        raise RunError.of(
            "MS917",
            f"the trials of `{name}` cannot be read: {type(error).__name__}: {error}",
            help="restore the file from a copy, or start a new sweep with `--fresh`",
        ) from error


def open_storage(url: str | None, folder: Path, name: str, sweep: Sweep) -> Storage:
    """The storage of a sweep: `journal.log` in its folder, or the one at `url`: the address of a
    database, or the path of a journal file.

    Raises `RunError`: MS916 if it cannot be opened, MS917 if it cannot be read.
    """
    _quiet()
    if url is None or "://" not in url:
        file = folder / "journal.log" if url is None else Path(url)
        with reading(str(file)):
            return Storage(
                _journal(file),
                name,
                sweep,
                file.with_name(f".{file.name}.proposing"),
                is_shared=url is not None,
            )
    return _database(url, folder, name, sweep)


def studies(url: str) -> list[str]:
    """The names of the studies in a storage. Raises as `open_storage` does."""
    _quiet()
    if "://" not in url:
        with reading(url):
            return [one.study_name for one in _journal(Path(url)).get_all_studies()]
    with _opening(url):
        return [one.study_name for one in _connected(url).get_all_studies()]


def _database(url: str, folder: Path, name: str, sweep: Sweep) -> Storage:
    with _opening(url):
        lock = folder / ".proposing" if _kind(url) == "sqlite" else None
        storage = _connected(url)
        with reading(name):
            return Storage(storage, name, sweep, lock, is_shared=True)


def _connected(url: str) -> BaseStorage:
    """The storage at an address. Two processes that create the tables of a new database at once
    disturb each other: the slower one tries again.
    """
    from optuna.storages import get_storage
    from sqlalchemy.exc import IntegrityError, ProgrammingError

    for _ in range(_TRIES):
        try:
            return get_storage(url)
        except (IntegrityError, ProgrammingError):
            time.sleep(1.0)
    return get_storage(url)


def _kind(url: str) -> str:
    return url.partition(":")[0].partition("+")[0]


@contextmanager
def _opening(url: str) -> Iterator[None]:
    """Raises `RunError` (MS916) for a database that cannot be opened."""
    try:
        yield
    except (ImportError, OSError) as error:
        raise _not_opened(_kind(url), error) from error
    except Exception as error:
        # Those of the driver have no common class.
        if type(error).__module__.partition(".")[0] not in ("sqlalchemy", "optuna"):
            raise
        raise _not_opened(_kind(url), error) from error


def _not_opened(kind: str, error: Exception) -> RunError:
    """MS916, without the address, which may contain a password."""
    driver = _DRIVERS.get(error.name or "") if isinstance(error, ImportError) else None
    cause = error.__cause__ or error
    reason = str(cause).strip().splitlines()[:1] or [type(cause).__name__]
    return RunError.of(
        "MS916",
        f"the storage of the sweep ({kind}) cannot be opened: {reason[0]}",
        help=f"`pip install '{driver}'`" if driver else "check the address after `--storage`",
    )


def _quiet() -> None:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)


# The journal --------------------------------------------------------------------------------------


def _journal(file: Path) -> BaseStorage:
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        _repair(file)
        lock: Any = _KernelLock(file)
        return JournalStorage(JournalFileBackend(str(file), lock_obj=lock))
    except OSError as error:
        raise RunError.of(
            "MS916",
            f"`{file}` cannot be opened: {(error.strerror or str(error)).lower()}",
            help="choose another file",
        ) from error


def _repair(file: Path) -> None:
    """Removes an incomplete last line: the machine, or the disk, failed while it was written."""
    if not file.exists():
        return
    if not stat.S_ISREG(file.stat().st_mode):
        raise OSError(None, "it is not a regular file")
    with _file_lock(_lock_of(file)), file.open("rb+") as opened:
        size = opened.seek(0, os.SEEK_END)
        if size > _MOST:
            raise OSError(None, f"it is larger than {_MOST // 2**20} MB")
        if size == 0:
            return
        opened.seek(0)
        content = opened.read()
        if not content.endswith(b"\n"):
            opened.truncate(content.rfind(b"\n") + 1)


def _lock_of(file: Path) -> Path:
    return file.with_name(f".{file.name}.lock")


class _KernelLock:
    """A lock of the journal for Optuna: unlike its own ones, none is left by a killed process."""

    def __init__(self, file: Path) -> None:
        self._path = _lock_of(file)
        self._held: IO[bytes] | None = None

    def acquire(self) -> bool:
        """Wait for the lock, and take it."""
        held = self._path.open("ab")
        fcntl.flock(held, fcntl.LOCK_EX)
        self._held = held
        return True

    def release(self) -> None:
        """Release it."""
        if self._held is not None:
            self._held.close()
            self._held = None


@contextmanager
def _file_lock(path: Path) -> Iterator[None]:
    with path.open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


# Databases ----------------------------------------------------------------------------------------


@contextmanager
def _database_lock(storage: Any, name: str) -> Iterator[None]:
    """A lock of a PostgreSQL or MySQL server, which it releases when the connection ends."""
    from sqlalchemy import text

    engine = getattr(storage, "_backend", storage).engine
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:7], "big")
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            take, free = "SELECT pg_advisory_lock(:key)", "SELECT pg_advisory_unlock(:key)"
        elif engine.dialect.name in ("mysql", "mariadb"):
            take, free = "SELECT GET_LOCK(:key, 600)", "SELECT RELEASE_LOCK(:key)"
        else:
            yield
            return
        key: Any = number if engine.dialect.name == "postgresql" else f"modelspec-{number}"
        connection.execute(text(take), {"key": key})
        try:
            yield
        finally:
            connection.execute(text(free), {"key": key})


def host() -> str:
    """The name of this host."""
    return socket.gethostname()
