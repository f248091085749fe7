"""The weights of a run, from the model file in its folder.

The file is as untrusted as any other: Keras's description of the layers in it is never used, its
arrays are read by the reader for weight files, and each is compared with the model of the spec
before a number is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from modelspec.runtime.data.errors import RunError

from ..hdf5.process import Tree
from ..inner_names import spec_name
from .held_weights import Given, compared
from .layout import matched
from .wanted import Wanted
from .weight_files import opened

if TYPE_CHECKING:
    import keras

OPTIMIZER: Final = "optimizer"
"""The group of the optimizer in a model file of Keras."""
_HELP: Final = "restore the file from a copy of the run, or train again"


def load_run_weights(model: keras.Model, path: Path) -> None:
    """Load every weight of the model file of a run, and the variables of the optimizer if the model
    has one and the file has them.

    Raises `RunError`: MS750 if the file cannot be read, MS751 if it uses features that no weight
    file needs, MS752 for every layer that it does not fit.
    """
    from . import assign, does_not_fit

    shown = str(path)
    with opened(path, shown) as file:
        if not isinstance(file, Tree):
            raise RunError.of("MS750", f"`{shown}` is not a model file of Keras", help=_HELP)
        found = [*matched(file, model, Wanted()), *_of_optimizer(file, model)]
        wrong = [given for given in found if given.problem]
        wrong = wrong or list(_of_no_layer(model, found))
        if wrong:
            raise does_not_fit(wrong, shown, None, _HELP)
        for given in found:
            assign(given)


def _of_optimizer(tree: Tree, model: keras.Model) -> Iterator[Given]:
    """The arrays of the optimizer. Predictions do not depend on them: those of an optimizer with
    another number of variables, of an earlier stage of the training, are not loaded, as in Keras.
    """
    optimizer = getattr(model, "optimizer", None)
    variables = list(optimizer.variables) if optimizer is not None else []
    group = f"{OPTIMIZER}/vars"
    if not variables or len(tree.names(group)) != len(variables):
        return
    entries = {
        str(at): (variable, tree.entry(f"{group}/{at}")) for at, variable in enumerate(variables)
    }
    yield compared(optimizer, OPTIMIZER, entries, group)


def _of_no_layer(model: keras.Model, found: Sequence[Given]) -> Iterator[Given]:
    """The weights of the model for which the file was not searched."""
    known = {id(weight) for given in found for weight, _ in given.weights.values()}
    for weight in model.weights:
        if id(weight) not in known:
            name = spec_name(weight.path)
            yield Given(model, name, problem="the file does not contain it")
