"""Plugins that do work when a spec runs: sources, transforms and loggers.

All calls of one object run in one thread, because connections of databases belong to the thread
that opened them. A call has a time limit, and its output is kept for a warning.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from queue import Empty, SimpleQueue
from threading import RLock, Thread, get_ident
from typing import TYPE_CHECKING, Any, Final, TypeVar

from ..diagnostics import Diagnostic, Fault
from .guard import PluginFailure, as_failure, shortened
from .methods import failed, named

if TYPE_CHECKING:
    from ..settings import Settings

Result = TypeVar("Result")
WORK_SECONDS = 120.0
"""The time limit of one call that reads or computes."""
_capturing: Final = RLock()
"""Python has one standard output for all threads."""


class Working:
    """The part of a class of settings that lets its methods keep objects, e.g. a connection, in
    attributes with a leading underscore. They are not settings: copies share them, and they are not
    saved.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("_") and not name.startswith("__"):
            self.__dict__[name] = value
        else:
            super().__setattr__(name, value)

    def __getstate__(self) -> Any:
        found = dict(super().__getstate__())  # type: ignore[call-overload]  # a mapping in pydantic
        kept = found.get("__dict__") or {}
        found["__dict__"] = {name: one for name, one in kept.items() if not name.startswith("_")}
        return found

    def __deepcopy__(self, memo: object = None) -> Any:
        return self.__copy__()  # type: ignore[attr-defined]  # settings do not change

    @property
    def worker(self) -> Worker:
        """The thread that runs its methods."""
        found = self.__dict__.get("_worker")
        if found is None:
            found = self.__dict__["_worker"] = Worker()
        made: Worker = found
        return made


class Worker:
    """A thread that runs the methods of one object, until that is removed."""

    def __init__(self) -> None:
        self.printed: list[str] = []
        """What the methods have printed."""
        self._failure: PluginFailure | None = None
        self._begin()

    def _begin(self) -> None:
        self._calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread = Thread(
            target=_work, args=(self._calls,), daemon=True, name="modelspec plugin"
        )
        self._thread.start()
        weakref.finalize(self, self._calls.put, None)

    def run(self, call: Callable[[], Result], seconds: float) -> Result:
        """The result of a call. Raises `PluginFailure`, also for each call after one that did not
        return.
        """
        if self._failure is not None:
            raise self._failure
        if self._thread.ident == get_ident():  # a method that calls another one
            return call()
        if not self._thread.is_alive():  # in a fork of the process
            self._begin()
        results: SimpleQueue[tuple[bool, Any]] = SimpleQueue()
        context = copy_context()

        def work() -> None:
            try:
                results.put((True, context.run(call)))
            except BaseException as error:  # noqa: BLE001  # also `sys.exit()`
                results.put((False, error))

        with quiet(self.printed, self._thread):
            self._calls.put(work)
            try:
                succeeded, result = results.get(timeout=seconds)
            except Empty:
                self._failure = PluginFailure(f"did not return within {seconds:g} seconds")
                raise self._failure from None
        if not succeeded:
            raise as_failure(result)
        found: Result = result
        return found


def _work(calls: SimpleQueue[Callable[[], None] | None]) -> None:
    while (call := calls.get()) is not None:
        call()
        del call  # it has the object


def worked(
    settings: Settings, method: str, call: Callable[[], Result], seconds: float | None = None
) -> Result:
    """The result of a method of a plugin, by default within `WORK_SECONDS`. Raises `Fault` (MS853)
    if it raises an exception or does not return in time; a `Fault` that it raises is passed on.
    """
    assert isinstance(settings, Working)
    try:
        return settings.worker.run(call, WORK_SECONDS if seconds is None else seconds)
    except PluginFailure as failure:
        if isinstance(failure.error, Fault):
            raise failure.error from None
        raise failed(settings, method, failure) from None


# Output -------------------------------------------------------------------------------------------


class _Routed:
    """A stream whose text from one thread is kept; that of other threads is written as before."""

    def __init__(self, stream: Any, thread: Thread, kept: list[str]) -> None:
        self._stream, self._thread, self._kept = stream, thread, kept

    def write(self, text: str) -> int:
        """Keeps or writes a text."""
        if get_ident() != self._thread.ident:
            return int(self._stream.write(text) or 0)
        self._kept.append(text)
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def quiet(printed: list[str], thread: Thread) -> Iterator[None]:
    """Inside, what a thread prints is added to `printed`."""
    with _capturing:
        kept: list[str] = []
        before = sys.stdout, sys.stderr
        sys.stdout, sys.stderr = (_Routed(one, thread, kept) for one in before)
        try:
            yield
        finally:
            sys.stdout, sys.stderr = before
            if text := " ".join("".join(kept).split()):
                printed.append(text)


def printed_by(*objects: object) -> Iterator[Diagnostic]:
    """A warning (MS884) for each of these objects that is a plugin and has printed, once."""
    for one in objects:
        worker = one.__dict__.get("_worker") if isinstance(one, Working) else None
        if worker is not None and worker.printed:
            yield printed_warning(one, worker.printed)


def printed_warning(settings: Any, printed: list[str]) -> Diagnostic:
    """MS884 for the texts that a plugin has printed; they are reported once."""
    text = shortened(" ".join(printed))
    printed.clear()
    return Diagnostic(
        "MS884",
        "warning",
        f"{named(settings)} printed: {text}",
        None,
        (),
        "remove the output: a command may write JSON there",
    )
