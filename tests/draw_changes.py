"""Changes of drawn specs: more of the language in them, and fewer faults.

`dressed` gives a spec with other names, a fixed batch size, wrappers, more optimizers and callbacks;
`repaired` leaves out what `check` refuses, as far as the rest is a spec.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from modelspec.compiler.pipeline import compile_spec

from .training_steps import BATCH

Spec: TypeAlias = dict[str, Any]
Path: TypeAlias = tuple[Any, ...]
NAMES = (
    "a b",
    "größe",
    "_x",
    "1st",
    "層",
    "a-b",
    "class",
    "x+y",
    "A",
    "n_1",
    "É",
    "loss",
    "None",
    "0",
)
"""Names that a user may write and that TensorFlow or a file system may not take."""
WRAPPERS: tuple[tuple[str, bool, Spec], ...] = (
    ("TimeDistributed", True, {}),
    ("TimeDistributed", True, {}),
    ("Bidirectional", False, {}),
    ("Bidirectional", False, {"merge_mode": "sum"}),
    ("SpectralNormalization", False, {}),
)
"""Wrappers, whether each gives its layer the steps of a sequence, and settings."""
MOST_REPAIRS = 4
REPAIRED = ("MS5", "MS8", "MS6")
"""The beginnings of the codes that a change of the training may correct."""
BEYOND_REPAIR = 1_000


def dressed(spec: Spec, chance: random.Random) -> Spec:
    """A copy of the spec with none to three changes."""
    spec = copy.deepcopy(spec)
    for change in chance.sample(_CHANGES, chance.choice([0, 1, 1, 2, 3])):
        change(spec, chance)
    return spec


# More of the language -----------------------------------------------------------------------------


def _rename(spec: Spec, chance: random.Random) -> None:
    """Other names for all inputs, layers, shared parts and outputs, wherever they are written."""
    names = list(dict.fromkeys(_names(spec["model"])))
    fresh = chance.sample(NAMES, len(NAMES)) + [f"n {place}" for place in range(len(names))]
    new = {name: other for name, other in zip(names, fresh, strict=False) if chance.random() < 0.7}
    changed = _renamed(spec, new)
    spec.clear()
    spec.update(changed)


def _names(model: Any) -> Iterator[str]:
    """The names that a model defines, those of its sub-models included."""
    if isinstance(model, list):
        model = {"layers": model}
    if not isinstance(model, dict):
        return
    yield from model.get("inputs", {})
    if isinstance(model.get("outputs"), dict):
        yield from model["outputs"]
    for name, shared in model.get("shared", {}).items():
        yield name
        yield from _names(shared)
    for entry in model.get("layers", ()):
        body = next(iter(entry.values())) if isinstance(entry, dict) else None
        if isinstance(body, dict) and "name" in body:
            yield body["name"]


def _renamed(value: Any, new: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {_renamed(key, new): _renamed(item, new) for key, item in value.items()}
    if isinstance(value, list):
        return [_renamed(item, new) for item in value]
    if not isinstance(value, str):
        return value
    head, point, part = value.partition(".")
    return f"{new[head]}{point}{part}" if head in new else value


def _fix_batch(spec: Spec, chance: random.Random) -> None:
    for one in spec["model"]["inputs"].values():
        one.setdefault("batch_size", BATCH)


def _wrap(spec: Spec, chance: random.Random) -> None:
    """One layer in a wrapper; inputs of a sequence where that takes the steps of one."""
    entries = [one for one in spec["model"]["layers"] if isinstance(one, dict)]
    if not entries:
        return
    entry = chance.choice(entries)
    kind, body = next(iter(entry.items()))
    if not isinstance(body, dict) or kind in spec["model"].get("shared", {}):
        return
    wrapper, steps, settings = chance.choice(WRAPPERS)
    reserved = {key: body.pop(key) for key in ("name", "from", "call") if key in body}
    del entry[kind]
    entry[wrapper] = {"layer": {kind: body} if body else kind, **settings, **reserved}
    source = reserved.get("from")
    first = spec["model"]["inputs"].get(source) if isinstance(source, str) else None
    if steps and first is not None and "shape" in first:
        first["shape"] = [chance.choice([2, 3, None]), *first["shape"]]


def _average(spec: Spec, chance: random.Random) -> None:
    """An optimizer that averages weights, with the callback that uses them."""
    settings = chance.choice([{}, {"ema_momentum": 0.9}, {"ema_overwrite_frequency": 1}])
    kind = chance.choice(["SGD", "Adam", "Lion", "RMSprop"])
    spec["training"]["optimizer"] = {kind: {"use_ema": True, **settings}}
    swap = chance.choice([{"swap_on_epoch": True}, {}])
    spec["training"]["callbacks"] = [{"SwapEMAWeights": swap}]


def _split_optimizers(spec: Spec, chance: random.Random) -> None:
    paths = chance.choice([".*kernel", ".*bias", "head.*", ".*"])
    inner = chance.choice(["sgd", {"Adam": 0.01}, {"Lion": 0.001}, "Muon"])
    own = spec["training"].pop("optimizer", "adam")
    held = {"default_optimizer": own, "optimizer_map": {paths: inner}}
    spec["training"]["optimizer"] = {"MultiOptimizer": {"optimizer_map": held}}


def _keep_best(spec: Spec, chance: random.Random) -> None:
    """A `ModelCheckpoint` with what the run logs in its path."""
    training = spec["training"]
    logged = ["epoch", "loss", "val_loss"]
    if isinstance(training.get("metrics"), list):
        logged += [one for one in training["metrics"] if isinstance(one, str)]
    names = "-".join(f"{{{name}}}" for name in chance.sample(logged, min(2, len(logged))))
    weights = chance.random() < 0.5
    extension = ".weights.h5" if weights else ".keras"
    saved = {"filepath": f"at {names}{extension}", "save_weights_only": weights}
    if chance.random() < 0.5:
        saved |= {"monitor": chance.choice(["loss", "val_loss"]), "save_best_only": True}
    training["callbacks"] = [*training.get("callbacks", ()), {"ModelCheckpoint": saved}]


def _freeze_more(spec: Spec, chance: random.Random) -> None:
    spec["training"]["freeze"] = chance.choice(["head*", ["drawn"], ["*"], ["t_*"]])


def _accumulate(spec: Spec, chance: random.Random) -> None:
    kind = chance.choice(["SGD", "Adam", "Adafactor", "Ftrl"])
    settings = {"gradient_accumulation_steps": 2, "use_ema": chance.random() < 0.3}
    spec["training"]["optimizer"] = {kind: settings}


_CHANGES: tuple[Callable[[Spec, random.Random], None], ...] = (
    _rename,
    _fix_batch,
    _wrap,
    _average,
    _split_optimizers,
    _keep_best,
    _freeze_more,
    _accumulate,
)


# Fewer faults -------------------------------------------------------------------------------------


def repaired(spec: Spec) -> Spec:
    """A copy of the spec without the parts of its training that are refused, if leaving out single
    ones helps. What is wrong with its layers remains: most changes of those make another spec.
    """
    faults = _faults(spec)
    for _ in range(MOST_REPAIRS):
        better = next(_with_fewer(spec, faults), None) if faults else None
        if better is None:
            return spec
        spec, faults = better
    return spec


def _faults(spec: Spec) -> int:
    """How many errors a spec has; many, if its training is not the reason of all."""
    errors = [one.code for one in compile_spec(spec).diagnostics if one.severity == "error"]
    return len(errors) if all(code[:3] in REPAIRED for code in errors) else BEYOND_REPAIR


def _with_fewer(spec: Spec, faults: int) -> Iterator[tuple[Spec, int]]:
    if faults >= BEYOND_REPAIR:
        return
    for change in _repairs(spec):
        changed = copy.deepcopy(spec)
        change(changed)
        left = _faults(changed)
        if left < faults:
            yield changed, left


def _repairs(spec: Spec) -> Iterator[Callable[[Spec], None]]:
    """Small changes first: a metric, a part of the training, a loss, the precision."""
    inside = sorted(_paths(spec["training"], ("training",)), key=len, reverse=True)
    yield from (
        _without(path)
        for path in inside
        if path[1] not in ("loss", "batch_size") and (len(path) == 2 or isinstance(path[-1], int))
    )
    yield from (_with_mse(path) for path in inside if path[1] == "loss" and len(path) <= 3)
    yield _without(("runtime",))


def _paths(value: Any, before: Path) -> Iterator[Path]:
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield (*before, key)
            yield from _paths(value[key], (*before, key))


def _without(path: Path) -> Callable[[Spec], None]:
    def change(spec: Spec) -> None:
        holder = _holder(spec, path)
        if isinstance(holder, list) or path[-1] in holder:
            del holder[path[-1]]

    return change


def _with_mse(path: Path) -> Callable[[Spec], None]:
    def change(spec: Spec) -> None:
        _holder(spec, path)[path[-1]] = "mse"

    return change


def _holder(spec: Any, path: Path) -> Any:
    for key in path[:-1]:
        spec = spec[key]
    return spec
