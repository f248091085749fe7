"""Serves the page of `show --watch` until a signal ends it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from .output import write

if TYPE_CHECKING:
    from modelspec.compiler.pipeline import Compiled
    from modelspec.core.diagnostics import Checked


def watch(file: str, compile_again: Callable[[], Checked[Compiled | None]], port: int) -> None:
    """Serve the page of a file until SIGINT or SIGTERM. Raises `click.UsageError` if the port is in
    use.
    """
    from modelspec.watching.server import ADDRESS, serving
    from modelspec.watching.watch import Watch

    watched = Watch(file, compile_again)
    with _stopped_by_signals() as stop:
        try:
            with serving(watched, port) as address:
                write(f"{file} at {address}; Ctrl-C stops it")
                watched.follow(stop)
        except OSError as error:
            raise click.UsageError(
                f"the page cannot be served at {ADDRESS}, port {port}: {error.strerror or error};"
                " without --port, a free one is selected"
            ) from None


@contextmanager
def _stopped_by_signals() -> Iterator[threading.Event]:
    """An event that SIGINT and SIGTERM set."""
    stop = threading.Event()

    def end(number: int, frame: Any) -> None:
        stop.set()

    before = {one: signal.signal(one, end) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
