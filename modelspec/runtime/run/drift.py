"""What differs between a run as it began and the place where it is to go on; and which of it
changes no number.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from modelspec.core.text_table import columns

from ..data import Prepared
from . import framework
from .environment import chosen_by_variables
from .framework import Pins
from .manifest import Manifest, data_facts
from .saver import Snapshot

_HARMLESS_KEYS = ("name", "description", "training.checkpoint")
_HARMLESS_VERSIONS = ("python", "scikit-learn", "h5py")
"""What they give is covered by the hashes of the data, or by those of the checkpoint."""
_BACKEND = {
    "intra_op_threads": "threads within an operation",
    "inter_op_threads": "threads between operations",
    "onednn": "TF_ENABLE_ONEDNN_OPTS",
    "devices": "devices",
    "switches": "switches of TensorFlow",
}
_HARMLESS_VARIABLES = ("BLIS_", "MKL_", "OMP_", "OPENBLAS_")
"""How the names begin of variables of libraries that TensorFlow's own packages do not compute
with: it has its own threads.
"""


@dataclass(frozen=True)
class Difference:
    """One thing that is not what it was."""

    what: str
    was: str
    now: str
    harmless: bool = False
    """Whether the numbers are the same all the same."""

    def as_json(self) -> dict[str, Any]:
        """For the manifest."""
        return {"what": self.what, "was": self.was, "now": self.now, "harmless": self.harmless}


def table(differences: list[Difference]) -> list[str]:
    """A line for each, in columns; what matters first."""
    return columns(
        [
            (one.what, f"was {one.was}", f"is {one.now}", "harmless" if one.harmless else "")
            for one in sorted(differences, key=lambda one: one.harmless)
        ]
    )


def of_spec(before: Any, after: Any, epochs_begun: int) -> Iterator[Difference]:
    """Of two specs as plain values; more epochs are harmless, and fewer as long as none of them has
    begun.
    """
    was, now = dict(_leaves(before)), dict(_leaves(after))
    for path in sorted({*was, *now}):
        if was.get(path, _absent) != now.get(path, _absent):
            harmless = path.startswith(_HARMLESS_KEYS)
            if path == "training.epochs":
                harmless = isinstance(now.get(path), int) and now[path] >= epochs_begun
            yield Difference(path, _shown(was, path), _shown(now, path), harmless)


def of_environment(manifest: Manifest, pins: Pins) -> Iterator[Difference]:
    """Versions, processor, threads and oneDNN: what is known before a framework is loaded."""
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
    """Threads, oneDNN, devices, what the program has switched, and variables of the environment. A
    run that never began to train has none on record, one of an earlier version not all.
    """
    was = _mapping(manifest, "backend")
    for name, words in _BACKEND.items():
        if name in was and name in now and was[name] != now[name]:
            yield Difference(words, _plain(was[name]), _plain(now[name]))
    before, here = was.get("environment"), now.get("environment")
    if isinstance(before, dict) and isinstance(here, Mapping):
        for name in sorted({*before, *here}):
            if before.get(name) != here.get(name):
                yield Difference(
                    f"environment: {name}",
                    str(before.get(name, "absent")),
                    str(here.get(name, "absent")),
                    name.startswith(_HARMLESS_VARIABLES),
                )


def of_data(manifest: Manifest, prepared: Prepared) -> Iterator[Difference]:
    """Of every part, by its fingerprint and its number of examples."""
    was, now = _mapping(manifest, "data"), data_facts(prepared)
    for part in sorted({*was, *now}):
        for fact in ("examples", "sha256"):
            one, other = (_fact(facts.get(part), fact) for facts in (was, now))
            if one != other:
                yield Difference(f"data: {part}, {fact}", str(one)[:12], str(other)[:12])


def of_weights(manifest: Manifest, now: Mapping[str, str]) -> Iterator[Difference]:
    """Of the files of weights that a run starts from, which matter until it has a checkpoint."""
    was = _mapping(manifest, "weights")
    for path in sorted({*was, *now} if was else ()):
        if was.get(path) != now.get(path):
            yield Difference(
                f"weights: {path}", str(was.get(path, "absent"))[:12], now.get(path, "absent")[:12]
            )


def of_callbacks(start: Snapshot) -> Iterator[Difference]:
    """Callbacks whose counters no checkpoint has."""
    for one in start.state.get("callbacks", ()):
        if not one["known"]:
            yield Difference(
                f"callback {one['name']}", "counting", "at its begin, for nothing of it is saved"
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
