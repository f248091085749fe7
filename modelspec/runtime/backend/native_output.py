"""Suppresses the output of native libraries, which bypasses Python's streams.

A file descriptor belongs to the whole process, so only one thread redirects them at a time: if two
redirections overlapped, the one that ended last would restore the redirected descriptor of the
other. Output that other threads write to Python's streams in the meantime is not lost.
"""

from __future__ import annotations

import logging
import os
import re
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import IO, Any, TextIO

_redirecting = threading.RLock()
_NATIVE = re.compile(
    rb"(WARNING: All log messages before absl::InitializeLog\(\)"
    rb"|[IWEF]0000 00:00:|[IWEF]\d{4} \d\d:\d\d:\d\d|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+: [IWEF] "
    rb"|To enable the following instructions:)"
)
"""The beginning of a log line of a native library."""


@contextmanager
def loading_quietly() -> Iterator[None]:
    """Native libraries print to standard error while they load: their log is dropped, and shown
    only if loading fails. Any other output, from another thread or a child process, is shown.
    """
    with _redirected((2,)) as kept:
        try:
            yield
        except BaseException:
            kept.shown(lambda line: True)
            raise
        kept.shown(lambda line: not _NATIVE.match(line))


@contextmanager
def quiet() -> Iterator[None]:
    """Suppresses all output of this thread, including that of native libraries, and all log
    messages below the level critical. Errors are raised as usual.
    """
    with _redirected((1, 2)) as kept, kept.without_own_prints(), _without_own_logs():
        yield


class _Kept:
    """Redirects file descriptors to a file temporarily."""

    def __init__(self, file: IO[bytes], saved: dict[int, int]) -> None:
        self._file = file
        self._saved = saved
        """By descriptor: a copy of the original one."""

    def shown(self, wanted: Any) -> None:
        """Write the lines that are to be shown to the original standard error."""
        if 2 not in self._saved:
            return
        self._file.seek(0)
        with suppress(OSError):
            for line in self._file.readlines():
                if wanted(line):
                    os.write(self._saved[2], line)

    @contextmanager
    def without_own_prints(self) -> Iterator[None]:
        """`sys.stdout` and `sys.stderr` drop the output of this thread; the output of other threads
        is not affected.
        """
        before = sys.stdout, sys.stderr
        opened: list[TextIO] = []

        def apart(stream: TextIO, number: int) -> Any:
            if number in self._saved and _writes_to(stream, number):
                stream = os.fdopen(os.dup(self._saved[number]), "w", encoding="utf-8")
                opened.append(stream)
            return _ByThread(stream)

        instead = [apart(one, at) for at, one in enumerate(before, 1)]
        sys.stdout, sys.stderr = instead
        logging_to = [
            (handler, one)
            for handler in _handlers()
            if isinstance(handler, logging.StreamHandler) and handler is not logging.lastResort
            for at, one in enumerate(before)
            if one is not None and handler.stream is one and handler.setStream(instead[at])
        ]
        try:
            yield
        finally:
            sys.stdout, sys.stderr = before
            for handler, one in logging_to:
                handler.setStream(one)
            for stream in opened:
                with suppress(OSError):
                    stream.close()


@contextmanager
def _redirected(numbers: Sequence[int]) -> Iterator[_Kept]:
    with _redirecting, ExitStack() as stack:
        file = stack.enter_context(tempfile.TemporaryFile())
        saved: dict[int, int] = {}
        for number in numbers:
            try:
                saved[number] = os.dup(number)
            except OSError:  # it is closed
                continue
            stack.callback(os.close, saved[number])
        _flush()
        for number, copy in saved.items():
            os.dup2(file.fileno(), number)
            stack.callback(os.dup2, copy, number)
        stack.callback(_flush)
        yield _Kept(file, saved)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            with suppress(OSError, ValueError):
                stream.flush()


def _writes_to(stream: Any, number: int) -> bool:
    try:
        return bool(stream.fileno() == number)
    except (OSError, ValueError, AttributeError):  # a stream of a notebook, or a closed one
        return False


class _ByThread:
    """A stream that drops the output of the thread that created it."""

    def __init__(self, stream: Any) -> None:
        self._stream, self._thread = stream, threading.get_ident()

    def write(self, text: str) -> int:
        """As a stream's."""
        if threading.get_ident() != self._thread and self._stream is not None:
            self._stream.write(text)
            self._stream.flush()
        return len(text)

    def flush(self) -> None:
        """As a stream's."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _handlers() -> list[logging.Handler]:
    """The handlers of all loggers, each once."""
    loggers = [logging.root, *logging.root.manager.loggerDict.copy().values()]
    found = [one for each in loggers for one in getattr(each, "handlers", ())]
    return list(dict.fromkeys([*found, *filter(None, [logging.lastResort])]))


@contextmanager
def _without_own_logs() -> Iterator[None]:
    """Handlers do not get log messages of this thread below the level critical."""
    thread = threading.get_ident()

    def passes(record: logging.LogRecord) -> bool:
        return record.thread != thread or record.levelno >= logging.CRITICAL

    handlers = _handlers()
    for one in handlers:
        one.addFilter(passes)
    try:
        yield
    finally:
        for one in handlers:
            one.removeFilter(passes)
