"""Loads weights from files: `training.weights`, and `weights` of a model of the library.

A weight file is untrusted. No code in it is run, no path in it is followed, and every size in it is
compared with the model before any number is read. Everything that does not fit is reported at once,
for all layers.
"""

from __future__ import annotations

import stat
from collections.abc import Sequence as SequenceType
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelspec.compiler.spec.initial_weights import IMAGENET, InitialWeights, WeightsSource, is_run
from modelspec.core.diagnostics import Fault, Span
from modelspec.core.paths import outside, reached
from modelspec.core.places import is_address
from modelspec.core.settings import Context
from modelspec.core.source import Mapping, Sequence, find, locate
from modelspec.runtime.data.errors import Findings, RunError

from .wanted import Wanted
from .weight_files import opened

if TYPE_CHECKING:  # Keras: files are read without it
    import keras

    from modelspec.compiler.spec.training_section import Training

    from .held_weights import Given

MODEL = "model.keras"
"""The file of a run folder with its weights."""
__all__ = ["assign", "does_not_fit", "initial_weights", "load_weights", "place_of"]


def load_weights(
    model: keras.Model, settings: InitialWeights, context: Context, span: Span | None = None
) -> frozenset[int]:
    """Load the weights of a file into a built model, cast to the dtypes of the model. Returns the
    identities of the variables that have values of the file.

    Raises `RunError`: MS750 if the file cannot be read, MS751 if it uses features that no weight
    file needs, MS752 for every layer that it does not fit.
    """
    wanted = Wanted(settings.skip, settings.only, settings.names, settings.by_name)
    return _load(
        model, located(settings.path, context), settings.path, wanted, settings.skip_mismatch, span
    )


def place_of(training: Training, root: Mapping) -> Span:
    """Where the spec names the file of the initial weights of a training, or of one of its stages.
    `root` is the expanded spec.
    """
    entry = root.entries.get("training")
    stages = find(entry.value, ("stages",)) if entry is not None else None
    parts = stages.items if isinstance(stages, Sequence) else ()
    within = [one for one in parts if one.span.start <= training.span.start < one.span.end]
    for node in (*within, *([entry.value] if entry is not None and not within else ())):
        found = locate(node, ("weights", "path")) or locate(node, ("weights",))
        if found is not None:
            return found
    return training.span


def initial_weights(model: keras.Model, source: WeightsSource) -> None:
    """Load the initial weights of a model of the library: those of Keras (`imagenet`), or those of
    a file.

    Downloads weights that are not in the Keras cache. Raises `RunError` as `load_weights`, and
    MS753 if the weights cannot be downloaded, MS754 if Keras has no weights for the model's
    settings.
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
    """The weight file. Raises `RunError`: MS210 outside the project and the granted places, MS750
    if the file does not exist.
    """
    if is_address(path):
        return _fetched(path, context)
    if is_run(path):
        path = f"{path}/{MODEL}"
    try:
        found = reached(path, context)
        mode = found.stat().st_mode if found is not None else 0
    except FileNotFoundError:
        raise RunError.of(
            "MS750",
            f"the weight file `{path}` does not exist",
            help="write its path relative to the folder of the spec",
        ) from None
    except (OSError, RuntimeError, ValueError) as error:
        raise RunError.of("MS750", f"`{path}` cannot be resolved: {error}") from None
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
) -> frozenset[int]:
    from .layout import matched

    with opened(path, shown) as file:
        found = matched(file, model, wanted)
        wrong = [given for given in found if given.problem]
        if wrong and not skip_mismatch:
            raise does_not_fit(wrong, shown, span)
        fitting = [given for given in found if not given.problem]
        if not fitting:
            fault = Fault(
                "MS752",
                f"`{shown}` has no weights that fit the model",
                help=(
                    "check whether the file belongs to another model: `modelspec show` lists the"
                    " layers of this one"
                ),
            )
            raise RunError([fault.at(span)])
        for given in fitting:
            assign(given)
        return frozenset(id(one) for given in fitting for one, _ in given.weights.values())


def assign(given: Given) -> None:
    """Load the values of the file into the weights of one owner."""
    for weight, entry in given.weights.values():
        weight.assign(entry.read())
    finalize: Any = getattr(given.owner, "finalize_state", None)
    if finalize is not None:  # the values that `Normalization` computes from its weights
        finalize()


def does_not_fit(
    wrong: SequenceType[Given], shown: str, span: Span | None, advice: str | None = None
) -> RunError:
    """MS752 for every part of a model that a file does not fit."""
    found = Findings()
    for given in wrong:
        if given.tensor is not None:
            message = f"`{shown}` does not fit `{given.path}`: {given.problem}"
            help = "`modelspec weights FILE` lists the tensors of a file"
            found.error("MS752", message, span, help=help)
            continue
        subject, help = "the model", "`by_name: true` loads only layers whose names are in both"
        if given.path:
            subject = f"`{given.path}`"
            help = f"`skip: [{given.path.split('/')[0]}]` skips it"
        message = f"`{shown}` does not fit {subject}: {given.problem}"
        found.error("MS752", message, span, help=advice or help)
    return RunError(found.diagnostics)
