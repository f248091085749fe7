"""`evaluate --choose-threshold`: the threshold with the best metric on the validation part."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..backend.process_state import own_state
from ..data import Part, RunError
from ..data.table import Array
from .decisions import Decision, decisions
from .evaluate import own_part
from .open_run import SavedRun, open_run
from .thresholds import MEASURES, Stored, best_threshold

if TYPE_CHECKING:
    import keras


@own_state()
def choose_threshold(
    run_dir: str | PathLike[str],
    metric: str = "f1",
    *,
    split: str = "validation",
) -> Stored:
    """The threshold between two labels, or of each of several labels, for which `metric` (`f1`,
    `accuracy`, `balanced_accuracy`, `youden`) is largest on a part of the run's own data. It is
    stored with the run as `threshold.json`, and `predict` uses it from then on.

    All examples have the same weight; masked steps are ignored. Raises `RunError`: MS732 for an
    unknown metric, MS737 if no output has two labels or several, MS738 if all examples of the part
    have, or lack, the label; MS710 and MS714 as `evaluate`.
    """
    return chosen_threshold(open_run(Path(fspath(run_dir))), metric, split)


def chosen_threshold(
    run: SavedRun, metric: str, split: str, model: keras.Model | None = None
) -> Stored:
    """As `choose_threshold`; `model` is the model of the run if it is already loaded."""
    if metric not in MEASURES:
        raise RunError.of(
            "MS732",
            f"a threshold cannot be chosen by `{metric}`",
            help=f"choose it by {', '.join(f'`{one}`' for one in MEASURES)}",
        )
    on, part, state, _ = own_part(run, split)
    about = {
        name: one
        for name, one in decisions(run.compiled, state).items()
        if one.takes_threshold and name in part.examples.targets
    }
    if not about:
        raise RunError.of(
            "MS737",
            f"the run in `{run.directory}` has no output of two labels, or of several labels that"
            " an example may have, so a threshold cannot be chosen",
            help="with three or more classes the most probable one is predicted",
        )
    model = run.model(measured=False) if model is None else model
    found = {
        name: _chosen(name, about[name], *values, metric, on)
        for name, values in _computed(run, part, about, model).items()
    }
    stored = Stored(
        metric,
        on,
        len(part),
        {name: tuple(one for one, _ in pairs) for name, pairs in found.items()},
        {name: tuple(one for _, one in pairs) for name, pairs in found.items()},
    )
    stored.save(run.directory)
    return stored


def _computed(
    run: SavedRun, part: Part, about: Mapping[str, Decision], model: keras.Model
) -> dict[str, tuple[Array, Array]]:
    """By output: probabilities and targets of the values that are not masked, [values, labels]."""
    from ..data.batches import Feed
    from .framework_errors import as_run_error
    from .layer_states import from_zero

    assert run.compiled.training is not None  # it has targets
    shares: dict[str, list[Array]] = {name: [] for name in about}
    truth: dict[str, list[Array]] = {name: [] for name in about}
    with as_run_error("the evaluation failed"), from_zero(model):
        for batch in Feed(part.examples).plain(part.positions, run.compiled.training.batch_size):
            outputs = model(batch[0], training=False)
            for name, one in about.items():
                values = outputs[name] if isinstance(outputs, Mapping) else outputs
                target = batch[1][name] if isinstance(batch[1], Mapping) else batch[1]
                kept = getattr(values, "_keras_mask", None)
                found, true = _positive(one, np.asarray(values), np.asarray(target))
                if kept is not None:
                    kept = np.asarray(kept, bool)
                    found, true = found[kept], true[kept]
                shares[name].append(found.reshape(-1, found.shape[-1]))
                truth[name].append(true.reshape(-1, true.shape[-1]))
    return {name: (np.concatenate(shares[name]), np.concatenate(truth[name])) for name in about}


def _positive(about: Decision, values: Array, targets: Array) -> tuple[Array, Array]:
    """The probability of each label with a threshold, along the last axis, and whether the example
    has it.
    """
    found = about.shares(values)
    if about.kind == "several":
        return found, targets > 0.5
    found = found[..., 1:]
    if about.kind == "one" and targets.ndim == values.ndim and targets.shape[-1] == 2:
        return found, targets[..., 1:] > 0.5
    true: Any = targets.reshape(found.shape) > 0.5
    return found, true


def _chosen(
    name: str, about: Decision, shares: Array, truth: Array, metric: str, on: str
) -> list[tuple[float, float]]:
    labels = about.labels if about.kind == "several" else about.labels[1:]
    for label, has in zip(labels, truth.T, strict=True):
        if has.all() or not has.any():
            raise RunError.of(
                "MS738",
                f"{'every' if has.all() else 'no'} example of the {on} part has the label"
                f" `{label}` of `{name}`, so all thresholds below or above all of its"
                " probabilities are equally good",
                help="choose it on a part with both cases: `--split train`, or split with"
                " `stratify`",
            )
    return [
        best_threshold(column, has, None, metric)
        for column, has in zip(shares.T, truth.T, strict=True)
    ]
