"""What Keras and TensorFlow raise, as one sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from modelspec.core.diagnostics import Diagnostic

from ..data import RunError

if TYPE_CHECKING:
    import keras

    from modelspec.compiler.pipeline import Compiled

    from .epoch_callbacks import NotFinite

_STYLE = re.compile(r"\x1b\[[0-9;]*m")
"""Keras prints the reason of an error in bold."""


@contextmanager
def told(what: str, compiled: Compiled | None = None, *, code: str = "MS707") -> Iterator[None]:
    """Turns whatever Keras or TensorFlow raises into one `RunError`: a sentence, never a traceback.

    With `compiled`, the spec that is run, it says in which layer, metric, loss, optimizer or
    callback of it the error was raised, and has its place there.
    """
    from .epoch_callbacks import NotFinite, Stopped

    try:
        yield
    except (RunError, NotFinite, Stopped):
        raise
    except Exception as error:  # Keras and TensorFlow raise anything, from KeyError to their own
        raise _run_error(code, what, error, compiled) from error


def _run_error(code: str, what: str, error: Exception, compiled: Compiled | None) -> RunError:
    from .fault_origin import origin

    found = origin(error, compiled) if compiled is not None else None
    where, span = (f" in {found.what}", found.span) if found is not None else ("", None)
    message = f"{what}{where}: {_said(error)}"
    return RunError([Diagnostic(code, "error", message, span, (), _help(error))])


def _said(error: Exception) -> str:
    """The sentence of an error that says most: TensorFlow puts a graph around it, Keras a stack of
    layers.
    """
    plain = (_STYLE.sub("", line).strip() for line in str(error).splitlines())
    lines = [line for line in plain if line]
    if lines[:1] == [
        "in user code:"
    ]:  # the places that a rewritten function came through, and the error below them
        lines = lines[-1:]
    frames = (
        "Graph execution error",
        "Detected at node",
        "<stack traces",
        'File "',
        "Exception encountered when calling",
    )
    said = next((line for line in lines if not line.startswith(frames)), type(error).__name__)
    if isinstance(error, KeyError):  # its text is the key
        said = f"KeyError: {said}"
    return said if len(said) <= 300 else said[:297] + "..."


def _help(error: Exception) -> str | None:
    if type(error).__name__ == "ResourceExhaustedError" or isinstance(error, MemoryError):
        return "there is not enough memory: use a smaller `batch_size`, or a smaller model"
    return None


def diverged(error: NotFinite, model: keras.Model) -> RunError:
    """MS706 of a run whose numbers are no longer finite."""
    from .epoch_callbacks import last_learning_rate

    rate = last_learning_rate(model)
    return RunError.of(
        "MS706",
        f"{error}: nothing can be learned from there on",
        notes=[*error.notes, *([] if rate is None else [f"the learning rate was {rate:g}"])],
        help=(
            "lower the learning rate, set `clipnorm` in the optimizer, or scale inputs and targets"
            " to about 1"
        ),
    )
