"""Runs code of a plugin: with a time limit, its output captured, its failure as one exception."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from contextvars import copy_context
from threading import Thread
from types import TracebackType
from typing import Final, TypeVar

CALL_SECONDS: Final = 10.0
"""The time limit of one call of a method, such as a shape rule."""
_SHOWN: Final = 200
"""Characters of an error message or an output that a diagnostic shows."""
_COLOUR: Final = re.compile(r"\x1b\[[0-9;]*m")
"""Keras colours its errors."""
Result = TypeVar("Result")


class PluginFailure(Exception):
    """Code of a plugin raised an exception, or did not return in time.

    `what` completes the sentence "the module ..."; `place` is the line of the plugin, if it is
    known; `error` is the exception, None after the time limit.
    """

    def __init__(self, what: str, place: str = "", error: BaseException | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.place = place
        self.error = error


def guarded(call: Callable[[], Result], seconds: float) -> Result:
    """The result of code of a plugin. Raises `PluginFailure`.

    The code runs in a thread, which is abandoned after the time limit: Python cannot end it.
    """
    results: list[Result] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(call())
        except BaseException as error:  # noqa: BLE001  # also `sys.exit()` in a module
            errors.append(error)

    thread = Thread(target=copy_context().run, args=(run,), daemon=True, name="modelspec plugin")
    thread.start()
    thread.join(seconds)
    if results:
        return results[0]
    if errors:
        raise as_failure(errors[0])
    raise PluginFailure(f"did not return within {seconds:g} seconds")


def as_failure(error: BaseException) -> PluginFailure:
    """The failure of code that raised an exception."""
    text = shortened(" ".join(_COLOUR.sub("", str(error)).split()))
    what = f"raised {type(error).__name__}" + (f": {text}" if text else "")
    return PluginFailure(what, _place(error.__traceback__), error)


def _place(trace: TracebackType | None) -> str:
    """The last line of the traceback that is not in Python itself or in modelspec."""
    from traceback import extract_tb

    own = str(__file__).rpartition("core")[0]
    frames = [
        frame
        for frame in extract_tb(trace)
        if not frame.filename.startswith(("<", own)) and "importlib" not in frame.filename
    ]
    return f"{frames[-1].filename}, line {frames[-1].lineno}" if frames else ""


def shortened(text: str) -> str:
    """The beginning of a long text."""
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


@contextmanager
def captured() -> Iterator[io.StringIO]:
    """Inside, whatever Python code prints is written to the text that is yielded."""
    text = io.StringIO()
    sys.stdout.flush()
    with redirect_stdout(text), redirect_stderr(text):
        yield text
