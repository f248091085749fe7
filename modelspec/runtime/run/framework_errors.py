"""What Keras and TensorFlow raise, as one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..data import RunError

if TYPE_CHECKING:
    import keras

    from .epoch_callbacks import NotFinite


@contextmanager
def told(what: str) -> Iterator[None]:
    """Turns whatever Keras or TensorFlow raises into one `RunError` (MS707): a sentence, never a
    traceback.
    """
    from .epoch_callbacks import NotFinite, Stopped

    try:
        yield
    except (RunError, NotFinite, Stopped):
        raise
    except Exception as error:  # Keras and TensorFlow raise anything, from KeyError to their own
        raise RunError.of("MS707", f"{what}: {_said(error)}", help=_help(error)) from error


def _said(error: Exception) -> str:
    """The sentence of an error that says most: TensorFlow puts a graph around it, Keras a stack of
    layers.
    """
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if lines[:1] == [
        "in user code:"
    ]:  # the places that a rewritten function came through, and the error below them
        lines = lines[-1:]
    frames = ("Graph execution error", "Detected at node", "<stack traces", 'File "')
    said = next((line for line in lines if not line.startswith(frames)), type(error).__name__)
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
