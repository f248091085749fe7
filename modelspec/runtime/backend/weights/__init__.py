"""Weights from files: `training.weights`, and `weights` of a model of the library.

A file is data from a stranger. Nothing of it runs, no path in it is followed, and every size in it
is compared with the model's before a number is read; what does not fit is reported for all layers
at once.
"""

from __future__ import annotations

import stat
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelspec.compiler.spec.initial_weights import IMAGENET, InitialWeights, WeightsSource
from modelspec.core.diagnostics import Fault, Span
from modelspec.core.paths import outside, reached
from modelspec.core.places import is_address
from modelspec.core.settings import Context
from modelspec.runtime.data.errors import Findings, RunError

from .wanted import Wanted
from .weight_files import opened

if TYPE_CHECKING:  # Keras: files are read without it
    import keras

    from .held_weights import Given

__all__ = ["assign", "initial_weights", "load_weights"]


def load_weights(
    model: keras.Model, settings: InitialWeights, context: Context, span: Span | None = None
) -> None:
    """Give a built model the weights of a file, cast to the dtypes of its own.

    Raises `RunError`: MS750 where the file cannot be read, MS751 where it asks for what no file of
    weights needs, MS752 for every layer that it does not fit.
    """
    wanted = Wanted(settings.skip, settings.by_name)
    _load(
        model, located(settings.path, context), settings.path, wanted, settings.skip_mismatch, span
    )


def initial_weights(model: keras.Model, source: WeightsSource) -> None:
    """Give a model of the library the weights that it starts from: those of Keras (`imagenet`), or
    of a file.

    Loads from the network what Keras's cache lacks. Raises `RunError` as `load_weights`, and MS753
    where the weights cannot be fetched, MS754 where Keras offers none for the model's settings.
    """
    from . import imagenet

    if source.value == IMAGENET:
        path = imagenet.fetched(source.kind, source.settings)
        _load(model, path, path.name, Wanted(of_library=True), False, source.span)
    else:
        _load(
            model, located(source.value, source.context), source.value, Wanted(), False, source.span
        )


def located(path: str, context: Context) -> Path:
    """The file of weights. Raises `RunError`: MS210 outside the project and the granted
    places, MS750 where there is none.
    """
    if is_address(path):
        return _fetched(path, context)
    try:
        found = reached(path, context)
        mode = found.stat().st_mode if found is not None else 0
    except FileNotFoundError:
        raise RunError.of(
            "MS750",
            f"there is no file of weights `{path}`",
            help="write its path relative to the folder of the spec",
        ) from None
    except (OSError, RuntimeError, ValueError) as error:
        raise RunError.of("MS750", f"`{path}` cannot be followed: {error}") from None
    if found is None:
        raise RunError([outside(path, context).at(None)])
    if not stat.S_ISREG(mode):
        raise RunError.of("MS750", f"`{path}` is not an ordinary file")
    return found


def _fetched(address: str, context: Context) -> Path:
    from modelspec.runtime.data.remote import fetched

    try:
        return fetched(address, context)
    except Fault as fault:
        raise RunError([fault.at(None)]) from None


def _load(
    model: keras.Model,
    path: Path,
    shown: str,
    wanted: Wanted,
    skip_mismatch: bool,
    span: Span | None,
) -> None:
    from .layout import matched

    with opened(path, shown) as file:
        found = matched(file, model, wanted)
        wrong = [given for given in found if given.problem]
        if wrong and not skip_mismatch:
            raise _does_not_fit(wrong, shown, span)
        fitting = [given for given in found if not given.problem]
        if not fitting:
            raise RunError.of(
                "MS752",
                f"nothing in `{shown}` fits the model",
                help=(
                    "is it the file of another model? `modelspec show` lists the layers of this one"
                ),
            )
        for given in fitting:
            assign(given)


def assign(given: Given) -> None:
    """Give the weights of one owner the values of the file."""
    for weight, entry in given.weights.values():
        weight.assign(entry.read())
    finalize: Any = getattr(given.owner, "finalize_state", None)
    if finalize is not None:  # what `Normalization` computes from its weights
        finalize()


def _does_not_fit(wrong: Sequence[Given], shown: str, span: Span | None) -> RunError:
    found = Findings()
    for given in wrong:
        subject, help = "the model", "`by_name: true` takes the layers whose names are in both"
        if given.path:
            subject = f"`{given.path}`"
            help = f"`skip: [{given.path.split('/')[0]}]` leaves it as it is"
        found.error("MS752", f"`{shown}` does not fit {subject}: {given.problem}", span, help=help)
    return RunError(found.diagnostics)
