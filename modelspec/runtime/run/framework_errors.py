"""Errors of Keras and TensorFlow, as one sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from modelspec.core.diagnostics import Diagnostic, Note
from modelspec.core.plugins import NO_PLUGINS
from modelspec.core.plugins.guard import as_failure

from ..data import RunError

if TYPE_CHECKING:
    import keras

    from modelspec.compiler.pipeline import Compiled

    from .epoch_callbacks import NotFinite

_STYLE = re.compile(r"\x1b\[[0-9;]*m")
"""Keras prints the reason of an error in bold."""


@contextmanager
def as_run_error(
    what: str, compiled: Compiled | None = None, *, code: str = "MS707"
) -> Iterator[None]:
    """Turns any error of Keras or TensorFlow into one `RunError` with one sentence and no
    traceback.

    With `compiled`, the spec of the run, the error names the layer, metric, loss, optimizer or
    callback that raised it, and its place in the spec; MS870 names the code of a plugin.
    """
    from .epoch_callbacks import NotFinite, Stopped

    try:
        yield
    except (RunError, NotFinite, Stopped):
        raise
    except Exception as error:  # Keras and TensorFlow raise many types, from KeyError to their own
        raise _run_error(code, what, error, compiled) from error


def _run_error(code: str, what: str, error: Exception, compiled: Compiled | None) -> RunError:
    from ..backend.plugin_origin import plugin_origin
    from .fault_origin import origin

    found = origin(error, compiled) if compiled is not None else None
    where, span = (f" in {found.what}", found.span) if found is not None else ("", None)
    plugins = compiled.file.context.plugins if compiled is not None else NO_PLUGINS
    plugin = plugin_origin(error, plugins)
    if plugin is not None:
        message = f"{what}: {plugin.what} {as_failure(error).what}"
        notes = (Note(f"raised in {plugin.place}"),)
        help = _help(error) or "correct the plugin"
        return RunError([Diagnostic("MS870", "error", message, span, notes, help)])
    message = f"{what}{where}: {_summary(error)}"
    return RunError([Diagnostic(code, "error", message, span, (), _help(error))])


def _summary(error: Exception) -> str:
    """The most informative sentence of an error: TensorFlow adds a graph, Keras a stack
    of layers.
    """
    plain = (_STYLE.sub("", line).strip() for line in str(error).splitlines())
    lines = [line for line in plain if line]
    if lines[:1] == [
        "in user code:"
    ]:  # the traceback of a rewritten function, followed by the error
        lines = lines[-1:]
    frames = (
        "Graph execution error",
        "Detected at node",
        "<stack traces",
        'File "',
        "Exception encountered when calling",
    )
    summary = next((line for line in lines if not line.startswith(frames)), type(error).__name__)
    if isinstance(error, KeyError):  # its message is the key
        summary = f"KeyError: {summary}"
    return summary if len(summary) <= 300 else summary[:297] + "..."


def _help(error: Exception) -> str | None:
    if type(error).__name__ == "ResourceExhaustedError" or isinstance(error, MemoryError):
        return "not enough memory: use a smaller `batch_size` or a smaller model"
    return None


def diverged(error: NotFinite, model: keras.Model) -> RunError:
    """MS706 of a run whose numbers are no longer finite."""
    from .epoch_callbacks import last_learning_rate

    rate = last_learning_rate(model)
    return RunError.of(
        "MS706",
        f"{error}: the training cannot continue from there",
        notes=[*error.notes, *([] if rate is None else [f"the learning rate was {rate:g}"])],
        help=(
            "lower the learning rate, set `clipnorm` in the optimizer, or scale inputs and targets"
            " to about 1"
        ),
    )
