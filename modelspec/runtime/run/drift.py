"""Differences between the start of a run and the environment where it is resumed; and which of them
do not change results.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from modelspec.compiler.pipeline import Compiled
from modelspec.core.text_table import columns

from ..data import Prepared
from ..distributed.replica_count import ALONE
from ..history.machine import HARMLESS_VARIABLES
from ..history.used_plugins import recorded, used_plugins
from . import framework
from .environment import chosen_by_variables
from .framework import Pins
from .manifest import Manifest, data_facts
from .saver import Snapshot

_STAGE_EPOCHS = re.compile(r"training\.stages\[([0-9]+)\]\.epochs")
_PATIENCE = re.compile(
    r"training(?:\.stages\[([0-9]+)\])?\.callbacks\[[0-9]+\]\.EarlyStopping\.patience"
)
_HARMLESS_KEYS = ("name", "description", "expect.", "training.checkpoint", "runtime.logging")
_HARMLESS_VERSIONS = ("python", "scikit-learn", "h5py")
"""Their results are covered by the hashes of the data, or by those of the checkpoint."""
_BACKEND = {
    "intra_op_threads": "threads within an operation",
    "inter_op_threads": "threads between operations",
    "onednn": "TF_ENABLE_ONEDNN_OPTS",
    "devices": "devices",
    "switches": "TensorFlow switches",
}


@dataclass(frozen=True)
class Difference:
    """One difference from the original run."""

    what: str
    was: str
    now: str
    harmless: bool = False
    """Whether results do not change in spite of the difference."""

    def as_json(self) -> dict[str, Any]:
        """The entry in the manifest."""
        return {"what": self.what, "was": self.was, "now": self.now, "harmless": self.harmless}


def table(differences: list[Difference]) -> list[str]:
    """A line for each difference, in columns; those that change results come first."""
    return columns(
        [
            (one.what, f"was {one.was}", f"is {one.now}", "harmless" if one.harmless else "")
            for one in sorted(differences, key=lambda one: one.harmless)
        ]
    )


def changed(differences: list[Difference]) -> str:
    """`1 condition has changed`, `2 conditions have changed`."""
    if len(differences) == 1:
        return "1 condition has changed"
    return f"{len(differences)} conditions have changed"


def of_spec(before: Any, after: Any, begun: Begun) -> Iterator[Difference]:
    """Differences of two specs as plain values; more epochs are harmless, and fewer if none of the
    removed ones has begun. That applies to a stage that has not ended, too.
    """
    was, now = dict(_leaves(before)), dict(_leaves(after))
    for path in sorted({*was, *now}):
        if was.get(path, _absent) != now.get(path, _absent):
            harmless = path.startswith(_HARMLESS_KEYS)
            if path == "training.epochs" or _STAGE_EPOCHS.fullmatch(path):
                harmless = isinstance(now.get(path), int) and now[path] >= begun.least(path)
            elif found := _PATIENCE.fullmatch(path):
                # An epoch in which the smaller one would have ended the training was not trained.
                begins = int(found[1]) >= begun.stage if found[1] else True
                harmless = begins and _waits(now, path) >= _waits(was, path)
            yield Difference(path, _shown(was, path), _shown(now, path), harmless)


def _waits(values: Mapping[str, Any], path: str) -> int:
    """The patience at a path; Keras's default is 0."""
    found = values.get(path, 0)
    return found if isinstance(found, int) else 0


def is_length(path: str) -> bool:
    """Whether a path of a spec sets how long a run trains: its epochs, or a patience."""
    own = path == "training.epochs" or _STAGE_EPOCHS.fullmatch(path)
    return bool(own or _PATIENCE.fullmatch(path))


class Begun(NamedTuple):
    """How far a run was when its last checkpoint was taken."""

    epochs: int
    """The begun epochs of the stage."""
    stage: int = 0

    def least(self, path: str) -> float:
        """The least number of epochs with which the results stay the same; infinite for a stage
        that has ended.
        """
        found = _STAGE_EPOCHS.fullmatch(path)
        stage = int(found[1]) if found else 0
        if stage < self.stage:
            return math.inf
        return self.epochs if stage == self.stage else 1


def of_environment(manifest: Manifest, pins: Pins) -> Iterator[Difference]:
    """Differences in versions, processor, threads and oneDNN, which are known before a framework is
    loaded.
    """
    versions, here = _mapping(manifest, "versions"), framework.versions()
    for name in sorted({*versions, *here}):
        if versions.get(name) != here.get(name):
            yield Difference(
                name,
                str(versions.get(name, "absent")),
                str(here.get(name, "absent")),
                name in _HARMLESS_VERSIONS,
            )
    machine, this = _mapping(manifest, "machine"), framework.machine()
    for name in ("architecture", "cpu"):
        if machine.get(name) != this[name]:
            yield Difference(f"machine: {name}", str(machine.get(name)), str(this[name]))
    yield from of_backend(manifest, {**vars(pins), "environment": chosen_by_variables()})


def of_backend(manifest: Manifest, now: Mapping[str, Any]) -> Iterator[Difference]:
    """Differences in threads, oneDNN, devices, TensorFlow switches and environment variables. A run
    that never started training has no record of them, a run of an earlier version not all.
    """
    was = _mapping(manifest, "backend")
    for name, words in _BACKEND.items():
        if name in was and name in now and was[name] != now[name]:
            yield Difference(words, _plain(was[name]), _plain(now[name]))
    if "replicas" in now and was.get("replicas", ALONE) != now["replicas"]:
        yield Difference("replicas", str(was.get("replicas", ALONE)), str(now["replicas"]))
    before, here = was.get("environment"), now.get("environment")
    if isinstance(before, dict) and isinstance(here, Mapping):
        for name in sorted({*before, *here}):
            if before.get(name) != here.get(name):
                yield Difference(
                    f"environment: {name}",
                    str(before.get(name, "absent")),
                    str(here.get(name, "absent")),
                    name.startswith(HARMLESS_VARIABLES),
                )


def of_plugins(manifest: Manifest, compiled: Compiled) -> Iterator[Difference]:
    """Differences in the code of the plugins that the spec uses."""
    was, now = recorded(manifest.values), used_plugins(compiled)
    for one in now:
        before = was.get(one.module, {})
        if before.get("sha256") != one.digest:
            versions = (str(before.get("version") or "absent"), one.version or "no version")
            codes = (str(before.get("sha256", "absent"))[:12], one.digest[:12])
            old, new = (f"{v}, code {c}" for v, c in zip(versions, codes, strict=True))
            yield Difference(f"plugin {one.module}", old, new)


def of_data(manifest: Manifest, prepared: Prepared) -> Iterator[Difference]:
    """Differences of every part, by its fingerprint and its number of examples."""
    was, now = _mapping(manifest, "data"), data_facts(prepared)
    for part in sorted({*was, *now}):
        for fact in ("examples", "sha256"):
            one, other = (_fact(facts.get(part), fact) for facts in (was, now))
            if one != other:
                yield Difference(f"data: {part}, {fact}", str(one)[:12], str(other)[:12])


def of_weights(manifest: Manifest, now: Mapping[str, str]) -> Iterator[Difference]:
    """Differences of the initial weight files, which matter until the run has a checkpoint."""
    was = _mapping(manifest, "weights")
    for path in sorted({*was, *now} if was else ()):
        if was.get(path) != now.get(path):
            yield Difference(
                f"weights: {path}", str(was.get(path, "absent"))[:12], now.get(path, "absent")[:12]
            )


def of_callbacks(start: Snapshot) -> Iterator[Difference]:
    """Callbacks whose state is not saved in checkpoints."""
    for one in start.state.get("callbacks", ()):
        if not one["known"]:
            yield Difference(
                f"callback {one['name']}", "counting", "reset, because its state is not saved"
            )


_absent = object()


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from _leaves(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, (list, tuple)) and value:
        for index, item in enumerate(value):
            yield from _leaves(item, f"{path}[{index}]")
    else:
        yield path, value


def _mapping(manifest: Manifest, key: str) -> Mapping[str, Any]:
    found = manifest.values.get(key)
    return found if isinstance(found, dict) else {}


def _fact(part: Any, fact: str) -> Any:
    return part.get(fact, "absent") if isinstance(part, dict) else "absent"


def _shown(values: Mapping[str, Any], path: str) -> str:
    text = repr(values[path]) if path in values else "absent"
    return text if len(text) <= 40 else f"{text[:37]}..."


def _plain(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
